/*
 * Where things are in a stub process, and what the sentry and its stubs share. For C and assembly; the sentry, the zygote and the stub are built from it.
 *
 *   guest            [GUEST_MIN, GUEST_END)            shared mappings of the application memory; then a page that nobody has
 *   stub text        STUB_BASE                         read and execute only
 *   global page      GLOBAL_BASE                       read-only here; one for all stubs, written by the sentry
 *   control area     CONTROL_BASE                      read-only here; one for each stub process: commands, and a line for each thread
 *   slots            SLOT_BASE                         writable; one for each thread: what it tells the sentry, and its signal stack
 *
 * Guest code can write to the slots of its process, and to nothing else of this.
 */
#ifndef SBX_SYSTRAP_LAYOUT_H
#define SBX_SYSTRAP_LAYOUT_H

#define GUEST_MIN    0x10000
#define GUEST_END    0x7feffffff000
#define STUB_BASE    0x7ff000000000
#define STUB_SIZE    0x8000
#define GLOBAL_BASE  0x7ff040000000
#define GLOBAL_SIZE  0x1000
#define CONTROL_BASE 0x7ff080000000
#define CONTROL_SIZE 0x50000
#define SLOT_BASE    0x7ff100000000
#define SLOT_SIZE    0x10000
#define SLOT_SHIFT   16
#define SLOT_COUNT   4096
/* Slots that are mapped at once. */
#define SLOT_CHUNK 16
/* The end of what any process can have mapped, with four levels of page tables. */
#define ADDRESS_END 0x7ffffffff000

/* The descriptors of a stub. */
#define FD_MEMORY   3
#define FD_CONTEXT  4
#define FD_DOORBELL 5
#define FD_DONE     6
#define FD_GLOBAL   7
#define FD_PATCH    8

/* The global page. */
#define GLOBAL_SLEEPING 0   /* u32: the sentry sleeps: ring the doorbell */
#define GLOBAL_CPU      64  /* u32: where the sentry runs */
#define GLOBAL_SPIN     128 /* u32: how often a thread looks for its resumption before it sleeps */
#define GLOBAL_XFEATURES_LOW  192 /* u32, u32: what XRSTOR loads */
#define GLOBAL_XFEATURES_HIGH 196
#define GLOBAL_RDPID   200 /* u32: whether the CPU has this instruction */

/* The control area: head, commands of 64 bytes, lines of 64 bytes. */
#define CONTROL_SEQUENCE 0  /* u32: counts batches of commands; a futex word */
#define CONTROL_COUNT    4  /* u32: commands in the batch */
#define CONTROL_COMMANDS 64
#define COMMAND_SIZE     64
#define COMMAND_MOST     60
/* Call sites that were rewritten, by number: the address of the SYSCALL instruction (u64), the system call's number (u32). */
#define CONTROL_SITE_ADDRESSES 0x2000
#define CONTROL_SITE_NUMBERS   0x4000
#define CONTROL_LINES    0x10000
#define LINE_SHIFT       6

#define COMMAND_MMAP     0
#define COMMAND_MUNMAP   1
#define COMMAND_MPROTECT 2
#define COMMAND_CLONE    3

/* A line: what the sentry tells a thread. */
#define LINE_RESUME    0  /* u32: counts resumptions; a futex word */
#define LINE_FLAGS     4  /* u32: LINE_* below */
#define LINE_FS_BASE   8
#define LINE_GS_BASE   16
#define LINE_XSTATE    24 /* where the extended state to load is, in the slot */
#define LINE_ALTSTACK  32 /* stack_t */
#define LINE_RAX       56 /* what a call returns */
#define LINE_LOAD_FS 1
#define LINE_LOAD_GS 2
#define LINE_KEEP    4 /* the extended state is in the CPU */
#define LINE_FAST    8 /* leave as SYSRET does: RCX is RIP, and no trap flag */
#define LINE_SAVE   16 /* do not resume: store the extended state to SLOT_XSTATE and come back with SIGNO_SAVED */
#define LINE_RETURN 32 /* back to the rewritten site: registers are in SLOT_SAVED as the thread left them there, RAX here */

/* A slot: what a thread tells the sentry. */
#define SLOT_EVENT    0   /* u32: the resumption that has come to its end */
#define SLOT_SLEEPING 4   /* u32: the thread sleeps on its line */
#define SLOT_SIGNO    8   /* u32 */
#define SLOT_CPU      12  /* u32 */
/* Not on the cache line that the sentry looks at: what it does not need for a call through a rewritten site. */
#define SLOT_UCONTEXT 64  /* u64: the signal frame's ucontext; 0: kicked before any guest code ran, registers are as they were */
#define SLOT_SIGINFO  72
#define SLOT_FS_BASE  80
#define SLOT_GS_BASE  88
#define SLOT_TID      96  /* u32 */
#define SLOT_XSTATE   0x400
/* Registers of a thread that came through a rewritten site: 15 in the order of user_regs_struct, then RFLAGS; RCX is the site's number, RAX the stack pointer. */
#define SLOT_SAVED     0x1780
#define SLOT_SAVED_RSP 0x17d0
#define SLOT_SAVED_RCX 0x17d8
#define SLOT_SAVED_END 0x1800
#define SLOT_STACK    0x2000
/* The registers to load: 15 general ones in the order of user_regs_struct, then what IRET takes. Signals during the load are taken below it. */
#define SLOT_IMAGE    0x8000

/* What is in SLOT_SIGNO besides signal numbers. */
#define SIGNO_CALL  0x100
#define SIGNO_SAVED 0x101

/*
 * Rewritten call sites (patch.c). `mov $nr, %eax; syscall` becomes `jmp *TABLE_BASE + 8 * site; syscall`-with-the-same-last-bytes: the upper half of the table's
 * address is the SYSCALL instruction, so that it is still there for who jumps to it or was about to execute it. The table leads to an entry in the stub's text.
 */
#define TABLE_BASE 0x050f0000
#define TABLE_SIZE 0x2000
#define SITE_COUNT 1024
#define ENTRY_SHIFT 4
/* Offsets in the stub's text: the entries, the code behind them, and from where on in it flags are in AX, are back, RSP is in SLOT_SAVED_RSP, all is in SLOT_SAVED. */
#define STUB_ENTRIES    0x4000
#define STUB_CALL       0x3e00
#define STUB_CALL_FLAGS 0x3e04
#define STUB_CALL_OURS  0x3e21
#define STUB_CALL_SWITCHED 0x3e2f
#define STUB_CALL_SAVED 0x3e53
/* From here on they are the guest's again. */
#define STUB_CALL_ELSEWHERE 0x3ec0

/* The signal that stops a thread. Ignored by default, like SIGCHLD, so that a stray one does no harm. */
#define KICK_SIGNAL 23 /* SIGURG */

/* Results of a batch, as the done eventfd adds them up: in bits 0..15 1 + errno, in bits 16.. the commands that were left, the failed one included. */
#define DONE_LEFT_SHIFT 16

/* Steps of a stub's start that may fail, as it reports them; those before the next one are parts of it. */
#define STEP_MASK     20
#define STEP_UNMAP    30
#define STEP_DUMPABLE 40
#define STEP_SECCOMP  41

/* Offsets in struct ucontext and struct siginfo of Linux on amd64. */
#define UC_GREGS   40
#define UC_R8      40
#define UC_R9      48
#define UC_R10     56
#define UC_RDI     104
#define UC_RSI     112
#define UC_RDX     136
#define UC_RIP     168
#define UC_ERR     192
#define UC_TRAPNO  200
#define UC_FPSTATE 224
#define UC_SIZE    304

#endif
