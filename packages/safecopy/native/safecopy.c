/*
 * The handler of SIGSEGV and SIGBUS: sends a fault in one of our functions to that function's fault exit, and everything
 * else to the handler that was there before.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "include/sbx/safecopy.h"
#include "include/sbx/signal_chain.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <ucontext.h>

/* 1 if the fault was in one of our functions, and the context now continues at its fault exit. */
static int redirect(int signal, siginfo_t *info, ucontext_t *context);
static void prepare(void);

/*
 * Each time somebody else's handler came in front of ours, a new one of ours goes in front of that, with a `previous` of its
 * own. One handler for both places would be a loop: ours calls theirs, theirs calls ours.
 */
enum { SIGNALS = 2, SLOTS = 16 };
static const int signals[SIGNALS] = {SIGSEGV, SIGBUS};
/* Read by the handlers. An entry is written before its handler is installed. */
static struct sigaction previous_actions[SIGNALS][SLOTS];

static void handle(int signal, siginfo_t *info, void *context, int slot) {
  /* Sent by kill() while one of our functions ran: not its fault. BUS_MCEERR_AO tells of memory that nobody touched yet. */
  int ours = info->si_code > 0 && !(signal == SIGBUS && info->si_code == BUS_MCEERR_AO);
  if (ours && redirect(signal, info, context)) return;
  sbx_call_previous(&previous_actions[signal == SIGBUS][slot], signal, info, context);
}

#define EACH_SLOT(_) _(0) _(1) _(2) _(3) _(4) _(5) _(6) _(7) _(8) _(9) _(10) _(11) _(12) _(13) _(14) _(15)
#define HANDLER(slot) \
  static void handler_##slot(int signal, siginfo_t *info, void *context) { handle(signal, info, context, slot); }
#define HANDLER_NAME(slot) handler_##slot,
EACH_SLOT(HANDLER)
static sbx_signal_handler *const handlers[SLOTS] = {EACH_SLOT(HANDLER_NAME)};

/* Under the lock: how many slots of each signal are in use. */
static atomic_flag install_lock = ATOMIC_FLAG_INIT;
static int slots_used[SIGNALS];

static int is_ours(const struct sigaction *action) {
  for (int slot = 0; slot < SLOTS; slot++)
    if (action->sa_sigaction == handlers[slot]) return 1;
  return 0;
}

static int same_action(const struct sigaction *a, const struct sigaction *b) {
  return a->sa_handler == b->sa_handler && a->sa_flags == b->sa_flags && memcmp(&a->sa_mask, &b->sa_mask, sizeof(uint64_t)) == 0;
}

static int install(int index) {
  struct sigaction current;
  if (sigaction(signals[index], NULL, &current) != 0) return -errno;
  if (is_ours(&current)) return 0;
  /* A slot that has just this handler behind it (somebody switches his on and off) can be used again. */
  int slot = 0;
  while (slot < slots_used[index] && !same_action(&previous_actions[index][slot], &current)) slot++;
  if (slot == SLOTS) return -ENOSPC;
  /*
   * Nothing may interrupt the handler: a handler of another signal that copies and faults, with SIGSEGV blocked because ours
   * is running, would be killed by the kernel.
   */
  int result = sbx_replace_signal_handler(signals[index], handlers[slot], UINT64_MAX, 0, &previous_actions[index][slot]);
  if (result == 0 && slot == slots_used[index]) slots_used[index]++;
  return result;
}

int sbx_safecopy_install(void) {
  while (atomic_flag_test_and_set(&install_lock)) {}
  prepare();
  int result = 0;
  for (int index = 0; index < SIGNALS && result == 0; index++) result = install(index);
  atomic_flag_clear(&install_lock);
  return result;
}

#ifdef SBX_SAFECOPY_ASSEMBLY

/* Made by the assembly: offsets from sbx_safecopy_base of ranges of instructions and of their fault exits. */
struct range {
  uint32_t begin, end, fault_exit;
};
#pragma GCC visibility push(hidden)
extern const char sbx_safecopy_base[];
extern const struct range sbx_safecopy_table[], sbx_safecopy_table_end[];
#pragma GCC visibility pop

static int redirect(int signal, siginfo_t *info, ucontext_t *context) {
#if defined(__x86_64__)
  greg_t *registers = context->uc_mcontext.gregs;
  uintptr_t pc = (uintptr_t)registers[REG_RIP];
#else
  uintptr_t pc = (uintptr_t)context->uc_mcontext.pc;
#endif
  uintptr_t offset = pc - (uintptr_t)sbx_safecopy_base;
  for (const struct range *range = sbx_safecopy_table; range != sbx_safecopy_table_end; range++) {
    if (offset < range->begin || offset >= range->end) continue;
    uintptr_t fault_exit = (uintptr_t)sbx_safecopy_base + range->fault_exit;
#if defined(__x86_64__)
    registers[REG_RIP] = (greg_t)fault_exit;
    registers[REG_RAX] = (greg_t)(uintptr_t)info->si_addr;
    registers[REG_R10] = signal;
#else
    context->uc_mcontext.pc = fault_exit;
    context->uc_mcontext.regs[9] = (uintptr_t)info->si_addr;
    context->uc_mcontext.regs[10] = (unsigned)signal;
#endif
    return 1;
  }
  return 0;
}

#if defined(__x86_64__)
#include <cpuid.h>

/* What the assembly chooses by. The values before prepare() are right on every CPU. */
#pragma GCC visibility push(hidden)
uint8_t sbx_safecopy_have_avx = 0;
/* From `begin` up and below `end` bytes the string instructions (rep movsb; from `zero_string_begin` rep stosb) are the fastest. */
size_t sbx_safecopy_string_begin = SIZE_MAX, sbx_safecopy_zero_string_begin = SIZE_MAX, sbx_safecopy_string_end = 0;
#pragma GCC visibility pop

static void prepare(void) {
  unsigned eax, ebx, ecx, edx, xcr0 = 0, ignored;
  if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx)) return;
  if ((ecx & bit_OSXSAVE) != 0) __asm__("xgetbv" : "=a"(xcr0), "=d"(ignored) : "c"(0));
  /* The CPU has AVX, and the kernel keeps the XMM and YMM registers (XCR0 bits 1 and 2). */
  sbx_safecopy_have_avx = (ecx & bit_AVX) != 0 && (xcr0 & 6) == 6;
  /*
   * Enhanced REP MOVSB/STOSB (CPUID leaf 7, EBX bit 9; SDM optimization manual 3.7.6). AMD has the bit, but its string
   * instructions do not beat vector loops at these sizes. The bounds are measured: bench/safecopy.ts.
   */
  __get_cpuid(0, &eax, &ebx, &ecx, &edx);
  int is_intel = ebx == signature_INTEL_ebx;
  if (is_intel && __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (ebx & 1u << 9) != 0) {
    sbx_safecopy_string_begin = 4097;
    sbx_safecopy_zero_string_begin = 2049;
    sbx_safecopy_string_end = 8u << 20;
  }
}
#else
static void prepare(void) {}
#endif

#else
#include "copy_portable.c"
#endif

#undef EACH_SLOT
#undef HANDLER
#undef HANDLER_NAME
