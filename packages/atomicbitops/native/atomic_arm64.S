/*
 * Atomic operations for arm64: one ARMv8.1 (LSE) instruction with acquire and release semantics where the CPU has them,
 * else a loop of load-acquire exclusive and store-release exclusive. Both order as C11's memory_order_seq_cst and as the
 * code that V8 emits for Atomics (Arm ARM, "Load-Acquire, Store-Release": RCsc).
 *
 * All routines: input x0 = address of the word, w1/x1 = operand (expected value for compare-and-swap), w2/x2 = desired
 * value (compare-and-swap only); output w0/x0; clobbers x9..x11, flags. No stack. A fault happens at the instruction that
 * touches the word, before anything was written.
 */
	.arch_extension lse
	.text

	.macro FUNCTION name
	.globl	\name
	.hidden	\name
	.type	\name, %function
	.balign	16
\name:
	.cfi_startproc
	.endm

	.macro END name
	.cfi_endproc
	.size	\name, . - \name
	.endm

/* Branches to local label 1 where the CPU has no LSE. */
	.macro UNLESS_LSE_1
	adrp	x9, sbx_atomic_have_lse
	ldrb	w9, [x9, :lo12:sbx_atomic_have_lse]
	cbz	w9, 1f
	.endm

/* \r is w or x. \lse is the instruction, \prepare makes its operand in r10: LDCLR clears the bits that AND keeps out. */
	.macro BITOP op, insn, lse, prepare, bits, r
FUNCTION sbx_fetch_\op\()_uint\bits
	UNLESS_LSE_1
	\prepare	\r\()10, \r\()1
	\lse	\r\()10, \r\()0, [x0]
	ret
1:	ldaxr	\r\()9, [x0]
	\insn	\r\()10, \r\()9, \r\()1
	stlxr	w11, \r\()10, [x0]
	cbnz	w11, 1b
	mov	\r\()0, \r\()9
	ret
END sbx_fetch_\op\()_uint\bits

/* The form without a result loses its acquire semantics (a destination of XZR), so both names are the same code. */
	.globl	sbx_\op\()_uint\bits
	.hidden	sbx_\op\()_uint\bits
	.set	sbx_\op\()_uint\bits, sbx_fetch_\op\()_uint\bits
	.endm

	BITOP and, and, ldclral, mvn, 32, w
	BITOP or, orr, ldsetal, mov, 32, w
	BITOP xor, eor, ldeoral, mov, 32, w
	BITOP and, and, ldclral, mvn, 64, x
	BITOP or, orr, ldsetal, mov, 64, x
	BITOP xor, eor, ldeoral, mov, 64, x

	.macro COMPARE_AND_SWAP bits, r
FUNCTION sbx_compare_and_swap_uint\bits
	UNLESS_LSE_1
	mov	\r\()9, \r\()1
	casal	\r\()9, \r\()2, [x0]
	mov	\r\()0, \r\()9
	ret
1:	ldaxr	\r\()9, [x0]
	cmp	\r\()9, \r\()1
	b.ne	2f
	stlxr	w10, \r\()2, [x0]
	cbnz	w10, 1b
2:	mov	\r\()0, \r\()9
	ret
END sbx_compare_and_swap_uint\bits
	.endm

	COMPARE_AND_SWAP 32, w
	COMPARE_AND_SWAP 64, x

/* Constructor: sbx_atomic_have_lse = bit 8 (HWCAP_ATOMICS) of getauxval(AT_HWCAP = 16). Stack: 16 bytes. */
	.type	sbx_atomic_detect_lse, %function
	.balign	16
sbx_atomic_detect_lse:
	.cfi_startproc
	stp	x29, x30, [sp, #-16]!
	.cfi_def_cfa_offset 16
	.cfi_offset 29, -16
	.cfi_offset 30, -8
	mov	x29, sp
	mov	x0, #16
	bl	getauxval
	ubfx	w0, w0, #8, #1
	adrp	x1, sbx_atomic_have_lse
	strb	w0, [x1, :lo12:sbx_atomic_have_lse]
	ldp	x29, x30, [sp], #16
	.cfi_restore 29
	.cfi_restore 30
	.cfi_def_cfa_offset 0
	ret
	.cfi_endproc
	.size	sbx_atomic_detect_lse, . - sbx_atomic_detect_lse

	.section .init_array, "aw", %init_array
	.balign	8
	.xword	sbx_atomic_detect_lse

	.bss
	.globl	sbx_atomic_have_lse
	.hidden	sbx_atomic_have_lse
	.type	sbx_atomic_have_lse, %object
	.size	sbx_atomic_have_lse, 1
sbx_atomic_have_lse:
	.zero	1

	.text
	.purgem BITOP
	.purgem COMPARE_AND_SWAP
	.purgem UNLESS_LSE_1
	.purgem FUNCTION
	.purgem END
