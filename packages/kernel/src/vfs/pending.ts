import { EIO, EPOLLIN, ERESTARTNOINTR } from '@sbx/abi';
import type { ContextPage } from '@sbx/platform';
import type { SyscallHandler } from '../syscalls/entry.js';
import type { Task } from '../task/task.js';
import { type Blocking, INTERRUPTED, type SyscallResult } from '../wait/blocking.js';

/**
 * What an inode operation returns when it can't finish now (a host call in the thread pool, a file system in TypeScript that answers with a promise). It
 * has started the work, remembers it by its arguments, and has put a wait queue into `vfs.pending`; the system call waits there and starts over from its
 * beginning, where the operation finds its result. So path walking needs no generators. Never seen by programs.
 */
export const PENDING = -600;

/** A system call whose handler may answer PENDING: it is called again after each wake-up. Costs nothing while nothing is pending. */
export function retrying(handler: SyscallHandler): SyscallHandler {
  return (task, args): SyscallResult => {
    const result = attempt(task, args, handler);
    return result === PENDING ? retry(task, args, handler) : result;
  };
}

/** Calls the handler and says meanwhile that it may answer PENDING. @hotpath */
function attempt(task: Task, args: ContextPage, handler: SyscallHandler): SyscallResult {
  const { vfs } = task.kernel;
  vfs.mayPend = true;
  const result = handler(task, args);
  vfs.mayPend = false;
  return result;
}

function* retry(task: Task, args: ContextPage, handler: SyscallHandler): Blocking {
  for (;;) {
    const queue = task.kernel.vfs.pending;
    task.kernel.vfs.pending = null;
    if (queue === null) return -EIO;
    if ((yield task.wait.on(queue, EPOLLIN)) === INTERRUPTED) return -ERESTARTNOINTR;
    const result = attempt(task, args, handler);
    if (typeof result !== 'number') return yield* result;
    if (result !== PENDING) return result;
  }
}
