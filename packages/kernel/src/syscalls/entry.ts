import type { ContextPage } from '@sbx/platform';
import type { Task } from '../task/task.js';
import type { SyscallResult } from '../wait/blocking.js';

/**
 * Serves one system call. Arguments are read from the context page (`args.argAddress(0)`, `args.argInt32(1)`, …: see ContextPage). The result is a number
 * (negative errno for failure), or a generator when the task must wait. A handler parses, calls a kernel operation and encodes; nothing more.
 */
export type SyscallHandler = (task: Task, args: ContextPage) => SyscallResult;

/** How much of the call's Linux behaviour is there. */
export type SupportLevel = 'full' | 'partial' | 'errno-only';

/** A row of the system-call table, from which dispatch and docs/syscalls.md are made. */
export interface SyscallEntry {
  /** Name as in Linux's table (the same on each architecture that has the call). */
  readonly name: string;
  readonly handler: SyscallHandler;
  readonly support: SupportLevel;
  /** What is missing (partial), or which errno and why (errno-only). */
  readonly note: string;
}

export function full(name: string, handler: SyscallHandler): SyscallEntry {
  return { name, handler, support: 'full', note: '' };
}
/** @param missing - what Linux does and this does not, for docs/syscalls.md */
export function partial(name: string, handler: SyscallHandler, missing: string): SyscallEntry {
  return { name, handler, support: 'partial', note: missing };
}
/** A call that always fails with `errno` (positive), and why. */
export function errnoOnly(name: string, errno: number, why: string): SyscallEntry {
  return { name, handler: () => -errno, support: 'errno-only', note: why };
}
