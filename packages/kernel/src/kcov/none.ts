/** What `#kcov` is in the normal build: nothing. The coverage build (export condition `@sbx/coverage`) has kcov.ts in its place. */
import type { SysNode } from '../fs/sys/sys.js';
import type { Task } from '../task/task.js';

/** The kernel runs on behalf of a task from now on, or of none. @hotpath */
export function switchCoverage(_task: Task | null): void {}

/** What is in /sys/kernel/debug. */
export const debugFiles: Readonly<Record<string, SysNode>> = {};
