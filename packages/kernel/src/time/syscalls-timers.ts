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
  EAGAIN,
  EFAULT,
  EINVAL,
  EOPNOTSUPP,
  SIGALRM,
  SIGEV_NONE,
  SIGEV_SIGNAL,
  SIGEV_THREAD,
  SIGEV_THREAD_ID,
  TIMER_ABSTIME,
} from '@sbx/abi';
import type { ContextPage } from '@sbx/platform';
import { full, partial, type SyscallEntry } from '../syscalls/entry.js';
import type { Task } from '../task/task.js';
import { processSystemTime, processUserTime, taskCpuTime } from './cpu-time.js';
import {
  type IntervalTimer,
  ITIMER_PROF,
  ITIMER_REAL,
  PosixTimer,
  type ProcessTimers,
  type TimerEvent,
  type TimeSource,
} from './process-timers.js';
import { toMonotonic } from './syscalls.js';
import * as timespec from './timespec.js';
import { readTimespec, readTimeval, writeDuration, writeDurationAsTimeval } from './timespec.js';

const NEVER = Number.POSITIVE_INFINITY;
const SIGEVENT_SIZE = 64;
const scratch = new Uint8Array(SIGEVENT_SIZE);
const view = new DataView(scratch.buffer);

/** The process's timers, made at the first use. */
export function timersOf(task: Task): ProcessTimers {
  return task.kernel.timersOf(task.threadGroup);
}

/** Stores interval and remaining time as two timevals or timespecs. */
function store(task: Task, address: number, timer: IntervalTimer, write: (task: Task, address: number, ns: number) => number): number {
  const { remaining } = timer;
  if (write(task, address, timer.interval) < 0) return -EFAULT;
  return write(task, address + 16, remaining);
}

function sysGetitimer(task: Task, args: ContextPage): number {
  const which = args.argInt32(0);
  if (which < ITIMER_REAL || which > ITIMER_PROF) return -EINVAL;
  return store(task, args.argAddress(1), timersOf(task).itimers[which], writeDurationAsTimeval);
}

function sysSetitimer(task: Task, args: ContextPage): number {
  const which = args.argInt32(0);
  const next = args.argAddress(1);
  const old = args.argAddress(2);
  let interval = 0;
  let value = 0;
  if (next !== 0) {
    let result = readTimeval(task, next);
    if (result < 0) return result;
    interval = timespec.duration;
    result = readTimeval(task, next + 16);
    if (result < 0) return result;
    value = timespec.duration;
  }
  if (which < ITIMER_REAL || which > ITIMER_PROF) return -EINVAL;
  const timer = timersOf(task).itimers[which];
  const { remaining, interval: oldInterval } = timer;
  timer.set(value === 0 ? NEVER : timer.now() + value, interval);
  if (old === 0) return 0;
  return writeDurationAsTimeval(task, old, oldInterval) < 0 || writeDurationAsTimeval(task, old + 16, remaining) < 0 ? -EFAULT : 0;
}

function sysAlarm(task: Task, args: ContextPage): number {
  const seconds = args.argUint32(0);
  const timer = timersOf(task).itimers[ITIMER_REAL];
  const { remaining } = timer;
  timer.set(seconds === 0 ? NEVER : timer.now() + seconds * 1e9, 0);
  return remaining === 0 ? 0 : Math.max(1, Math.round(remaining / 1e9));
}

/** Reads and checks a `struct sigevent`; a null pointer is SIGALRM with the timer's id. */
function readEvent(task: Task, address: number, id: number): TimerEvent | number {
  if (address === 0) return { notify: SIGEV_SIGNAL, signo: SIGALRM, valueLow: id, valueHigh: 0, thread: null };
  if (task.mm.copyIn(address, scratch, SIGEVENT_SIZE) !== SIGEVENT_SIZE) return -EFAULT;
  const signo = view.getInt32(8, true);
  const notify = view.getInt32(12, true);
  let thread: Task | null = null;
  if (notify === SIGEV_THREAD_ID) {
    thread = task.kernel.tasks.get(view.getInt32(16, true)) ?? null;
    if (thread === null || thread.threadGroup !== task.threadGroup) return -EINVAL;
  } else if (notify !== SIGEV_SIGNAL && notify !== SIGEV_NONE && notify !== SIGEV_THREAD) return -EINVAL;
  if (notify !== SIGEV_NONE && (signo < 1 || signo > 64)) return -EINVAL;
  return { notify, signo, valueLow: view.getUint32(0, true), valueHigh: view.getUint32(4, true), thread };
}

/** Time source and reading of a clock that timers may use, or null. */
function clockSource(task: Task, clock: number): { source: TimeSource; now: () => number } | null {
  const { threadGroup: group, kernel } = task;
  switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_MONOTONIC:
    case CLOCK_BOOTTIME:
    case CLOCK_TAI:
    case CLOCK_REALTIME_ALARM:
    case CLOCK_BOOTTIME_ALARM:
      return { source: 'monotonic', now: () => kernel.clock.monotonic() };
    case CLOCK_PROCESS_CPUTIME_ID:
      return { source: 'cpu', now: () => processUserTime(group) + processSystemTime(group) };
    case CLOCK_THREAD_CPUTIME_ID:
      return { source: 'cpu', now: () => taskCpuTime(task) };
    default:
      return null;
  }
}

function sysTimerCreate(task: Task, args: ContextPage): number {
  const clock = args.argInt32(0);
  if (clock === CLOCK_MONOTONIC_RAW || clock === CLOCK_REALTIME_COARSE || clock === CLOCK_MONOTONIC_COARSE) return -EOPNOTSUPP;
  const source = clockSource(task, clock);
  if (source === null) return -EINVAL;
  const timers = timersOf(task);
  const id = timers.allocateId();
  if (id < 0) return -EAGAIN;
  const event = readEvent(task, args.argAddress(1), id);
  if (typeof event === 'number') return event;
  view.setInt32(0, id, true);
  if (task.mm.copyOut(args.argAddress(2), scratch, 4) !== 4) return -EFAULT;
  timers.posix.set(id, new PosixTimer(id, clock, task.threadGroup, event, timers.queue, source.source, source.now, timers.monotonic));
  return 0;
}

function find(task: Task, args: ContextPage): PosixTimer | undefined {
  return timersOf(task).posix.get(args.argInt32(0));
}

function sysTimerSettime(task: Task, args: ContextPage): number {
  const flags = args.argInt32(1);
  const next = args.argAddress(2);
  const old = args.argAddress(3);
  if (next === 0) return -EINVAL;
  let result = readTimespec(task, next);
  if (result < 0) return result;
  const interval = timespec.duration;
  result = readTimespec(task, next + 16);
  if (result < 0) return result;
  const posix = find(task, args);
  if (posix === undefined) return -EINVAL;
  const { timer } = posix;
  const { remaining, interval: oldInterval } = timer;
  let expires = NEVER;
  if (timespec.duration !== 0) {
    const isCpu = timer.source !== 'monotonic';
    if ((flags & TIMER_ABSTIME) === 0) expires = timer.now() + timespec.duration;
    else expires = isCpu ? timespec.duration : toMonotonic(task, posix.clock, timespec.seconds, timespec.nanoseconds);
  }
  timer.set(expires, interval);
  posix.overrun = 0;
  if (old === 0) return 0;
  return writeDuration(task, old, oldInterval) < 0 || writeDuration(task, old + 16, remaining) < 0 ? -EFAULT : 0;
}

function sysTimerGettime(task: Task, args: ContextPage): number {
  const posix = find(task, args);
  return posix === undefined ? -EINVAL : store(task, args.argAddress(1), posix.timer, writeDuration);
}
function sysTimerGetoverrun(task: Task, args: ContextPage): number {
  return find(task, args)?.overrun ?? -EINVAL;
}
function sysTimerDelete(task: Task, args: ContextPage): number {
  const posix = find(task, args);
  if (posix === undefined) return -EINVAL;
  posix.timer.set(NEVER, 0);
  timersOf(task).posix.delete(posix.id);
  return 0;
}

export const timerSyscalls: readonly SyscallEntry[] = [
  full('getitimer', sysGetitimer),
  full('setitimer', sysSetitimer),
  full('alarm', sysAlarm),
  partial('timer_create', sysTimerCreate, 'no clocks of other processes'),
  full('timer_settime', sysTimerSettime),
  full('timer_gettime', sysTimerGettime),
  full('timer_getoverrun', sysTimerGetoverrun),
  full('timer_delete', sysTimerDelete),
];
