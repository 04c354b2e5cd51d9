/*
 * From a vector to what Linux tells a thread about it: signal, si_code, address (arch/x86/kernel/traps.c of Linux is the model, as signal(7) and
 * sigaction(2) describe it). Where Linux sends SI_KERNEL, si_addr is 0.
 */
#include <signal.h>
#include <string.h>

#include "vcpu.h"

#define KERNEL_CODE 0x80 /* SI_KERNEL */

/* What the address of a signal is. */
enum address_of { NO_ADDRESS, AT_RIP };

struct trap {
  uint8_t signo;
  uint8_t code;
  uint8_t address;
};

static const struct trap traps[32] = {
    [VECTOR_DIVIDE_BY_ZERO] = {SIGFPE, FPE_INTDIV, AT_RIP},
    [VECTOR_DEBUG] = {SIGTRAP, TRAP_TRACE, AT_RIP},
    [VECTOR_BREAKPOINT] = {SIGTRAP, KERNEL_CODE, NO_ADDRESS},
    [VECTOR_OVERFLOW] = {SIGSEGV, KERNEL_CODE, NO_ADDRESS},
    [VECTOR_BOUND_RANGE_EXCEEDED] = {SIGSEGV, KERNEL_CODE, NO_ADDRESS},
    [VECTOR_INVALID_OPCODE] = {SIGILL, ILL_ILLOPN, AT_RIP},
    [VECTOR_COPROCESSOR_SEGMENT_OVERRUN] = {SIGFPE, KERNEL_CODE, NO_ADDRESS},
    [VECTOR_INVALID_TSS] = {SIGSEGV, KERNEL_CODE, NO_ADDRESS},
    [VECTOR_SEGMENT_NOT_PRESENT] = {SIGBUS, KERNEL_CODE, NO_ADDRESS},
    [VECTOR_STACK_SEGMENT_FAULT] = {SIGBUS, KERNEL_CODE, NO_ADDRESS},
    [VECTOR_GENERAL_PROTECTION_FAULT] = {SIGSEGV, KERNEL_CODE, NO_ADDRESS},
    [VECTOR_X87_FLOATING_POINT_EXCEPTION] = {SIGFPE, 0, AT_RIP},
    [VECTOR_ALIGNMENT_CHECK] = {SIGBUS, BUS_ADRALN, NO_ADDRESS},
    [VECTOR_SIMD_FLOATING_POINT_EXCEPTION] = {SIGFPE, 0, AT_RIP},
};

int fault_signal(struct context_page *page, int signo, int code, uint64_t address, uint32_t access) {
  page->signo = (uint32_t)signo;
  page->sigcode = code;
  page->fault_address = address;
  page->access = access;
  return EVENT_SIGNAL;
}

/* si_code of SIGFPE from the unmasked exceptions that are pending: x87's status word, or MXCSR. Both number them alike. */
static int floating_point_code(uint32_t pending) {
  if (pending & 0x01) return FPE_FLTINV;
  if (pending & 0x04) return FPE_FLTDIV;
  if (pending & 0x08) return FPE_FLTOVF;
  if (pending & 0x12) return FPE_FLTUND;
  if (pending & 0x20) return FPE_FLTRES;
  return 0;
}

static int floating_point(struct context *c, uint32_t vector) {
  context_pull(c);
  const uint8_t *state = c->page->xstate;
  uint16_t control, status;
  uint32_t mxcsr;
  memcpy(&control, state, sizeof(control));
  memcpy(&status, state + 2, sizeof(status));
  memcpy(&mxcsr, state + 24, sizeof(mxcsr));
  if (vector == VECTOR_X87_FLOATING_POINT_EXCEPTION) return floating_point_code(status & ~(uint32_t)control);
  return floating_point_code(mxcsr & ~(mxcsr >> 7));
}

/*
 * A KVM that emulates ring 0 gives #UD for INT n that ring 3 may not use, and, where it emulates ring 3 as well (with a stack pointer that is not
 * canonical), for those that it may. What the instruction would have raised is reported instead. Returns the vector; *rip is where it is reported.
 */
static uint32_t software_interrupt(const struct vcpu *v, struct context_page *page, const struct space *s, uint64_t *rip) {
  uint8_t bytes[2] = {0, 0};
  size_t length = machine_peek(v->machine, s, *rip, bytes, sizeof(bytes));
  bool short_form = length >= 1 && bytes[0] == 0xcc;
  if (!short_form && (length < 2 || bytes[0] != 0xcd)) return VECTOR_INVALID_OPCODE;
  uint32_t vector = short_form ? VECTOR_BREAKPOINT : bytes[1];
  if (vector == VECTOR_BREAKPOINT || vector == VECTOR_OVERFLOW) {
    *rip += short_form ? 1 : 2;
    page->regs[CONTEXT_INDEX_RIP] = *rip;
  } else {
    page->error_code = vector * 8 + 2;
    vector = VECTOR_GENERAL_PROTECTION_FAULT;
  }
  page->vector = vector;
  return vector;
}

/*
 * Whether a debug exception is that of INT1 (0xf1), and not of a single step. DR6 would say so, too, at the price of an ioctl. RIP should be after the
 * instruction; under some hypervisors it is before.
 */
static bool is_icebp(const struct vcpu *v, const struct context_page *page, const struct space *s, uint64_t rip) {
  uint8_t bytes[2] = {0, 0};
  if ((page->regs[CONTEXT_INDEX_RFLAGS] & RFLAGS_STEP) != 0) return false;
  (void)machine_peek(v->machine, s, rip - 1, bytes, sizeof(bytes));
  return bytes[0] == 0xf1 || bytes[1] == 0xf1;
}

int fault_decode(struct vcpu *v, struct context *c, const struct space *s, uint32_t vector, uint32_t error_code, uint64_t cr2) {
  struct context_page *page = c->page;
  page->vector = vector;
  page->error_code = error_code;
  uint64_t rip = page->regs[CONTEXT_INDEX_RIP];

  if (vector == VECTOR_PAGE_FAULT) {
    uint32_t access = error_code & 0x10 ? ACCESS_EXECUTE : error_code & 2 ? ACCESS_WRITE : ACCESS_READ;
    /* The kernel's VMAs decide in the end what it was. */
    return fault_signal(page, SIGSEGV, error_code & 1 ? SEGV_ACCERR : SEGV_MAPERR, cr2, access);
  }
  if (vector == VECTOR_SYSCALL_INT80) {
    /* A Linux without 32-bit emulation has no gate there: #GP at the instruction. Ours lets it through, so RIP is after it. */
    page->regs[CONTEXT_INDEX_RIP] = rip - 2;
    page->vector = VECTOR_GENERAL_PROTECTION_FAULT;
    page->error_code = VECTOR_SYSCALL_INT80 * 8 + 2;
    return fault_signal(page, SIGSEGV, KERNEL_CODE, 0, 0);
  }
  if (vector == VECTOR_INVALID_OPCODE && v->machine->bare) vector = software_interrupt(v, page, s, &rip);
  if (vector >= 32 || traps[vector].signo == 0) return report_failure(v, c, "unexpected exception %u, error code 0x%x", vector, error_code);
  const struct trap *trap = &traps[vector];
  int code = trap->code;
  if (vector == VECTOR_DEBUG && is_icebp(v, page, s, rip)) code = TRAP_BRKPT;
  if (vector == VECTOR_X87_FLOATING_POINT_EXCEPTION || vector == VECTOR_SIMD_FLOATING_POINT_EXCEPTION) {
    code = floating_point(c, vector);
  }
  return fault_signal(page, trap->signo, code, trap->address == AT_RIP ? rip : 0, 0);
}
