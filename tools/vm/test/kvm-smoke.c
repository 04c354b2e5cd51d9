/*
 * Runs five bytes of real-mode code under KVM: out %al, $0x42; hlt. Prints what the exits carried.
 * Exit status 0 only if KVM did exactly what the code says.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

static int check(const char *what, int result) {
  if (result < 0) {
    perror(what);
    exit(1);
  }
  return result;
}

int main(void) {
  static const unsigned char code[] = {0xb0, 0x07, 0xe6, 0x42, 0xf4};
  int kvm = check("open /dev/kvm", open("/dev/kvm", O_RDWR | O_CLOEXEC));
  printf("api %d\n", check("KVM_GET_API_VERSION", ioctl(kvm, KVM_GET_API_VERSION, 0)));
  int vm = check("KVM_CREATE_VM", ioctl(kvm, KVM_CREATE_VM, 0));
  unsigned char *memory = mmap(NULL, 0x1000, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 1;
  memcpy(memory, code, sizeof code);
  struct kvm_userspace_memory_region region = {
      .guest_phys_addr = 0x1000, .memory_size = 0x1000, .userspace_addr = (__u64)(unsigned long)memory};
  check("KVM_SET_USER_MEMORY_REGION", ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region));
  int vcpu = check("KVM_CREATE_VCPU", ioctl(vm, KVM_CREATE_VCPU, 0));
  int size = check("KVM_GET_VCPU_MMAP_SIZE", ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0));
  struct kvm_run *run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
  if (run == MAP_FAILED) return 1;

  struct kvm_sregs sregs;
  check("KVM_GET_SREGS", ioctl(vcpu, KVM_GET_SREGS, &sregs));
  sregs.cs.base = 0;
  sregs.cs.selector = 0;
  check("KVM_SET_SREGS", ioctl(vcpu, KVM_SET_SREGS, &sregs));
  struct kvm_regs regs = {.rip = 0x1000, .rflags = 2};
  check("KVM_SET_REGS", ioctl(vcpu, KVM_SET_REGS, &regs));

  check("KVM_RUN", ioctl(vcpu, KVM_RUN, 0));
  if (run->exit_reason != KVM_EXIT_IO || run->io.port != 0x42) return 2;
  printf("out %d\n", ((unsigned char *)run)[run->io.data_offset]);
  check("KVM_RUN", ioctl(vcpu, KVM_RUN, 0));
  if (run->exit_reason != KVM_EXIT_HLT) return 3;
  puts("hlt");
  return 0;
}
