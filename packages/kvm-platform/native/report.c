/* Why a vCPU died, for people. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vcpu.h"

struct text {
  char *at;
  size_t left;
};

static void append(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void append(struct text *t, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(t->at, t->left, format, arguments);
  va_end(arguments);
  if (length < 0) return;
  size_t used = (size_t)length < t->left ? (size_t)length : t->left - 1;
  t->at += used;
  t->left -= used;
}

static void append_vcpu(struct text *t, struct vcpu *v) {
  struct kvm_regs r;
  struct kvm_sregs s;
  append(t, "vCPU %u, exit reason %u, mode %s", v->index, v->run->exit_reason, v->machine->bare ? "bare" : "native");
  if (v->run->exit_reason == KVM_EXIT_INTERNAL_ERROR) {
    uint32_t count = v->run->internal.ndata < 16 ? v->run->internal.ndata : 16;
    append(t, ", suberror %u, data", v->run->internal.suberror);
    for (uint32_t i = 0; i < count; i++) append(t, " %llx", (unsigned long long)v->run->internal.data[i]);
  }
  append(t, "\n");
  if (kvm_get_regs(v->fd, &r) >= 0) {
    append(t, "rip %016llx rflags %08llx rsp %016llx rbp %016llx\n", r.rip, r.rflags, r.rsp, r.rbp);
    append(t, "rax %016llx rbx %016llx rcx %016llx rdx %016llx rsi %016llx rdi %016llx\n", r.rax, r.rbx, r.rcx, r.rdx, r.rsi, r.rdi);
    append(t, "r8  %016llx r9  %016llx r10 %016llx r11 %016llx r12 %016llx r13 %016llx r14 %016llx r15 %016llx\n", r.r8, r.r9, r.r10, r.r11,
           r.r12, r.r13, r.r14, r.r15);
  }
  if (kvm_get_sregs(v->fd, &s) >= 0) {
    append(t, "cs %x ss %x cr0 %llx cr2 %llx cr3 %llx cr4 %llx efer %llx fs %llx gs %llx\n", s.cs.selector, s.ss.selector, s.cr0, s.cr2, s.cr3,
           s.cr4, s.efer, s.fs.base, s.gs.base);
  }
}

/* Takes the report for the caller to write, if there is none yet. */
static bool begin(struct machine *m, struct text *t, const char *format, va_list arguments) {
  pthread_mutex_lock(&m->failure_lock);
  if (m->failed) return false;
  *t = (struct text){.at = m->failure, .left = sizeof(m->failure)};
  int length = vsnprintf(t->at, t->left, format, arguments);
  if (length > 0) {
    size_t used = (size_t)length < t->left ? (size_t)length : t->left - 1;
    t->at += used;
    t->left -= used;
  }
  append(t, "\n");
  return true;
}

/* From now on nothing of the machine runs: vCPUs that do leave guest mode, others see it when they are about to enter (vcpu_run.c). */
static void end(struct machine *m) {
  bool first = !atomic_exchange(&m->failed, true);
  pthread_mutex_unlock(&m->failure_lock);
  if (!first) return;
  uint32_t count = m->vcpu_count;
  for (uint32_t i = 0; i < count; i++) {
    struct vcpu *v = m->vcpus[i];
    if (v != NULL && (v->state & VCPU_GUEST)) vcpu_kick(v);
  }
}

int report_failure(struct vcpu *v, const struct context *c, const char *format, ...) {
  struct machine *m = v->machine;
  struct text t;
  va_list arguments;
  va_start(arguments, format);
  if (begin(m, &t, format, arguments)) {
    append_vcpu(&t, v);
    /* A report must not end the process: a context without a page was released while it ran. */
    if (c != NULL && c->page != NULL) {
      append(&t, "context %u, last event %u, rip %016llx, rax %016llx\n", c->id, c->page->event,
             (unsigned long long)c->page->regs[CONTEXT_INDEX_RIP], (unsigned long long)c->page->regs[CONTEXT_INDEX_RAX]);
    }
  }
  va_end(arguments);
  end(m);
  return EVENT_FAILED;
}

void report_machine_failure(struct machine *m, const char *format, ...) {
  struct text t;
  va_list arguments;
  va_start(arguments, format);
  begin(m, &t, format, arguments);
  va_end(arguments);
  end(m);
}
