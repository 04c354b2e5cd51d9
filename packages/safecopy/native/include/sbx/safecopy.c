/* safecopy with its handler and the signal chain, to be included by one C file of an addon (see sbx/safecopy.h). */
#include "../../signal_chain.c"
#include "../../safecopy.c"
