import type { WaitEntry, WaitQueue } from './wait-queue.js';

/** Why a blocked generator was resumed. */
export const WOKEN = 0;
export const TIMED_OUT = 1;
/** A signal wants the task: undo or keep what was done, and return a result or one of the ERESTART codes. */
export const INTERRUPTED = 2;
export type WakeReason = 0 | 1 | 2;

/**
 * Work that must wait: a generator which yields after it has set up `task.wait` and is resumed by the run loop. It returns the system call's result.
 * After every resume look at the state again: a wake-up says that something may have changed, not that it has.
 */
export type Blocking = Generator<void, number, WakeReason>;

/** What a system-call handler returns: the result (negative errno for failure), or the rest of the work. */
export type SyscallResult = number | Blocking;

/** An entry of a task's wait in one queue. */
class TaskWaitEntry implements WaitEntry {
  events = 0;
  exclusive = false;
  queue: WaitQueue | null = null;
  next: WaitEntry | null = null;
  previous: WaitEntry | null = null;
  constructor(readonly wait: TaskWait) {}
  onWake(): void {
    this.wait.wake(WOKEN);
  }
}

/**
 * What a blocked task waits for. Each task has one, reused. Use: `const why = yield task.wait.on(queue, EPOLLIN);`
 * The run loop takes all registrations back at the resume.
 */
export class TaskWait {
  #entries: TaskWaitEntry[] = [];
  #used = 0;
  /** When to give up: nanoseconds of the kernel's monotonic clock; Infinity: never. */
  deadline = Number.POSITIVE_INFINITY;
  /** False: only a fatal signal interrupts (TASK_KILLABLE). */
  interruptible = true;

  /** @param onWake - called once for each wait, when its first condition fires */
  constructor(private readonly onWake: (reason: WakeReason) => void) {}

  /** Waits for `events` of one queue, until `deadline`. */
  on(queue: WaitQueue, events: number, deadline = Number.POSITIVE_INFINITY): void {
    this.also(queue, events);
    this.deadline = deadline;
  }
  /** Adds a queue to the wait (poll waits on many). An exclusive wait uses up one wake-up. */
  also(queue: WaitQueue, events: number, exclusive = false): void {
    const entry = (this.#entries[this.#used++] ??= new TaskWaitEntry(this));
    entry.events = events;
    entry.exclusive = exclusive;
    queue.add(entry);
  }
  /** Waits for the deadline or a signal alone. */
  until(deadline: number): void {
    this.deadline = deadline;
  }
  /** As `on`, but only a fatal signal interrupts. */
  uninterruptible(queue: WaitQueue, events: number): void {
    this.also(queue, events);
    this.interruptible = false;
  }

  /** Ends the wait. Called by queues, timers and signals. */
  wake(reason: WakeReason): void {
    this.onWake(reason);
  }

  /** Takes all registrations back. Called by the run loop. */
  clear(): void {
    for (let i = 0; i < this.#used; i++) this.#entries[i].queue?.remove(this.#entries[i]);
    if (this.#entries.length > 64) this.#entries.length = 64;
    this.#used = 0;
    this.deadline = Number.POSITIVE_INFINITY;
    this.interruptible = true;
  }
}
