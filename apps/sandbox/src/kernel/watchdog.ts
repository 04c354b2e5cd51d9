import { describeTasks, type Kernel } from '@sbx/kernel';
import { binding } from '../binding.js';

const STACK_DEPTH = 60;

/** Ends this process with a report when its JavaScript thread makes no progress for so many seconds; 0: never. */
export function watch(kernel: Kernel, seconds: number): void {
  if (seconds === 0) return;
  binding.startWatchdog(seconds, () => {
    Error.stackTraceLimit = STACK_DEPTH;
    return `${new Error('no progress').stack}\n${describeTasks(kernel.tasks.values())}`;
  });
}
