/*
 * Behind a rewritten site. In: ecx: the site's number, all other registers the guest's, but RAX and R11, which a system call changes anyhow. If GS is this thread's slot,
 * as the sentry sets it where the program does not use GS, stores the registers and waits for the sentry like the handler does, with the extended state left in
 * the CPU; else makes the call at the site's own SYSCALL instruction. A kick on the way is as if it had come between the site's two instructions.
 */
        .org STUB_CALL, 0x90
call:
        lahf
        seto %al
        .org STUB_CALL_FLAGS, 0x90
        rdgsbase %r11
        shrq $28, %r11
        cmpq $(SLOT_BASE >> 28), %r11
        je 1f
        addb $0x7f, %al
        sahf
        jmp call_elsewhere
1:      addb $0x7f, %al
        sahf
        .org STUB_CALL_OURS, 0x90
        movq %rsp, %gs:SLOT_SAVED_RSP
        .org STUB_CALL_SWITCHED - 5, 0x90
        rdgsbase %rsp
        .org STUB_CALL_SWITCHED, 0x90
        leaq SLOT_SAVED_END(%rsp), %rsp
        pushfq
        pushq %rdi
        pushq %rsi
        pushq %rdx
        pushq %rcx
        leaq -8(%rsp), %rsp
        pushq %r8
        pushq %r9
        pushq %r10
        pushq %r11
        pushq %rbx
        pushq %rbp
        pushq %r12
        pushq %r13
        pushq %r14
        pushq %r15
        .org STUB_CALL_SAVED, 0x90
        rdgsbase %r15
        line_of_slot
        movl $SIGNO_CALL, SLOT_SIGNO(%r15)
        rdfsbase %rax
        movq %rax, SLOT_FS_BASE(%r15)
        movabsq $GLOBAL_BASE, %rcx
        cpu_number
        movl %eax, SLOT_CPU(%r15)
        jmp publish_unchanged
        /* As in STUB_CALL_OURS: flags and stack are the guest's. */
        .org STUB_CALL_ELSEWHERE, 0x90
call_elsewhere:
        movabsq $CONTROL_BASE, %r11
        movl CONTROL_SITE_NUMBERS(%r11,%rcx,4), %eax
        jmp *CONTROL_SITE_ADDRESSES(%r11,%rcx,8)

        .org STUB_ENTRIES, 0x90
        .set value, 0
        .rept SITE_COUNT
        movl $value, %ecx
        jmp call
        .balign 1 << ENTRY_SHIFT, 0x90
        .set value, value + 1
        .endr
