/*
 * Copying, zeroing and word operations that survive faults, for arm64 (AAPCS64).
 *
 * How a fault is survived: `sbx_safecopy_table` at the end lists ranges of instructions and, for each, a fault exit. The signal
 * handler (safecopy.c) that finds the interrupted PC in a range continues at its exit with x9 = si_addr and w10 = the signal
 * number, all other registers as they were at the fault.
 *
 * How the count is exact to the byte: at every instruction of a range, registers say where the copy is: x0 = next byte to
 * write, x1 = next byte to read, x2 = bytes left, everything before is done. An instruction of many bytes may span the
 * boundary of a page, so the exit goes on byte by byte from there; the byte instruction that faults tells the address and
 * whether reading or writing did it. If the bytes do not fault, because somebody mapped the page meanwhile, copying goes on
 * at full speed. Stores go upwards, so that nothing after the first byte that can't be written is written.
 *
 * No stack. Clobbers: x0..x10, v0..v7, flags.
 */
	.text

	.macro FUNCTION name
	.globl	\name
	.hidden	\name
	.type	\name, %function
	.balign	64
\name:
	.cfi_startproc
	.endm

	.macro END name
	.cfi_endproc
	.size	\name, . - \name
	.endm

	.balign	64
.Lsafecopy_base:

/*
 * size_t sbx_safe_copy(void *dst x0, const void *src x1, size_t n x2, struct sbx_fault *fault x3)
 * x0 = bytes copied. fault->signal (offset 8) = 0 if all were, else the signal, and fault->address (offset 0).
 * x3 = fault, x4 = n; x5, x6 = end of source and destination.
 */
FUNCTION sbx_safe_copy
	mov	x4, x2
.Lcopy_begin:
.Lcopy_rest:
	add	x5, x1, x2
	add	x6, x0, x2
	cmp	x2, #16
	b.lo	.Lcopy_below_16
	cmp	x2, #32
	b.hi	1f
	ldr	q0, [x1]
	ldr	q1, [x5, #-16]
	str	q0, [x0]
	str	q1, [x6, #-16]
	b	.Lcopy_done
1:	cmp	x2, #64
	b.hi	1f
	ldp	q0, q1, [x1]
	ldp	q2, q3, [x5, #-32]
	stp	q0, q1, [x0]
	stp	q2, q3, [x6, #-32]
	b	.Lcopy_done
1:	cmp	x2, #128
	b.hi	.Lcopy_above_128
	ldp	q0, q1, [x1]
	ldp	q2, q3, [x1, #32]
	ldp	q4, q5, [x5, #-64]
	ldp	q6, q7, [x5, #-32]
	stp	q0, q1, [x0]
	stp	q2, q3, [x0, #32]
	stp	q4, q5, [x6, #-64]
	stp	q6, q7, [x6, #-32]
	b	.Lcopy_done
.Lcopy_below_16:
	tbz	x2, #3, 1f
	ldr	x7, [x1]
	ldr	x8, [x5, #-8]
	str	x7, [x0]
	str	x8, [x6, #-8]
	b	.Lcopy_done
1:	tbz	x2, #2, 1f
	ldr	w7, [x1]
	ldr	w8, [x5, #-4]
	str	w7, [x0]
	str	w8, [x6, #-4]
	b	.Lcopy_done
1:	cbz	x2, .Lcopy_done
	ldrb	w7, [x1]
	tbz	x2, #1, 1f
	ldrh	w8, [x5, #-2]
	strb	w7, [x0]
	strh	w8, [x6, #-2]
	b	.Lcopy_done
1:	strb	w7, [x0]
	b	.Lcopy_done

/* 16 bytes, so that the stores of the loop are aligned; then 64 at a time; the last 64 as 64 that end where the copy ends. */
.Lcopy_above_128:
	ldr	q0, [x1]
	str	q0, [x0]
	and	x7, x0, #15
	mov	x8, #16
	sub	x7, x8, x7
	add	x0, x0, x7
	add	x1, x1, x7
	sub	x2, x2, x7
	.balign	16
1:	ldp	q0, q1, [x1]
	ldp	q2, q3, [x1, #32]
	stp	q0, q1, [x0]
	stp	q2, q3, [x0, #32]
	add	x0, x0, #64
	add	x1, x1, #64
	sub	x2, x2, #64
	cmp	x2, #64
	b.hi	1b
	ldp	q0, q1, [x5, #-64]
	ldp	q2, q3, [x5, #-32]
	stp	q0, q1, [x6, #-64]
	stp	q2, q3, [x6, #-32]
.Lcopy_end:
.Lcopy_done:
	str	wzr, [x3, #8]
	mov	x0, x4
	ret

/* Fault exit of the fast code: goes on by bytes, for as many as one instruction can be away from the fault. */
.Lcopy_fault:
	mov	x7, #256
	cmp	x2, x7
	csel	x7, x2, x7, lo
.Lcopy_load_begin:
1:	ldrb	w8, [x1]
.Lcopy_load_end:
.Lcopy_store_begin:
	strb	w8, [x0]
.Lcopy_store_end:
	add	x0, x0, #1
	add	x1, x1, #1
	sub	x2, x2, #1
	subs	x7, x7, #1
	b.ne	1b
	cbz	x2, .Lcopy_done
	b	.Lcopy_rest

/* Fault exits of the bytes: the end, w10 = signal. */
.Lcopy_load_fault:
	str	x1, [x3]
	b	1f
.Lcopy_store_fault:
	str	x0, [x3]
1:	str	w10, [x3, #8]
	sub	x0, x4, x2
	ret
END sbx_safe_copy

/*
 * size_t sbx_safe_zero(void *dst x0, size_t n x1, struct sbx_fault *fault x2)
 * x0 = bytes zeroed; *fault as above. Registers in the ranges: x0 = next byte, x2 = bytes left; x3 = fault, x4 = n, x6 = end.
 */
FUNCTION sbx_safe_zero
	mov	x3, x2
	mov	x4, x1
	mov	x2, x1
	movi	v0.2d, #0
.Lzero_begin:
.Lzero_rest:
	add	x6, x0, x2
	cmp	x2, #16
	b.lo	.Lzero_below_16
	cmp	x2, #32
	b.hi	1f
	str	q0, [x0]
	str	q0, [x6, #-16]
	b	.Lzero_done
1:	cmp	x2, #64
	b.hi	1f
	stp	q0, q0, [x0]
	stp	q0, q0, [x6, #-32]
	b	.Lzero_done
1:	cmp	x2, #128
	b.hi	.Lzero_above_128
	stp	q0, q0, [x0]
	stp	q0, q0, [x0, #32]
	stp	q0, q0, [x6, #-64]
	stp	q0, q0, [x6, #-32]
	b	.Lzero_done
.Lzero_below_16:
	tbz	x2, #3, 1f
	str	xzr, [x0]
	str	xzr, [x6, #-8]
	b	.Lzero_done
1:	tbz	x2, #2, 1f
	str	wzr, [x0]
	str	wzr, [x6, #-4]
	b	.Lzero_done
1:	cbz	x2, .Lzero_done
	strb	wzr, [x0]
	tbz	x2, #1, .Lzero_done
	strh	wzr, [x6, #-2]
	b	.Lzero_done

.Lzero_above_128:
	str	q0, [x0]
	and	x7, x0, #15
	mov	x8, #16
	sub	x7, x8, x7
	add	x0, x0, x7
	sub	x2, x2, x7
	.balign	16
1:	stp	q0, q0, [x0]
	stp	q0, q0, [x0, #32]
	add	x0, x0, #64
	sub	x2, x2, #64
	cmp	x2, #64
	b.hi	1b
	stp	q0, q0, [x6, #-64]
	stp	q0, q0, [x6, #-32]
.Lzero_end:
.Lzero_done:
	str	wzr, [x3, #8]
	mov	x0, x4
	ret

.Lzero_fault:
	mov	x7, #256
	cmp	x2, x7
	csel	x7, x2, x7, lo
.Lzero_store_begin:
1:	strb	wzr, [x0]
.Lzero_store_end:
	add	x0, x0, #1
	sub	x2, x2, #1
	subs	x7, x7, #1
	b.ne	1b
	cbz	x2, .Lzero_done
	b	.Lzero_rest

.Lzero_store_fault:
	str	x0, [x3]
	str	w10, [x3, #8]
	sub	x0, x4, x2
	ret
END sbx_safe_zero

/*
 * Operations on a word: w0 = 0, the signal, or -22 (-EINVAL) for an address that is not a multiple of the word's size.
 * Loops of exclusive load and store: right on every CPU, and what a fault costs does not matter here.
 * The result goes to where the last argument points, outside of the range: the caller's memory must not be taken for the word.
 */

/* int sbx_safe_load_uint32(const uint32_t *word x0, uint32_t *value x1) */
FUNCTION sbx_safe_load_uint32
	tst	x0, #3
	b.ne	.Lword_misaligned
.Lload32_begin:
	ldar	w5, [x0]
.Lload32_end:
	str	w5, [x1]
	mov	w0, #0
	ret
END sbx_safe_load_uint32

/* int sbx_safe_swap_uint32(uint32_t *word x0, uint32_t value w1, uint32_t *previous x2) */
FUNCTION sbx_safe_swap_uint32
	tst	x0, #3
	b.ne	.Lword_misaligned
.Lswap32_begin:
1:	ldaxr	w5, [x0]
	stlxr	w6, w1, [x0]
	cbnz	w6, 1b
.Lswap32_end:
	str	w5, [x2]
	mov	w0, #0
	ret
END sbx_safe_swap_uint32

/* int sbx_safe_swap_uint64(uint64_t *word x0, uint64_t value x1, uint64_t *previous x2) */
FUNCTION sbx_safe_swap_uint64
	tst	x0, #7
	b.ne	.Lword_misaligned
.Lswap64_begin:
1:	ldaxr	x5, [x0]
	stlxr	w6, x1, [x0]
	cbnz	w6, 1b
.Lswap64_end:
	str	x5, [x2]
	mov	w0, #0
	ret
END sbx_safe_swap_uint64

/*
 * int sbx_safe_compare_and_swap_uint32(uint32_t *word x0, uint32_t expected w1, uint32_t desired w2, uint32_t *previous x3)
 * Where the word differs it is stored back as it was: a word that can't be written faults in every case, as it does with the
 * amd64 instruction.
 */
FUNCTION sbx_safe_compare_and_swap_uint32
	tst	x0, #3
	b.ne	.Lword_misaligned
.Lcas32_begin:
1:	ldaxr	w5, [x0]
	cmp	w5, w1
	csel	w7, w2, w5, eq
	stlxr	w6, w7, [x0]
	cbnz	w6, 1b
.Lcas32_end:
	str	w5, [x3]
	mov	w0, #0
	ret

.Lword_misaligned:
	mov	w0, #-22
	ret
.Lword_fault:
	mov	w0, w10
	ret
END sbx_safe_compare_and_swap_uint32

	.purgem FUNCTION
	.purgem END

	.macro RANGE begin, end, fault_exit
	.long	\begin - .Lsafecopy_base, \end - .Lsafecopy_base, \fault_exit - .Lsafecopy_base
	.endm

	.globl	sbx_safecopy_base
	.hidden	sbx_safecopy_base
	.set	sbx_safecopy_base, .Lsafecopy_base

	.section .rodata
	.balign	4
	.globl	sbx_safecopy_table
	.hidden	sbx_safecopy_table
	.type	sbx_safecopy_table, %object
sbx_safecopy_table:
	RANGE	.Lcopy_begin, .Lcopy_end, .Lcopy_fault
	RANGE	.Lcopy_load_begin, .Lcopy_load_end, .Lcopy_load_fault
	RANGE	.Lcopy_store_begin, .Lcopy_store_end, .Lcopy_store_fault
	RANGE	.Lzero_begin, .Lzero_end, .Lzero_fault
	RANGE	.Lzero_store_begin, .Lzero_store_end, .Lzero_store_fault
	RANGE	.Lload32_begin, .Lload32_end, .Lword_fault
	RANGE	.Lswap32_begin, .Lswap32_end, .Lword_fault
	RANGE	.Lswap64_begin, .Lswap64_end, .Lword_fault
	RANGE	.Lcas32_begin, .Lcas32_end, .Lword_fault
	.size	sbx_safecopy_table, . - sbx_safecopy_table
	.globl	sbx_safecopy_table_end
	.hidden	sbx_safecopy_table_end
sbx_safecopy_table_end:

	.purgem RANGE
	.text
