/*
 * Atomic operations for amd64. Every LOCK-prefixed instruction is a full barrier (SDM volume 3, "Locked atomic
 * operations"), which gives the sequential consistency that sbx/atomicbitops.h promises.
 *
 * All routines: input rdi = address of the word, esi/rsi = operand (expected value for compare-and-swap),
 * edx/rdx = desired value (compare-and-swap only); output eax/rax; clobbers rax, rdx, flags. No stack. A fault
 * happens at the instruction that touches the word, before anything was written.
 */
	.text

	.macro FUNCTION name
	.globl	\name
	.hidden	\name
	.type	\name, @function
	.balign	16
\name:
	.cfi_startproc
	.endm

	.macro END name
	.cfi_endproc
	.size	\name, . - \name
	.endm

/* \size is l or q; \acc, \operand, \scratch the registers of that size. */
	.macro BITOP op, bits, size, acc, operand, scratch
/* Returns the previous value. LOCK AND and its like do not, so: read, compute, LOCK CMPXCHG until nobody came between. */
FUNCTION sbx_fetch_\op\()_uint\bits
	mov\size	(%rdi), \acc
1:	mov\size	\acc, \scratch
	\op\size	\operand, \scratch
	lock cmpxchg\size	\scratch, (%rdi)
	jne	1b
	ret
END sbx_fetch_\op\()_uint\bits

FUNCTION sbx_\op\()_uint\bits
	lock \op\size	\operand, (%rdi)
	ret
END sbx_\op\()_uint\bits
	.endm

	BITOP and, 32, l, %eax, %esi, %edx
	BITOP or, 32, l, %eax, %esi, %edx
	BITOP xor, 32, l, %eax, %esi, %edx
	BITOP and, 64, q, %rax, %rsi, %rdx
	BITOP or, 64, q, %rax, %rsi, %rdx
	BITOP xor, 64, q, %rax, %rsi, %rdx

/* CMPXCHG leaves the previous value in the accumulator in both outcomes: on success it was the expected one. */
FUNCTION sbx_compare_and_swap_uint32
	movl	%esi, %eax
	lock cmpxchgl	%edx, (%rdi)
	ret
END sbx_compare_and_swap_uint32

FUNCTION sbx_compare_and_swap_uint64
	movq	%rsi, %rax
	lock cmpxchgq	%rdx, (%rdi)
	ret
END sbx_compare_and_swap_uint64

	.purgem BITOP
	.purgem FUNCTION
	.purgem END
