import type { Task } from '../task/task.js';

/**
 * Sees every system call: `--strace`, policies, statistics. While the kernel has none, tracing costs one comparison a call. Must not throw, and must not
 * change the task.
 */
export interface SyscallTracer {
  /** Before the handler: arguments are in `task.page`. */
  enter(task: Task, sysno: number): void;
  /** After it (also after waiting): `result` may be one of the restart codes. Not called for calls that don't return (exit, a successful execve does). */
  exit(task: Task, result: number): void;
}
