import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  EBADF,
  EFAULT,
  EFBIG,
  EINVAL,
  EISDIR,
  ENODEV,
  EOPNOTSUPP,
  EROFS,
  ESPIPE,
  FALLOC_FL_COLLAPSE_RANGE,
  FALLOC_FL_INSERT_RANGE,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_UNSHARE_RANGE,
  FALLOC_FL_ZERO_RANGE,
  IN_MODIFY,
  S_IFBLK,
  S_IFMT,
} from '@sbx/abi';
import type { ContextPage } from '@sbx/platform';
import { full, type SyscallEntry } from '../syscalls/entry.js';
import type { Task } from '../task/task.js';
import type { Blocking, SyscallResult } from '../wait/blocking.js';
import { argPosition, copyPath, copyPathOrEmpty, fileArg, start, startAt } from './arguments.js';
import { changeAttributes, changeMode, changeOwner, newChange, truncateInode, truncatePath } from './attributes.js';
import type { Dentry } from './dentry.js';
import type { FileDescription } from './file-description.js';
import { ATTR_ATIME, ATTR_ATIME_SET, ATTR_CTIME, ATTR_MTIME, ATTR_MTIME_SET, ATTR_TIMES_SET, ATTR_TOUCH } from './inode.js';
import type { Mount } from './mount.js';
import { notify } from './notify.js';
import { WALK_FOLLOW } from './path-walk.js';
import { retrying } from './pending.js';
import { checkNewSize, MAX_FILE_SIZE } from './regular-file.js';
import { hold } from './transfer.js';

/** Walks to the object of a path argument; 0 (the walk is there) or -errno. `flags`: AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH. */
function walkTo(task: Task, dirfd: number, addr: number, flags: number): number {
  const path = (flags & AT_EMPTY_PATH) !== 0 ? copyPathOrEmpty(task, addr) : copyPath(task, addr);
  if (typeof path === 'number') return path;
  const started = startAt(task, dirfd, path);
  if (started < 0) return started;
  const { walk } = task.kernel.vfs;
  return walk.start(start.mount, start.dentry).lookup(task, path, (flags & AT_SYMLINK_NOFOLLOW) !== 0 ? 0 : WALK_FOLLOW);
}

function sysChmod(task: Task, args: ContextPage): number {
  return chmodAt(task, AT_FDCWD, args.argAddress(0), args.argUint32(1));
}
function sysFchmodat(task: Task, args: ContextPage): number {
  return chmodAt(task, args.argInt32(0), args.argAddress(1), args.argUint32(2));
}
function chmodAt(task: Task, dirfd: number, addr: number, mode: number): number {
  const found = walkTo(task, dirfd, addr, 0);
  if (found < 0) return found;
  const { walk } = task.kernel.vfs;
  return changeMode(task, walk.mount, walk.dentry, mode);
}
function sysFchmod(task: Task, args: ContextPage): number {
  const file = fileArg(task, args, 0);
  if (file === null) return -EBADF;
  return withPlace(task, file, (mount, dentry) => changeMode(task, mount, dentry, args.argUint32(1)));
}

/** Runs `change` on the place of a description; one without a place of its own stands for the anonymous inode, which keeps nothing. */
function withPlace(task: Task, file: FileDescription, change: (mount: Mount, dentry: Dentry) => number): number {
  const { anonymousMount } = task.kernel.vfs;
  return change(file.mount ?? anonymousMount, file.dentry ?? anonymousMount.root);
}

function sysChown(task: Task, args: ContextPage): number {
  return chownAt(task, AT_FDCWD, args.argAddress(0), args.argInt32(1), args.argInt32(2), 0);
}
function sysLchown(task: Task, args: ContextPage): number {
  return chownAt(task, AT_FDCWD, args.argAddress(0), args.argInt32(1), args.argInt32(2), AT_SYMLINK_NOFOLLOW);
}
function sysFchownat(task: Task, args: ContextPage): number {
  const flags = args.argInt32(4);
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) !== 0) return -EINVAL;
  return chownAt(task, args.argInt32(0), args.argAddress(1), args.argInt32(2), args.argInt32(3), flags);
}
function chownAt(task: Task, dirfd: number, addr: number, uid: number, gid: number, flags: number): number {
  const found = walkTo(task, dirfd, addr, flags);
  if (found < 0) return found;
  const { walk } = task.kernel.vfs;
  return changeOwner(task, walk.mount, walk.dentry, uid, gid);
}
function sysFchown(task: Task, args: ContextPage): number {
  const file = fileArg(task, args, 0);
  if (file === null) return -EBADF;
  return withPlace(task, file, (mount, dentry) => changeOwner(task, mount, dentry, args.argInt32(1), args.argInt32(2)));
}

function sysUmask(task: Task, args: ContextPage): number {
  const old = task.fs.umask;
  task.fs.umask = args.argUint32(0) & 0o777;
  return old;
}

/** tv_nsec values of utimensat(2). */
const UTIME_NOW = 0x3fffffff;
const UTIME_OMIT = 0x3ffffffe;

const times = new Uint8Array(32);
const timeWords = new DataView(times.buffer);

/** Seconds and fractions that were read: access, modification. The fraction is nanoseconds, UTIME_*, or out of range. */
const wanted = { given: false, atimeSec: 0, atimeNsec: 0, mtimeSec: 0, mtimeNsec: 0 };

/** Reads two times of 16 bytes each at `addr` (0: now): 0, -EFAULT or -EINVAL. `unit`: nanoseconds of the fraction's unit. */
function readTimes(task: Task, addr: number, unit: number): number {
  wanted.given = addr !== 0;
  if (addr === 0) return 0;
  if (task.mm.copyIn(addr, times, 32) !== 32) return -EFAULT;
  wanted.atimeSec = readInt64(0);
  wanted.mtimeSec = readInt64(16);
  wanted.atimeNsec = readInt64(8);
  wanted.mtimeNsec = readInt64(24);
  if (unit === 1) return 0;
  // struct timeval knows no special values, and is checked first.
  if (!isFraction(wanted.atimeNsec, 1e6) || !isFraction(wanted.mtimeNsec, 1e6)) return -EINVAL;
  wanted.atimeNsec *= unit;
  wanted.mtimeNsec *= unit;
  return 0;
}
function readInt64(at: number): number {
  return timeWords.getInt32(at + 4, true) * 2 ** 32 + timeWords.getUint32(at, true);
}
function isFraction(value: number, limit: number): boolean {
  return value >= 0 && value < limit;
}
function isNsec(value: number): boolean {
  return isFraction(value, 1e9) || value === UTIME_NOW || value === UTIME_OMIT;
}

/** vfs_utimes with `wanted`. */
function setTimes(task: Task, mount: Mount, dentry: Dentry): number {
  if (wanted.given && (!isNsec(wanted.atimeNsec) || !isNsec(wanted.mtimeNsec))) return -EINVAL;
  if (mount.readOnly) return -EROFS;
  const change = newChange(ATTR_CTIME | ATTR_MTIME | ATTR_ATIME);
  if (!wanted.given || (wanted.atimeNsec === UTIME_NOW && wanted.mtimeNsec === UTIME_NOW)) {
    change.valid |= ATTR_TOUCH;
  } else {
    change.valid |= ATTR_TIMES_SET;
    if (wanted.atimeNsec === UTIME_OMIT) change.valid &= ~ATTR_ATIME;
    else if (wanted.atimeNsec !== UTIME_NOW) {
      change.valid |= ATTR_ATIME_SET;
      change.atimeSec = wanted.atimeSec;
      change.atimeNsec = wanted.atimeNsec;
    }
    if (wanted.mtimeNsec === UTIME_OMIT) change.valid &= ~ATTR_MTIME;
    else if (wanted.mtimeNsec !== UTIME_NOW) {
      change.valid |= ATTR_MTIME_SET;
      change.mtimeSec = wanted.mtimeSec;
      change.mtimeNsec = wanted.mtimeNsec;
    }
  }
  return changeAttributes(task, dentry, change);
}

/** Sets `wanted` on a path, or, when there is no path, on the descriptor (futimens). */
function setTimesAt(task: Task, dirfd: number, addr: number, flags: number): number {
  if (addr === 0 && dirfd !== AT_FDCWD) {
    if (flags !== 0) return -EINVAL;
    const file = task.files.getReal(dirfd);
    return file === null ? -EBADF : withPlace(task, file, (mount, dentry) => setTimes(task, mount, dentry));
  }
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) !== 0) return -EINVAL;
  const found = walkTo(task, dirfd, addr, flags);
  if (found < 0) return found;
  const { walk } = task.kernel.vfs;
  return setTimes(task, walk.mount, walk.dentry);
}

function sysUtimensat(task: Task, args: ContextPage): number {
  const result = readTimes(task, args.argAddress(2), 1);
  if (result < 0) return result;
  // Nothing to do, and then not even the path is looked at.
  if (wanted.given && wanted.atimeNsec === UTIME_OMIT && wanted.mtimeNsec === UTIME_OMIT) return 0;
  return setTimesAt(task, args.argInt32(0), args.argAddress(1), args.argInt32(3));
}
function sysFutimesat(task: Task, args: ContextPage): number {
  const result = readTimes(task, args.argAddress(2), 1000);
  return result < 0 ? result : setTimesAt(task, args.argInt32(0), args.argAddress(1), 0);
}
function sysUtimes(task: Task, args: ContextPage): number {
  const result = readTimes(task, args.argAddress(1), 1000);
  return result < 0 ? result : setTimesAt(task, AT_FDCWD, args.argAddress(0), 0);
}
function sysUtime(task: Task, args: ContextPage): number {
  const addr = args.argAddress(1);
  wanted.given = addr !== 0;
  if (wanted.given) {
    if (task.mm.copyIn(addr, times, 16) !== 16) return -EFAULT;
    wanted.atimeSec = readInt64(0);
    wanted.mtimeSec = readInt64(8);
    wanted.atimeNsec = wanted.mtimeNsec = 0;
  }
  return setTimesAt(task, AT_FDCWD, args.argAddress(0), 0);
}

function sysTruncate(task: Task, args: ContextPage): number {
  const size = argPosition(args, 1);
  if (size < 0) return -EINVAL;
  const found = walkTo(task, AT_FDCWD, args.argAddress(0), 0);
  if (found < 0) return found;
  const { walk } = task.kernel.vfs;
  return truncatePath(task, walk.mount, walk.dentry, size);
}
function sysFtruncate(task: Task, args: ContextPage): number {
  const size = argPosition(args, 1);
  if (size < 0) return -EINVAL;
  const file = fileArg(task, args, 0);
  if (file === null) return -EBADF;
  const inode = file.inode;
  if (inode === null || !inode.isRegular || !file.writable) return -EINVAL;
  const limit = checkNewSize(task, inode.size, size);
  return limit < 0 ? limit : truncateInode(task, file.dentry!, size, ATTR_MTIME | ATTR_CTIME);
}

const FALLOC_FLAGS =
  FALLOC_FL_KEEP_SIZE |
  FALLOC_FL_PUNCH_HOLE |
  FALLOC_FL_COLLAPSE_RANGE |
  FALLOC_FL_ZERO_RANGE |
  FALLOC_FL_INSERT_RANGE |
  FALLOC_FL_UNSHARE_RANGE;

function sysFallocate(task: Task, args: ContextPage): SyscallResult {
  const file = fileArg(task, args, 0);
  if (file === null) return -EBADF;
  const mode = args.argInt32(1);
  const offset = argPosition(args, 2);
  const length = argPosition(args, 3);
  if (offset < 0 || length <= 0) return -EINVAL;
  if ((mode & ~FALLOC_FLAGS) !== 0) return -EOPNOTSUPP;
  const both = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE;
  if ((mode & both) === both) return -EOPNOTSUPP;
  if ((mode & FALLOC_FL_PUNCH_HOLE) !== 0 && (mode & FALLOC_FL_KEEP_SIZE) === 0) return -EOPNOTSUPP;
  if ((mode & FALLOC_FL_COLLAPSE_RANGE) !== 0 && mode !== FALLOC_FL_COLLAPSE_RANGE) return -EINVAL;
  if ((mode & FALLOC_FL_INSERT_RANGE) !== 0 && mode !== FALLOC_FL_INSERT_RANGE) return -EINVAL;
  if ((mode & FALLOC_FL_UNSHARE_RANGE) !== 0 && (mode & ~(FALLOC_FL_UNSHARE_RANGE | FALLOC_FL_KEEP_SIZE)) !== 0) return -EINVAL;
  if (!file.writable) return -EBADF;
  const inode = file.inode;
  const type = inode === null ? 0 : inode.mode & S_IFMT;
  if (type === 0o010000) return -ESPIPE;
  if (type === 0o040000) return -EISDIR;
  if (type !== 0o100000 && type !== S_IFBLK) return -ENODEV;
  if (offset + length > MAX_FILE_SIZE) return -EFBIG;
  const result = file.allocate(task, mode, offset, length);
  if (typeof result !== 'number') return hold(file, modified(file, result));
  if (result === 0) notify(file.dentry!, IN_MODIFY);
  return result;
}
function* modified(file: FileDescription, blocking: Blocking): Blocking {
  const result = yield* blocking;
  if (result === 0) notify(file.dentry!, IN_MODIFY);
  return result;
}

export const attributeSyscalls: readonly SyscallEntry[] = [
  full('chmod', retrying(sysChmod)),
  full('fchmod', retrying(sysFchmod)),
  full('fchmodat', retrying(sysFchmodat)),
  full('chown', retrying(sysChown)),
  full('lchown', retrying(sysLchown)),
  full('fchown', retrying(sysFchown)),
  full('fchownat', retrying(sysFchownat)),
  full('umask', sysUmask),
  full('utime', retrying(sysUtime)),
  full('utimes', retrying(sysUtimes)),
  full('futimesat', retrying(sysFutimesat)),
  full('utimensat', retrying(sysUtimensat)),
  full('truncate', retrying(sysTruncate)),
  full('ftruncate', retrying(sysFtruncate)),
  full('fallocate', sysFallocate),
];
