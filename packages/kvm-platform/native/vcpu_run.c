/*
 * Running a context on a vCPU: entry, the KVM_RUN loop, decoding of exits.
 *
 * General registers travel in kvm_run (KVM_CAP_SYNC_REGS); a switch between two system calls of one context is one KVM_RUN and no other ioctl.
 * Ring 0 is entered and left in one of two ways:
 *
 *   native   true virtualisation. Entry: RIP = a routine of the text that does IRET or SYSRET (loading CR3 first where it must), its frame in the
 *            vCPU's area. Exit: HLT in a handler; RIP tells which, the frame is on the IST stack.
 *   bare     ring 0 is emulated, each instruction is slow. Entry: ring 3's segments and CR3 are set as special registers (also in kvm_run), so
 *            no instruction of ring 0 runs. Exit: an exception runs one HLT. A SYSCALL needs not even that where `window` is set: an
 *            interrupt window is asked for, ring 3 runs with IF set and SYSCALL does not clear it, so KVM returns to us as soon as it
 *            has handled the SYSCALL, with RIP = LSTAR. (Window exits at other places are spurious; they cost a KVM_RUN each and are rare.)
 *
 * No interrupt is ever injected: a kick (signal) makes KVM_RUN return with EINTR, and ring 3's registers are then in kvm_run. Only if an exception is
 * on its way (KVM_GET_VCPU_EVENTS) or ring 0's text is running does the vCPU go on until it halts. See docs/adr.
 */
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "ring0_entry.h"
#include "vcpu.h"

#define CANONICAL_LIMIT (UINT64_C(1) << 47)
/* Flags that ring 3 may have as it likes; IF and bit 1 are always set, IOPL, NT, VM and the virtual-interrupt bits never. */
#define USER_FLAGS (0xdd5u | RFLAGS_RF | RFLAGS_AC | RFLAGS_ID)

/* Interrupt windows, in one run, that open elsewhere than at a system call, until no more are asked for. */
#define SPURIOUS_LIMIT 16

enum { OUTSIDE, ENTERING, INSIDE };

/* What an exception or interrupt pushes in long mode, from the top of the stack down. */
struct frame {
  uint64_t rip, cs, rflags, rsp, ss;
};

static uint64_t user_flags(uint64_t flags) { return (flags & USER_FLAGS) | USER_FLAGS_SET; }

static bool canonical(uint64_t address) { return (uint64_t)((int64_t)(address << 16) >> 16) == address; }

/* --- Registers --- */

static void load_general(struct kvm_regs *r, const struct context_page *page) {
  const uint64_t *g = page->regs;
  r->rax = g[CONTEXT_INDEX_RAX];
  r->rbx = g[CONTEXT_INDEX_RBX];
  r->rcx = g[CONTEXT_INDEX_RCX];
  r->rdx = g[CONTEXT_INDEX_RDX];
  r->rsi = g[CONTEXT_INDEX_RSI];
  r->rdi = g[CONTEXT_INDEX_RDI];
  r->rsp = g[CONTEXT_INDEX_RSP];
  r->rbp = g[CONTEXT_INDEX_RBP];
  r->r8 = g[CONTEXT_INDEX_R8];
  r->r9 = g[CONTEXT_INDEX_R9];
  r->r10 = g[CONTEXT_INDEX_R10];
  r->r11 = g[CONTEXT_INDEX_R11];
  r->r12 = g[CONTEXT_INDEX_R12];
  r->r13 = g[CONTEXT_INDEX_R13];
  r->r14 = g[CONTEXT_INDEX_R14];
  r->r15 = g[CONTEXT_INDEX_R15];
}

static void store_general(struct context_page *page, const struct kvm_regs *r, uint64_t rip, uint64_t rflags, uint64_t rsp) {
  uint64_t *g = page->regs;
  g[CONTEXT_INDEX_RAX] = r->rax;
  g[CONTEXT_INDEX_RBX] = r->rbx;
  g[CONTEXT_INDEX_RCX] = r->rcx;
  g[CONTEXT_INDEX_RDX] = r->rdx;
  g[CONTEXT_INDEX_RSI] = r->rsi;
  g[CONTEXT_INDEX_RDI] = r->rdi;
  g[CONTEXT_INDEX_RSP] = rsp;
  g[CONTEXT_INDEX_RBP] = r->rbp;
  g[CONTEXT_INDEX_R8] = r->r8;
  g[CONTEXT_INDEX_R9] = r->r9;
  g[CONTEXT_INDEX_R10] = r->r10;
  g[CONTEXT_INDEX_R11] = r->r11;
  g[CONTEXT_INDEX_R12] = r->r12;
  g[CONTEXT_INDEX_R13] = r->r13;
  g[CONTEXT_INDEX_R14] = r->r14;
  g[CONTEXT_INDEX_R15] = r->r15;
  g[CONTEXT_INDEX_RIP] = rip;
  g[CONTEXT_INDEX_RFLAGS] = rflags;
  g[CONTEXT_INDEX_CS] = SELECTOR_UCODE64;
  g[CONTEXT_INDEX_SS] = SELECTOR_UDATA;
  g[CONTEXT_INDEX_ORIG_RAX] = UINT64_MAX;
}

/* A data segment of ring 3. Only null selectors and that of the flat data segment mean anything; a base that is not canonical is no base. */
static void set_user_data(struct kvm_segment *s, uint64_t selector, uint64_t base) {
  *s = (struct kvm_segment){.base = canonical(base) ? base : 0, .limit = 0xffffffff, .type = 3, .dpl = 3, .present = 1, .s = 1, .g = 1, .db = 1};
  s->selector = selector <= 3 || selector == SELECTOR_UDATA ? (uint16_t)selector : 0;
}

/* --- State of the context that KVM_RUN doesn't carry --- */

/*
 * Completes an XSAVE area for KVM_SET_XSAVE, which leaves x87, SSE registers and MXCSR as they are where XSTATE_BV has them clear, while XRSTOR would
 * initialise the former and load the latter from the area (SDM Vol. 1 13.8.1).
 */
static void complete_xstate(uint8_t *area) {
  enum { X87 = 1, SSE = 2, MXCSR = 24, X87_REGISTERS = 32, XMM_REGISTERS = 160, LEGACY_END = 416, XSTATE_BV = 512 };
  if ((area[XSTATE_BV] & X87) == 0) {
    static const uint8_t control_word[2] = {0x7f, 0x03};
    memset(area, 0, MXCSR);
    memcpy(area, control_word, sizeof(control_word));
    memset(area + X87_REGISTERS, 0, XMM_REGISTERS - X87_REGISTERS);
  }
  if ((area[XSTATE_BV] & SSE) == 0) memset(area + XMM_REGISTERS, 0, LEGACY_END - XMM_REGISTERS);
  area[XSTATE_BV] |= X87 | SSE;
}

/*
 * Makes `v` hold FS/GS base and extended state of `c`, and takes them from where they were. The special registers in kvm_run are prepared, not yet
 * marked as changed. Returns 0 or what KVM says about an extended state that the CPU would refuse.
 */
static int load_state(struct vcpu *v, struct context *c) {
  struct context_page *page = c->page;
  if (c->home != v) context_evict(c);
  complete_xstate(page->xstate);
  int error = vcpu_take_up(v, c);
  if (error < 0) return error;

  struct kvm_sregs *s = &v->run->s.regs.sregs;
  set_user_data(&s->fs, page->regs[CONTEXT_INDEX_FS], page->regs[CONTEXT_INDEX_FS_BASE]);
  set_user_data(&s->gs, page->regs[CONTEXT_INDEX_GS], page->regs[CONTEXT_INDEX_GS_BASE]);
  set_user_data(&s->ds, page->regs[CONTEXT_INDEX_DS], 0);
  set_user_data(&s->es, page->regs[CONTEXT_INDEX_ES], 0);
  return 0;
}

/* --- Entry --- */

static void prepare_bare(struct vcpu *v, struct context *c, const struct space *s, bool flush, bool loaded) {
  struct kvm_run *run = v->run;
  struct kvm_sregs *special = &run->s.regs.sregs;
  /* A KVM that does not shadow forgets translations when CR3 changes: by a bit that the CPU ignores, if by nothing else. */
  const uint64_t ignored = 1u << 5;
  uint64_t cr3 = s->cr3;
  if (!v->machine->shadow) cr3 |= (flush ? ~special->cr3 : special->cr3) & ignored;
  run->kvm_dirty_regs = KVM_SYNC_X86_REGS;
  if (loaded || v->ring != 3 || special->cr3 != cr3) {
    vcpu_set_ring(special, 3);
    special->cr3 = cr3;
    run->kvm_dirty_regs |= KVM_SYNC_X86_SREGS;
    v->counts[COUNT_SREGS]++;
  }
  atomic_fetch_and(&v->requests, ~REQUEST_DEAD_CR3);
  v->ring = 3;
  struct kvm_regs *r = &run->s.regs.regs;
  load_general(r, c->page);
  r->rip = c->page->regs[CONTEXT_INDEX_RIP];
  r->rflags = user_flags(c->page->regs[CONTEXT_INDEX_RFLAGS]);
}

static int prepare_native(struct vcpu *v, struct context *c, const struct space *s, bool flush, bool loaded) {
  struct kvm_run *run = v->run;
  const struct context_page *page = c->page;
  run->kvm_dirty_regs = KVM_SYNC_X86_REGS;
  /* Cleared only where it was seen: a request that comes later stays, and the kick that comes with it makes the vCPU look again. */
  bool dead = (v->requests & REQUEST_DEAD_CR3) != 0;
  if (dead) atomic_fetch_and(&v->requests, ~REQUEST_DEAD_CR3);
  if (loaded || v->ring == 3 || dead) {
    struct kvm_sregs *special = &run->s.regs.sregs;
    /* Without new ones, FS and GS stay what ring 3 has made of them. */
    int error = loaded ? 0 : kvm_get_sregs(v->fd, special);
    if (error < 0) return report_failure(v, c, "KVM_GET_SREGS failed: errno %d", -error);
    vcpu_set_ring(special, 0);
    special->cr3 = dead ? s->cr3 : v->cr3;
    run->kvm_dirty_regs |= KVM_SYNC_X86_SREGS;
    v->counts[COUNT_SREGS]++;
    v->cr3 = special->cr3;
    v->ring = 0;
  }

  struct kvm_regs *r = &run->s.regs.regs;
  load_general(r, page);
  uint64_t rip = page->regs[CONTEXT_INDEX_RIP];
  uint64_t rflags = user_flags(page->regs[CONTEXT_INDEX_RFLAGS]);
  r->rflags = KERNEL_FLAGS_SET;
  /* SYSRET takes RIP and RFLAGS from RCX and R11. It clears RF, and with TF the trap comes one instruction late. */
  if (!flush && (page->flags & FLAG_FULL_RESTORE) == 0 && r->rcx == rip && r->r11 == rflags && rip < CANONICAL_LIMIT &&
      (rflags & (RFLAGS_RF | RFLAGS_STEP)) == 0) {
    r->rip = machine_text(v->machine, ring0_enter_sysret);
    return 0;
  }
  uint64_t *words = v->cpu->platform;
  words[0] = s->cr3;
  words[1] = r->rax;
  struct frame *frame = (struct frame *)&words[2];
  *frame = (struct frame){.rip = rip, .cs = SELECTOR_UCODE64, .rflags = rflags, .rsp = r->rsp, .ss = SELECTOR_UDATA};
  r->rsp = v->cpu_linear + CPU_PLATFORM + (flush ? 0 : 16);
  r->rip = machine_text(v->machine, flush ? ring0_enter_cr3 : ring0_enter_iret);
  if (flush) v->cr3 = s->cr3;
  return 0;
}

static int prepare(struct vcpu *v, struct context *c, struct space *s, bool loaded) {
  /* Read after the vCPU published that it is in guest mode: whoever flushes later sees that and kicks. */
  uint64_t generation = s->generation;
  bool flush = v->loaded != s->serial || v->generation != generation;
  if (flush) {
    v->counts[COUNT_FLUSH_ENTRY]++;
    v->loaded = s->serial;
    v->generation = generation;
  }
  if (!v->machine->bare) return prepare_native(v, c, s, flush, loaded);
  prepare_bare(v, c, s, flush, loaded);
  return 0;
}

/* --- Exit --- */

static void leave_guest(struct vcpu *v) {
  uint32_t old = v->state;
  uint32_t next = (old & ~(VCPU_COUNT - 1)) + VCPU_COUNT;
  old = atomic_exchange(&v->state, next);
  if (old & VCPU_WAITER) syscall(SYS_futex, &v->state, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

static int finish(struct context_page *page, int event) {
  page->event = (uint32_t)event;
  return event;
}

/*
 * Ring 3 has left 64-bit mode by a far jump, which only a KVM that runs it on the host's own segment descriptors permits. It would go on in 64-bit
 * mode: a fault tells it that there is no other.
 */
static int on_compatibility_mode(struct context *c) {
  c->page->vector = VECTOR_GENERAL_PROTECTION_FAULT;
  c->page->error_code = 0;
  return finish(c->page, fault_signal(c->page, SIGSEGV, 0x80 /* SI_KERNEL */, 0, 0));
}

static int on_syscall(struct vcpu *v, struct context *c, uint64_t rsp) {
  const struct kvm_regs *r = &v->run->s.regs.regs;
  store_general(c->page, r, r->rcx, r->r11, rsp);
  c->page->regs[CONTEXT_INDEX_ORIG_RAX] = r->rax;
  return finish(c->page, EVENT_SYSCALL);
}

static bool has_error_code(uint32_t vector) {
  const uint32_t with = 1u << 8 | 1u << 10 | 1u << 11 | 1u << 12 | 1u << 13 | 1u << 14 | 1u << 17 | 1u << 21 | 1u << 29 | 1u << 30;
  return vector < 32 && (with >> vector & 1) != 0;
}

/* Top of the stack that `vector` runs on. */
static const uint64_t *stack_top(const struct vcpu *v, uint32_t vector) {
  const uint8_t *stack = vector == VECTOR_NMI              ? v->cpu->nmi_stack
                         : vector == VECTOR_DOUBLE_FAULT   ? v->cpu->double_fault_stack
                         : vector == VECTOR_MACHINE_CHECK  ? v->cpu->machine_check_stack
                                                           : v->cpu->main_stack;
  return (const uint64_t *)(stack + CPU_INTERRUPT_STACK_SIZE);
}

static int on_exception(struct vcpu *v, struct context *c, const struct space *s, uint32_t vector) {
  struct machine *m = v->machine;
  /* SAFETY: the stack is the vCPU's own, which ring 3 cannot reach: what is there is what the CPU has pushed. */
  const uint64_t *top = stack_top(v, vector);
  const struct frame *frame = (const struct frame *)(top - 5);
  uint64_t error_code = has_error_code(vector) ? top[-6] : 0;
  uint64_t cr2 = 0;
  if (vector == VECTOR_PAGE_FAULT) cr2 = m->bare ? v->run->s.regs.sregs.cr2 : top[-7];

  if ((frame->cs & 3) == 0) {
    return report_failure(v, c, "exception %u in ring 0 at 0x%llx, error code 0x%llx, CR2 0x%llx", vector, (unsigned long long)frame->rip,
                          (unsigned long long)error_code, (unsigned long long)cr2);
  }
  const uint64_t lstar = machine_text(m, ring0_exit_syscall);
  if (vector == VECTOR_PAGE_FAULT && m->syscall_faults && frame->rip == lstar && cr2 == lstar) return on_syscall(v, c, frame->rsp);

  store_general(c->page, &v->run->s.regs.regs, frame->rip, frame->rflags, frame->rsp);
  if (frame->cs != SELECTOR_UCODE64) return on_compatibility_mode(c);
  return finish(c->page, fault_decode(v, c, s, vector, (uint32_t)error_code, cr2));
}

static int on_halt(struct vcpu *v, struct context *c, const struct space *s) {
  struct machine *m = v->machine;
  const struct kvm_regs *r = &v->run->s.regs.regs;
  /* RIP is after the HLT. */
  uint64_t at = r->rip - 1;
  if (at == machine_text(m, ring0_exit_syscall)) return on_syscall(v, c, r->rsp);
  uint64_t vectors = machine_text(m, m->bare ? ring0_exit_bare_vectors : ring0_exit_vectors);
  uint64_t vector = m->bare ? at - vectors : (at - vectors) / RING0_EXIT_VECTOR_SIZE;
  if (at >= vectors && vector < 256) return on_exception(v, c, s, (uint32_t)vector);
  return report_failure(v, c, "HLT at 0x%llx, where no stub is", (unsigned long long)at);
}

/* Where a vCPU that left guest mode without an event stands. */
static int position(struct vcpu *v, const struct context *c) {
  struct machine *m = v->machine;
  uint64_t rip = v->run->s.regs.regs.rip;
  if (m->bare) {
    if (v->ring != 3) return INSIDE;
  } else {
    uint64_t offset = rip - m->area.text;
    uint64_t first_enter = (uint64_t)(ring0_enter_iret - ring0_exit_text), end_enter = (uint64_t)(ring0_forget_rax - ring0_exit_text);
    if (offset >= first_enter && offset < end_enter) return OUTSIDE;
    if (offset < RING0_EXIT_TEXT_SIZE) return INSIDE;
  }
  /*
   * Ring 3 runs with IF set, so a vCPU that could not take an interrupt here has an exception to deliver first, or has just loaded SS, which keeps
   * interrupts off for one instruction: then it is between two. Ring 3 may load SS all the time, so it is not waited for. (But where it steps singly:
   * the CPU may owe it a trap then, and the next instruction that is no load of SS brings it.)
   * KVM says that an exception is pending by the flag since Linux 5.10 only; older ones list it, but for INT3 and INTO, before which they have not
   * advanced RIP.
   */
  struct kvm_vcpu_events events;
  int error = kvm_get_events(v->fd, &events);
  if (error < 0) {
    report_failure(v, c, "KVM_GET_VCPU_EVENTS failed: errno %d", -error);
    return INSIDE;
  }
  if (events.exception.injected || events.exception.pending || events.interrupt.injected || events.nmi.injected) return INSIDE;
  bool stepping = (v->run->s.regs.regs.rflags & RFLAGS_STEP) != 0;
  if (!v->run->ready_for_interrupt_injection && (events.interrupt.shadow == 0 || stepping)) return INSIDE;
  return ENTERING;
}

static int on_host_error(struct vcpu *v, struct context *c, int error) {
  /* With its first vCPU that runs, a virtual machine gets a thread of the kernel's, which counts as one of this process's user. */
  if (error == -EAGAIN) {
    report_machine_failure(v->machine, "the host gives KVM no more threads (ulimit -u, pids.max)");
    return EVENT_FAILED;
  }
  if (error != -EFAULT) return report_failure(v, c, "KVM_RUN failed: errno %d", -error);
  /* The host has no memory behind a page that the application may use. Linux answers such an access with SIGBUS. */
  if (position(v, c) == ENTERING) {
    v->ring = 3;
    const struct kvm_regs *r = &v->run->s.regs.regs;
    store_general(c->page, r, r->rip, r->rflags, r->rsp);
    return finish(c->page, fault_signal(c->page, SIGBUS, 2 /* BUS_ADRERR */, 0, ACCESS_READ | ACCESS_WRITE));
  }
  return report_failure(v, c, "the host refused an access of ring 0 to guest memory (EFAULT)");
}

/* The event that KVM_RUN's return is, or EVENT_NONE if the vCPU is to go on. */
static int decode_exit(struct vcpu *v, struct context *c, const struct space *s, int error) {
  struct machine *m = v->machine;
  struct kvm_run *run = v->run;
  if (m->bare) v->ring = run->s.regs.sregs.cs.selector & 3;
  if (error < 0) {
    if (error == -EINTR) {
      v->counts[COUNT_INTR]++;
      return EVENT_NONE;
    }
    v->counts[COUNT_FAULT]++;
    return on_host_error(v, c, error);
  }
  switch (run->exit_reason) {
  case KVM_EXIT_HLT:
    v->counts[COUNT_HLT]++;
    return on_halt(v, c, s);
  case KVM_EXIT_IRQ_WINDOW_OPEN:
    if (m->syscall_faults && v->ring == 3 && run->s.regs.regs.rip == machine_text(m, ring0_exit_syscall)) {
      v->counts[COUNT_WINDOW]++;
      return on_syscall(v, c, run->s.regs.regs.rsp);
    }
    v->counts[COUNT_WINDOW_SPURIOUS]++;
    /* A long run gains nothing from the window, and one whose every entry is disturbed (by a tracer of this process) would never begin. */
    if (++v->spurious == SPURIOUS_LIMIT) run->request_interrupt_window = 0;
    return EVENT_NONE;
  case KVM_EXIT_INTR:
    v->counts[COUNT_INTR]++;
    return EVENT_NONE;
  case KVM_EXIT_MMIO:
    return report_failure(v, c, "access to guest-physical 0x%llx, where no memory is", (unsigned long long)run->mmio.phys_addr);
  case KVM_EXIT_FAIL_ENTRY:
    return report_failure(v, c, "KVM could not enter guest mode: hardware reason 0x%llx",
                          (unsigned long long)run->fail_entry.hardware_entry_failure_reason);
  case KVM_EXIT_INTERNAL_ERROR:
    return report_failure(v, c, "KVM internal error, suberror %u", run->internal.suberror);
  case KVM_EXIT_SHUTDOWN:
    return report_failure(v, c, "the vCPU shut down (triple fault)");
  default:
    v->counts[COUNT_OTHER]++;
    return report_failure(v, c, "KVM_RUN returned with exit reason %u, which nothing here causes", run->exit_reason);
  }
}

/* What makes a run end before the application does anything: EVENT_INTERRUPT, RUN_PREEMPTED, or EVENT_NONE to go on. */
static int stop_wanted(struct vcpu *v, struct context_page *page, uint64_t sequence, bool take) {
  uint32_t *interrupt = &page->interrupt;
  if (__atomic_load_n(interrupt, __ATOMIC_SEQ_CST) != 0) {
    if (take) __atomic_store_n(interrupt, 0, __ATOMIC_SEQ_CST);
    return EVENT_INTERRUPT;
  }
  if (v->stop == sequence) return EVENT_INTERRUPT;
  if (v->requests & REQUEST_PREEMPT) {
    if (take) atomic_fetch_and(&v->requests, ~REQUEST_PREEMPT);
    return RUN_PREEMPTED;
  }
  return EVENT_NONE;
}

/* Ring 3 was not reached, so the page has its registers; but CR3 may or may not have been loaded, and it is loaded (again) next time. */
static void settle_cr3(struct vcpu *v, const struct context *c, const struct space *s) {
  struct kvm_sregs special;
  int error = kvm_get_sregs(v->fd, &special);
  if (error < 0) {
    report_failure(v, c, "KVM_GET_SREGS failed: errno %d", -error);
    return;
  }
  v->cr3 = special.cr3;
  if (special.cr3 == s->cr3) v->under = v->loaded;
  v->generation = s->generation - 1;
}

static int timed_run(struct vcpu *v) {
  uint64_t start = clock_now();
  int error = kvm_run(v->fd);
  v->run_ns += clock_now() - start;
  return error;
}

static int run_loop(struct vcpu *v, struct context *c, struct space *s, uint64_t sequence, bool loaded) {
  struct context_page *page = c->page;
  struct kvm_run *run = v->run;
  /* Whether kvm_run or the vCPU, and not the page, has ring 3's registers. */
  bool inside = false;
  for (;;) {
    run->immediate_exit = 0;
    atomic_signal_fence(memory_order_seq_cst);
    atomic_fetch_or(&v->state, VCPU_GUEST);
    if (v->machine->failed) {
      leave_guest(v);
      return finish(page, EVENT_FAILED);
    }
    int stop = stop_wanted(v, page, sequence, false);
    bool stale = inside && (v->generation != s->generation || (v->requests & REQUEST_DEAD_CR3));
    if (inside && (stop != EVENT_NONE || stale)) {
      int where = position(v, c);
      if (where == ENTERING) {
        const struct kvm_regs *r = &run->s.regs.regs;
        v->ring = 3;
        /* Not between two instructions: SYSCALL was executed and its fault is still to come. It ends the run as well. */
        if (v->machine->syscall_faults && r->rip == machine_text(v->machine, ring0_exit_syscall)) {
          v->under = v->loaded;
          leave_guest(v);
          return on_syscall(v, c, r->rsp);
        }
        store_general(page, r, r->rip, r->rflags, r->rsp);
      }
      if (where == OUTSIDE) settle_cr3(v, c, s);
      else v->under = v->loaded;
      inside = where == INSIDE;
    }
    if (!inside) {
      int event = stop != EVENT_NONE ? stop_wanted(v, page, sequence, true) : prepare(v, c, s, loaded);
      if (event != EVENT_NONE) {
        leave_guest(v);
        /* Special registers that were prepared for a run that did not begin: the next one loads them again. */
        if (loaded) {
          page->flags |= FLAG_STATE_VALID;
          context_evict(c);
        }
        return event == RUN_PREEMPTED ? event : finish(page, event);
      }
      loaded = false;
    }
    v->counts[COUNT_RUN]++;
    int error = v->timed ? timed_run(v) : kvm_run(v->fd);
    inside = true;
    leave_guest(v);
    int event = v->machine->failed ? EVENT_FAILED : decode_exit(v, c, s, error);
    if (event == EVENT_NONE) continue;
    v->under = v->loaded;
    return finish(page, event);
  }
}

int vcpu_run(struct vcpu *v, struct context *c, struct space *s, uint64_t sequence) {
  struct context_page *page = c->page;
  if (v->machine->failed) return finish(page, EVENT_FAILED);
  uint64_t rip = page->regs[CONTEXT_INDEX_RIP];
  if (!canonical(rip)) return finish(page, fault_signal(page, SIGSEGV, 0x80 /* SI_KERNEL */, 0, 0));
  /* Where SYSCALL faults, ring 3 at LSTAR would look like one; no other address up there is any good either. */
  if (v->machine->syscall_faults && rip >= CANONICAL_LIMIT) {
    page->error_code = 0x14;
    page->vector = VECTOR_PAGE_FAULT;
    return finish(page, fault_signal(page, SIGSEGV, 1 /* SEGV_MAPERR */, rip, ACCESS_EXECUTE));
  }
  bool load = c->home != v || (page->flags & FLAG_STATE_DIRTY) != 0;
  if (load && load_state(v, c) < 0) return finish(page, fault_signal(page, SIGSEGV, 0x80, 0, 0));
  page->flags &= ~(uint32_t)(FLAG_STATE_DIRTY | FLAG_STATE_VALID);
  page->cpu = v->index;
  page->state = STATE_RUNNING;
  v->spurious = 0;
  v->run->request_interrupt_window = v->machine->window;
  c->running = v;
  int event = run_loop(v, c, s, sequence, load);
  c->running = NULL;
  page->flags &= ~(uint32_t)FLAG_FULL_RESTORE;
  return event;
}
