// Guest routines of the conformance suite (amd64): position-independent, each an entry point that the suite jumps to. Assembled into
// conformance/guest-amd64.ts by tools/gen. A label `x_pc` is the instruction that must fault, `x_end` the first byte after the routine's event.
        .text
        .macro entry name
        .balign 16
        .globl \name
\name:
        .endm
        .macro label name
        .globl \name
\name:
        .endm

        .macro not_all
        notq %rax
        notq %rbx
        notq %rcx
        notq %rdx
        notq %rsi
        notq %rdi
        notq %rbp
        notq %rsp
        notq %r8
        notq %r9
        notq %r10
        notq %r11
        notq %r12
        notq %r13
        notq %r14
        notq %r15
        .endm

// Registers. Every register is changed by the guest, so that a platform that does not load or does not store one is seen.
entry not_syscall
        not_all
        syscall
label not_syscall_end
        not_all
        int3
label not_syscall_int3_end
entry not_int3
        not_all
        int3
label not_int3_end
entry not_spin
        not_all
label not_spin_loop
        jmp not_spin_loop

// System calls for ever: rbx counts them, and is the number as well.
entry syscall_loop
1:      incq %rbx
        movl %ebx, %eax
        syscall
        jmp 1b
// The same with a pause of rdi loop turns between them.
entry syscall_slow_loop
1:      incq %rbx
        movq %rdi, %rcx
2:      decq %rcx
        jnz 2b
        movl %ebx, %eax
        syscall
        jmp 1b
entry spin
        jmp spin
// For ever: each load of SS keeps interrupts off until the instruction after it has ended.
entry shadow_loop
        movl %ss, %eax
1:      movl %eax, %ss
        jmp 1b
// One system call, then everything as the platform left it.
entry one_syscall
        syscall
label one_syscall_end
        int3
// lock inc of (rdi) for ever; rdi must be 4-byte aligned.
entry count_loop
1:      lock incl (%rdi)
        jmp 1b
label count_loop_end
// Spins until (rdi) == esi, then a system call.
entry wait_value
1:      cmpl %esi, (%rdi)
        je 2f
        pause
        jmp 1b
2:      syscall
// Ping-pong at (rdi): waits for the value esi, stores esi + 1, goes on with esi + 2; rdx rounds, then a system call.
entry ping_pong
1:      cmpl %esi, (%rdi)
        je 2f
        pause
        jmp 1b
2:      leal 1(%rsi), %eax
        movl %eax, (%rdi)
        addl $2, %esi
        decq %rdx
        jnz 1b
        syscall
// lock incl of (rdi), rdx times, then a system call.
entry add_many
1:      lock incl (%rdi)
        decq %rdx
        jnz 1b
        syscall
// Adds one to the first word of each page from rdi, rdx pages; then a system call.
entry touch_pages
1:      incl (%rdi)
label touch_pages_next
        addq $4096, %rdi
        decq %rdx
        jnz 1b
        syscall
// Loads (rdi) into eax; a system call each time.
entry load_loop
1:      movl (%rdi), %eax
        syscall
        jmp 1b

// Segment bases and selectors.
entry read_bases
        movq %fs:0, %rax
        movq %gs:8, %rbx
        syscall
        jmp read_bases
entry read_selectors
        xorl %ebx, %ebx
        movw %cs, %bx
        xorl %ebp, %ebp
        movw %ss, %bp
        syscall
entry write_bases
        wrfsbase %rdi
        wrgsbase %rsi
        syscall
        rdfsbase %rdi
        rdgsbase %rsi
        syscall
entry read_flags
        pushfq
        popq %rbx
        syscall
entry write_flags
        pushq %rdi
        popfq
        nop
label write_flags_trap
        syscall
label write_flags_syscall_end
        nop
label write_flags_second_trap
        nop
        syscall

// Extended state. edx:eax in r9:r8 is the component mask. Loads from (rdi), stores to (rsi) at once, makes a system call, stores to (rbx), makes another.
entry xstate
        movl %r8d, %eax
        movl %r9d, %edx
        xrstor (%rdi)
        xsave (%rsi)
        syscall
        movl %r8d, %eax
        movl %r9d, %edx
        xsave (%rbx)
        syscall
entry store_xstate
        movl %r8d, %eax
        movl %r9d, %edx
        xsave (%rsi)
        syscall
        jmp store_xstate
// Keeps a pattern in all vector registers while it spins; ends with a system call, rax = 1, when it was lost. rdi: 16 bytes.
entry keep_xmm
        movdqu (%rdi), %xmm0
        movdqa %xmm0, %xmm7
        movdqa %xmm0, %xmm15
1:      incq (%rsi)
        movdqa %xmm0, %xmm1
        pcmpeqd %xmm7, %xmm1
        pand %xmm15, %xmm1
        pcmpeqd %xmm0, %xmm1
        pmovmskb %xmm1, %eax
        cmpl $0xffff, %eax
        je 1b
        movl $1, %eax
        syscall

// Faults.
entry load_rdi
label load_rdi_pc
        movq (%rdi), %rax
        syscall
entry store_rdi
label store_rdi_pc
        movq %rax, (%rdi)
        syscall
entry add_rdi
label add_rdi_pc
        lock incl (%rdi)
        syscall
entry jump_rdi
label jump_rdi_pc
        jmp *%rdi
entry push_stack
label push_stack_pc
        pushq %rax
        syscall
entry load_stack
label load_stack_pc
        movq 8(%rsp), %rax
        syscall
entry divide_error
        xorl %edx, %edx
        xorl %ecx, %ecx
        movl $1, %eax
label divide_error_pc
        divl %ecx
        syscall
entry breakpoint
        int3
label breakpoint_end
        syscall
entry int_3
        .byte 0xcd, 3
label int_3_end
        syscall
// int1, which assemblers have no common name for.
entry icebp
        .byte 0xf1
        syscall
entry overflow
label overflow_pc
        int $4
label overflow_end
        syscall
entry invalid_opcode
label invalid_opcode_pc
        ud2
        syscall
entry privileged_hlt
label privileged_hlt_pc
        hlt
        syscall
entry privileged_cli
label privileged_cli_pc
        cli
        syscall
entry privileged_in
label privileged_in_pc
        inb $0x80, %al
        syscall
entry privileged_cr
label privileged_cr_pc
        movq %cr3, %rax
        syscall
entry privileged_rdmsr
        movl $0xc0000082, %ecx
label privileged_rdmsr_pc
        rdmsr
        syscall
entry privileged_lgdt
label privileged_lgdt_pc
        lgdt (%rdi)
        syscall
entry int_80
label int_80_pc
        int $0x80
        syscall
entry int_21
label int_21_pc
        int $0x21
        syscall
entry bad_selector
        movl $0x10, %eax
label bad_selector_pc
        movw %ax, %ds
        syscall
entry sysenter_entry
        sysenter
        syscall
entry cpuid_leaf
        movl %edi, %eax
        xorl %ecx, %ecx
label cpuid_leaf_pc
        cpuid
        syscall
entry read_tsc
        rdtsc
        shlq $32, %rdx
        orq %rax, %rdx
        movq %rdx, %rbx
        rdtsc
        shlq $32, %rdx
        orq %rax, %rdx
        movq %rdx, %rbp
        syscall
// rdi: 2 bytes for the control word with the zero-divide exception unmasked.
entry x87_error
        fninit
        fldcw (%rdi)
        fld1
        fldz
        fdivrp
label x87_error_pc
        fwait
        syscall
// rdi: 4 bytes for the MXCSR with the zero-divide exception unmasked.
entry simd_error
        ldmxcsr (%rdi)
        pcmpeqd %xmm0, %xmm0
        pslld $25, %xmm0
        psrld $2, %xmm0
        xorps %xmm1, %xmm1
label simd_error_pc
        divss %xmm1, %xmm0
        syscall
entry alignment
        pushfq
        orq $0x40000, (%rsp)
        popfq
label alignment_pc
        movl 1(%rdi), %eax
        syscall
entry nops
        nop
label nops_1
        nop
label nops_2
        nop
label nops_3
        syscall
// A leaf to be copied elsewhere: returns what it was given through a system call.
entry tiny
        syscall
label tiny_end
