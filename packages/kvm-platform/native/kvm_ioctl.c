#include "kvm_ioctl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>

static int result(int value) { return value < 0 ? -errno : value; }

int kvm_open_device(void) { return result(open("/dev/kvm", O_RDWR | O_CLOEXEC)); }
int kvm_api_version(int kvm) { return result(ioctl(kvm, KVM_GET_API_VERSION, 0)); }

int kvm_capability(int fd, int capability) {
  int value = ioctl(fd, KVM_CHECK_EXTENSION, (long)capability);
  return value < 0 ? 0 : value;
}

int kvm_create_vm(int kvm) {
  int vm;
  /* A signal while the kernel takes its locks gives EINTR. */
  do {
    vm = result(ioctl(kvm, KVM_CREATE_VM, 0L));
  } while (vm == -EINTR);
  return vm;
}

int kvm_vcpu_mmap_size(int kvm) { return result(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0)); }

int kvm_supported_cpuid(int kvm, struct kvm_cpuid_table *table) {
  memset(table, 0, sizeof(*table));
  table->header.nent = KVM_CPUID_ENTRIES;
  return result(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, table));
}

int kvm_enable_capability(int vm, uint32_t capability, uint64_t argument) {
  struct kvm_enable_cap cap = {.cap = capability, .args = {argument}};
  return result(ioctl(vm, KVM_ENABLE_CAP, &cap));
}

int kvm_set_tss_address(int vm, uint64_t guest_physical) { return result(ioctl(vm, KVM_SET_TSS_ADDR, guest_physical)); }

int kvm_set_memory(int vm, uint32_t slot, uint64_t guest_physical, uint64_t host, uint64_t length) {
  struct kvm_userspace_memory_region region = {
      .slot = slot, .guest_phys_addr = guest_physical, .memory_size = length, .userspace_addr = host};
  return result(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region));
}

int kvm_create_vcpu(int vm, uint32_t id) { return result(ioctl(vm, KVM_CREATE_VCPU, (long)id)); }
int kvm_set_cpuid(int vcpu, struct kvm_cpuid_table *table) { return result(ioctl(vcpu, KVM_SET_CPUID2, table)); }
int kvm_get_sregs(int vcpu, struct kvm_sregs *sregs) { return result(ioctl(vcpu, KVM_GET_SREGS, sregs)); }
int kvm_set_sregs(int vcpu, struct kvm_sregs *sregs) { return result(ioctl(vcpu, KVM_SET_SREGS, sregs)); }
int kvm_get_regs(int vcpu, struct kvm_regs *regs) { return result(ioctl(vcpu, KVM_GET_REGS, regs)); }

int kvm_set_msr(int vcpu, uint32_t index, uint64_t value) {
  struct {
    struct kvm_msrs header;
    struct kvm_msr_entry entry;
  } msrs = {.header = {.nmsrs = 1}, .entry = {.index = index, .data = value}};
  /* The result is how many were set: 0 says that KVM refused this one. */
  int count = result(ioctl(vcpu, KVM_SET_MSRS, &msrs));
  return count < 0 ? count : count == 1 ? 0 : -EINVAL;
}

int kvm_set_xcr0(int vcpu, uint64_t value) {
  struct kvm_xcrs xcrs = {.nr_xcrs = 1, .xcrs = {{.xcr = 0, .value = value}}};
  return result(ioctl(vcpu, KVM_SET_XCRS, &xcrs));
}

int kvm_get_xsave(int vcpu, struct kvm_xsave *area) { return result(ioctl(vcpu, KVM_GET_XSAVE, area)); }
int kvm_set_xsave(int vcpu, const struct kvm_xsave *area) { return result(ioctl(vcpu, KVM_SET_XSAVE, area)); }
int kvm_get_events(int vcpu, struct kvm_vcpu_events *events) { return result(ioctl(vcpu, KVM_GET_VCPU_EVENTS, events)); }

int kvm_set_tsc_offset(int vcpu, uint64_t offset) {
  struct kvm_device_attr attribute = {.group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET, .addr = (uint64_t)(uintptr_t)&offset};
  return result(ioctl(vcpu, KVM_SET_DEVICE_ATTR, &attribute));
}

int kvm_run(int vcpu) { return result(ioctl(vcpu, KVM_RUN, 0L)); }
