/*
 * Copying, zeroing and word operations that survive faults, for amd64 (System V calling convention).
 *
 * How a fault is survived: `sbx_safecopy_table` at the end lists ranges of instructions and, for each, a fault exit. The signal
 * handler (safecopy.c) that finds the interrupted RIP in a range continues at its exit with rax = si_addr and r10d = the signal
 * number, all other registers as they were at the fault.
 *
 * How the count is exact to the byte: at every instruction of a range, registers say where the copy is: rdi = next byte to
 * write, rsi = next byte to read, rdx = bytes left, everything before is done. A vector instruction may span the boundary of a
 * page, so the exit goes on byte by byte from there; the byte instruction that faults tells the address and whether reading or
 * writing did it. (si_addr is not used: a non-canonical address faults with si_addr 0.) If the bytes do not fault, because
 * somebody mapped the page meanwhile, copying goes on at full speed.
 *
 * No stack beyond the return address. Clobbers: rax, rcx, rdx, rsi, rdi, r8..r11, vector registers, flags.
 */
	.text

	.macro FUNCTION name
	.globl	\name
	.hidden	\name
	.type	\name, @function
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
 * size_t sbx_safe_copy(void *dst rdi, const void *src rsi, size_t n rdx, struct sbx_fault *fault rcx)
 * rax = bytes copied. fault->signal (offset 8) = 0 if all were, else the signal, and fault->address (offset 0).
 * r8 = fault, r9 = n.
 */
FUNCTION sbx_safe_copy
	movq	%rcx, %r8
	movq	%rdx, %r9
.Lcopy_begin:
.Lcopy_rest:
	cmpq	$16, %rdx
	jb	.Lcopy_below_16
	cmpq	$32, %rdx
	ja	.Lcopy_above_32
	movups	(%rsi), %xmm0
	movups	-16(%rsi, %rdx), %xmm1
	movups	%xmm0, (%rdi)
	movups	%xmm1, -16(%rdi, %rdx)
	jmp	.Lcopy_done
.Lcopy_above_32:
	cmpq	$64, %rdx
	ja	.Lcopy_above_64
	movups	(%rsi), %xmm0
	movups	16(%rsi), %xmm1
	movups	-32(%rsi, %rdx), %xmm2
	movups	-16(%rsi, %rdx), %xmm3
	movups	%xmm0, (%rdi)
	movups	%xmm1, 16(%rdi)
	movups	%xmm2, -32(%rdi, %rdx)
	movups	%xmm3, -16(%rdi, %rdx)
	jmp	.Lcopy_done
.Lcopy_above_64:
	cmpq	$128, %rdx
	ja	.Lcopy_above_128
	movups	(%rsi), %xmm0
	movups	16(%rsi), %xmm1
	movups	32(%rsi), %xmm2
	movups	48(%rsi), %xmm3
	movups	-64(%rsi, %rdx), %xmm4
	movups	-48(%rsi, %rdx), %xmm5
	movups	-32(%rsi, %rdx), %xmm6
	movups	-16(%rsi, %rdx), %xmm7
	movups	%xmm0, (%rdi)
	movups	%xmm1, 16(%rdi)
	movups	%xmm2, 32(%rdi)
	movups	%xmm3, 48(%rdi)
	movups	%xmm4, -64(%rdi, %rdx)
	movups	%xmm5, -48(%rdi, %rdx)
	movups	%xmm6, -32(%rdi, %rdx)
	movups	%xmm7, -16(%rdi, %rdx)
	jmp	.Lcopy_done
.Lcopy_below_16:
	cmpl	$8, %edx
	jb	.Lcopy_below_8
	movq	(%rsi), %rax
	movq	-8(%rsi, %rdx), %rcx
	movq	%rax, (%rdi)
	movq	%rcx, -8(%rdi, %rdx)
	jmp	.Lcopy_done
.Lcopy_below_8:
	cmpl	$4, %edx
	jb	.Lcopy_below_4
	movl	(%rsi), %eax
	movl	-4(%rsi, %rdx), %ecx
	movl	%eax, (%rdi)
	movl	%ecx, -4(%rdi, %rdx)
	jmp	.Lcopy_done
/* Stores go upwards, here as everywhere: if the first byte can't be written none after it is. */
.Lcopy_below_4:
	cmpl	$1, %edx
	jb	.Lcopy_done
	movzbl	(%rsi), %eax
	je	1f
	movzwl	-2(%rsi, %rdx), %ecx
	movb	%al, (%rdi)
	movw	%cx, -2(%rdi, %rdx)
	jmp	.Lcopy_done
1:	movb	%al, (%rdi)
	jmp	.Lcopy_done

.Lcopy_above_128:
	cmpq	sbx_safecopy_string_begin(%rip), %rdx
	jb	1f
	cmpq	sbx_safecopy_string_end(%rip), %rdx
	jb	.Lcopy_string
1:	cmpb	$0, sbx_safecopy_have_avx(%rip)
	jne	.Lcopy_avx
	.balign	16
1:	movups	(%rsi), %xmm0
	movups	16(%rsi), %xmm1
	movups	32(%rsi), %xmm2
	movups	48(%rsi), %xmm3
	movups	%xmm0, (%rdi)
	movups	%xmm1, 16(%rdi)
	movups	%xmm2, 32(%rdi)
	movups	%xmm3, 48(%rdi)
	addq	$64, %rsi
	addq	$64, %rdi
	subq	$64, %rdx
	cmpq	$128, %rdx
	ja	1b
	jmp	.Lcopy_rest

/* The microcode's copy loop is at its best when the destination starts at a cache line. */
.Lcopy_string:
	movups	(%rsi), %xmm0
	movups	16(%rsi), %xmm1
	movups	32(%rsi), %xmm2
	movups	48(%rsi), %xmm3
	movups	%xmm0, (%rdi)
	movups	%xmm1, 16(%rdi)
	movups	%xmm2, 32(%rdi)
	movups	%xmm3, 48(%rdi)
	movl	%edi, %eax
	andl	$63, %eax
	movl	$64, %ecx
	subl	%eax, %ecx
	addq	%rcx, %rsi
	addq	%rcx, %rdi
	subq	%rcx, %rdx
	movq	%rdx, %rcx
.Lcopy_end:
.Lcopy_string_begin:
	rep movsb
.Lcopy_string_end:
.Lcopy_done:
	movl	$0, 8(%r8)
	movq	%r9, %rax
	ret

.Lcopy_avx:
.Lcopy_avx_begin:
	vmovdqu	(%rsi), %ymm0
	vmovdqu	%ymm0, (%rdi)
	movl	%edi, %eax
	andl	$31, %eax
	movl	$32, %ecx
	subl	%eax, %ecx
	addq	%rcx, %rsi
	addq	%rcx, %rdi
	subq	%rcx, %rdx
	cmpq	$128, %rdx
	jbe	2f
	.balign	16
1:	vmovdqu	(%rsi), %ymm0
	vmovdqu	32(%rsi), %ymm1
	vmovdqu	64(%rsi), %ymm2
	vmovdqu	96(%rsi), %ymm3
	vmovdqa	%ymm0, (%rdi)
	vmovdqa	%ymm1, 32(%rdi)
	vmovdqa	%ymm2, 64(%rdi)
	vmovdqa	%ymm3, 96(%rdi)
	subq	$-128, %rsi
	subq	$-128, %rdi
	addq	$-128, %rdx
	cmpq	$128, %rdx
	ja	1b
/* The last 1 to 128 bytes, as 128 that end where the copy ends: more than that were asked for. */
2:	vmovdqu	-128(%rsi, %rdx), %ymm0
	vmovdqu	-96(%rsi, %rdx), %ymm1
	vmovdqu	-64(%rsi, %rdx), %ymm2
	vmovdqu	-32(%rsi, %rdx), %ymm3
	vmovdqu	%ymm0, -128(%rdi, %rdx)
	vmovdqu	%ymm1, -96(%rdi, %rdx)
	vmovdqu	%ymm2, -64(%rdi, %rdx)
	vmovdqu	%ymm3, -32(%rdi, %rdx)
.Lcopy_avx_end:
	vzeroupper
	jmp	.Lcopy_done

/* Fault exits of the fast code: bring the registers into the common form, then go on by bytes. */
.Lcopy_string_fault:
	movq	%rcx, %rdx
	jmp	.Lcopy_fault
.Lcopy_avx_fault:
	vzeroupper
.Lcopy_fault:
	movl	$256, %ecx
	cmpq	%rcx, %rdx
	cmovb	%rdx, %rcx
.Lcopy_load_begin:
1:	movzbl	(%rsi), %eax
.Lcopy_load_end:
.Lcopy_store_begin:
	movb	%al, (%rdi)
.Lcopy_store_end:
	incq	%rsi
	incq	%rdi
	decq	%rdx
	decq	%rcx
	jnz	1b
	testq	%rdx, %rdx
	jz	.Lcopy_done
	jmp	.Lcopy_rest

/* Fault exits of the bytes: the end, r10d = signal. */
.Lcopy_load_fault:
	movq	%rsi, (%r8)
	jmp	1f
.Lcopy_store_fault:
	movq	%rdi, (%r8)
1:	movl	%r10d, 8(%r8)
	movq	%r9, %rax
	subq	%rdx, %rax
	ret
END sbx_safe_copy

/*
 * size_t sbx_safe_zero(void *dst rdi, size_t n rsi, struct sbx_fault *fault rdx)
 * rax = bytes zeroed; *fault as above. Registers in the ranges: rdi = next byte, rdx = bytes left; r8 = fault, r9 = n.
 */
FUNCTION sbx_safe_zero
	movq	%rdx, %r8
	movq	%rsi, %r9
	movq	%rsi, %rdx
	xorl	%eax, %eax
	pxor	%xmm0, %xmm0
.Lzero_begin:
.Lzero_rest:
	cmpq	$16, %rdx
	jb	.Lzero_below_16
	cmpq	$64, %rdx
	ja	.Lzero_above_64
	cmpq	$32, %rdx
	ja	1f
	movups	%xmm0, (%rdi)
	movups	%xmm0, -16(%rdi, %rdx)
	jmp	.Lzero_done
1:	movups	%xmm0, (%rdi)
	movups	%xmm0, 16(%rdi)
	movups	%xmm0, -32(%rdi, %rdx)
	movups	%xmm0, -16(%rdi, %rdx)
	jmp	.Lzero_done
.Lzero_below_16:
	cmpl	$8, %edx
	jb	1f
	movq	%rax, (%rdi)
	movq	%rax, -8(%rdi, %rdx)
	jmp	.Lzero_done
1:	cmpl	$4, %edx
	jb	1f
	movl	%eax, (%rdi)
	movl	%eax, -4(%rdi, %rdx)
	jmp	.Lzero_done
1:	cmpl	$1, %edx
	jb	.Lzero_done
	movb	%al, (%rdi)
	je	.Lzero_done
	movw	%ax, -2(%rdi, %rdx)
	jmp	.Lzero_done

.Lzero_above_64:
	cmpq	sbx_safecopy_zero_string_begin(%rip), %rdx
	jb	1f
	cmpq	sbx_safecopy_string_end(%rip), %rdx
	jb	.Lzero_string
1:	cmpb	$0, sbx_safecopy_have_avx(%rip)
	jne	.Lzero_avx
	.balign	16
1:	movups	%xmm0, (%rdi)
	movups	%xmm0, 16(%rdi)
	movups	%xmm0, 32(%rdi)
	movups	%xmm0, 48(%rdi)
	addq	$64, %rdi
	subq	$64, %rdx
	cmpq	$64, %rdx
	ja	1b
	jmp	.Lzero_rest

.Lzero_string:
	movups	%xmm0, (%rdi)
	movups	%xmm0, 16(%rdi)
	movups	%xmm0, 32(%rdi)
	movups	%xmm0, 48(%rdi)
	movl	%edi, %r10d
	andl	$63, %r10d
	movl	$64, %ecx
	subl	%r10d, %ecx
	addq	%rcx, %rdi
	subq	%rcx, %rdx
	movq	%rdx, %rcx
.Lzero_end:
.Lzero_string_begin:
	rep stosb
.Lzero_string_end:
.Lzero_done:
	movl	$0, 8(%r8)
	movq	%r9, %rax
	ret

/* VEX instructions that write an XMM register zero the rest of the YMM register. */
.Lzero_avx:
	vpxor	%xmm0, %xmm0, %xmm0
.Lzero_avx_begin:
	cmpq	$128, %rdx
	ja	1f
	vmovdqu	%ymm0, (%rdi)
	vmovdqu	%ymm0, 32(%rdi)
	vmovdqu	%ymm0, -64(%rdi, %rdx)
	vmovdqu	%ymm0, -32(%rdi, %rdx)
	jmp	.Lzero_avx_end
1:	vmovdqu	%ymm0, (%rdi)
	movl	%edi, %r10d
	andl	$31, %r10d
	movl	$32, %ecx
	subl	%r10d, %ecx
	addq	%rcx, %rdi
	subq	%rcx, %rdx
	cmpq	$128, %rdx
	jbe	2f
	.balign	16
1:	vmovdqa	%ymm0, (%rdi)
	vmovdqa	%ymm0, 32(%rdi)
	vmovdqa	%ymm0, 64(%rdi)
	vmovdqa	%ymm0, 96(%rdi)
	subq	$-128, %rdi
	addq	$-128, %rdx
	cmpq	$128, %rdx
	ja	1b
/* The last 1 to 128 bytes, as 128 that end where zeroing ends: more than that were asked for. */
2:	vmovdqu	%ymm0, -128(%rdi, %rdx)
	vmovdqu	%ymm0, -96(%rdi, %rdx)
	vmovdqu	%ymm0, -64(%rdi, %rdx)
	vmovdqu	%ymm0, -32(%rdi, %rdx)
.Lzero_avx_end:
	vzeroupper
	jmp	.Lzero_done

.Lzero_string_fault:
	movq	%rcx, %rdx
	jmp	.Lzero_fault
.Lzero_avx_fault:
	vzeroupper
.Lzero_fault:
	movl	$256, %ecx
	cmpq	%rcx, %rdx
	cmovb	%rdx, %rcx
	xorl	%eax, %eax
.Lzero_store_begin:
1:	movb	%al, (%rdi)
.Lzero_store_end:
	incq	%rdi
	decq	%rdx
	decq	%rcx
	jnz	1b
	testq	%rdx, %rdx
	jz	.Lzero_done
	jmp	.Lzero_rest

.Lzero_store_fault:
	movq	%rdi, (%r8)
	movl	%r10d, 8(%r8)
	movq	%r9, %rax
	subq	%rdx, %rax
	ret
END sbx_safe_zero

/*
 * Operations on a word: eax = 0, the signal, or -22 (-EINVAL) for an address that is not a multiple of the word's size.
 * The result goes to where the last argument points, outside of the range: the caller's memory must not be taken for the word.
 */

/* int sbx_safe_load_uint32(const uint32_t *word rdi, uint32_t *value rsi). On amd64 every load is an acquire. */
FUNCTION sbx_safe_load_uint32
	testb	$3, %dil
	jnz	.Lword_misaligned
.Lload32_begin:
	movl	(%rdi), %eax
.Lload32_end:
	movl	%eax, (%rsi)
	xorl	%eax, %eax
	ret
END sbx_safe_load_uint32

/* int sbx_safe_swap_uint32(uint32_t *word rdi, uint32_t value esi, uint32_t *previous rdx). XCHG with memory is always locked. */
FUNCTION sbx_safe_swap_uint32
	testb	$3, %dil
	jnz	.Lword_misaligned
.Lswap32_begin:
	xchgl	%esi, (%rdi)
.Lswap32_end:
	movl	%esi, (%rdx)
	xorl	%eax, %eax
	ret
END sbx_safe_swap_uint32

/* int sbx_safe_swap_uint64(uint64_t *word rdi, uint64_t value rsi, uint64_t *previous rdx) */
FUNCTION sbx_safe_swap_uint64
	testb	$7, %dil
	jnz	.Lword_misaligned
.Lswap64_begin:
	xchgq	%rsi, (%rdi)
.Lswap64_end:
	movq	%rsi, (%rdx)
	xorl	%eax, %eax
	ret
END sbx_safe_swap_uint64

/* int sbx_safe_compare_and_swap_uint32(uint32_t *word rdi, uint32_t expected esi, uint32_t desired edx, uint32_t *previous rcx) */
FUNCTION sbx_safe_compare_and_swap_uint32
	testb	$3, %dil
	jnz	.Lword_misaligned
	movl	%esi, %eax
.Lcas32_begin:
	lock cmpxchgl	%edx, (%rdi)
.Lcas32_end:
	movl	%eax, (%rcx)
	xorl	%eax, %eax
	ret

.Lword_misaligned:
	movl	$-22, %eax
	ret
.Lword_fault:
	movl	%r10d, %eax
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
	.type	sbx_safecopy_table, @object
sbx_safecopy_table:
	RANGE	.Lcopy_begin, .Lcopy_end, .Lcopy_fault
	RANGE	.Lcopy_string_begin, .Lcopy_string_end, .Lcopy_string_fault
	RANGE	.Lcopy_avx_begin, .Lcopy_avx_end, .Lcopy_avx_fault
	RANGE	.Lcopy_load_begin, .Lcopy_load_end, .Lcopy_load_fault
	RANGE	.Lcopy_store_begin, .Lcopy_store_end, .Lcopy_store_fault
	RANGE	.Lzero_begin, .Lzero_end, .Lzero_fault
	RANGE	.Lzero_string_begin, .Lzero_string_end, .Lzero_string_fault
	RANGE	.Lzero_avx_begin, .Lzero_avx_end, .Lzero_avx_fault
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
