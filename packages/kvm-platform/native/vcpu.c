/* Making vCPUs, and moving the state that they hold for contexts. */
#include "vcpu.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ring0_entry.h"

#define MSR_IA32_TSC 0x10

/*
 * The vCPU that this thread runs. The handler must not allocate, as in glibc a first access of the default model may; musl has
 * all of it allocated when it loads a library, and refuses a loaded library with the other model.
 */
#ifdef __GLIBC__
static _Thread_local struct vcpu *adopted __attribute__((tls_model("initial-exec")));
#else
static _Thread_local struct vcpu *adopted;
#endif

/* A kick that comes just before KVM_RUN makes that return at once; one that comes in it has already made it return. */
static void on_kick(int signal) {
  (void)signal;
  struct vcpu *v = adopted;
  if (v != NULL) v->run->immediate_exit = 1;
}

int vcpu_install_kick(void) {
  struct sigaction action = {.sa_handler = on_kick, .sa_flags = SA_RESTART};
  return sigaction(KICK_SIGNAL, &action, NULL) < 0 ? -errno : 0;
}

void vcpu_adopt(struct vcpu *v) {
  adopted = v;
  if (v == NULL) return;
  v->tid = (pid_t)syscall(SYS_gettid);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, KICK_SIGNAL);
  pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static struct kvm_segment segment(uint16_t selector, uint8_t type, uint8_t dpl, bool code) {
  struct kvm_segment s = {.limit = 0xffffffff, .selector = selector, .type = type, .present = 1, .dpl = dpl, .s = 1, .g = 1};
  s.l = code;
  s.db = !code;
  return s;
}

void vcpu_set_ring(struct kvm_sregs *s, int ring) {
  /* Types with the accessed bit: code execute/read, data read/write. */
  s->cs = segment(ring == 0 ? SELECTOR_KCODE : SELECTOR_UCODE64, 11, (uint8_t)ring, true);
  s->ss = segment(ring == 0 ? SELECTOR_KDATA : SELECTOR_UDATA, 3, (uint8_t)ring, false);
}

/* Special registers of a fresh vCPU. Everything but CR4's optional bits is set whatever the CPU has. */
static int set_special_registers(struct vcpu *v) {
  struct machine *m = v->machine;
  struct kvm_sregs s;
  int error = kvm_get_sregs(v->fd, &s);
  if (error < 0) return error;
  vcpu_set_ring(&s, 0);
  s.ds = s.es = s.fs = s.gs = segment(0, 3, 3, false);
  s.tr = (struct kvm_segment){.base = v->cpu_linear + CPU_TSS, .limit = TSS_SIZE - 1, .selector = SELECTOR_TSS, .type = 11, .present = 1};
  s.ldt = (struct kvm_segment){.type = 2, .unusable = 1};
  s.gdt.base = v->cpu_linear + CPU_GDT;
  s.gdt.limit = GDT_ENTRIES * 8 - 1;
  s.idt.base = m->area.idt;
  s.idt.limit = IDT_SIZE - 1;
  s.cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG;
  s.cr3 = m->area.boot_cr3;
  s.efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NX;
  s.cr4 = m->cr4;
  if (m->cr4 != 0) error = kvm_set_sregs(v->fd, &s);
  else {
    /* The first vCPU finds out which optional features this KVM gives: all that CPUID has are usually granted in one go. */
    static const uint64_t optional[] = {CR4_FSGSBASE, CR4_OSXSAVE, CR4_SMEP, CR4_UMIP};
    const uint64_t base = CR4_PAE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT;
    s.cr4 = base;
    for (size_t i = 0; i < sizeof(optional) / sizeof(optional[0]); i++) s.cr4 |= optional[i];
    if ((error = kvm_set_sregs(v->fd, &s)) < 0) {
      s.cr4 = base;
      error = kvm_set_sregs(v->fd, &s);
      for (size_t i = 0; error >= 0 && i < sizeof(optional) / sizeof(optional[0]); i++) {
        s.cr4 |= optional[i];
        if (kvm_set_sregs(v->fd, &s) < 0) s.cr4 &= ~optional[i];
      }
    }
    if (error >= 0) m->cr4 = s.cr4;
  }
  v->cr3 = s.cr3;
  v->run->s.regs.sregs = s;
  return error;
}

/* XCR0 as KVM supports it, without what is refused; the first vCPU finds out what is accepted. */
static int set_xcr0(struct vcpu *v) {
  struct machine *m = v->machine;
  if ((m->cr4 & CR4_OSXSAVE) == 0) {
    m->xcr0 = XCR0_X87 | XCR0_SSE;
    return 0;
  }
  if (m->xcr0 != 0) return kvm_set_xcr0(v->fd, m->xcr0);
  uint64_t supported = 0;
  for (uint32_t i = 0; i < m->cpuid->header.nent; i++) {
    const struct kvm_cpuid_entry2 *e = &m->cpuid->entries[i];
    if (e->function == 0xd && e->index == 0) supported = e->eax | (uint64_t)e->edx << 32;
  }
  const uint64_t avx512 = XCR0_OPMASK | XCR0_ZMM_HI256 | XCR0_HI16_ZMM;
  const uint64_t legacy = XCR0_X87 | XCR0_SSE;
  const uint64_t tries[] = {supported & ~(uint64_t)(XCR0_REFUSED | XCR0_PKRU), supported & (legacy | XCR0_AVX | avx512), legacy | (supported & XCR0_AVX), legacy};
  for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
    if (kvm_set_xcr0(v->fd, tries[i]) < 0) continue;
    m->xcr0 = tries[i];
    return 0;
  }
  return -EINVAL;
}

static int set_system_registers(struct vcpu *v) {
  struct machine *m = v->machine;
  const struct {
    uint32_t index;
    uint64_t value;
  } msrs[] = {
      {MSR_STAR, (uint64_t)STAR_HIGH << 32},
      {MSR_LSTAR, machine_text(m, ring0_exit_syscall)},
      {MSR_CSTAR, machine_text(m, ring0_exit_syscall)},
      /* Where ring 0 is emulated IF stays, so that an interrupt window is open right after SYSCALL: see vcpu_run.c. */
      {MSR_SYSCALL_MASK, m->bare ? SYSCALL_MASK_VALUE & ~(uint64_t)RFLAGS_IF : SYSCALL_MASK_VALUE},
  };
  for (size_t i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++) {
    int error = kvm_set_msr(v->fd, msrs[i].index, msrs[i].value);
    if (error < 0) return error;
  }
  /* Absent on some KVMs; RDTSCP then gives what they choose. */
  (void)kvm_set_msr(v->fd, MSR_TSC_AUX, 0);
  return 0;
}

static void apply_mode(struct vcpu *v) {
  const struct machine *m = v->machine;
  v->run->kvm_valid_regs = m->bare ? KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS : KVM_SYNC_X86_REGS;
  v->run->request_interrupt_window = m->window;
}

int vcpu_mode_changed(struct vcpu *v) {
  /* In bare mode kvm_run holds the special registers as they are. */
  int error = kvm_get_sregs(v->fd, &v->run->s.regs.sregs);
  if (error < 0) return error;
  v->ring = v->run->s.regs.sregs.cs.selector & 3;
  apply_mode(v);
  return set_system_registers(v);
}

static int initialize(struct vcpu *v) {
  struct machine *m = v->machine;
  int error = kvm_set_cpuid(v->fd, m->cpuid);
  if (error < 0) return error;
  if ((error = set_special_registers(v)) < 0) return error;
  if ((error = set_xcr0(v)) < 0) return error;
  if ((error = set_system_registers(v)) < 0) return error;
  /* Clocks inside agree with the host's only if the TSC does. Before Linux 5.16 it can only be set to what the host's is about now. */
  if (kvm_set_tsc_offset(v->fd, 0) < 0) (void)kvm_set_msr(v->fd, MSR_IA32_TSC, __builtin_ia32_rdtsc());
  apply_mode(v);
  return 0;
}

static struct vcpu *create(struct machine *m, uint32_t index, int *error) {
  struct vcpu *v = aligned_alloc(64, (sizeof(*v) + 63) / 64 * 64);
  if (v == NULL) {
    *error = -ENOMEM;
    return NULL;
  }
  memset(v, 0, sizeof(*v));
  v->machine = m;
  v->index = index;
  v->cpu = m->area.host_cpus + index;
  v->cpu_linear = m->area.cpus + (uint64_t)index * sizeof(struct ring0_cpu);
  pthread_mutex_init(&v->lock, NULL);
  v->fd = kvm_create_vcpu(m->vm, index);
  if (v->fd < 0) {
    *error = v->fd;
    free(v);
    return NULL;
  }
  v->run = mmap(NULL, m->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
  if (v->run == MAP_FAILED) {
    *error = -errno;
    close(v->fd);
    free(v);
    return NULL;
  }
  if ((*error = initialize(v)) < 0) {
    vcpu_free(v);
    return NULL;
  }
  return v;
}

struct vcpu *vcpu_acquire(struct machine *m, uint32_t index, int *error) {
  struct vcpu *v = m->vcpus[index];
  if (v != NULL) return v;
  pthread_mutex_lock(&m->grow);
  v = m->vcpus[index];
  if (v == NULL && (v = create(m, index, error)) != NULL) {
    m->vcpus[index] = v;
    if (index >= m->vcpu_count) m->vcpu_count = index + 1;
  }
  pthread_mutex_unlock(&m->grow);
  return v;
}

void vcpu_free(struct vcpu *v) {
  munmap(v->run, v->machine->run_size);
  close(v->fd);
  pthread_mutex_destroy(&v->lock);
  free(v);
}

void vcpu_kick(struct vcpu *v) {
  __atomic_fetch_add(&v->counts[COUNT_KICK], 1, __ATOMIC_RELAXED);
  /* tgkill, not pthread_kill: the owner's thread is not ours to have a pthread_t of. ESRCH: the thread has gone, and so has guest mode. */
  syscall(SYS_tgkill, getpid(), v->tid, KICK_SIGNAL);
}

void context_interrupt(struct context *c) {
  __atomic_store_n(&c->page->interrupt, 1, __ATOMIC_SEQ_CST);
  struct vcpu *v = c->running;
  if (v != NULL) vcpu_kick(v);
}

void vcpu_wait_left(struct vcpu *v, uint32_t state) {
  const uint32_t count = state / VCPU_COUNT;
  /* Leaving takes some 10 us; sleeping and being woken takes longer. */
  for (int i = 0; i < 200; i++) {
    uint32_t now = v->state;
    if ((now & VCPU_GUEST) == 0 || now / VCPU_COUNT != count) return;
    __builtin_ia32_pause();
  }
  for (;;) {
    uint32_t now = atomic_fetch_or(&v->state, VCPU_WAITER) | VCPU_WAITER;
    if ((now & VCPU_GUEST) == 0 || now / VCPU_COUNT != count) return;
    /* A kick may be lost only if it came before the vCPU published that it is in guest mode; then it looked at its requests afterwards. */
    struct timespec timeout = {.tv_nsec = 10 * 1000 * 1000};
    if (syscall(SYS_futex, &v->state, FUTEX_WAIT_PRIVATE, now, &timeout, NULL, 0) < 0 && errno == ETIMEDOUT) vcpu_kick(v);
  }
}

/* --- State that a vCPU holds for a context --- */

/* Copies what the vCPU holds to the page. The lock is held and the vCPU is not in guest mode. */
static void save(struct vcpu *v, struct context *c) {
  struct context_page *page = c->page;
  if (page->flags & (FLAG_STATE_VALID | FLAG_STATE_DIRTY)) return;
  v->counts[COUNT_STATE_SAVE]++;
  struct kvm_sregs fresh;
  const struct kvm_sregs *s = &v->run->s.regs.sregs;
  if (!v->machine->bare) {
    if (kvm_get_sregs(v->fd, &fresh) < 0) {
      report_failure(v, c, "KVM_GET_SREGS failed: errno %d", errno);
      return;
    }
    s = &fresh;
  }
  page->regs[CONTEXT_INDEX_FS_BASE] = s->fs.base;
  page->regs[CONTEXT_INDEX_GS_BASE] = s->gs.base;
  page->regs[CONTEXT_INDEX_DS] = s->ds.selector;
  page->regs[CONTEXT_INDEX_ES] = s->es.selector;
  page->regs[CONTEXT_INDEX_FS] = s->fs.selector;
  page->regs[CONTEXT_INDEX_GS] = s->gs.selector;
  _Static_assert(sizeof(struct kvm_xsave) == CONTEXT_XSTATE_SIZE, "the extended state is one KVM_GET_XSAVE");
  int error = kvm_get_xsave(v->fd, (struct kvm_xsave *)page->xstate);
  if (error < 0) report_failure(v, c, "KVM_GET_XSAVE failed: errno %d", -error);
  /* KVM adds components that XCR0 does not have (PKRU): XRSTOR of an area that names them is #GP. */
  enum { XSTATE_BV = 512 };
  uint64_t components;
  memcpy(&components, page->xstate + XSTATE_BV, sizeof(components));
  components &= v->machine->xcr0;
  memcpy(page->xstate + XSTATE_BV, &components, sizeof(components));
}

void context_pull(struct context *c) {
  struct vcpu *v = c->home;
  bool held = false;
  if (v != NULL) {
    pthread_mutex_lock(&v->lock);
    held = c->home == v;
    if (held) {
      save(v, c);
      /* Whoever takes the vCPU from now on sees that the page is current, and leaves it alone. */
      c->page->flags |= FLAG_STATE_VALID;
    }
    pthread_mutex_unlock(&v->lock);
  }
  if (!held) c->page->flags |= FLAG_STATE_VALID;
}

/* Ends the vCPU's holding of `c`, if it holds it. The lock is held. */
static void put_down(struct vcpu *v, struct context *c) {
  if (c == NULL || c->home != v) return;
  save(v, c);
  v->owner = NULL;
  c->home = NULL;
}

void context_evict(struct context *c) {
  struct vcpu *v = c->home;
  if (v == NULL) return;
  pthread_mutex_lock(&v->lock);
  put_down(v, c);
  pthread_mutex_unlock(&v->lock);
}

int vcpu_take_up(struct vcpu *v, struct context *c) {
  /* Only one vCPU's lock is held at a time. */
  if (c->home != v) context_evict(c);
  pthread_mutex_lock(&v->lock);
  if (v->owner != c) put_down(v, v->owner);
  v->counts[COUNT_STATE_LOAD]++;
  int error = kvm_set_xsave(v->fd, (const struct kvm_xsave *)c->page->xstate);
  v->owner = error < 0 ? NULL : c;
  c->home = error < 0 ? NULL : v;
  pthread_mutex_unlock(&v->lock);
  return error;
}
