import type { Memory, Platform } from '@sbx/platform';
import type { Task } from './task/task.js';
import type { Clock } from './time/clock.js';
import type { WakeReason } from './wait/blocking.js';

/** The sandbox's kernel: what all its tasks share. One JavaScript thread, so no locks. (Under construction: run loop and tasks come with task/.) */
export abstract class Kernel {
  /** Live tasks by thread id. */
  readonly tasks = new Map<number, Task>();

  constructor(
    readonly platform: Platform,
    readonly clock: Clock,
  ) {}

  /** Application memory. */
  get memory(): Memory {
    return this.platform.memory;
  }
  /** Ends a task's wait: it becomes runnable. */
  abstract wakeTask(task: Task, reason: WakeReason): void;
  /** Fills `bytes` from the kernel's random source (seedable). */
  abstract random(bytes: Uint8Array): void;
}
