/* Contexts: registers go to a thread's slot when it is resumed, and come back from its signal frame. */
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "futex.h"
#include "machine.h"

/*
 * A thread that was kicked comes back as soon as it has a CPU. After this long it was stopped; after so much CPU time of its process, and so much more for each of
 * its threads that may have been in front of it, another thread hides its event.
 */
#define KICK_PATIENCE_NS UINT64_C(10000000000)
#define KICK_CPU_NS UINT64_C(1000000000)
#define KICK_CPU_THREAD_NS UINT64_C(10000000)

/* Kicks that may be on their way to a thread that has stopped. */
#define KICKS_MOST 8

#define USER_CODE 0x33
#define USER_DATA 0x2b
/* CF, PF, AF, ZF, SF, TF, DF, OF, RF, AC, ID: what guest code may have. */
#define RFLAGS_ALLOWED UINT64_C(0x250dd5)
#define RFLAGS_ALWAYS UINT64_C(0x202)
#define RFLAGS_TRAP UINT64_C(0x100)
#define VECTOR_PROTECTION 13
#define VECTOR_PAGE_FAULT 14
#define AUDIT_ARCH_X86_64 0xc000003e
#define SI_KERNEL_CODE 0x80
/* Of a siginfo: what is read of it. */
#define SIGINFO_SIZE 48
#define SIGINFO_CODE 8
#define SIGINFO_ADDRESS 16
#define SIGINFO_ARCH 28

/* Of memory that others write to at the same time: read once, whatever the compiler would like. */
static uint64_t read64(const uint8_t *base, size_t offset) { return *(const volatile uint64_t *)(const void *)(base + offset); }
static uint32_t read32(const uint8_t *base, size_t offset) { return *(const volatile uint32_t *)(const void *)(base + offset); }

static void write64(uint8_t *base, size_t offset, uint64_t value) { memcpy(base + offset, &value, sizeof(value)); }

static bool is_canonical(uint64_t address) { return (uint64_t)((int64_t)(address << 16) >> 16) == address; }

/* --- Resuming --- */

/* Puts the page's extended state and bases where the thread loads them from. */
static void load_state(struct context *c, struct thread *t) {
  const struct machine *m = t->space->machine;
  uint64_t fs = c->page->regs[CONTEXT_INDEX_FS_BASE], gs = c->page->regs[CONTEXT_INDEX_GS_BASE];
  xstate_copy(t->slot + SLOT_XSTATE, c->page->xstate, m->xsave_size, m->xfeatures);
  c->xstate_offset = SLOT_XSTATE;
  c->xstate_live = false;
  c->gs_free = gs == 0;
  write64(t->line, LINE_FS_BASE, is_canonical(fs) ? fs : 0);
  write64(t->line, LINE_GS_BASE, is_canonical(gs) ? gs : 0);
  c->bases_pending = true;
}

static uint64_t slot_address(const struct thread *t) { return SLOT_BASE + ((uint64_t)t->index << SLOT_SHIFT); }

/* Whether the registers are those that a call left, but for its result. */
static bool is_plain_return(const struct context *c, const uint64_t *regs) {
  if (!c->called || !c->xstate_live) return false;
  uint64_t changed = regs[CONTEXT_INDEX_RFLAGS] & RFLAGS_TRAP;
  for (size_t i = 0; i < CONTEXT_INDEX_RAX; i++) changed |= regs[i] ^ c->call[i];
  for (size_t i = CONTEXT_INDEX_RAX + 1; i < 15; i++) changed |= regs[i] ^ c->call[i];
  for (size_t i = CONTEXT_INDEX_RIP; i < CONTEXT_INDEX_SS; i++) changed |= regs[i] ^ c->call[i];
  return changed == 0;
}

static void load_registers(struct context *c, struct thread *t) {
  const uint64_t *regs = c->page->regs;
  if (is_plain_return(c, regs)) {
    write64(t->line, LINE_RAX, regs[CONTEXT_INDEX_RAX]);
    *word(t->line, LINE_FLAGS) = LINE_RETURN;
    return;
  }
  uint64_t image[20];
  memcpy(image, regs, 15 * sizeof(image[0]));
  image[15] = regs[CONTEXT_INDEX_RIP];
  image[16] = USER_CODE;
  image[17] = (regs[CONTEXT_INDEX_RFLAGS] & RFLAGS_ALLOWED) | RFLAGS_ALWAYS;
  image[18] = regs[CONTEXT_INDEX_RSP];
  image[19] = USER_DATA;
  memcpy(t->slot + SLOT_IMAGE, image, sizeof(image));
  const uint64_t slot = slot_address(t);
  write64(t->line, LINE_XSTATE, slot + c->xstate_offset);
  uint32_t flags = c->xstate_live ? LINE_KEEP : 0;
  if (c->bases_pending) flags |= LINE_LOAD_FS | LINE_LOAD_GS;
  /* A program that does not use GS lends it to its rewritten call sites. */
  if (c->gs_free && t->space->site_count > 0) {
    write64(t->line, LINE_GS_BASE, slot);
    flags |= LINE_LOAD_GS;
  }
  if (image[15] == image[11] && (image[17] & RFLAGS_TRAP) == 0) flags |= LINE_FAST;
  *word(t->line, LINE_FLAGS) = flags;
}

static void wake_thread(struct thread *t) {
  struct machine *m = t->space->machine;
  *word(t->line, LINE_RESUME) = ++t->resumption;
  if (*word(t->slot, SLOT_SLEEPING) == 0) {
    m->together = 0;
    return;
  }
  m->counts[COUNT_WAKE]++;
  cpu_set_t allowed;
  const bool moved = machine_part(m, t, &allowed);
  futex_wake(word(t->line, LINE_RESUME));
  if (moved) sched_setaffinity(t->tid, sizeof(allowed), &allowed);
}

/* The event that the context has without running, or NOT_IMMEDIATE: then it runs. */
static enum immediate resume(struct context *c, struct space *s) {
  if (c->interrupted) return IMMEDIATE_INTERRUPT;
  if (s->dead) return IMMEDIATE_KILLED;
  if (!is_canonical(c->page->regs[CONTEXT_INDEX_RIP])) return IMMEDIATE_BAD_RIP;
  if (c->thread != NULL && c->thread->space != s) context_detach(c);
  struct thread *t = c->thread;
  if (t == NULL) {
    t = space_take_thread(s);
    if (t == NULL) return IMMEDIATE_KILLED;
    t->owner = c;
    c->thread = t;
    c->page->flags |= FLAG_STATE_DIRTY;
  }
  if (!commands_flush(s)) return IMMEDIATE_KILLED;
  if (c->page->flags & FLAG_STATE_DIRTY) load_state(c, t);
  load_registers(c, t);
  c->page->flags &= ~(uint32_t)(FLAG_STATE_DIRTY | FLAG_STATE_VALID | FLAG_FULL_RESTORE);
  c->kicked_at = 0;
  wake_thread(t);
  return NOT_IMMEDIATE;
}

void context_start(struct context *c, struct space *s) {
  struct machine *m = s->machine;
  c->running = true;
  c->arrived = false;
  c->space = s;
  c->page->state = STATE_RUNNING;
  c->position = m->running_count;
  m->running[m->running_count++] = c;
  machine_tune(m);
  c->immediate = resume(c, s);
}

/* --- Events --- */

bool context_has_event(struct context *c) {
  if (c->arrived || c->immediate != NOT_IMMEDIATE || c->space->dead || c->space->machine->failed) return true;
  struct thread *t = c->thread;
  /* Once seen it is there: another thread of the program may overwrite the word at any time, also between two looks. */
  c->arrived = atomic_load_explicit(word(t->slot, SLOT_EVENT), memory_order_acquire) == t->resumption;
  return c->arrived;
}

/* A fault of which there is no signal frame. */
static int report_fault(struct context_page *p, uint32_t signo, int32_t code, uint32_t vector) {
  p->signo = signo;
  p->sigcode = code;
  p->fault_address = 0;
  p->error_code = 0;
  p->vector = vector;
  p->access = 0;
  return EVENT_SIGNAL;
}

static void read_registers(struct context_page *p, const uint8_t *uc) {
  static const uint8_t order[15] = {7, 6, 5, 4, 10, 11, 3, 2, 1, 0, 13, 14, 12, 9, 8};
  uint64_t gregs[18];
  memcpy(gregs, uc + UC_GREGS, sizeof(gregs));
  for (size_t i = 0; i < 15; i++) p->regs[i] = gregs[order[i]];
  p->regs[CONTEXT_INDEX_ORIG_RAX] = gregs[13];
  p->regs[CONTEXT_INDEX_RIP] = gregs[16];
  p->regs[CONTEXT_INDEX_CS] = USER_CODE;
  p->regs[CONTEXT_INDEX_RFLAGS] = gregs[17];
  p->regs[CONTEXT_INDEX_RSP] = gregs[15];
  p->regs[CONTEXT_INDEX_SS] = USER_DATA;
}

/* Whether the signal is one that a fault or a trap gives. */
static bool is_fault(uint32_t signo) { return signo == SIGSEGV || signo == SIGTRAP || signo == SIGILL || signo == SIGFPE || signo == SIGBUS; }

static int read_signal(struct context_page *p, uint32_t signo, const uint8_t *uc, const uint8_t *info) {
  p->signo = signo;
  p->sigcode = (int32_t)read32(info, SIGINFO_CODE);
  p->fault_address = read64(info, SIGINFO_ADDRESS);
  p->error_code = (uint32_t)read64(uc, UC_ERR);
  p->vector = (uint32_t)read64(uc, UC_TRAPNO);
  p->access = 0;
  if (p->vector == VECTOR_PAGE_FAULT) p->access = p->error_code & 16 ? ACCESS_EXECUTE : p->error_code & 2 ? ACCESS_WRITE : ACCESS_READ;
  return EVENT_SIGNAL;
}

/* The thread came through a rewritten call site: all of its registers are in the slot. The site's own SYSCALL is what it has executed. */
static int read_call(struct context *c, struct thread *t) {
  struct space *s = t->space;
  uint64_t saved[16];
  memcpy(saved, t->slot + SLOT_SAVED, sizeof(saved));
  const uint64_t number = saved[CONTEXT_INDEX_RCX];
  if (number >= s->site_count) {
    space_kill(s, "a thread's registers were tampered with");
    return report_fault(c->page, SIGKILL, SI_KERNEL_CODE, 0);
  }
  const struct site *site = &s->sites[number];
  uint64_t *regs = c->page->regs;
  memcpy(regs, saved, 15 * sizeof(regs[0]));
  regs[CONTEXT_INDEX_RCX] = regs[CONTEXT_INDEX_RIP] = site->end;
  regs[CONTEXT_INDEX_R11] = regs[CONTEXT_INDEX_RFLAGS] = saved[15];
  regs[CONTEXT_INDEX_RAX] = regs[CONTEXT_INDEX_ORIG_RAX] = site->nr;
  regs[CONTEXT_INDEX_RSP] = saved[CONTEXT_INDEX_RAX];
  regs[CONTEXT_INDEX_CS] = USER_CODE;
  regs[CONTEXT_INDEX_SS] = USER_DATA;
  c->xstate_live = true;
  c->bases_pending = false;
  c->gs_free = true;
  s->machine->counts[COUNT_CALL]++;
  if (!patch_is_stale(s, site)) {
    memcpy(c->call, regs, sizeof(c->call));
    c->called = true;
    return EVENT_SYSCALL;
  }
  regs[CONTEXT_INDEX_RIP] = site->end - sizeof(site->code);
  return EVENT_INTERRUPT;
}

/*
 * A kick or a single step met the thread on its way from a rewritten call site to the sentry. The way is undone: the thread is before the site's SYSCALL instruction, with
 * the call's number in RAX.
 */
static void leave_call(struct context_page *p, const struct thread *t) {
  uint64_t *regs = p->regs;
  const uint64_t at = regs[CONTEXT_INDEX_RIP] - STUB_BASE;
  const uint64_t number = at >= STUB_ENTRIES ? (at - STUB_ENTRIES) >> ENTRY_SHIFT : regs[CONTEXT_INDEX_RCX];
  if (number >= t->space->site_count) return;
  if (at >= STUB_CALL_SAVED && at < STUB_CALL_ELSEWHERE) {
    memcpy(regs, t->slot + SLOT_SAVED, 15 * sizeof(regs[0]));
    regs[CONTEXT_INDEX_RFLAGS] = read64(t->slot, SLOT_SAVED + 15 * sizeof(regs[0]));
  } else if (at >= STUB_CALL_FLAGS && at < STUB_CALL_OURS) {
    /* AH: SF, ZF, AF, PF, CF as LAHF stores them; AL: OF, or that plus 0x7f. */
    const uint64_t ax = regs[CONTEXT_INDEX_RAX], overflow = (ax & 0xff) == 1 || (ax & 0xff) == 0x80;
    regs[CONTEXT_INDEX_RFLAGS] = (regs[CONTEXT_INDEX_RFLAGS] & ~UINT64_C(0x8d5)) | (ax >> 8 & 0xd5) | overflow << 11;
  }
  if (at >= STUB_CALL_SWITCHED && at < STUB_CALL_ELSEWHERE) regs[CONTEXT_INDEX_RSP] = read64(t->slot, SLOT_SAVED_RSP);
  const struct site *site = &t->space->sites[number];
  if (patch_is_stale(t->space, site)) {
    /* The code was changed since: what is there now is what runs. */
    regs[CONTEXT_INDEX_RIP] = site->end - sizeof(site->code);
    return;
  }
  regs[CONTEXT_INDEX_RIP] = site->end - 2;
  regs[CONTEXT_INDEX_RAX] = regs[CONTEXT_INDEX_ORIG_RAX] = site->nr;
}

/*
 * Reads a thread's event. SAFETY: all addresses in the slot are the guest's to choose; the frame, the siginfo and the extended state are used only if they lie
 * in the slot, which stays mapped here as long as its space.
 */
static int read_event(struct context *c, struct thread *t) {
  struct context_page *p = c->page;
  const uint64_t base = slot_address(t);
  const uint32_t signo = read32(t->slot, SLOT_SIGNO);
  c->called = false;
  if (signo == SIGNO_CALL) return read_call(c, t);
  const uint64_t uc_address = read64(t->slot, SLOT_UCONTEXT);
  if (uc_address == 0) return EVENT_INTERRUPT;
  const uint64_t uc_offset = uc_address - base, info_offset = read64(t->slot, SLOT_SIGINFO) - base;
  bool valid = uc_offset < SLOT_SIZE - UC_SIZE && info_offset < SLOT_SIZE - SIGINFO_SIZE && (uc_offset | info_offset) % 8 == 0 &&
               (signo == KICK_SIGNAL || signo == SIGSYS || is_fault(signo));
  const uint8_t *uc = t->slot + uc_offset, *info = t->slot + info_offset;
  const uint64_t xstate = valid ? read64(uc, UC_FPSTATE) - base : UINT64_MAX;
  if (!valid || xstate % 64 != 0 || xstate > SLOT_SIZE - t->space->machine->xsave_size) {
    space_kill(t->space, "a thread's signal frame was tampered with");
    return report_fault(p, SIGKILL, SI_KERNEL_CODE, 0);
  }
  const uint64_t gs = read64(t->slot, SLOT_GS_BASE);
  c->xstate_offset = (uint32_t)xstate;
  c->xstate_live = false;
  c->bases_pending = false;
  c->gs_free = gs == 0 || gs == base;
  read_registers(p, uc);
  if (p->regs[CONTEXT_INDEX_RIP] - (STUB_BASE + STUB_CALL) < STUB_SIZE - STUB_CALL) leave_call(p, t);
  if (signo == KICK_SIGNAL) return EVENT_INTERRUPT;
  if (signo != SIGSYS) return read_signal(p, signo, uc, info);
  if (read32(info, SIGINFO_ARCH) == AUDIT_ARCH_X86_64) {
    patch_note(t->space, p->regs[CONTEXT_INDEX_RIP], (uint32_t)p->regs[CONTEXT_INDEX_ORIG_RAX]);
    return EVENT_SYSCALL;
  }
  /* int $0x80 and the like, where the host serves them: there is no such thing here. */
  p->regs[CONTEXT_INDEX_RIP] -= 2;
  return report_fault(p, SIGSEGV, SI_KERNEL_CODE, VECTOR_PROTECTION);
}

int context_collect(struct context *c) {
  struct machine *m = c->space->machine;
  struct context_page *p = c->page;
  int event;
  if (m->failed) event = EVENT_FAILED;
  else if (c->immediate == IMMEDIATE_INTERRUPT) event = EVENT_INTERRUPT;
  else if (c->immediate == IMMEDIATE_BAD_RIP) event = report_fault(p, SIGSEGV, SI_KERNEL_CODE, VECTOR_PROTECTION);
  else if (c->immediate == IMMEDIATE_KILLED || c->space->dead) event = report_fault(p, SIGKILL, SI_KERNEL_CODE, 0);
  else event = read_event(c, c->thread);
  if (event == EVENT_INTERRUPT) c->interrupted = false;
  m->counts[event == EVENT_SYSCALL ? COUNT_SYSCALL : event == EVENT_SIGNAL ? COUNT_SIGNAL : COUNT_INTERRUPT]++;
  p->event = (uint32_t)event;
  p->state = STATE_IDLE;
  c->running = false;
  c->immediate = NOT_IMMEDIATE;
  struct context *last = m->running[--m->running_count];
  m->running[c->position] = last;
  last->position = c->position;
  machine_tune(m);
  return event;
}

/* --- Interrupts --- */

/* The CPU time of a stub process: the clock that clock_getcpuclockid(3) gives. */
uint64_t space_cpu_time(const struct space *s) {
  struct timespec time = {0, 0};
  clock_gettime((~(clockid_t)s->pid << 3) | 2, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

void context_kick(struct context *c) {
  if (!c->running || c->kicked_at != 0 || context_has_event(c)) return;
  c->kicked_at = clock_now();
  c->kicked_at_cpu = space_cpu_time(c->space);
  machine_watch(c->space->machine);
  syscall(SYS_tgkill, c->space->pid, c->thread->tid, KICK_SIGNAL);
}

void context_interrupt(struct context *c) {
  c->interrupted = true;
  context_kick(c);
}

bool context_check_kick(struct context *c, uint64_t now) {
  if (c->kicked_at == 0 || context_has_event(c)) return false;
  const uint64_t most = KICK_CPU_NS + c->space->thread_count * KICK_CPU_THREAD_NS;
  const uint64_t passed = now - c->kicked_at;
  if (passed < KICK_CPU_NS || (passed < KICK_PATIENCE_NS && space_cpu_time(c->space) - c->kicked_at_cpu < most)) return true;
  space_kill(c->space, "a thread can't be stopped");
  return false;
}

/* --- State --- */

/* Lets the thread store the extended state that it has in its CPU. */
static void save_live(struct context *c, struct thread *t) {
  c->xstate_live = false;
  c->xstate_offset = SLOT_XSTATE;
  *word(t->line, LINE_FLAGS) = LINE_SAVE;
  /* A kick that was late may be its answer instead. */
  for (int i = 0; i < KICKS_MOST; i++) {
    wake_thread(t);
    if (!thread_await(t) || read32(t->slot, SLOT_SIGNO) != KICK_SIGNAL) return;
  }
  space_kill(t->space, "a thread's events were tampered with");
}

void context_pull(struct context *c) {
  struct thread *t = c->thread;
  if (t == NULL || (c->page->flags & (FLAG_STATE_DIRTY | FLAG_STATE_VALID)) != 0) return;
  const struct machine *m = t->space->machine;
  if (c->xstate_live) save_live(c, t);
  xstate_copy(c->page->xstate, t->slot + c->xstate_offset, m->xsave_size, m->xfeatures);
  if (!c->bases_pending) {
    c->page->regs[CONTEXT_INDEX_FS_BASE] = read64(t->slot, SLOT_FS_BASE);
    c->page->regs[CONTEXT_INDEX_GS_BASE] = c->gs_free ? 0 : read64(t->slot, SLOT_GS_BASE);
  }
  c->page->flags |= FLAG_STATE_VALID;
}

void context_detach(struct context *c) {
  if (c->thread == NULL) return;
  context_pull(c);
  c->page->flags |= FLAG_STATE_DIRTY;
  space_give_thread(c->thread);
  c->thread = NULL;
}
