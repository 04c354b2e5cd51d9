import { EACCES, O_RDONLY } from '@sbx/abi';
import { Credentials } from '../auth/credentials.js';
import type { Dentry } from '../vfs/dentry.js';
import type { FileDescription } from '../vfs/file-description.js';
import type { Mount } from '../vfs/mount.js';
import { openFound } from '../vfs/open.js';
import { WALK_FOLLOW } from '../vfs/path-walk.js';
import { inodePermission, MAY_EXEC } from '../vfs/permission.js';
import type { Task } from './task.js';

const ELOOP = 40;
const root = Credentials.forUser(0, 0);

/**
 * Opens a program, or the interpreter of one, for execution: a regular file that the caller may execute (reading it is the kernel's matter), on a file
 * system that is not noexec. The caller of this denies writing while it loads. The description has one reference; or -errno.
 */
export function openExecutable(task: Task, mount: Mount, dentry: Dentry, path: string, follow: boolean): FileDescription | number {
  const { walk } = task.kernel.vfs;
  const result = walk.start(mount, dentry).lookup(task, path, follow ? WALK_FOLLOW : 0);
  if (result < 0) return result;
  const inode = walk.dentry.inode!;
  const foundMount = walk.mount;
  const foundDentry = walk.dentry;
  if (inode.isSymlink) return -ELOOP;
  if (!inode.isRegular || foundMount.noExec) return -EACCES;
  const allowed = inodePermission(task, inode, MAY_EXEC);
  if (allowed < 0) return allowed;
  return openFound({ kernel: task.kernel, credentials: root, fs: task.fs }, foundMount, foundDentry, O_RDONLY, false);
}
