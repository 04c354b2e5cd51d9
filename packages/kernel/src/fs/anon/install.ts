import { RLIMIT_NOFILE } from '@sbx/abi';
import type { Task } from '../../task/task.js';
import type { FileDescription } from '../../vfs/file-description.js';

/** Gives a new description a descriptor; takes over its reference. The descriptor, or -EMFILE. */
export function installAnonymous(task: Task, file: FileDescription, closeOnExec: boolean): number {
  const fd = task.files.install(file, closeOnExec, task.threadGroup.limits.soft[RLIMIT_NOFILE]);
  if (fd < 0) file.decRef();
  return fd;
}
