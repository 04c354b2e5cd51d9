import type { Task } from '../../task/task.js';
import type { Caller } from '../../vfs/inode.js';

/** The task on whose behalf the VFS works, or null when that is the kernel itself or the embedding program. */
export function asTask(caller: Caller): Task | null {
  return 'threadGroup' in caller ? (caller as Task) : (caller.task ?? null);
}
