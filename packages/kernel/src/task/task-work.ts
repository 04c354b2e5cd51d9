import type { Task } from './task.js';

/**
 * Work that runs on a task just before it returns to user mode (kcov uses it). An object of a registered type with plain data, never a closure, so that
 * a saved task keeps it. It may register itself again.
 */
export interface TaskWork {
  /** Name of the registered type, for save and restore. */
  readonly type: string;
  run(task: Task): void;
  /** The task exits. */
  exit(task: Task): void;
}
