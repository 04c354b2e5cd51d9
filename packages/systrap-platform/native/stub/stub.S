/*
 * The stub: what runs in a stub process besides guest code. It has no stack and no data of its own.
 *
 * The process's first thread is the *mapper*: it executes the commands that the sentry writes to the control area, which is read-only here, and reports
 * through an eventfd from a table in this text: guest code, which can write to everything writable in this address space, can neither give it commands nor
 * forge its reports. All signals are blocked in it.
 *
 * All other threads run guest code. Whatever they do that is not plain computing ends in the signal handler, which writes where the signal frame is to the
 * thread's slot, and waits until the sentry has counted up the thread's line. Then it loads the registers from the slot and leaves by IRET: there is no
 * sigreturn, so guest code can't change the signal mask or the signal stack, and the slot that the handler finds by its stack pointer is always the thread's
 * own.
 *
 * Each thread is under a seccomp filter that knows the address of each SYSCALL instruction in this text: see filters.h.
 */
#include "layout.h"

#define SYS_write          1
#define SYS_mmap           9
#define SYS_mprotect       10
#define SYS_munmap         11
#define SYS_rt_sigaction   13
#define SYS_rt_sigprocmask 14
#define SYS_clone          56
#define SYS_close          3
#define SYS_sigaltstack    131
#define SYS_prctl          157
#define SYS_futex          202
#define SYS_exit_group     231
#define SYS_seccomp        317
#define SYS_membarrier     324

#define THREAD_FLAGS 0x00150f00 /* CLONE_VM|FS|FILES|SIGHAND|THREAD|SYSVSEM|PARENT_SETTID */
#define PROT_READ 1
#define PROT_READ_WRITE 3
#define PROT_EXEC 4
#define MAP_SHARED_FIXED 0x11
#define MAP_POPULATE 0x8000
#define SIG_SETMASK 2
#define MEMBARRIER_REGISTER_GLOBAL_EXPEDITED 4
#define PR_SET_DUMPABLE 4
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_SYS_DISPATCH_ON 1
#define SECCOMP_SET_MODE_FILTER 1
#define SECCOMP_FILTER_FLAG_SPEC_ALLOW 4

        .section .text, "ax", @progbits
        .globl _start
        .hidden _start
text:
        /* Where a call of `sigreturn` would lead: nowhere. */
no_restorer:
        ud2
        .balign 16

/*
 * Start. In: the descriptors FD_*. Every failure ends the process; the number of the step goes to the sentry as an errno would.
 */
_start:
        xorl %ebp, %ebp
        leaq caught(%rip), %rbx
1:      movzbl (%rbx), %edi
        testl %edi, %edi
        jz 2f
        movl $SYS_rt_sigaction, %eax
        leaq action(%rip), %rsi
        xorl %edx, %edx
        movl $8, %r10d
        syscall
        incl %ebp
        testq %rax, %rax
        jnz fail
        incq %rbx
        jmp 1b

2:      movl $SYS_rt_sigprocmask, %eax
        movl $SIG_SETMASK, %edi
        leaq all_signals(%rip), %rsi
        xorl %edx, %edx
        movl $8, %r10d
        syscall
        movl $STEP_MASK, %ebp
        testq %rax, %rax
        jnz fail

        leaq mappings(%rip), %rbx
3:      movq (%rbx), %rdi
        testq %rdi, %rdi
        jz 4f
        movq 8(%rbx), %rsi
        movl 16(%rbx), %edx
        movl $MAP_SHARED_FIXED, %r10d
        movl 20(%rbx), %r8d
        movq 24(%rbx), %r9
        movl $SYS_mmap, %eax
        syscall
        incl %ebp
        cmpq $-4096, %rax
        ja fail
        addq $32, %rbx
        jmp 3b
4:      movl $FD_GLOBAL, %edi
        movl $SYS_close, %eax
        syscall

        /* Unmaps all that the host has put into this process: stack, vDSO. */
        movl $STEP_UNMAP, %ebp
        leaq holes(%rip), %rbx
5:      movq (%rbx), %rdi
        movq 8(%rbx), %rsi
        testq %rsi, %rsi
        jz 6f
        movl $SYS_munmap, %eax
        syscall
        incl %ebp
        testq %rax, %rax
        jnz fail
        addq $16, %rbx
        jmp 5b

6:      movl $STEP_DUMPABLE, %ebp
        movl $PR_SET_DUMPABLE, %edi
        xorl %esi, %esi
        movl $SYS_prctl, %eax
        syscall
        testq %rax, %rax
        jnz fail
        /* So that the sentry can make all CPUs that run this process look for signals. Where it is not there, the sentry waits for the process's end. */
        movl $MEMBARRIER_REGISTER_GLOBAL_EXPEDITED, %edi
        xorl %esi, %esi
        movl $SYS_membarrier, %eax
        syscall
        movl $STEP_SECCOMP, %ebp
        movl $SECCOMP_SET_MODE_FILTER, %edi
        movl $SECCOMP_FILTER_FLAG_SPEC_ALLOW, %esi
        leaq mapper_filter(%rip), %rdx
        movl $SYS_seccomp, %eax
        syscall
        testq %rax, %rax
        jnz fail
        /* The first thread, without which the process is of no use: as a command, so that its failure is reported like one. */
        xorl %r12d, %r12d
        movabsq $CONTROL_BASE, %rbx
        leaq first_command(%rip), %r13
        movl $1, %ebp
        jmp command
fail:   leaq errno_values(%rip), %rsi
        leaq (%rsi,%rbp,8), %rsi
        movl $FD_DONE, %edi
        movl $8, %edx
        movl $SYS_write, %eax
        syscall
        movl %ebp, %edi
        movl $SYS_exit_group, %eax
        syscall
        ud2

/*
 * The mapper. rbx: control area, r12d: the batch that was done last, ebp: commands left, r13: command.
 */
mapper_wait:
        movl $SYS_futex, %eax
        movq %rbx, %rdi
        xorl %esi, %esi
        movl %r12d, %edx
        xorl %r10d, %r10d
        syscall
mapper_futex_site:
        movl CONTROL_SEQUENCE(%rbx), %eax
        cmpl %r12d, %eax
        je mapper_wait
        movl %eax, %r12d
        movl CONTROL_COUNT(%rbx), %ebp
        leaq CONTROL_COMMANDS(%rbx), %r13
command:
        testl %ebp, %ebp
        jz report_success
        movl (%r13), %eax
        movq 8(%r13), %rdi
        movq 16(%r13), %rsi
        movq 24(%r13), %rdx
        movq 32(%r13), %r10
        movq 40(%r13), %r8
        movq 48(%r13), %r9
        testl %eax, %eax
        jz do_mmap
        cmpl $COMMAND_MPROTECT, %eax
        jb do_munmap
        je do_mprotect
        /* rdi: flags, rsi: the child's stack, rdx: where its number goes, r9: its line. */
        movq %r9, %r14
        leaq -SLOT_IMAGE(%rsi), %r15
        movl $SYS_clone, %eax
        syscall
clone_site:
        testq %rax, %rax
        jz guest_thread
        jmp executed
do_mmap:
        movl $SYS_mmap, %eax
        syscall
mmap_site:
        jmp executed
do_munmap:
        movl $SYS_munmap, %eax
        syscall
munmap_site:
        jmp executed
do_mprotect:
        movl $SYS_mprotect, %eax
        syscall
mprotect_site:
executed:
        cmpq $-4096, %rax
        ja report_failure
        addq $COMMAND_SIZE, %r13
        decl %ebp
        jmp command

report_failure:
        negq %rax
        movl %eax, %r13d
        leaq left_values(%rip), %rsi
        leaq (%rsi,%rbp,8), %rsi
        movl $1, %ebp /* this write, and then the errno's */
        jmp report
report_success:
        xorl %ebp, %ebp
        leaq errno_values(%rip), %rsi
report:
        movl $SYS_write, %eax
        movl $FD_DONE, %edi
        movl $8, %edx
        syscall
done_site:
        testl %ebp, %ebp
        jz mapper_wait
        xorl %ebp, %ebp
        leaq errno_values(%rip), %rsi
        leaq (%rsi,%r13,8), %rsi
        jmp report

/*
 * A new thread. r14: its line, r15: its slot. The filter comes before signals are unblocked: if it can't be installed, the trap kills the process.
 */
guest_thread:
        movl $SYS_sigaltstack, %eax
        leaq LINE_ALTSTACK(%r14), %rdi
        xorl %esi, %esi
        syscall
sigaltstack_site:
        testq %rax, %rax
        jnz dead
        /* Linux 5.11: a system call from outside of this text is SIGSYS before anything else is looked at. It costs less than a filter, and Linux 6.14 has calls
           that pass by filters (uretprobe, uprobe). Where it is not there, the filter does it alone. */
        movl $SYS_prctl, %eax
        movl $PR_SET_SYSCALL_USER_DISPATCH, %edi
        movl $PR_SYS_DISPATCH_ON, %esi
        movabsq $STUB_BASE, %rdx
        movl $STUB_SIZE, %r10d
        xorl %r8d, %r8d
        syscall
dispatch_site:
        movl $SYS_seccomp, %eax
        movl $SECCOMP_SET_MODE_FILTER, %edi
        movl $SECCOMP_FILTER_FLAG_SPEC_ALLOW, %esi
        leaq guest_filter(%rip), %rdx
        syscall
seccomp_site:
        testq %rax, %rax
        jnz dead
        movl $SYS_rt_sigprocmask, %eax
        movl $SIG_SETMASK, %edi
        leaq guest_mask(%rip), %rsi
        xorl %edx, %edx
        movl $8, %r10d
        syscall
mask_site:
        leaq SLOT_IMAGE(%r15), %rsp
        xorl %r13d, %r13d
        jmp wait
dead:   ud2

/*
 * The signal handler. In: edi: signal, rsi: siginfo, rdx: ucontext, rsp: the frame, in the thread's own slot. DF, TF and RF are clear; AC and NT may not be.
 */
        .balign 64
        /* eax: the number of this CPU. rcx: the global page. */
        .macro cpu_number
        cmpl $0, GLOBAL_RDPID(%rcx)
        je 8f
        rdpid %rax
        jmp 9f
8:      movl $0x7b, %eax /* the segment whose limit holds it */
        lsll %eax, %eax
9:      andl $0xfff, %eax
        .endm
        /* r14: the line of the slot r15. */
        .macro line_of_slot
        movabsq $SLOT_BASE, %rax
        movq %r15, %r14
        subq %rax, %r14
        shrq $(SLOT_SHIFT - LINE_SHIFT), %r14
        movabsq $(CONTROL_BASE + CONTROL_LINES), %rax
        addq %rax, %r14
        .endm
handler:
        pushq $2
        popfq
        movq %rsp, %r15
        andq $-SLOT_SIZE, %r15
        line_of_slot
dispatch:
        cmpl $KICK_SIGNAL, %edi
        je kicked
event:
        leaq SLOT_IMAGE(%r15), %rsp
        movq %rdx, SLOT_UCONTEXT(%r15)
        movq %rsi, SLOT_SIGINFO(%r15)
        movl %edi, SLOT_SIGNO(%r15)
        rdfsbase %rax
        movq %rax, SLOT_FS_BASE(%r15)
        rdgsbase %rax
        movq %rax, SLOT_GS_BASE(%r15)
        movabsq $GLOBAL_BASE, %rcx
        cpu_number
        movl %eax, SLOT_CPU(%r15)
publish_unchanged:
        movl LINE_RESUME(%r14), %r13d
        movl %r13d, %eax
publish:
        xchgl %eax, SLOT_EVENT(%r15)
published:
        /* Frames of signals that came here are done with. Without this, kicks that each come before `wait` would be a stack without bound. */
        leaq SLOT_IMAGE(%r15), %rsp
        movabsq $GLOBAL_BASE, %rcx
        cmpl $0, GLOBAL_SLEEPING(%rcx)
        je wait
        movl $SYS_write, %eax
        movl $FD_DOORBELL, %edi
        leaq one(%rip), %rsi
        movl $8, %edx
        syscall
doorbell_site:

/* Waits until the line's count is not r13d any more. r14: line, r15: slot. */
wait:
        movabsq $GLOBAL_BASE, %rcx
        movl GLOBAL_SPIN(%rcx), %edx
        cpu_number
        cmpl %eax, GLOBAL_CPU(%rcx)
        je 2f
1:      cmpl LINE_RESUME(%r14), %r13d
        jne resume
        decl %edx
        js 2f
        pause
        jmp 1b
2:      movl $1, %eax
        xchgl %eax, SLOT_SLEEPING(%r15)
        cmpl LINE_RESUME(%r14), %r13d
        jne 3f
        movl $SYS_futex, %eax
        movq %r14, %rdi
        xorl %esi, %esi
        movl %r13d, %edx
        xorl %r10d, %r10d
        syscall
futex_site:
        cmpl LINE_RESUME(%r14), %r13d
        je 2b
3:      movl $0, SLOT_SLEEPING(%r15)

        /* General registers in the order of user_regs_struct: those before RAX, and those behind RCX. */
        .macro pop_to_rax
        popq %r15
        popq %r14
        popq %r13
        popq %r12
        popq %rbp
        popq %rbx
        popq %r11
        popq %r10
        popq %r9
        popq %r8
        .endm
        .macro pop_from_rcx
        popq %rdx
        popq %rsi
        popq %rdi
        .endm
/* Loads the guest's registers. r14: line, rsp: the image. */
resume:
        movabsq $GLOBAL_BASE, %rcx
        movl GLOBAL_XFEATURES_LOW(%rcx), %eax
        movl GLOBAL_XFEATURES_HIGH(%rcx), %edx
        movl LINE_FLAGS(%r14), %ecx
        testl $(LINE_SAVE | LINE_RETURN), %ecx
        jnz 2f
        testl $LINE_KEEP, %ecx
        jnz 1f
        movq LINE_XSTATE(%r14), %rbx
        xrstor64 (%rbx)
1:      testl $LINE_LOAD_FS, %ecx
        jz 1f
        movq LINE_FS_BASE(%r14), %rax
        wrfsbase %rax
1:      testl $LINE_LOAD_GS, %ecx
        jz 1f
        movq LINE_GS_BASE(%r14), %rax
        wrgsbase %rax
1:      testl $LINE_FAST, %ecx
        jnz fast
        pop_to_rax
        popq %rax
        popq %rcx
        pop_from_rcx
        iretq
fast:   pop_to_rax
        popq %rax
        popq %rcx
        pop_from_rcx
        leaq 16(%rsp), %rsp
        popfq
        movq (%rsp), %rsp
        jmp *%rcx
2:      testl $LINE_SAVE, %ecx
        jnz save
        movq LINE_RAX(%r14), %rax
        movq SLOT_SAVED_RCX(%r15), %rcx
        movabsq $CONTROL_BASE, %r11
        movq CONTROL_SITE_ADDRESSES(%r11,%rcx,8), %rcx
        addq $2, %rcx
        leaq SLOT_SAVED(%r15), %rsp
        pop_to_rax
        leaq 16(%rsp), %rsp
        pop_from_rcx
        movq (%rsp), %r11
        popfq
        movq SLOT_SAVED_RSP - SLOT_SAVED_END(%rsp), %rsp
        jmp *%rcx
/* Stores the extended state. edx:eax: components. XSAVE leaves the reserved part of the header as it is. */
save:   xorl %ecx, %ecx
        .set word, 0
        .rept 8
        movq %rcx, SLOT_XSTATE + 512 + word(%r15)
        .set word, word + 8
        .endr
        xsave64 SLOT_XSTATE(%r15)
        movl $SIGNO_SAVED, SLOT_SIGNO(%r15)
        jmp publish_unchanged
resumed:

/*
 * A kick. In guest code, and behind a rewritten site, where the sentry makes sense of it, it is an event like others; here it is:
 *   - in the handler before an event is complete in the slot, or at the begin of this: starts again with what the handler was given;
 *   - with a complete event: publishes it;
 *   - later, or in a thread that has just begun: the thread waits on if the sentry knows of its event, else it was just resumed, and comes back as it was.
 * In the last two the extended state may be in the CPU, from where the signal has taken it: it is loaded again. Kicks may come at any instruction of this, too, so
 * each step can be repeated.
 */
        .macro load_interrupted_xstate
        movabsq $GLOBAL_BASE, %rcx
        movl GLOBAL_XFEATURES_LOW(%rcx), %eax
        movl GLOBAL_XFEATURES_HIGH(%rcx), %edx
        movq UC_FPSTATE(%rsi), %rcx
        xrstor64 (%rcx)
        .endm
kicked:
        movq UC_RIP(%rdx), %rax
        leaq guest_thread(%rip), %rcx
        subq %rcx, %rax
        cmpq $(kicked_end - guest_thread), %rax
        jae event
        movq %rdx, %rsi
        cmpq $(handler - guest_thread), %rax
        jb kicked_late
        cmpq $(publish_unchanged - guest_thread), %rax
        jb kicked_early
        cmpq $(publish - guest_thread), %rax
        jbe kicked_complete
        cmpq $(resumed - guest_thread), %rax
        jb kicked_late
        cmpq $(kicked_take - guest_thread), %rax
        jb kicked_early
        cmpq $(kicked_complete - guest_thread), %rax
        jb 1f
        movq UC_RSI(%rdx), %rsi
        cmpq $(kicked_late - guest_thread), %rax
        jb kicked_complete
        jmp kicked_late
1:      movq UC_R8(%rdx), %r8
        movq UC_R9(%rdx), %r9
        movq UC_R10(%rdx), %r10
        jmp kicked_take
kicked_early:
        movq UC_RDI(%rdx), %r8
        movq UC_RSI(%rdx), %r9
        movq UC_RDX(%rdx), %r10
kicked_take:
        movl %r8d, %edi
        movq %r9, %rsi
        movq %r10, %rdx
        jmp dispatch
kicked_complete:
        load_interrupted_xstate
        jmp publish_unchanged
kicked_late:
        load_interrupted_xstate
        movl LINE_RESUME(%r14), %r13d
        cmpl %r13d, SLOT_EVENT(%r15)
        je published
        movq $0, SLOT_UCONTEXT(%r15)
        movl $KICK_SIGNAL, SLOT_SIGNO(%r15)
        jmp publish_unchanged
kicked_end:

#include "filters.h"

        .balign 8
        /* What is written to the doorbell. */
one:    .quad 1
errno_values:
        .set value, 1
        .rept 256
        .quad value
        .set value, value + 1
        .endr
left_values:
        .set value, 0
        .rept COMMAND_MOST + 1
        .quad value << DONE_LEFT_SHIFT
        .set value, value + 1
        .endr
left_values_end:
first_command:
        .quad COMMAND_CLONE, THREAD_FLAGS, SLOT_BASE + SLOT_IMAGE, SLOT_BASE + SLOT_TID, 0, 0, CONTROL_BASE + CONTROL_LINES
all_signals:
        .quad -1
        /* All but SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSYS and the kick. */
guest_mask:
        .quad ~((1 << 3) | (1 << 4) | (1 << 6) | (1 << 7) | (1 << 10) | (1 << 30) | (1 << (KICK_SIGNAL - 1)))
        /* struct sigaction of the kernel: SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTORER, nothing blocked. */
action: .quad handler, 0x4c000004, no_restorer, 0
        /* address, length, protection and descriptor, offset */
mappings:
        .quad GLOBAL_BASE, GLOBAL_SIZE
        .long PROT_READ, FD_GLOBAL
        .quad 0
        .quad CONTROL_BASE, CONTROL_SIZE
        .long PROT_READ, FD_CONTEXT
        .quad 0
        .quad SLOT_BASE, SLOT_CHUNK * SLOT_SIZE
        .long PROT_READ_WRITE, FD_CONTEXT
        .quad CONTROL_SIZE
        .quad 0
holes:
        .quad 0, STUB_BASE
        .quad STUB_BASE + STUB_SIZE, GLOBAL_BASE - STUB_BASE - STUB_SIZE
        .quad GLOBAL_BASE + GLOBAL_SIZE, CONTROL_BASE - GLOBAL_BASE - GLOBAL_SIZE
        .quad CONTROL_BASE + CONTROL_SIZE, SLOT_BASE - CONTROL_BASE - CONTROL_SIZE
        .quad SLOT_BASE + SLOT_CHUNK * SLOT_SIZE, ADDRESS_END - SLOT_BASE - SLOT_CHUNK * SLOT_SIZE
        .quad 0, 0
        /* The signals that the handler gets. */
caught: .byte 4, 5, 7, 8, 11, 31, KICK_SIGNAL, 0

#include "call_site.S"
        .org STUB_SIZE
        .section .note.GNU-stack, "", @progbits
