/* The assembly for this machine, to be included by one assembly file of an addon (see sbx/atomicbitops.h). */
#if defined(__x86_64__)
#include "../../atomic_amd64.S"
#elif defined(__aarch64__)
#include "../../atomic_arm64.S"
#endif

/* Nothing here needs an executable stack. */
	.pushsection .note.GNU-stack, "", %progbits
	.popsection
