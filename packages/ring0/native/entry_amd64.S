/*
 * Ring 0 of exit mode, amd64: a text that is copied, as it is, into the kernel area of a virtual machine (two pages, position-independent)
 * and never runs in this process. It only enters ring 3 and halts: every system call and exception of ring 3 becomes a HLT exit, and RIP
 * tells the host which. No register of ring 3 is lost on the way, so that the host finds the general registers in the vCPU as they were.
 *
 * The text is the same for all vCPUs: what belongs to one vCPU is reached through RSP only (the host sets it at entry; the IST stack of the
 * vCPU's TSS is it in handlers). GS and the red zone of ring 3 are never touched. IF is clear throughout.
 *
 * A fault in here (RIP inside the text, CS = KCODE in the frame) is a bug of the host side, for it validates what it enters with: the fault's
 * own handler halts and the host reports it.
 */
#include "ring0_offsets_amd64.h"

/* SYSCALL's target must not be the start of the text, so that no zeroed MSR or table ever points to it. */
#define TEXT_SIZE 0x2000

    .section .rodata.ring0_exit_text, "a", @progbits
    .balign 4096
    .globl ring0_exit_text
    .hidden ring0_exit_text
    .type ring0_exit_text, @object
ring0_exit_text:
    hlt
    .balign 64

/*
 * SYSCALL (MSR LSTAR). In: RCX, R11 = RIP, RFLAGS of ring 3; RSP is ring 3's and is not used. Out: HLT exit with RIP = ring0_exit_syscall + 1.
 * Clobbers nothing. Cannot fault: it touches no memory.
 */
    .globl ring0_exit_syscall
    .hidden ring0_exit_syscall
ring0_exit_syscall:
    hlt
    .balign 64, 0xf4

/*
 * Entry by IRET, all registers exact. In: RSP -> { rip, cs, rflags, rsp, ss }; every other register is ring 3's already.
 * Faults: #GP or #NP if the frame is bad; the host validates it.
 */
    .globl ring0_enter_iret
    .hidden ring0_enter_iret
ring0_enter_iret:
    iretq
    .balign 16, 0xf4

/*
 * Entry by IRET with another address space or after a flush. In: RSP -> { cr3, rax, rip, cs, rflags, rsp, ss }; RAX is free. The kernel half
 * is the same in all address spaces, so the instruction after the load is still there.
 */
    .globl ring0_enter_cr3
    .hidden ring0_enter_cr3
ring0_enter_cr3:
    popq %rax
    movq %rax, %cr3
    popq %rax
    iretq
    .balign 16, 0xf4

/*
 * Entry by SYSRET, after a system call. In: RCX = RIP, R11 = RFLAGS, RSP = ring 3's; every other register is ring 3's already. Faults: #GP in
 * ring 0 on Intel if RCX is not canonical, with ring 3's RSP (SDM Vol. 2B, SYSRET): the host uses it for RCX below 2^47 only.
 */
    .globl ring0_enter_sysret
    .hidden ring0_enter_sysret
ring0_enter_sysret:
    sysretq
    .balign 16, 0xf4

/*
 * For a KVM that shadows page tables and does not see what the host writes to them. A write by ring 0 it sees: one of 8 bytes makes it forget what
 * it knew of that entry, one of 2 bytes what it knew of the whole table. The value written is the one that is there.
 * In: the linear address of an entry (forget) or a table (forget_all) in each register from the entry point on: RAX, RBX, RCX, RDX, RSI, RDI,
 * RBP, R8 ... R15. Out: HLT exit, flags clobbered. Faults: none if the addresses are those of page-table memory.
 */
.macro forget_from name, instruction, register, registers:vararg
    .globl ring0_\name\()_\register
    .hidden ring0_\name\()_\register
ring0_\name\()_\register:
    \instruction $0, (%\register)
    .ifnb \registers
    forget_from \name, \instruction, \registers
    .endif
.endm
    forget_from forget, orq, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
    hlt
    .balign 16, 0xf4
    forget_from forget_all, orw, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
    hlt
    .balign 512, 0xf4

/*
 * Exception handlers for a KVM that emulates ring 0: vector v is one HLT at offset v. In: the frame on the IST stack (error code, if the vector
 * has one, RIP, CS, RFLAGS, RSP, SS). Out: HLT exit with RIP = ring0_exit_bare_vectors + v + 1. CR2 is read by the host.
 */
    .globl ring0_exit_bare_vectors
    .hidden ring0_exit_bare_vectors
ring0_exit_bare_vectors:
    .fill 256, 1, 0xf4

/*
 * Exception handlers, 16 bytes each. As above, but that of #PF pushes CR2 below the error code, so that the host need not ask KVM for it.
 */
    .balign 4096, 0xf4
    .globl ring0_exit_vectors
    .hidden ring0_exit_vectors
ring0_exit_vectors:
    .set .Lvector, 0
    .rept 256
    .balign 16, 0xf4
    .if .Lvector == VECTOR_PAGE_FAULT
    pushq %rax
    movq %cr2, %rax
    xchgq %rax, (%rsp)
    .endif
    hlt
    .set .Lvector, .Lvector + 1
    .endr
    .org ring0_exit_text + TEXT_SIZE, 0xf4
    .size ring0_exit_text, . - ring0_exit_text

    .section .note.GNU-stack, "", @progbits
