// Generated from packages/platform/src/context-layout.ts and event.ts by tools/gen (pnpm gen). Do not edit.
// The context page, shared by JavaScript, native code and (on some platforms) application code.
#ifndef SBX_CONTEXT_PAGE_H
#define SBX_CONTEXT_PAGE_H

// Sizes and areas, in bytes.
#define CONTEXT_SIZE        8192
#define CONTEXT_REGS        128
#define CONTEXT_REG_COUNT   27
#define CONTEXT_XSTATE      4096
#define CONTEXT_XSTATE_SIZE 4096

// Offsets of the control words (32 bits each).
#define CONTEXT_STATE              0
#define CONTEXT_EVENT              4
#define CONTEXT_INTERRUPT          8
#define CONTEXT_ACCESS             12
#define CONTEXT_SIGNO              16
#define CONTEXT_SIGCODE            20
#define CONTEXT_FAULT_ADDRESS_LOW  24
#define CONTEXT_FAULT_ADDRESS_HIGH 28
#define CONTEXT_ERROR_CODE         32
#define CONTEXT_VECTOR             36
#define CONTEXT_CPU                40
#define CONTEXT_FLAGS              44
#define CONTEXT_ID                 48

// Offsets of the general registers (64 bits each), from the start of the page.
#define CONTEXT_R15      128
#define CONTEXT_R14      136
#define CONTEXT_R13      144
#define CONTEXT_R12      152
#define CONTEXT_RBP      160
#define CONTEXT_RBX      168
#define CONTEXT_R11      176
#define CONTEXT_R10      184
#define CONTEXT_R9       192
#define CONTEXT_R8       200
#define CONTEXT_RAX      208
#define CONTEXT_RCX      216
#define CONTEXT_RDX      224
#define CONTEXT_RSI      232
#define CONTEXT_RDI      240
#define CONTEXT_ORIG_RAX 248
#define CONTEXT_RIP      256
#define CONTEXT_CS       264
#define CONTEXT_RFLAGS   272
#define CONTEXT_RSP      280
#define CONTEXT_SS       288
#define CONTEXT_FS_BASE  296
#define CONTEXT_GS_BASE  304
#define CONTEXT_DS       312
#define CONTEXT_ES       320
#define CONTEXT_FS       328
#define CONTEXT_GS       336

// Index of each register in context_page.regs.
#define CONTEXT_INDEX_R15      0
#define CONTEXT_INDEX_R14      1
#define CONTEXT_INDEX_R13      2
#define CONTEXT_INDEX_R12      3
#define CONTEXT_INDEX_RBP      4
#define CONTEXT_INDEX_RBX      5
#define CONTEXT_INDEX_R11      6
#define CONTEXT_INDEX_R10      7
#define CONTEXT_INDEX_R9       8
#define CONTEXT_INDEX_R8       9
#define CONTEXT_INDEX_RAX      10
#define CONTEXT_INDEX_RCX      11
#define CONTEXT_INDEX_RDX      12
#define CONTEXT_INDEX_RSI      13
#define CONTEXT_INDEX_RDI      14
#define CONTEXT_INDEX_ORIG_RAX 15
#define CONTEXT_INDEX_RIP      16
#define CONTEXT_INDEX_CS       17
#define CONTEXT_INDEX_RFLAGS   18
#define CONTEXT_INDEX_RSP      19
#define CONTEXT_INDEX_SS       20
#define CONTEXT_INDEX_FS_BASE  21
#define CONTEXT_INDEX_GS_BASE  22
#define CONTEXT_INDEX_DS       23
#define CONTEXT_INDEX_ES       24
#define CONTEXT_INDEX_FS       25
#define CONTEXT_INDEX_GS       26

// Values of the state word.
#define STATE_IDLE    0
#define STATE_READY   1
#define STATE_RUNNING 2
#define STATE_EVENT   3

// Bits of the flags word.
#define FLAG_STATE_DIRTY  1
#define FLAG_STATE_VALID  2
#define FLAG_FULL_RESTORE 4

// Values of the event word.
#define EVENT_NONE               0
#define EVENT_SYSCALL            1
#define EVENT_SIGNAL             2
#define EVENT_SIGNAL_MAYBE_CPUID 3
#define EVENT_INTERRUPT          4
#define EVENT_PREEMPTED          5
#define EVENT_FAILED             6

// Bits of the access word.
#define ACCESS_READ    1
#define ACCESS_WRITE   2
#define ACCESS_EXECUTE 4

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

// The same layout as a struct.
struct context_page {
  uint32_t state;
  uint32_t event;
  uint32_t interrupt;
  uint32_t access;
  uint32_t signo;
  int32_t sigcode;
  uint64_t fault_address;
  uint32_t error_code;
  uint32_t vector;
  uint32_t cpu;
  uint32_t flags;
  uint32_t id;
  uint8_t reserved0[76];
  uint64_t regs[27];
  uint8_t reserved1[3752];
  uint8_t xstate[4096];
};
_Static_assert(offsetof(struct context_page, state) == 0, "context_page.state");
_Static_assert(offsetof(struct context_page, event) == 4, "context_page.event");
_Static_assert(offsetof(struct context_page, interrupt) == 8, "context_page.interrupt");
_Static_assert(offsetof(struct context_page, access) == 12, "context_page.access");
_Static_assert(offsetof(struct context_page, signo) == 16, "context_page.signo");
_Static_assert(offsetof(struct context_page, sigcode) == 20, "context_page.sigcode");
_Static_assert(offsetof(struct context_page, fault_address) == 24, "context_page.fault_address");
_Static_assert(offsetof(struct context_page, error_code) == 32, "context_page.error_code");
_Static_assert(offsetof(struct context_page, vector) == 36, "context_page.vector");
_Static_assert(offsetof(struct context_page, cpu) == 40, "context_page.cpu");
_Static_assert(offsetof(struct context_page, flags) == 44, "context_page.flags");
_Static_assert(offsetof(struct context_page, id) == 48, "context_page.id");
_Static_assert(offsetof(struct context_page, regs) == 128, "context_page.regs");
_Static_assert(offsetof(struct context_page, xstate) == 4096, "context_page.xstate");
_Static_assert(sizeof(struct context_page) == 8192, "context_page");

#endif // __ASSEMBLER__

#endif // SBX_CONTEXT_PAGE_H
