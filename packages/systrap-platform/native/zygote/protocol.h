/* What the sentry and its zygote say to each other, over a SOCK_SEQPACKET pair: messages of two words. */
#ifndef SBX_SYSTRAP_PROTOCOL_H
#define SBX_SYSTRAP_PROTOCOL_H

/* The zygote's end of the socket, when it starts as a program. */
#define ZYGOTE_SOCKET 3

#ifndef __ASSEMBLER__
#include <stdint.h>

enum {
  /* To the zygote, once, with the descriptors of: application memory, doorbell, global page, stub image, patched pages. No answer. */
  MESSAGE_INIT = 1,
  /* To the zygote: makes a stub process. Answer: its pid, or -errno and the number of the step that failed; with the descriptors of: the process, its context
     file, its done eventfd. */
  MESSAGE_SPAWN,
  /* To the zygote: the stub process `value` was killed; its pid may be used again. No answer. */
  MESSAGE_REAP,
};

struct message {
  int32_t type;
  int32_t value;
};
#endif

#endif
