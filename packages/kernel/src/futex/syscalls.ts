import {
  CLOCK_MONOTONIC,
  CLOCK_REALTIME,
  EFAULT,
  EINVAL,
  ENOSYS,
  EPERM,
  ESRCH,
  FUTEX_32,
  FUTEX_BITSET_MATCH_ANY,
  FUTEX_CLOCK_REALTIME,
  FUTEX_CMP_REQUEUE,
  FUTEX_CMP_REQUEUE_PI,
  FUTEX_LOCK_PI,
  FUTEX_LOCK_PI2,
  FUTEX_PRIVATE_FLAG,
  FUTEX_REQUEUE,
  FUTEX_TRYLOCK_PI,
  FUTEX_UNLOCK_PI,
  FUTEX_WAIT,
  FUTEX_WAIT_BITSET,
  FUTEX_WAIT_REQUEUE_PI,
  FUTEX_WAITV_MAX,
  FUTEX_WAKE,
  FUTEX_WAKE_BITSET,
  FUTEX_WAKE_OP,
} from '@sbx/abi';
import type { ContextPage } from '@sbx/platform';
import { mayAccessTask } from '../auth/ptrace-access.js';
import { full, type SyscallEntry } from '../syscalls/entry.js';
import type { Task } from '../task/task.js';
import * as timespec from '../time/timespec.js';
import type { SyscallResult } from '../wait/blocking.js';
import { futexRequeue, futexWait, futexWaitMany, futexWake, futexWakeOp, type WaitvEntry } from './operations.js';
import { futexLockPi, futexRequeuePi, futexUnlockPi, futexWaitRequeuePi } from './pi.js';

const ROBUST_LIST_HEAD_SIZE = 24;
const WAITV_SIZE = 24;
const waitvWords = new Uint32Array((WAITV_SIZE / 4) * FUTEX_WAITV_MAX);
const waitvBytes = new Uint8Array(waitvWords.buffer);

/** When the clock will show the time in `timespec`: on the monotonic clock. */
function absolute(task: Task, realtime: boolean): number {
  const { clock } = task.kernel;
  if (!realtime) return timespec.duration;
  clock.readRealtime();
  return clock.monotonic() + (timespec.seconds - clock.seconds) * 1e9 + (timespec.nanoseconds - clock.nanoseconds);
}

function hasTimeout(command: number): boolean {
  switch (command) {
    case FUTEX_WAIT:
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2:
    case FUTEX_WAIT_BITSET:
    case FUTEX_WAIT_REQUEUE_PI:
      return true;
    default:
      return false;
  }
}

/** futex(2). @hotpath for wake-ups */
function sysFutex(task: Task, args: ContextPage): SyscallResult {
  const addr = args.argAddress(0);
  const low = args.argUint32(0);
  const operation = args.argInt32(1);
  const value = args.argUint32(2);
  const command = operation & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
  const shared = (operation & FUTEX_PRIVATE_FLAG) === 0;
  const realtime = (operation & FUTEX_CLOCK_REALTIME) !== 0;
  const timeout = args.argAddress(3);
  let deadline = Number.POSITIVE_INFINITY;
  if (timeout !== 0 && hasTimeout(command)) {
    const result = timespec.readTimespec(task, timeout);
    if (result < 0) return result;
    if (command === FUTEX_WAIT) deadline = task.kernel.clock.monotonic() + timespec.duration;
    else deadline = absolute(task, realtime || command === FUTEX_LOCK_PI);
  }
  if (realtime && command !== FUTEX_WAIT_BITSET && command !== FUTEX_WAIT_REQUEUE_PI && command !== FUTEX_LOCK_PI2) return -ENOSYS;
  const second = args.argAddress(4);
  const secondLow = args.argUint32(4);
  const value2 = args.argInt32(3);
  const value3 = args.argUint32(5);
  switch (command) {
    case FUTEX_WAIT:
      return futexWait(task, addr, low, value, shared, FUTEX_BITSET_MATCH_ANY, deadline);
    case FUTEX_WAIT_BITSET:
      return futexWait(task, addr, low, value, shared, value3, deadline);
    case FUTEX_WAKE:
      return futexWake(task, addr, low, value | 0, shared, FUTEX_BITSET_MATCH_ANY);
    case FUTEX_WAKE_BITSET:
      return futexWake(task, addr, low, value | 0, shared, value3);
    case FUTEX_REQUEUE:
      return futexRequeue(task, addr, low, second, secondLow, value | 0, value2, shared, -1);
    case FUTEX_CMP_REQUEUE:
      return futexRequeue(task, addr, low, second, secondLow, value | 0, value2, shared, value3);
    case FUTEX_WAKE_OP:
      return futexWakeOp(task, addr, low, second, secondLow, value | 0, value2, shared, value3);
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2:
      return futexLockPi(task, addr, low, shared, deadline, false);
    case FUTEX_TRYLOCK_PI:
      return futexLockPi(task, addr, low, shared, deadline, true);
    case FUTEX_UNLOCK_PI:
      return futexUnlockPi(task, addr, low, shared);
    case FUTEX_WAIT_REQUEUE_PI:
      return futexWaitRequeuePi(task, addr, low, value, second, secondLow, shared, FUTEX_BITSET_MATCH_ANY, deadline);
    case FUTEX_CMP_REQUEUE_PI:
      return futexRequeuePi(task, addr, low, second, secondLow, value | 0, value2, shared, value3);
    default:
      return -ENOSYS;
  }
}

function sysFutexWaitv(task: Task, args: ContextPage): SyscallResult {
  const addr = args.argAddress(0);
  const count = args.argUint32(1);
  const timeout = args.argAddress(3);
  const clock = args.argInt32(4);
  if (args.argUint32(2) !== 0 || count === 0 || count > FUTEX_WAITV_MAX || addr === 0) return -EINVAL;
  let deadline = Number.POSITIVE_INFINITY;
  if (timeout !== 0) {
    if (clock !== CLOCK_REALTIME && clock !== CLOCK_MONOTONIC) return -EINVAL;
    const result = timespec.readTimespec(task, timeout);
    if (result < 0) return result;
    deadline = absolute(task, clock === CLOCK_REALTIME);
  }
  const copied = task.mm.copyIn(addr, waitvBytes, count * WAITV_SIZE);
  const entries: WaitvEntry[] = [];
  for (let i = 0; i < count; i++) {
    if ((i + 1) * WAITV_SIZE > copied) return -EFAULT;
    const at = i * (WAITV_SIZE / 4);
    const flags = waitvWords[at + 4];
    if ((flags & ~(FUTEX_32 | FUTEX_PRIVATE_FLAG)) !== 0 || waitvWords[at + 5] !== 0 || (flags & FUTEX_32) === 0) return -EINVAL;
    const high = waitvWords[at + 3];
    const low = waitvWords[at + 2];
    entries.push({
      addr: high < 2 ** 15 ? high * 2 ** 32 + low : -1,
      low,
      value: waitvWords[at],
      shared: (flags & FUTEX_PRIVATE_FLAG) === 0,
    });
  }
  return futexWaitMany(task, entries, deadline);
}

function sysSetRobustList(task: Task, args: ContextPage): number {
  if (args.argSize(1) !== ROBUST_LIST_HEAD_SIZE) return -EINVAL;
  // An address that cannot be read is as good as none: nothing is looked at before the exit.
  task.robustList = Math.max(args.argAddress(0), 0);
  return 0;
}

function sysGetRobustList(task: Task, args: ContextPage): number {
  const pid = args.argInt32(0);
  const target = pid === 0 ? task : task.kernel.tasks.get(pid);
  if (target === undefined) return -ESRCH;
  if (!mayAccessTask(task, target)) return -EPERM;
  if (task.mm.writeUint64(args.argAddress(2), ROBUST_LIST_HEAD_SIZE) < 0) return -EFAULT;
  return task.mm.writeUint64(args.argAddress(1), target.robustList);
}

export const futexSyscalls: readonly SyscallEntry[] = [
  full('futex', sysFutex),
  full('futex_waitv', sysFutexWaitv),
  full('set_robust_list', sysSetRobustList),
  full('get_robust_list', sysGetRobustList),
];
