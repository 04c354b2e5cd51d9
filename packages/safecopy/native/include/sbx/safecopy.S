/* The assembly for this machine, to be included by one assembly file of an addon (see sbx/safecopy.h). */
#if !defined(SBX_SAFECOPY_PORTABLE)
#if defined(__x86_64__)
#include "../../copy_amd64.S"
#elif defined(__aarch64__)
#include "../../copy_arm64.S"
#endif
#endif

/* Nothing here needs an executable stack. */
	.pushsection .note.GNU-stack, "", %progbits
	.popsection
