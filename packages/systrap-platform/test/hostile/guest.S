/*
 * What hostile threads run: a table of jumps, 16 bytes each, in the order of `ROUTINES` in victim.ts. Position-independent; inputs in registers.
 */
        .text
        .macro entry name
        .balign 16
        jmp \name
        .endm
table:
        entry scribble
        entry flip
        entry count
        entry calls
        entry call_once
        entry int80
        entry sysenter_once
        entry jump_once
        entry set_bases
        entry flags_and_jump
        entry to_32_bits
        entry overwrite
        entry load
        entry copy
        entry wrapper
        entry forged_site
        .balign 64

/* Writes values of the table rdx (rcx: its mask) to random places, 8 bytes each: rdi + 8 * (random & rsi). r8: seed, not 0. */
scribble:
        movq %r8, %rax
        shlq $13, %rax
        xorq %rax, %r8
        movq %r8, %rax
        shrq $7, %rax
        xorq %rax, %r8
        movq %r8, %rax
        shlq $17, %rax
        xorq %rax, %r8
        movq %r8, %rax
        andq %rsi, %rax
        movq %r8, %r9
        shrq $40, %r9
        andq %rcx, %r9
        movq (%rdx,%r9,8), %r9
        movq %r9, (%rdi,%rax,8)
        jmp scribble

/* (rdi) is rsi, rdx, rsi, ... */
flip:
        movq %rsi, (%rdi)
        movq %rdx, (%rdi)
        jmp flip

/* Counts in (rdi). */
count:
        incq (%rdi)
        jmp count

/* System call rbx, for ever. */
calls:
        movq %rbx, %rax
        syscall
        jmp calls

call_once:
        syscall
        ud2
int80:
        int $0x80
        ud2
sysenter_once:
        sysenter
        ud2
jump_once:
        jmpq *%rbx
/* FS and GS base rsi and rdx, then a system call. */
set_bases:
        wrfsbase %rsi
        wrgsbase %rdx
        syscall
        ud2
/* Flags rsi, also those that the sentry would not load, then to rbx. */
flags_and_jump:
        pushq %rsi
        popfq
        jmpq *%rbx
/* To the 32-bit code at rbx. */
to_32_bits:
        pushq $0x23
        pushq %rbx
        lretq
/* Overwrites rsi bytes at rdi with the same byte al, for ever. */
overwrite:
        movq %rdi, %r8
1:      movq %r8, %rdi
        movq %rsi, %rcx
        rep stosb
        jmp 1b
/* rax = (rdi), for ever. */
load:
        movq (%rdi), %rax
        jmp load

/* Copies rcx bytes from rsi to rdi, then a system call. */
copy:
        rep movsb
        syscall
        ud2

/* The wrapper of a C library, as it is rewritten, for ever. */
wrapper:
        movl $39, %eax
        syscall
        jmp wrapper
/* To rbx, as from a rewritten site: GS base rsi, number rcx. */
forged_site:
        wrgsbase %rsi
        jmpq *%rbx

/* 32-bit code: at 1024, 1040, 1056. */
        .org 1024
        .code32
        int $0x80
        ud2
        .org 1040
        syscall
        ud2
        .org 1056
        sysenter
        ud2
        .code64
        .section .note.GNU-stack, "", @progbits
