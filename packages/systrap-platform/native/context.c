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

#define USER_CODE 0x33
#define USER_DATA 0x2b
/* CF, PF, AF, ZF, SF, TF, DF, OF, RF, AC, ID: what guest code may have. */
#define RFLAGS_ALLOWED UINT64_C(0x250dd5)
#define RFLAGS_ALWAYS UINT64_C(0x202)
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
  write64(t->line, LINE_FS_BASE, is_canonical(fs) ? fs : 0);
  write64(t->line, LINE_GS_BASE, is_canonical(gs) ? gs : 0);
  c->bases_pending = true;
}

static void load_registers(struct context *c, struct thread *t) {
  const uint64_t *regs = c->page->regs;
  uint64_t image[20];
  memcpy(image, regs, 15 * sizeof(image[0]));
  image[15] = regs[CONTEXT_INDEX_RIP];
  image[16] = USER_CODE;
  image[17] = (regs[CONTEXT_INDEX_RFLAGS] & RFLAGS_ALLOWED) | RFLAGS_ALWAYS;
  image[18] = regs[CONTEXT_INDEX_RSP];
  image[19] = USER_DATA;
  memcpy(t->slot + SLOT_IMAGE, image, sizeof(image));
  write64(t->line, LINE_XSTATE, SLOT_BASE + ((uint64_t)t->index << SLOT_SHIFT) + c->xstate_offset);
  *word(t->line, LINE_FLAGS) = c->bases_pending ? LINE_LOAD_BASES : 0;
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
  *word(t->line, LINE_RESUME) = ++t->resumption;
  if (*word(t->slot, SLOT_SLEEPING) != 0) {
    s->machine->counts[COUNT_WAKE]++;
    futex_wake(word(t->line, LINE_RESUME));
  }
  return NOT_IMMEDIATE;
}

void context_start(struct context *c, struct space *s) {
  struct machine *m = s->machine;
  c->running = true;
  c->space = s;
  c->page->state = STATE_RUNNING;
  c->position = m->running_count;
  m->running[m->running_count++] = c;
  machine_tune(m);
  c->immediate = resume(c, s);
}

/* --- Events --- */

bool context_has_event(struct context *c) {
  if (c->immediate != NOT_IMMEDIATE || c->space->dead || c->space->machine->failed) return true;
  struct thread *t = c->thread;
  return atomic_load_explicit(word(t->slot, SLOT_EVENT), memory_order_acquire) == t->resumption;
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

/*
 * Reads a thread's event. SAFETY: all addresses in the slot are the guest's to choose; the frame, the siginfo and the extended state are used only if they lie
 * in the slot, which stays mapped here as long as its space.
 */
static int read_event(struct context *c, struct thread *t) {
  struct context_page *p = c->page;
  const uint64_t base = SLOT_BASE + ((uint64_t)t->index << SLOT_SHIFT);
  const uint64_t uc_address = read64(t->slot, SLOT_UCONTEXT);
  const uint32_t signo = read32(t->slot, SLOT_SIGNO);
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
  c->xstate_offset = (uint32_t)xstate;
  c->bases_pending = false;
  read_registers(p, uc);
  if (signo == KICK_SIGNAL) return EVENT_INTERRUPT;
  if (signo != SIGSYS) return read_signal(p, signo, uc, info);
  if (read32(info, SIGINFO_ARCH) == AUDIT_ARCH_X86_64) return EVENT_SYSCALL;
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
static uint64_t cpu_time(const struct space *s) {
  struct timespec time = {0, 0};
  clock_gettime((~(clockid_t)s->pid << 3) | 2, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

void context_kick(struct context *c) {
  if (!c->running || c->kicked_at != 0 || context_has_event(c)) return;
  c->kicked_at = clock_now();
  c->kicked_at_cpu = cpu_time(c->space);
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
  if (passed < KICK_CPU_NS || (passed < KICK_PATIENCE_NS && cpu_time(c->space) - c->kicked_at_cpu < most)) return true;
  space_kill(c->space, "a thread can't be stopped");
  return false;
}

/* --- State --- */

void context_pull(struct context *c) {
  struct thread *t = c->thread;
  if (t == NULL || (c->page->flags & (FLAG_STATE_DIRTY | FLAG_STATE_VALID)) != 0) return;
  const struct machine *m = t->space->machine;
  xstate_copy(c->page->xstate, t->slot + c->xstate_offset, m->xsave_size, m->xfeatures);
  if (!c->bases_pending) {
    c->page->regs[CONTEXT_INDEX_FS_BASE] = read64(t->slot, SLOT_FS_BASE);
    c->page->regs[CONTEXT_INDEX_GS_BASE] = read64(t->slot, SLOT_GS_BASE);
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
