import { RLIMIT_CPU, SI_TIMER, SIGALRM, SIGKILL, SIGPROF, SIGVTALRM, SIGXCPU } from '@sbx/abi';
import { sendToGroup, sendToTask } from '../signal/send.js';
import { SignalInfo } from '../signal/signal-info.js';
import type { Task } from '../task/task.js';
import type { ThreadGroup } from '../task/thread-group.js';
import { processSystemTime, processUserTime } from './cpu-time.js';
import type { Timer, TimerQueue } from './timer-queue.js';

export const ITIMER_REAL = 0;
export const ITIMER_VIRTUAL = 1;
export const ITIMER_PROF = 2;
/** Most POSIX timers of one process. */
const MAX_TIMERS = 1024;
const NANOSECONDS = 1e9;

/** The clock that an interval runs on: wall time, or CPU time of the process. */
export type TimeSource = 'monotonic' | 'virtual' | 'cpu';
/** CPU clocks advance at most as fast as all CPUs together; looked at again this often (nanoseconds) at the latest. */
const CPU_CHECK_NS = 1e6;

/**
 * A timer with an interval, on wall time or on a process's CPU time. For CPU time the queue's deadline is a guess (it can't be reached before), and the clock is
 * looked at again when that is due.
 */
export class IntervalTimer implements Timer {
  deadline = 0;
  heapIndex = -1;
  /** When it expires next, on its own clock; Infinity: disarmed. */
  expires = Number.POSITIVE_INFINITY;
  interval = 0;

  constructor(
    readonly queue: TimerQueue,
    readonly source: TimeSource,
    /** Now, on the timer's clock. */
    readonly now: () => number,
    readonly monotonic: () => number,
    /** Called at each expiry with the number of periods that have passed (at least 1). */
    readonly onExpire: (periods: number) => void,
  ) {}

  /** Arms it to expire at `expires` on its clock (Infinity disarms) and then every `interval` (0: once). */
  set(expires: number, interval: number): void {
    this.expires = expires;
    this.interval = interval;
    this.#schedule();
  }
  /** Time until the next expiry; 0 when disarmed. */
  get remaining(): number {
    return this.expires === Number.POSITIVE_INFINITY ? 0 : Math.max(1, this.expires - this.now());
  }

  #schedule(): void {
    if (this.expires === Number.POSITIVE_INFINITY) {
      this.queue.cancel(this);
      return;
    }
    if (this.source === 'monotonic') this.queue.arm(this, this.expires);
    else this.queue.arm(this, this.monotonic() + Math.max(CPU_CHECK_NS, (this.expires - this.now()) / 2));
  }

  expire(): void {
    const now = this.now();
    if (now < this.expires) {
      this.#schedule();
      return;
    }
    let periods = 1;
    if (this.interval > 0) {
      periods += Math.floor((now - this.expires) / this.interval);
      this.expires += periods * this.interval;
    } else this.expires = Number.POSITIVE_INFINITY;
    this.#schedule();
    this.onExpire(periods);
  }
}

/** Where a POSIX timer's expiry goes: SIGEV_NONE 1, SIGEV_SIGNAL 0, SIGEV_THREAD_ID 4. */
export interface TimerEvent {
  readonly notify: number;
  readonly signo: number;
  readonly valueLow: number;
  readonly valueHigh: number;
  /** The thread that gets the signal, or null: the process. */
  readonly thread: Task | null;
}

/** A timer of timer_create(2). */
export class PosixTimer {
  readonly timer: IntervalTimer;
  /** Overruns of the last delivered expiry. */
  overrun = 0;

  constructor(
    readonly id: number,
    readonly clock: number,
    readonly group: ThreadGroup,
    readonly event: TimerEvent,
    queue: TimerQueue,
    source: TimeSource,
    now: () => number,
    monotonic: () => number,
  ) {
    this.timer = new IntervalTimer(queue, source, now, monotonic, (periods) => this.#expired(periods));
  }

  #expired(periods: number): void {
    this.overrun = Math.min(periods - 1, 0x7fffffff);
    const { notify, signo, valueLow, valueHigh, thread } = this.event;
    if (notify === 1) return;
    const target = thread ?? this.group;
    const info = SignalInfo.timer(signo, SI_TIMER, this.id, this.overrun, valueLow, valueHigh);
    if (target === thread) {
      if (thread.signals.pending.has(signo)) this.overrun += periods;
      else sendToTask(thread, info);
    } else if (this.group.signals.pending.has(signo)) this.overrun += periods;
    else sendToGroup(this.group, info);
  }
}

/** The timers of a process: three interval timers (setitimer(2)) and those of timer_create(2). Not inherited by fork; execve keeps only the former. */
export class ProcessTimers {
  readonly itimers: readonly IntervalTimer[];
  readonly posix = new Map<number, PosixTimer>();
  /** Looks at RLIMIT_CPU when it may have been reached. */
  readonly #cpuLimit: IntervalTimer;
  #nextId = 0;

  constructor(
    readonly group: ThreadGroup,
    readonly queue: TimerQueue,
    readonly monotonic: () => number,
  ) {
    const userTime = (): number => processUserTime(group);
    const cpuTime = (): number => processUserTime(group) + processSystemTime(group);
    const signal = (signo: number) => (): void => {
      sendToGroup(group, SignalInfo.kernel(signo));
    };
    this.itimers = [
      new IntervalTimer(queue, 'monotonic', monotonic, monotonic, signal(SIGALRM)),
      new IntervalTimer(queue, 'virtual', userTime, monotonic, signal(SIGVTALRM)),
      new IntervalTimer(queue, 'cpu', cpuTime, monotonic, signal(SIGPROF)),
    ];
    this.#cpuLimit = new IntervalTimer(queue, 'cpu', cpuTime, monotonic, () => this.#cpuLimitReached());
  }

  /** RLIMIT_CPU was set or inherited. */
  watchCpuLimit(): void {
    const { soft, hard } = this.group.limits;
    this.#cpuLimit.set(Math.min(soft[RLIMIT_CPU], hard[RLIMIT_CPU]) * NANOSECONDS, 0);
  }
  /** SIGXCPU at the soft limit and then each second (the limit moves, as in Linux); SIGKILL at the hard one. */
  #cpuLimitReached(): void {
    const { soft, hard } = this.group.limits;
    if (this.#cpuLimit.now() >= hard[RLIMIT_CPU] * NANOSECONDS) {
      sendToGroup(this.group, SignalInfo.kernel(SIGKILL));
      return;
    }
    sendToGroup(this.group, SignalInfo.kernel(SIGXCPU));
    soft[RLIMIT_CPU]++;
    this.watchCpuLimit();
  }

  /** A free timer id, or -1 when the process has too many. */
  allocateId(): number {
    if (this.posix.size >= MAX_TIMERS) return -1;
    while (this.posix.has(this.#nextId)) this.#nextId = (this.#nextId + 1) % 2 ** 31;
    return this.#nextId++;
  }

  deleteAllPosix(): void {
    for (const { timer } of this.posix.values()) timer.set(Number.POSITIVE_INFINITY, 0);
    this.posix.clear();
  }
  /** The process has exited. */
  release(): void {
    for (const timer of this.itimers) timer.set(Number.POSITIVE_INFINITY, 0);
    this.#cpuLimit.set(Number.POSITIVE_INFINITY, 0);
    this.deleteAllPosix();
  }
}
