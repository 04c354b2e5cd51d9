import type { SyscallRule } from '@sbx/platform';

/** The KVM requests that are made after the platform was created: running, state, and memory slots and vCPUs on demand (linux/kvm.h). */
const REQUESTS = {
  KVM_CREATE_VCPU: 0xae41,
  KVM_SET_USER_MEMORY_REGION: 0x4020ae46,
  KVM_RUN: 0xae80,
  KVM_GET_REGS: 0x8090ae81,
  KVM_GET_SREGS: 0x8138ae83,
  KVM_SET_SREGS: 0x4138ae84,
  KVM_SET_MSRS: 0x4008ae89,
  KVM_SET_CPUID2: 0x4008ae90,
  KVM_GET_VCPU_EVENTS: 0x8040ae9f,
  KVM_GET_XSAVE: 0x9000aea4,
  KVM_SET_XSAVE: 0x5000aea5,
  KVM_SET_XCRS: 0x4188aea7,
  KVM_SET_DEVICE_ATTR: 0x4018aee1,
} as const;

/**
 * What the KVM loop and the native threads call once the platform exists. With `KvmPlatform.prepare` before the seal no thread is made later, and the
 * second group is not needed. tgkill's arguments are known to the filter's author only: they must name threads of this process.
 */
const RUNNING: readonly SyscallRule[] = [
  { name: 'ioctl', args: Object.values(REQUESTS).map((value) => ({ index: 1, value, mask: 0xffffffff })) },
  { name: 'futex' },
  { name: 'clock_nanosleep' },
  { name: 'restart_syscall' },
  { name: 'ppoll' },
  // The eventfds that wake the kicker and the event loop.
  { name: 'read' },
  { name: 'write' },
  { name: 'getpid' },
  { name: 'tgkill' },
  { name: 'rt_sigreturn' },
  { name: 'rt_sigprocmask' },
  // Where the vDSO does not serve it.
  { name: 'clock_gettime' },
];

/** Threads and vCPUs that come on demand, and the end of them. */
const THREADS: readonly SyscallRule[] = [
  { name: 'clone3' },
  { name: 'clone' },
  { name: 'mmap' },
  { name: 'mprotect' },
  { name: 'munmap' },
  { name: 'madvise' },
  { name: 'gettid' },
  { name: 'set_robust_list' },
  { name: 'rseq' },
  { name: 'exit' },
  { name: 'close' },
];

export const syscallRules: readonly SyscallRule[] = [...RUNNING, ...THREADS];
