import { describeTasks, type Kernel } from '@sbx/kernel';
import { binding } from '../binding.js';
import { SentryError } from '../sentry/sentry-error.js';

const STACK_DEPTH = 60;

/** Ends this process with a report when its JavaScript thread makes no progress for so many seconds; 0: never. */
export function watch(kernel: Kernel, seconds: number): void {
  if (seconds === 0) return;
  const describe = () => {
    Error.stackTraceLimit = STACK_DEPTH;
    return `${new Error('no progress').stack}\n${describeTasks(kernel.tasks.values())}`;
  };
  try {
    binding.startWatchdog(seconds, describe);
  } catch (error) {
    // The first of the sentry's threads, after Node's, that is made.
    throw new SentryError('ERR_SBX_START', `the host gives the sentry no more threads (ulimit -u, pids.max): ${(error as Error).message}`);
  }
}
