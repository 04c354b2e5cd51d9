/* Being a zygote: in a program of its own (start.S), or in a child of a launcher, which makes it beside the sentry. */
#ifndef SBX_SYSTRAP_ZYGOTE_H
#define SBX_SYSTRAP_ZYGOTE_H

#include "protocol.h"

/* Serves the sentry at the other end of the SOCK_SEQPACKET socket. Closes all other descriptors, begins a session of its own, gives up privileges; the process
   must have one thread. */
_Noreturn void zygote_run(int socket);

#endif
