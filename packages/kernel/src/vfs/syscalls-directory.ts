import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_FOLLOW,
  CAP_DAC_READ_SEARCH,
  CAP_SYS_CHROOT,
  EBADF,
  EFAULT,
  EINVAL,
  ENAMETOOLONG,
  ENOENT,
  ENOTDIR,
  EPERM,
  ERANGE,
  IN_ACCESS,
  PATH_MAX,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  RENAME_WHITEOUT,
  writeDirent64,
} from '@sbx/abi';
import type { ContextPage } from '@sbx/platform';
import { full, type SyscallEntry } from '../syscalls/entry.js';
import type { Task } from '../task/task.js';
import type { Blocking, SyscallResult } from '../wait/blocking.js';
import { copyPath, copyPathOrEmpty, fileArg, start, startAt } from './arguments.js';
import { wantsAccessTime } from './attributes.js';
import type { Dentry } from './dentry.js';
import type { DirectoryEmitter } from './directory.js';
import { makeDirectory, makeLink, makeNode, makeSymlink, removeDirectory, removeName, renameName } from './directory-operations.js';
import type { FileDescription } from './file-description.js';
import type { Mount } from './mount.js';
import { notify } from './notify.js';
import { formatPath, formatPathStatus, isDeleted, PATH_REACHABLE } from './path.js';
import { WALK_DIRECTORY, WALK_FOLLOW } from './path-walk.js';
import { retrying } from './pending.js';
import { inodePermission, MAY_EXEC } from './permission.js';
import { hold } from './transfer.js';

/** At most this much of a directory is returned at once, however large the program's buffer is. */
const MAX_DENTS = 65536;

/** Formats entries for getdents64 and getdents into a buffer of the kernel's. */
class DentsBuffer implements DirectoryEmitter {
  readonly bytes = new Uint8Array(MAX_DENTS);
  readonly #view = new DataView(this.bytes.buffer);
  used = 0;
  #limit = 0;
  #old = false;
  /** An entry did not fit. */
  full = false;

  begin(limit: number, old: boolean): this {
    this.used = 0;
    this.#limit = Math.min(limit, MAX_DENTS);
    this.#old = old;
    this.full = false;
    return this;
  }
  emit(name: string, ino: number, type: number, next: number): boolean {
    const size = this.#old
      ? this.#emitOld(name, ino, type, next)
      : writeDirent64(this.#view, this.used, this.#limit, ino, next, type, name);
    if (size === 0) {
      this.full = true;
      return false;
    }
    this.used += size;
    return true;
  }
  /** struct linux_dirent: the type is the last byte of the record. */
  #emitOld(name: string, ino: number, type: number, next: number): number {
    const size = Math.ceil((18 + name.length + 2) / 8) * 8;
    const at = this.used;
    if (at + size > this.#limit) return 0;
    const view = this.#view;
    view.setUint32(at, ino % 2 ** 32, true);
    view.setUint32(at + 4, Math.floor(ino / 2 ** 32), true);
    view.setUint32(at + 8, next % 2 ** 32, true);
    view.setUint32(at + 12, Math.floor(next / 2 ** 32), true);
    view.setUint16(at + 16, size, true);
    for (let i = 0; i < name.length; i++) this.bytes[at + 18 + i] = name.charCodeAt(i);
    this.bytes.fill(0, at + 18 + name.length, at + size);
    this.bytes[at + size - 1] = type;
    return size;
  }
}

const dents = new DentsBuffer();

function sysGetdents64(task: Task, args: ContextPage): SyscallResult {
  return getdents(task, args, false);
}
function sysGetdents(task: Task, args: ContextPage): SyscallResult {
  return getdents(task, args, true);
}

function getdents(task: Task, args: ContextPage, old: boolean): SyscallResult {
  const file = fileArg(task, args, 0);
  if (file === null) return -EBADF;
  const inode = file.inode;
  if (inode === null || !inode.isDirectory) return -ENOTDIR;
  if (isDeleted(file.dentry!) && !inode.superBlock.revalidates) return -ENOENT;
  const addr = args.argAddress(1);
  const position = file.position;
  const buffer = dents.begin(args.argUint32(2), old);
  const result = file.readDirectory(task, buffer);
  if (typeof result !== 'number') return hold(file, slowGetdents(task, file, addr, args.argUint32(2), old, result));
  return finishGetdents(task, file, addr, buffer, position, result);
}

/** A directory whose entries have to be waited for: it needs a buffer that is its own. (Generators start at their first `next`: `first` has done nothing.) */
function* slowGetdents(task: Task, file: FileDescription, addr: number, limit: number, old: boolean, first: Blocking): Blocking {
  first.return(0);
  const position = file.position;
  const buffer = new DentsBuffer().begin(limit, old);
  const result = file.readDirectory(task, buffer);
  return finishGetdents(task, file, addr, buffer, position, typeof result === 'number' ? result : yield* result);
}

function finishGetdents(task: Task, file: FileDescription, addr: number, buffer: DentsBuffer, position: number, result: number): number {
  if (buffer.used === 0) return result < 0 ? result : buffer.full ? -EINVAL : 0;
  if (task.mm.copyOut(addr, buffer.bytes, buffer.used) === buffer.used) {
    notify(file.dentry!, IN_ACCESS);
    return buffer.used;
  }
  file.position = position;
  return -EFAULT;
}

function sysMkdir(task: Task, args: ContextPage): number {
  return mkdirAt(task, AT_FDCWD, args.argAddress(0), args.argUint32(1));
}
function sysMkdirat(task: Task, args: ContextPage): number {
  return mkdirAt(task, args.argInt32(0), args.argAddress(1), args.argUint32(2));
}
function mkdirAt(task: Task, dirfd: number, addr: number, mode: number): number {
  const path = copyPath(task, addr);
  if (typeof path === 'number') return path;
  const started = startAt(task, dirfd, path);
  return started < 0 ? started : makeDirectory(task, start.mount, start.dentry, path, mode);
}

function sysMknod(task: Task, args: ContextPage): number {
  return mknodAt(task, AT_FDCWD, args.argAddress(0), args.argUint32(1), args.argUint32(2));
}
function sysMknodat(task: Task, args: ContextPage): number {
  return mknodAt(task, args.argInt32(0), args.argAddress(1), args.argUint32(2), args.argUint32(3));
}
function mknodAt(task: Task, dirfd: number, addr: number, mode: number, device: number): number {
  const path = copyPath(task, addr);
  if (typeof path === 'number') return path;
  const started = startAt(task, dirfd, path);
  return started < 0 ? started : makeNode(task, start.mount, start.dentry, path, mode & 0xffff, device);
}

function sysRmdir(task: Task, args: ContextPage): number {
  return unlinkAt(task, AT_FDCWD, args.argAddress(0), true);
}
function sysUnlink(task: Task, args: ContextPage): number {
  return unlinkAt(task, AT_FDCWD, args.argAddress(0), false);
}
function sysUnlinkat(task: Task, args: ContextPage): number {
  const flags = args.argInt32(2);
  if ((flags & ~AT_REMOVEDIR) !== 0) return -EINVAL;
  return unlinkAt(task, args.argInt32(0), args.argAddress(1), flags !== 0);
}
function unlinkAt(task: Task, dirfd: number, addr: number, directory: boolean): number {
  const path = copyPath(task, addr);
  if (typeof path === 'number') return path;
  const started = startAt(task, dirfd, path);
  if (started < 0) return started;
  return directory ? removeDirectory(task, start.mount, start.dentry, path) : removeName(task, start.mount, start.dentry, path);
}

function sysRename(task: Task, args: ContextPage): number {
  return renameAt(task, AT_FDCWD, args.argAddress(0), AT_FDCWD, args.argAddress(1), 0);
}
function sysRenameat(task: Task, args: ContextPage): number {
  return renameAt(task, args.argInt32(0), args.argAddress(1), args.argInt32(2), args.argAddress(3), 0);
}
function sysRenameat2(task: Task, args: ContextPage): number {
  return renameAt(task, args.argInt32(0), args.argAddress(1), args.argInt32(2), args.argAddress(3), args.argUint32(4));
}
function renameAt(task: Task, oldDirfd: number, oldAddr: number, newDirfd: number, newAddr: number, flags: number): number {
  const oldPath = copyPathOrEmpty(task, oldAddr);
  const newPath = copyPathOrEmpty(task, newAddr);
  if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) !== 0) return -EINVAL;
  if ((flags & (RENAME_NOREPLACE | RENAME_WHITEOUT)) !== 0 && (flags & RENAME_EXCHANGE) !== 0) return -EINVAL;
  if (typeof oldPath === 'number') return oldPath;
  if (oldPath === '') return -ENOENT;
  let started = startAt(task, oldDirfd, oldPath);
  if (started < 0) return started;
  const oldMount = start.mount;
  const oldDentry = start.dentry;
  if (typeof newPath === 'number') return newPath;
  if (newPath === '') return -ENOENT;
  started = startAt(task, newDirfd, newPath);
  if (started < 0) return started;
  return renameName(task, oldMount, oldDentry, oldPath, start.mount, start.dentry, newPath, flags);
}

function sysLink(task: Task, args: ContextPage): number {
  return linkAt(task, AT_FDCWD, args.argAddress(0), AT_FDCWD, args.argAddress(1), 0);
}
function sysLinkat(task: Task, args: ContextPage): number {
  return linkAt(task, args.argInt32(0), args.argAddress(1), args.argInt32(2), args.argAddress(3), args.argInt32(4));
}
function linkAt(task: Task, oldDirfd: number, oldAddr: number, newDirfd: number, newAddr: number, flags: number): number {
  if ((flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) !== 0) return -EINVAL;
  // To link by descriptor alone one must be trusted not to have got it from somebody who was.
  if ((flags & AT_EMPTY_PATH) !== 0 && !task.credentials.capable(CAP_DAC_READ_SEARCH)) return -ENOENT;
  const oldPath = (flags & AT_EMPTY_PATH) !== 0 ? copyPathOrEmpty(task, oldAddr) : copyPath(task, oldAddr);
  if (typeof oldPath === 'number') return oldPath;
  let started = startAt(task, oldDirfd, oldPath);
  if (started < 0) return started;
  const { walk } = task.kernel.vfs;
  const found = walk.start(start.mount, start.dentry).lookup(task, oldPath, (flags & AT_SYMLINK_FOLLOW) !== 0 ? WALK_FOLLOW : 0);
  if (found < 0) return found;
  const mount: Mount = walk.mount;
  const old: Dentry = walk.dentry;
  const newPath = copyPath(task, newAddr);
  if (typeof newPath === 'number') return newPath;
  started = startAt(task, newDirfd, newPath);
  if (started < 0) return started;
  old.incRef();
  const result = makeLink(task, mount, old, start.mount, start.dentry, newPath);
  old.decRef();
  return result;
}

function sysSymlink(task: Task, args: ContextPage): number {
  return symlinkAt(task, args.argAddress(0), AT_FDCWD, args.argAddress(1));
}
function sysSymlinkat(task: Task, args: ContextPage): number {
  return symlinkAt(task, args.argAddress(0), args.argInt32(1), args.argAddress(2));
}
function symlinkAt(task: Task, targetAddr: number, dirfd: number, addr: number): number {
  const target = copyPath(task, targetAddr);
  if (typeof target === 'number') return target;
  const path = copyPath(task, addr);
  if (typeof path === 'number') return path;
  const started = startAt(task, dirfd, path);
  return started < 0 ? started : makeSymlink(task, start.mount, start.dentry, path, target);
}

function sysReadlink(task: Task, args: ContextPage): number {
  return readlinkAt(task, AT_FDCWD, args.argAddress(0), args.argAddress(1), args.argInt32(2));
}
function sysReadlinkat(task: Task, args: ContextPage): number {
  return readlinkAt(task, args.argInt32(0), args.argAddress(1), args.argAddress(2), args.argInt32(3));
}
function readlinkAt(task: Task, dirfd: number, addr: number, buffer: number, size: number): number {
  if (size <= 0) return -EINVAL;
  const path = copyPathOrEmpty(task, addr);
  if (typeof path === 'number') return path;
  const started = startAt(task, dirfd, path);
  if (started < 0) return started;
  const { walk } = task.kernel.vfs;
  // An empty path is the O_PATH descriptor of a symlink; anything else that is not a symlink is EINVAL, or ENOENT for an empty path.
  const result = walk.start(start.mount, start.dentry).lookup(task, path, 0);
  if (result < 0) return result;
  const inode = walk.dentry.inode!;
  if (!inode.isSymlink) return path === '' ? -ENOENT : -EINVAL;
  if (wantsAccessTime(walk.mount, inode)) inode.setTimesToNow(true, false, false);
  const target = inode.readlink(task);
  if (typeof target === 'number') return target;
  const length = Math.min(target.length, size);
  const bytes = Buffer.from(target, 'latin1');
  return task.mm.copyOut(buffer, bytes, length) === length ? length : -EFAULT;
}

function sysChdir(task: Task, args: ContextPage): number {
  const result = walkToDirectory(task, args.argAddress(0));
  if (result < 0) return result;
  const { walk } = task.kernel.vfs;
  task.fs.setCwd(walk.mount, walk.dentry);
  return 0;
}
function sysFchdir(task: Task, args: ContextPage): number {
  const file = task.files.get(args.argInt32(0));
  if (file === null) return -EBADF;
  const inode = file.inode;
  if (inode === null || !inode.isDirectory) return -ENOTDIR;
  const allowed = inodePermission(task, inode, MAY_EXEC);
  if (allowed < 0) return allowed;
  task.fs.setCwd(file.mount!, file.dentry!);
  return 0;
}
function sysChroot(task: Task, args: ContextPage): number {
  const result = walkToDirectory(task, args.argAddress(0));
  if (result < 0) return result;
  if (!task.credentials.capable(CAP_SYS_CHROOT)) return -EPERM;
  const { walk } = task.kernel.vfs;
  task.fs.setRoot(walk.mount, walk.dentry);
  return 0;
}
/** Walks to a directory that the task may enter. */
function walkToDirectory(task: Task, addr: number): number {
  const path = copyPath(task, addr);
  if (typeof path === 'number') return path;
  startAt(task, AT_FDCWD, path);
  const { walk } = task.kernel.vfs;
  const result = walk.start(start.mount, start.dentry).lookup(task, path, WALK_FOLLOW | WALK_DIRECTORY);
  return result < 0 ? result : inodePermission(task, walk.dentry.inode!, MAY_EXEC);
}

function sysGetcwd(task: Task, args: ContextPage): number {
  const { fs } = task;
  if (isDeleted(fs.cwdDentry)) return -ENOENT;
  let text = formatPath(fs.cwdMount, fs.cwdDentry, fs.rootMount, fs.rootDentry);
  if (formatPathStatus !== PATH_REACHABLE) text = `(unreachable)${text}`;
  const length = text.length + 1;
  if (length > PATH_MAX) return -ENAMETOOLONG;
  const size = args.argSize(1);
  if (size >= 0 && length > size) return -ERANGE;
  return task.mm.copyOut(args.argAddress(0), Buffer.from(`${text}\0`, 'latin1'), length) === length ? length : -EFAULT;
}

export const directorySyscalls: readonly SyscallEntry[] = [
  full('getdents', retrying(sysGetdents)),
  full('getdents64', retrying(sysGetdents64)),
  full('mkdir', retrying(sysMkdir)),
  full('mkdirat', retrying(sysMkdirat)),
  full('mknod', retrying(sysMknod)),
  full('mknodat', retrying(sysMknodat)),
  full('rmdir', retrying(sysRmdir)),
  full('unlink', retrying(sysUnlink)),
  full('unlinkat', retrying(sysUnlinkat)),
  full('rename', retrying(sysRename)),
  full('renameat', retrying(sysRenameat)),
  full('renameat2', retrying(sysRenameat2)),
  full('link', retrying(sysLink)),
  full('linkat', retrying(sysLinkat)),
  full('symlink', retrying(sysSymlink)),
  full('symlinkat', retrying(sysSymlinkat)),
  full('readlink', retrying(sysReadlink)),
  full('readlinkat', retrying(sysReadlinkat)),
  full('chdir', retrying(sysChdir)),
  full('fchdir', retrying(sysFchdir)),
  full('chroot', retrying(sysChroot)),
  full('getcwd', sysGetcwd),
];
