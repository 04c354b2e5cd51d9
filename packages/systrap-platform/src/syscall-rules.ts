import type { SyscallRule } from '@sbx/platform';

const KICK_SIGNAL = 23;
const SIGKILL = 9;
const FUTEX_WAKE = 1;
const MEMBARRIER_GLOBAL_EXPEDITED = 2;
const LOW_HALF = 0xffffffff;

/**
 * What the sentry calls once the platform exists: waking threads, waiting for them, taking in new stub processes, and their end. tgkill's first arguments are
 * known at run time only: they name threads of stub processes.
 */
export const syscallRules: readonly SyscallRule[] = [
  { name: 'futex', args: [{ index: 1, value: FUTEX_WAKE, mask: LOW_HALF }] },
  { name: 'ppoll' },
  { name: 'poll' },
  { name: 'epoll_wait' },
  { name: 'epoll_pwait' },
  { name: 'epoll_ctl' },
  { name: 'timerfd_settime' },
  // The doorbell, reports of finished commands, the timer.
  { name: 'read' },
  {
    name: 'tgkill',
    args: [
      { index: 2, value: KICK_SIGNAL, mask: LOW_HALF },
      // Whether a thread is one of a stub process.
      { index: 2, value: 0, mask: LOW_HALF },
    ],
  },
  {
    name: 'pidfd_send_signal',
    args: [
      { index: 1, value: SIGKILL, mask: LOW_HALF },
      // Whether a process is there still.
      { index: 1, value: 0, mask: LOW_HALF },
    ],
  },
  { name: 'clock_nanosleep' },
  // Of threads of stub processes, to what the sentry has.
  { name: 'sched_setaffinity' },
  { name: 'sched_getaffinity' },
  { name: 'membarrier', args: [{ index: 0, value: MEMBARRIER_GLOBAL_EXPEDITED, mask: LOW_HALF }] },
  // The socket of the zygote, and what comes over it.
  { name: 'sendmsg' },
  { name: 'recvmsg' },
  { name: 'close' },
  { name: 'ftruncate' },
  { name: 'mmap' },
  { name: 'munmap' },
  // The library's allocator.
  { name: 'brk' },
  { name: 'mprotect' },
  { name: 'madvise' },
  { name: 'mremap' },
  { name: 'restart_syscall' },
  // Where the vDSO does not serve them.
  { name: 'clock_gettime' },
  { name: 'getcpu' },
];
