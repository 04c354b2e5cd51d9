/*
 * Code of ring 0 that the host runs for itself: making a KVM that shadows page tables forget what it knew. A write by ring 0 to a shadowed table is what
 * KVM watches for; the host's own writes it does not see. See docs/adr/kvm-shadowed-page-tables.md.
 */
#include <errno.h>

#include "ring0_entry.h"
#include "vcpu.h"

/* Enters ring 0 of a vCPU that runs nothing, at `rip` with the registers in kvm_run, and returns when it halts. */
static int run_ring0(struct vcpu *v, uint64_t rip) {
  struct machine *m = v->machine;
  struct kvm_run *run = v->run;
  struct kvm_sregs *special = &run->s.regs.sregs;
  if (!m->bare && kvm_get_sregs(v->fd, special) < 0) return -EIO;
  vcpu_set_ring(special, 0);
  /* The kernel half is the same everywhere; the tables that are loaded may be gone. */
  special->cr3 = m->area.boot_cr3;
  v->cr3 = m->area.boot_cr3;
  v->loaded = 0;
  v->under = 0;
  v->ring = 0;
  atomic_fetch_and(&v->requests, ~REQUEST_DEAD_CR3);
  run->s.regs.regs.rip = rip;
  run->s.regs.regs.rsp = v->cpu_linear + CPU_PLATFORM;
  run->s.regs.regs.rflags = KERNEL_FLAGS_SET;
  run->kvm_dirty_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
  for (;;) {
    run->immediate_exit = 0;
    int error = kvm_run(v->fd);
    if (error == -EINTR || (error == 0 && run->exit_reason == KVM_EXIT_IRQ_WINDOW_OPEN)) continue;
    if (error == 0 && run->exit_reason == KVM_EXIT_HLT) return 0;
    report_failure(v, NULL, "code of ring 0 at 0x%llx failed: errno %d, exit reason %u", (unsigned long long)rip, -error, run->exit_reason);
    return -EIO;
  }
}

int vcpu_forget(struct vcpu *v, const uint64_t *physical, uint32_t count, bool whole) {
#define ENTRY(register) ring0_forget_##register,
#define ENTRY_ALL(register) ring0_forget_all_##register,
  static const uint8_t *const entries[2][RING0_FORGET_COUNT] = {{RING0_FORGET_REGISTERS(ENTRY)}, {RING0_FORGET_REGISTERS(ENTRY_ALL)}};
  struct machine *m = v->machine;
  struct kvm_regs *r = &v->run->s.regs.regs;
  uint64_t *const registers[RING0_FORGET_COUNT] = {(uint64_t *)&r->rax, (uint64_t *)&r->rbx, (uint64_t *)&r->rcx, (uint64_t *)&r->rdx,
                                                   (uint64_t *)&r->rsi, (uint64_t *)&r->rdi, (uint64_t *)&r->rbp, (uint64_t *)&r->r8,
                                                   (uint64_t *)&r->r9,  (uint64_t *)&r->r10, (uint64_t *)&r->r11, (uint64_t *)&r->r12,
                                                   (uint64_t *)&r->r13, (uint64_t *)&r->r14, (uint64_t *)&r->r15};
  while (count > 0) {
    uint32_t n = count < RING0_FORGET_COUNT ? count : RING0_FORGET_COUNT;
    uint32_t first = RING0_FORGET_COUNT - n;
    for (uint32_t i = 0; i < n; i++) *registers[first + i] = m->area.tables + (physical[i] - m->area.tables_physical);
    v->counts[COUNT_FORGET]++;
    int error = run_ring0(v, machine_text(m, entries[whole][first]));
    if (error < 0) return error;
    physical += n;
    count -= n;
  }
  return 0;
}
