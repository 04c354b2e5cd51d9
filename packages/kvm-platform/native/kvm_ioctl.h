/* The KVM API as functions: each returns what the ioctl returns, or a negative errno. None allocates or keeps state. */
#ifndef SBX_KVM_IOCTL_H
#define SBX_KVM_IOCTL_H

#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>

/* Constants that headers older than the KVM they talk to lack (linux/kvm.h). */
#ifndef KVM_EXIT_MEMORY_FAULT
#define KVM_EXIT_MEMORY_FAULT 39
#endif
#ifndef KVM_X86_QUIRK_FIX_HYPERCALL_INSN
#define KVM_X86_QUIRK_FIX_HYPERCALL_INSN (1 << 5)
#endif

#define KVM_CPUID_ENTRIES 256

/* struct kvm_cpuid2 with room for its entries. */
struct kvm_cpuid_table {
  struct kvm_cpuid2 header;
  struct kvm_cpuid_entry2 entries[KVM_CPUID_ENTRIES];
};

int kvm_open_device(void);
int kvm_api_version(int kvm);
/* The value of a capability; 0 where it does not exist. `fd` is the device's or a VM's. */
int kvm_capability(int fd, int capability);
int kvm_create_vm(int kvm);
int kvm_vcpu_mmap_size(int kvm);
int kvm_supported_cpuid(int kvm, struct kvm_cpuid_table *table);
int kvm_enable_capability(int vm, uint32_t capability, uint64_t argument);
/* Three pages that Intel CPUs without unrestricted guests need; does nothing elsewhere. */
int kvm_set_tss_address(int vm, uint64_t guest_physical);
int kvm_set_memory(int vm, uint32_t slot, uint64_t guest_physical, uint64_t host, uint64_t length);

int kvm_create_vcpu(int vm, uint32_t id);
int kvm_set_cpuid(int vcpu, struct kvm_cpuid_table *table);
int kvm_get_sregs(int vcpu, struct kvm_sregs *sregs);
int kvm_set_sregs(int vcpu, struct kvm_sregs *sregs);
int kvm_get_regs(int vcpu, struct kvm_regs *regs);
int kvm_set_msr(int vcpu, uint32_t index, uint64_t value);
int kvm_set_xcr0(int vcpu, uint64_t value);
int kvm_get_xsave(int vcpu, struct kvm_xsave *area);
int kvm_set_xsave(int vcpu, const struct kvm_xsave *area);
int kvm_get_events(int vcpu, struct kvm_vcpu_events *events);
/* Guest TSC = host TSC + `offset`. -ENXIO where KVM can't say. */
int kvm_set_tsc_offset(int vcpu, uint64_t offset);
int kvm_run(int vcpu);

#endif
