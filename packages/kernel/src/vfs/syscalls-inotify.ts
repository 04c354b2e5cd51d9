import {
  AT_FDCWD,
  EBADF,
  EEXIST,
  EINVAL,
  EMFILE,
  ENOSPC,
  IN_ALL_EVENTS,
  IN_CLOEXEC,
  IN_DONT_FOLLOW,
  IN_EXCL_UNLINK,
  IN_ISDIR,
  IN_MASK_ADD,
  IN_MASK_CREATE,
  IN_NONBLOCK,
  IN_ONESHOT,
  IN_ONLYDIR,
  IN_UNMOUNT,
  O_RDONLY,
} from '@sbx/abi';
import type { ContextPage } from '@sbx/platform';
import { partial, type SyscallEntry } from '../syscalls/entry.js';
import type { Task } from '../task/task.js';
import { copyPath, start, startAt } from './arguments.js';
import { InotifyDescription } from './inotify.js';
import { WALK_DIRECTORY, WALK_FOLLOW } from './path-walk.js';
import { retrying } from './pending.js';
import { inodePermission, MAY_READ } from './permission.js';
import { install } from './syscalls-open.js';

/** All that a mask may hold meaningfully: without any of it, it is invalid. */
const MASK_BITS =
  (IN_ALL_EVENTS | IN_UNMOUNT | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK | IN_MASK_ADD | IN_MASK_CREATE | IN_ISDIR | IN_ONESHOT) >>> 0;

function sysInotifyInit(task: Task, _args: ContextPage): number {
  return create(task, 0);
}
function sysInotifyInit1(task: Task, args: ContextPage): number {
  return create(task, args.argInt32(0));
}
function create(task: Task, flags: number): number {
  if ((flags & ~(IN_CLOEXEC | IN_NONBLOCK)) !== 0) return -EINVAL;
  if (!InotifyDescription.mayCreate(task)) return -EMFILE;
  return install(task, new InotifyDescription(O_RDONLY | (flags & IN_NONBLOCK), task), (flags & IN_CLOEXEC) !== 0);
}

function sysInotifyAddWatch(task: Task, args: ContextPage): number {
  const mask = args.argUint32(2);
  if ((mask & MASK_BITS) === 0) return -EINVAL;
  const file = task.files.getReal(args.argInt32(0));
  if (file === null) return -EBADF;
  if ((mask & IN_MASK_ADD) !== 0 && (mask & IN_MASK_CREATE) !== 0) return -EINVAL;
  if (!(file instanceof InotifyDescription)) return -EINVAL;
  const path = copyPath(task, args.argAddress(1));
  if (typeof path === 'number') return path;
  startAt(task, AT_FDCWD, path);
  const { walk } = task.kernel.vfs;
  const flags = ((mask & IN_DONT_FOLLOW) !== 0 ? 0 : WALK_FOLLOW) | ((mask & IN_ONLYDIR) !== 0 ? WALK_DIRECTORY : 0);
  const found = walk.start(start.mount, start.dentry).lookup(task, path, flags);
  if (found < 0) return found;
  const inode = walk.dentry.inode!;
  const allowed = inodePermission(task, inode, MAY_READ);
  if (allowed < 0) return allowed;
  const events = mask & (IN_ALL_EVENTS | IN_UNMOUNT);
  const once = (mask & IN_ONESHOT) !== 0;
  const skipUnlinked = (mask & IN_EXCL_UNLINK) !== 0;
  const existing = file.watchOf(inode);
  if (existing !== null) {
    if ((mask & IN_MASK_CREATE) !== 0) return -EEXIST;
    return file.changeWatch(inode, (mask & IN_MASK_ADD) !== 0 ? existing.mask | events : events, once, skipUnlinked);
  }
  const wd = file.addWatch(inode, events, once, skipUnlinked);
  return wd < 0 ? -ENOSPC : wd;
}

function sysInotifyRmWatch(task: Task, args: ContextPage): number {
  const file = task.files.getReal(args.argInt32(0));
  if (file === null) return -EBADF;
  return file instanceof InotifyDescription ? file.removeWatch(args.argInt32(1)) : -EINVAL;
}

export const inotifySyscalls: readonly SyscallEntry[] = [
  partial('inotify_init', sysInotifyInit, 'no IN_UNMOUNT; changes made outside of the sandbox are not seen'),
  partial('inotify_init1', sysInotifyInit1, 'as inotify_init'),
  partial('inotify_add_watch', retrying(sysInotifyAddWatch), 'as inotify_init'),
  partial('inotify_rm_watch', sysInotifyRmWatch, 'as inotify_init'),
];
