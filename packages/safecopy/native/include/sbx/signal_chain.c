/* To be included by one C file of an addon (see sbx/signal_chain.h). */
#include "../../signal_chain.c"
