import {
  CLOCK_BOOTTIME,
  CLOCK_BOOTTIME_ALARM,
  CLOCK_MONOTONIC,
  CLOCK_REALTIME,
  CLOCK_REALTIME_ALARM,
  EAGAIN,
  EBADF,
  EFAULT,
  EINVAL,
  EPERM,
  EPOLLIN,
  O_RDWR,
  TFD_CLOEXEC,
  TFD_NONBLOCK,
  TFD_TIMER_ABSTIME,
  TFD_TIMER_CANCEL_ON_SET,
} from '@sbx/abi';
import type { ContextPage } from '@sbx/platform';
import type { IoBuffer } from '../../io/io-buffer.js';
import { full, partial, type SyscallEntry } from '../../syscalls/entry.js';
import type { Task } from '../../task/task.js';
import { IntervalTimer } from '../../time/process-timers.js';
import { toMonotonic } from '../../time/syscalls.js';
import * as timespec from '../../time/timespec.js';
import { readTimespec, writeDuration } from '../../time/timespec.js';
import { FileDescription } from '../../vfs/file-description.js';
import { WaitQueue } from '../../wait/wait-queue.js';
import { installAnonymous } from './install.js';

const words = new Uint32Array(2);
const bytes = new Uint8Array(words.buffer);

/** A timer as a file (timerfd_create(2)): readable when it has expired; reading gives the number of expiries. */
export class TimerFd extends FileDescription {
  readonly timer: IntervalTimer;
  #expiries = 0;
  readonly #queue = new WaitQueue();

  constructor(
    task: Task,
    readonly clock: number,
    flags: number,
  ) {
    super(O_RDWR | flags);
    const { kernel } = task;
    const now = (): number => kernel.clock.monotonic();
    this.timer = new IntervalTimer(kernel.timers, 'monotonic', now, now, (periods) => {
      this.#expiries += periods;
      this.#queue.wake(EPOLLIN);
    });
  }
  override get anonymousName(): string {
    return 'anon_inode:[timerfd]';
  }
  override get waitQueue(): WaitQueue {
    return this.#queue;
  }
  override get supportsNowait(): boolean {
    return true;
  }
  override poll(): number {
    return this.#expiries > 0 ? EPOLLIN : 0;
  }
  /** Does nothing (noop_llseek). */
  override seek(): number {
    return 0;
  }
  override read(_task: Task, io: IoBuffer): number {
    if (io.remaining < 8) return -EINVAL;
    if (this.#expiries === 0) return -EAGAIN;
    words[0] = this.#expiries % 2 ** 32;
    words[1] = Math.floor(this.#expiries / 2 ** 32);
    this.#expiries = 0;
    io.put(bytes, 0, 8);
    return io.result;
  }
  /** Arms it; what had expired before is forgotten. */
  set(expires: number, interval: number): void {
    this.#expiries = 0;
    this.timer.set(expires, interval);
  }
  protected override release(): void {
    this.timer.set(Number.POSITIVE_INFINITY, 0);
  }
}

function sysTimerfdCreate(task: Task, args: ContextPage): number {
  const clock = args.argInt32(0);
  const flags = args.argInt32(1);
  const alarm = clock === CLOCK_REALTIME_ALARM || clock === CLOCK_BOOTTIME_ALARM;
  if ((flags & ~(TFD_CLOEXEC | TFD_NONBLOCK)) !== 0) return -EINVAL;
  if (!alarm && clock !== CLOCK_REALTIME && clock !== CLOCK_MONOTONIC && clock !== CLOCK_BOOTTIME) return -EINVAL;
  if (alarm && !task.credentials.capable(35)) return -EPERM;
  return installAnonymous(task, new TimerFd(task, clock, flags & TFD_NONBLOCK), (flags & TFD_CLOEXEC) !== 0);
}

function find(task: Task, fd: number): TimerFd | number {
  const file = task.files.getReal(fd);
  if (file === null) return -EBADF;
  return file instanceof TimerFd ? file : -EINVAL;
}

function store(task: Task, address: number, interval: number, remaining: number): number {
  return writeDuration(task, address, interval) < 0 || writeDuration(task, address + 16, remaining) < 0 ? -EFAULT : 0;
}

function sysTimerfdSettime(task: Task, args: ContextPage): number {
  const flags = args.argInt32(1);
  const next = args.argAddress(2);
  const old = args.argAddress(3);
  let result = readTimespec(task, next);
  if (result === -EFAULT) return result;
  const badInterval = result < 0;
  const interval = timespec.duration;
  result = readTimespec(task, next + 16);
  if (result === -EFAULT) return result;
  if ((flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)) !== 0 || badInterval || result < 0) return -EINVAL;
  const file = find(task, args.argInt32(0));
  if (typeof file === 'number') return file;
  const { timer, clock } = file;
  const { remaining, interval: oldInterval } = timer;
  let expires = Number.POSITIVE_INFINITY;
  if (timespec.duration !== 0) {
    if ((flags & TFD_TIMER_ABSTIME) === 0) expires = timer.now() + timespec.duration;
    else expires = toMonotonic(task, clock, timespec.seconds, timespec.nanoseconds);
  }
  file.set(expires, interval);
  return old === 0 ? 0 : store(task, old, oldInterval, remaining);
}

function sysTimerfdGettime(task: Task, args: ContextPage): number {
  const file = find(task, args.argInt32(0));
  if (typeof file === 'number') return file;
  return store(task, args.argAddress(1), file.timer.interval, file.timer.remaining);
}

export const timerfdSyscalls: readonly SyscallEntry[] = [
  full('timerfd_create', sysTimerfdCreate),
  partial('timerfd_settime', sysTimerfdSettime, 'the clock is never set, so TFD_TIMER_CANCEL_ON_SET never cancels'),
  full('timerfd_gettime', sysTimerfdGettime),
];
