/* The portable functions, to be included by one C file of an addon (see sbx/atomicbitops.h). */
#include "../../atomic_portable.c"
