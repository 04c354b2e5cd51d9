/* Preloaded: the KVM of a process gives a virtual machine as many vCPUs as VCPU_LIMIT says. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdlib.h>

typedef int ioctl_function(int fd, unsigned long request, ...);

int ioctl(int fd, unsigned long request, ...) {
  va_list arguments;
  va_start(arguments, request);
  void *argument = va_arg(arguments, void *);
  va_end(arguments);
  if (request == KVM_CHECK_EXTENSION && (long)argument == KVM_CAP_MAX_VCPUS) return atoi(getenv("VCPU_LIMIT"));
  return ((ioctl_function *)dlsym(RTLD_NEXT, "ioctl"))(fd, request, argument);
}
