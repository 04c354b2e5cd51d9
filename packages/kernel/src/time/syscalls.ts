import {
  CLOCK_BOOTTIME,
  CLOCK_BOOTTIME_ALARM,
  CLOCK_MONOTONIC,
  CLOCK_MONOTONIC_COARSE,
  CLOCK_MONOTONIC_RAW,
  CLOCK_PROCESS_CPUTIME_ID,
  CLOCK_REALTIME,
  CLOCK_REALTIME_ALARM,
  CLOCK_REALTIME_COARSE,
  CLOCK_TAI,
  CLOCK_THREAD_CPUTIME_ID,
  EFAULT,
  EINVAL,
  EOPNOTSUPP,
  EPERM,
  TIMER_ABSTIME,
} from '@sbx/abi';
import type { ContextPage } from '@sbx/platform';
import { errnoOnly, full, partial, type SyscallEntry } from '../syscalls/entry.js';
import type { RestartBlock, Task } from '../task/task.js';
import type { ThreadGroup } from '../task/thread-group.js';
import { type Blocking, INTERRUPTED, type SyscallResult } from '../wait/blocking.js';
import { ERESTART_RESTARTBLOCK, ERESTARTNOHAND } from '../wait/restart.js';
import { processSystemTime, processUserTime, taskCpuTime, taskUserTime } from './cpu-time.js';
import * as timespec from './timespec.js';
import { readTimespec, writeDuration, writeTimespec } from './timespec.js';

const NANOSECONDS = 1e9;
const TICK = 1e7;
const RESOLUTION = 1;
const COARSE_RESOLUTION = 4e6;
const CPU_CLOCK_PER_THREAD = 4;
/** How long a sleeper on a clock of processor time waits at least before it looks again; how much faster than time that may pass. */
const CPU_SLEEP_STEP = 1e6;
const PARALLEL_CPUS = 4;
const scratch = new Uint8Array(208);
const view = new DataView(scratch.buffer);

/** What `readClock` read. */
let clockSeconds = 0;
let clockNanoseconds = 0;

function set(ns: number): number {
  clockSeconds = Math.floor(ns / NANOSECONDS);
  clockNanoseconds = ns - clockSeconds * NANOSECONDS;
  return 0;
}

/** A CPU clock's number names a process or thread (clock_getcpuclockid(3)): ~pid << 3 | kind. */
function cpuClock(task: Task, id: number): number {
  const pid = ~(id >> 3);
  const perThread = (id & 4) !== 0;
  if ((id & 3) === 3) return -EINVAL;
  if (perThread) {
    const target = pid === 0 ? task : task.kernel.tasks.get(pid);
    if (target === undefined || target.threadGroup !== task.threadGroup) return -EINVAL;
    return set((id & 3) === 1 ? taskUserTime(target) : taskCpuTime(target));
  }
  const group: ThreadGroup | undefined = pid === 0 ? task.threadGroup : task.kernel.processes.get(pid);
  if (group === undefined) return -EINVAL;
  return set((id & 3) === 1 ? processUserTime(group) : processUserTime(group) + processSystemTime(group));
}

/** Reads a clock: 0 (result in clockSeconds, clockNanoseconds) or -EINVAL. @hotpath */
function readClock(task: Task, id: number): number {
  const { clock } = task.kernel;
  switch (id) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_REALTIME_ALARM:
    case CLOCK_TAI:
      clock.readRealtime();
      clockSeconds = clock.seconds;
      clockNanoseconds = clock.nanoseconds;
      return 0;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
      return set(clock.monotonic());
    case CLOCK_BOOTTIME:
    case CLOCK_BOOTTIME_ALARM:
      return set(clock.monotonic() + clock.boottimeOffset);
    case CLOCK_PROCESS_CPUTIME_ID:
      return set(processUserTime(task.threadGroup) + processSystemTime(task.threadGroup));
    case CLOCK_THREAD_CPUTIME_ID:
      return set(taskCpuTime(task));
    default:
      return id < 0 ? cpuClock(task, id) : -EINVAL;
  }
}

function sysClockGettime(task: Task, args: ContextPage): number {
  const result = readClock(task, args.argInt32(0));
  return result < 0 ? result : writeTimespec(task, args.argAddress(1), clockSeconds, clockNanoseconds);
}

function sysClockGetres(task: Task, args: ContextPage): number {
  const id = args.argInt32(0);
  const result = readClock(task, id);
  if (result < 0) return result;
  const address = args.argAddress(1);
  const coarse = id === CLOCK_REALTIME_COARSE || id === CLOCK_MONOTONIC_COARSE;
  return address === 0 ? 0 : writeTimespec(task, address, 0, coarse ? COARSE_RESOLUTION : RESOLUTION);
}

function sysClockSettime(task: Task, args: ContextPage): number {
  const id = args.argInt32(0);
  if (id !== CLOCK_REALTIME && readClock(task, id) < 0) return -EINVAL;
  if (readTimespec(task, args.argAddress(1)) === -EFAULT) return -EFAULT;
  return id === CLOCK_REALTIME ? -EPERM : -EINVAL;
}

function sysGettimeofday(task: Task, args: ContextPage): number {
  const { clock } = task.kernel;
  const address = args.argAddress(0);
  const zone = args.argAddress(1);
  clock.readRealtime();
  if (address !== 0 && writeTimespec(task, address, clock.seconds, Math.floor(clock.nanoseconds / 1000)) < 0) return -EFAULT;
  if (zone === 0) return 0;
  scratch.fill(0, 0, 8);
  return task.mm.copyOut(zone, scratch, 8) === 8 ? 0 : -EFAULT;
}

function sysTime(task: Task, args: ContextPage): number {
  const { clock } = task.kernel;
  const address = args.argAddress(0);
  clock.readRealtime();
  if (address === 0) return clock.seconds;
  view.setUint32(0, clock.seconds % 2 ** 32, true);
  view.setUint32(4, Math.floor(clock.seconds / 2 ** 32), true);
  return task.mm.copyOut(address, scratch, 8) === 8 ? clock.seconds : -EFAULT;
}

/** The rest of a relative sleep that a signal interrupted. */
class SleepRestart implements RestartBlock {
  constructor(
    readonly deadline: number,
    readonly remaining: number,
  ) {}
  restart(task: Task): SyscallResult {
    return sleep(task, this.deadline, this.remaining);
  }
}

/** Sleeps until a monotonic deadline. `remaining`: where an interrupted relative sleep reports what is left (0: nowhere); -1: the sleep is absolute. */
function* sleep(task: Task, deadline: number, remaining: number): Blocking {
  for (;;) {
    task.wait.until(deadline);
    const why = yield;
    const now = task.kernel.clock.monotonic();
    if (now >= deadline) return 0;
    if (why !== INTERRUPTED) continue;
    if (remaining < 0) return -ERESTARTNOHAND;
    if (remaining > 0 && writeDuration(task, remaining, deadline - now) < 0) return -EFAULT;
    task.restartBlock = new SleepRestart(deadline, remaining);
    return -ERESTART_RESTARTBLOCK;
  }
}

/** The rest of a sleep on a clock of processor time. */
class CpuSleepRestart implements RestartBlock {
  constructor(
    readonly id: number,
    readonly deadline: number,
    readonly remaining: number,
  ) {}
  restart(task: Task): SyscallResult {
    return cpuSleep(task, this.id, this.deadline, this.remaining);
  }
}

/** As `sleep`, until a clock of processor time shows `deadline`. No event says when that is: it is looked at when it can be at the earliest. */
function* cpuSleep(task: Task, id: number, deadline: number, remaining: number): Blocking {
  for (;;) {
    if (readClock(task, id) < 0) return -EINVAL;
    const left = deadline - (clockSeconds * NANOSECONDS + clockNanoseconds);
    if (left <= 0) return 0;
    task.wait.until(task.kernel.clock.monotonic() + Math.max(CPU_SLEEP_STEP, left / PARALLEL_CPUS));
    if ((yield) !== INTERRUPTED) continue;
    if (remaining < 0) return -ERESTARTNOHAND;
    if (remaining > 0 && writeDuration(task, remaining, left) < 0) return -EFAULT;
    task.restartBlock = new CpuSleepRestart(id, deadline, remaining);
    return -ERESTART_RESTARTBLOCK;
  }
}

/** clock_nanosleep on a clock of processor time, for the duration that was read last. */
function sysCpuSleep(task: Task, id: number, absolute: boolean, remaining: number): SyscallResult {
  // A thread can't wait for its own time to pass.
  if ((id & CPU_CLOCK_PER_THREAD) !== 0 && id < 0 && [0, task.id].includes(~(id >> 3))) return -EINVAL;
  if (absolute) return cpuSleep(task, id, timespec.duration, -1);
  readClock(task, id);
  return cpuSleep(task, id, clockSeconds * NANOSECONDS + clockNanoseconds + timespec.duration, Math.max(remaining, 0));
}

function sysNanosleep(task: Task, args: ContextPage): SyscallResult {
  const result = readTimespec(task, args.argAddress(0));
  if (result < 0) return result;
  const remaining = args.argAddress(1);
  return sleep(task, task.kernel.clock.monotonic() + timespec.duration, Math.max(remaining, 0));
}

/** When a clock that is not monotonic will show a time, on the monotonic clock. */
export function toMonotonic(task: Task, id: number, seconds: number, nanoseconds: number): number {
  if (readClock(task, id) < 0) return Number.NaN;
  return task.kernel.clock.monotonic() + (seconds - clockSeconds) * NANOSECONDS + (nanoseconds - clockNanoseconds);
}

function sysClockNanosleep(task: Task, args: ContextPage): SyscallResult {
  const id = args.argInt32(0);
  const flags = args.argInt32(1);
  const remaining = args.argAddress(3);
  if (readClock(task, id) < 0) return -EINVAL;
  if ([CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_THREAD_CPUTIME_ID].includes(id)) return -EOPNOTSUPP;
  const result = readTimespec(task, args.argAddress(2));
  if (result < 0) return result;
  if (id < 0 || id === CLOCK_PROCESS_CPUTIME_ID) return sysCpuSleep(task, id, (flags & TIMER_ABSTIME) !== 0, remaining);
  if ((flags & TIMER_ABSTIME) === 0) return sleep(task, task.kernel.clock.monotonic() + timespec.duration, Math.max(remaining, 0));
  const deadline = toMonotonic(task, id, timespec.seconds, timespec.nanoseconds);
  return deadline <= task.kernel.clock.monotonic() ? 0 : sleep(task, deadline, -1);
}

/** times(2): ticks of 10 ms; the result counts from an arbitrary point. */
function sysTimes(task: Task, args: ContextPage): number {
  const { threadGroup: group, kernel } = task;
  const address = args.argAddress(0);
  const values = [processUserTime(group), processSystemTime(group), group.childrenUserTime, group.childrenSystemTime];
  for (let i = 0; i < 4; i++) {
    const ticks = Math.floor(values[i] / TICK);
    view.setUint32(i * 8, ticks % 2 ** 32, true);
    view.setUint32(i * 8 + 4, Math.floor(ticks / 2 ** 32), true);
  }
  if (address !== 0 && task.mm.copyOut(address, scratch, 32) !== 32) return -EFAULT;
  return Math.floor(kernel.clock.monotonic() / TICK);
}

/** adjtimex(2) without privilege: reading. The clock is the host's and in good order. */
function adjtimex(task: Task, address: number): number {
  if (task.mm.copyIn(address, scratch, 208) !== 208) return -EFAULT;
  if (view.getUint32(0, true) !== 0) return -EPERM;
  task.kernel.clock.readRealtime();
  scratch.fill(0);
  view.setUint32(40, 0x40, true); // status: STA_UNSYNC
  view.setUint32(48, 1, true); // constant
  view.setUint32(56, 1, true); // precision
  view.setUint32(64, 32768000, true); // tolerance
  view.setUint32(72, task.kernel.clock.seconds % 2 ** 32, true);
  view.setUint32(76, Math.floor(task.kernel.clock.seconds / 2 ** 32), true);
  view.setUint32(80, Math.floor(task.kernel.clock.nanoseconds / 1000), true);
  view.setUint32(88, 10000, true); // tick
  return task.mm.copyOut(address, scratch, 208) === 208 ? 5 /* TIME_ERROR: not synchronised by NTP here */ : -EFAULT;
}

function sysClockAdjtime(task: Task, args: ContextPage): number {
  const id = args.argInt32(0);
  const address = args.argAddress(1);
  if (id === CLOCK_REALTIME) return adjtimex(task, address);
  if (task.mm.copyIn(address, scratch, 208) !== 208) return -EFAULT;
  return readClock(task, id) < 0 ? -EINVAL : -EOPNOTSUPP;
}

export const timeSyscalls: readonly SyscallEntry[] = [
  full('clock_gettime', sysClockGettime),
  full('clock_getres', sysClockGetres),
  partial('clock_settime', sysClockSettime, 'EPERM: the clock is the host’s'),
  full('gettimeofday', sysGettimeofday),
  errnoOnly('settimeofday', EPERM, 'the clock is the host’s'),
  full('time', sysTime),
  full('nanosleep', sysNanosleep),
  full('clock_nanosleep', sysClockNanosleep),
  full('times', sysTimes),
  partial('adjtimex', (task, args) => adjtimex(task, args.argAddress(0)), 'reading only'),
  partial('clock_adjtime', sysClockAdjtime, 'reading only'),
];
