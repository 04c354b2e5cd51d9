import type { Task } from './task.js';

/**
 * Work that a task does once, just before its next return to user mode, after everything else (`Task.registerWork`; kcov uses it). An object of a registered
 * type with plain data, never a closure, so that a saved task keeps it. It may register itself again, for the return after that.
 */
export interface TaskWork {
  /** Name of the registered type, for save and restore. */
  readonly type: string;
  run(task: Task): void;
  /** The task exits. */
  exit(task: Task): void;
}
