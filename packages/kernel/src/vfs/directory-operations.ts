import {
  CAP_FOWNER,
  CAP_MKNOD,
  EBUSY,
  EEXIST,
  EINVAL,
  EISDIR,
  EMLINK,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  EPERM,
  EROFS,
  EXDEV,
  IN_ATTRIB,
  IN_CREATE,
  IN_DELETE,
  IN_MOVE_SELF,
  IN_MOVED_FROM,
  IN_MOVED_TO,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  RENAME_WHITEOUT,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from '@sbx/abi';
import type { Dentry } from './dentry.js';
import type { Caller, Inode } from './inode.js';
import type { Mount } from './mount.js';
import { notifyEntry, notifyInode } from './notify.js';
import { newMode } from './open.js';
import { LAST_DOT, LAST_DOTDOT, LAST_NORMAL } from './path-walk.js';
import { inodePermission, isStickyFor, MAY_EXEC, MAY_READ, MAY_WRITE } from './permission.js';

/*
 * The system calls that make, remove and move names. Each takes a start (mount, dentry) for its path; the order of checks is Linux's (fs/namei.c).
 */

/** Most links of one file (as ext4's for directories is not needed here: the limit keeps nlink a plain number). */
const MAX_LINKS = 0x7fffffff;

/** filename_create: walks to the directory of a name that is to be made. 0, or -errno; -EEXIST when there is such a name. */
function walkToNew(caller: Caller, mount: Mount, dentry: Dentry, path: string, directoryWanted: boolean): number {
  const walk = caller.kernel.vfs.walk;
  const result = walk.start(mount, dentry).parent(caller, path, 0);
  if (result < 0) return result;
  if (walk.lastKind !== LAST_NORMAL) return -EEXIST;
  const child = caller.kernel.vfs.cache.lookup(caller, walk.dentry, walk.last, false);
  if (typeof child !== 'number') return -EEXIST;
  if (child !== -ENOENT) return child;
  if (walk.trailingSlash && !directoryWanted) return -ENOENT;
  if (walk.mount.readOnly) return -EROFS;
  return 0;
}

/** may_create. */
function mayCreate(caller: Caller, directory: Dentry): number {
  if (directory.unlinked && !directory.superBlock.revalidates) return -ENOENT;
  return inodePermission(caller, directory.inode!, MAY_WRITE | MAY_EXEC);
}

/** may_delete: whether the caller may take the name of `victim` out of `directory`. */
function mayDelete(caller: Caller, directory: Dentry, victim: Dentry, isDirectory: boolean): number {
  const allowed = inodePermission(caller, directory.inode!, MAY_WRITE | MAY_EXEC);
  if (allowed < 0) return allowed;
  if (isStickyFor(caller, directory.inode!, victim.inode!)) return -EPERM;
  if (isDirectory) {
    if (!victim.inode!.isDirectory) return -ENOTDIR;
    if (victim.parent === null) return -EBUSY;
  } else if (victim.inode!.isDirectory) return -EISDIR;
  return 0;
}

/** Whether the name has to stay: something is mounted on it, or it is none of the directory's file system (HostDirectory.show). */
function isFixed(directory: Dentry, victim: Dentry): boolean {
  return victim.mounts !== null || victim.superBlock !== directory.superBlock;
}

/** Puts a new object into the cache and tells watches. */
function made(caller: Caller, directory: Dentry, name: string, inode: Inode | number): number {
  if (typeof inode === 'number') return inode;
  const isDirectory = inode.isDirectory;
  caller.kernel.vfs.cache.add(directory, name, inode);
  notifyEntry(directory.inode!, IN_CREATE, name, isDirectory);
  return 0;
}

/** mkdir(2). */
export function makeDirectory(caller: Caller, mount: Mount, dentry: Dentry, path: string, mode: number): number {
  const result = walkToNew(caller, mount, dentry, path, true);
  if (result < 0) return result;
  const walk = caller.kernel.vfs.walk;
  const directory = walk.dentry;
  const allowed = mayCreate(caller, directory);
  if (allowed < 0) return allowed;
  const parent = directory.inode!;
  const name = walk.last;
  return made(caller, directory, name, parent.mkdir(caller, name, S_IFDIR | newMode(caller, parent, mode & 0o1777)));
}

/** mknod(2). */
export function makeNode(caller: Caller, mount: Mount, dentry: Dentry, path: string, mode: number, rdev: number): number {
  let type = mode & S_IFMT;
  if (type === S_IFDIR) return -EPERM;
  if (type === 0) type = S_IFREG;
  if (type !== S_IFREG && type !== S_IFCHR && type !== S_IFBLK && type !== S_IFIFO && type !== S_IFSOCK) return -EINVAL;
  const result = walkToNew(caller, mount, dentry, path, false);
  if (result < 0) return result;
  const walk = caller.kernel.vfs.walk;
  const directory = walk.dentry;
  const allowed = mayCreate(caller, directory);
  if (allowed < 0) return allowed;
  const parent = directory.inode!;
  const name = walk.last;
  const isDevice = type === S_IFCHR || type === S_IFBLK;
  // A character device 0:0 is overlayfs's whiteout and harmless.
  const isWhiteout = type === S_IFCHR && rdev === 0;
  if (isDevice && !isWhiteout && !caller.credentials.capable(CAP_MKNOD)) return -EPERM;
  const fullMode = newMode(caller, parent, type | (mode & 0o7777));
  if (type === S_IFREG) return made(caller, directory, name, parent.create(caller, name, fullMode));
  return made(caller, directory, name, parent.mknod(caller, name, fullMode, isDevice ? rdev : 0));
}

/**
 * symlink(2): `path`, from (mount, dentry) on, becomes a link to `target`; both are byte strings. 0, or a negative errno as symlink(2) has it. Does not block.
 * See the example of {@link TmpfsSuperBlock}.
 */
export function makeSymlink(caller: Caller, mount: Mount, dentry: Dentry, path: string, target: string): number {
  const result = walkToNew(caller, mount, dentry, path, false);
  if (result < 0) return result;
  const walk = caller.kernel.vfs.walk;
  const directory = walk.dentry;
  const allowed = mayCreate(caller, directory);
  if (allowed < 0) return allowed;
  const name = walk.last;
  return made(caller, directory, name, directory.inode!.symlink(caller, name, target));
}

/** link(2): makes a name for the object (oldMount, old), which the caller has looked up and referenced. */
export function makeLink(caller: Caller, oldMount: Mount, old: Dentry, mount: Mount, dentry: Dentry, path: string): number {
  const result = walkToNew(caller, mount, dentry, path, false);
  if (result < 0) return result;
  const walk = caller.kernel.vfs.walk;
  const directory = walk.dentry;
  const name = walk.last;
  const inode = old.inode!;
  if (walk.mount !== oldMount) return -EXDEV;
  if (!mayLink(caller, inode)) return -EPERM;
  const allowed = mayCreate(caller, directory);
  if (allowed < 0) return allowed;
  if (directory.superBlock !== inode.superBlock) return -EXDEV;
  if (inode.isDirectory) return -EPERM;
  if (inode.nlink === 0 && !inode.linkable) return -ENOENT;
  if (inode.nlink >= MAX_LINKS) return -EMLINK;
  const linked = directory.inode!.link(caller, name, inode);
  if (linked < 0) return linked;
  inode.linkable = false;
  inode.incRef();
  caller.kernel.vfs.cache.add(directory, name, inode);
  notifyInode(inode, IN_ATTRIB);
  notifyEntry(directory.inode!, IN_CREATE, name, false);
  return 0;
}

/** protected_hardlinks (proc(5)): only to one's own files, or to safe ones that one may read and write. */
function mayLink(caller: Caller, inode: Inode): boolean {
  if (!caller.kernel.vfs.protectedHardlinks) return true;
  const credentials = caller.credentials;
  if (credentials.fsuid === inode.uid || credentials.capable(CAP_FOWNER)) return true;
  if (!inode.isRegular || (inode.mode & 0o4000) !== 0 || (inode.mode & 0o2010) === 0o2010) return false;
  return inodePermission(caller, inode, MAY_READ | MAY_WRITE) === 0;
}

/** unlink(2). */
export function removeName(caller: Caller, mount: Mount, dentry: Dentry, path: string): number {
  const { walk, cache } = caller.kernel.vfs;
  const result = walk.start(mount, dentry).parent(caller, path, 0);
  if (result < 0) return result;
  if (walk.lastKind !== LAST_NORMAL) return -EISDIR;
  if (walk.mount.readOnly) return -EROFS;
  const directory = walk.dentry;
  const victim = cache.lookup(caller, directory, walk.last, false);
  if (typeof victim === 'number') return victim;
  const inode = victim.inode!;
  if (walk.trailingSlash) return inode.isDirectory ? -EISDIR : -ENOTDIR;
  const allowed = mayDelete(caller, directory, victim, false);
  if (allowed < 0) return allowed;
  if (isFixed(directory, victim)) return -EBUSY;
  const removed = directory.inode!.unlink(caller, victim.name, inode);
  if (removed < 0) return removed;
  nameGone(caller, directory, victim, inode);
  return 0;
}

/** rmdir(2). */
export function removeDirectory(caller: Caller, mount: Mount, dentry: Dentry, path: string): number {
  const { walk, cache } = caller.kernel.vfs;
  const result = walk.start(mount, dentry).parent(caller, path, 0);
  if (result < 0) return result;
  if (walk.lastKind !== LAST_NORMAL) {
    if (walk.lastKind === LAST_DOTDOT) return -ENOTEMPTY;
    return walk.lastKind === LAST_DOT ? -EINVAL : -EBUSY;
  }
  if (walk.mount.readOnly) return -EROFS;
  const directory = walk.dentry;
  const victim = cache.lookup(caller, directory, walk.last, false);
  if (typeof victim === 'number') return victim;
  const allowed = mayDelete(caller, directory, victim, true);
  if (allowed < 0) return allowed;
  if (isFixed(directory, victim)) return -EBUSY;
  const inode = victim.inode!;
  const removed = directory.inode!.rmdir(caller, victim.name, inode);
  if (removed < 0) return removed;
  nameGone(caller, directory, victim, inode);
  return 0;
}

/** A name was removed: the cache forgets it, watches are told. The dentry may be disposed afterwards. */
function nameGone(caller: Caller, directory: Dentry, victim: Dentry, inode: Inode): void {
  const name = victim.name;
  const isDirectory = inode.isDirectory;
  const watched = inode.watches !== null;
  if (watched) inode.incRef();
  caller.kernel.vfs.cache.removed(victim);
  notifyEntry(directory.inode!, IN_DELETE, name, isDirectory);
  if (!watched) return;
  notifyInode(inode, IN_ATTRIB);
  inode.decRef();
}

/** renameat2(2). `flags`: RENAME_*. */
export function renameName(
  caller: Caller,
  oldMount: Mount,
  oldStart: Dentry,
  oldPath: string,
  newMount: Mount,
  newStart: Dentry,
  newPath: string,
  flags: number,
): number {
  const { walk, cache } = caller.kernel.vfs;
  let result = walk.start(oldMount, oldStart).parent(caller, oldPath, 0);
  if (result < 0) return result;
  const from = { mount: walk.mount, directory: walk.dentry, name: walk.last, kind: walk.lastKind, slash: walk.trailingSlash };
  from.directory.incRef();
  result = walk.start(newMount, newStart).parent(caller, newPath, 0);
  if (result === 0) {
    if (from.mount !== walk.mount || from.directory.superBlock !== walk.dentry.superBlock) result = -EXDEV;
    else if (from.kind !== LAST_NORMAL) result = -EBUSY;
    else if (walk.lastKind !== LAST_NORMAL) result = (flags & RENAME_NOREPLACE) !== 0 ? -EEXIST : -EBUSY;
    else if (walk.mount.readOnly) result = -EROFS;
    else {
      const oldDentry = cache.lookup(caller, from.directory, from.name, false);
      if (typeof oldDentry === 'number') result = oldDentry;
      else {
        oldDentry.incRef();
        result = renameFound(caller, from.directory, oldDentry, from.slash, walk.dentry, walk.last, walk.trailingSlash, flags);
        oldDentry.decRef();
      }
    }
  }
  from.directory.decRef();
  return result;
}

/** The part of rename after both directories and the old name were found. */
function renameFound(
  caller: Caller,
  oldDirectory: Dentry,
  oldDentry: Dentry,
  oldSlash: boolean,
  newDirectory: Dentry,
  newName: string,
  newSlash: boolean,
  flags: number,
): number {
  const { cache } = caller.kernel.vfs;
  const found = cache.lookup(caller, newDirectory, newName, false);
  if (typeof found === 'number' && found !== -ENOENT) return found;
  const target = typeof found === 'number' ? null : found;
  const exchange = (flags & RENAME_EXCHANGE) !== 0;
  if (target !== null && (flags & RENAME_NOREPLACE) !== 0) return -EEXIST;
  if (exchange) {
    if (target === null) return -ENOENT;
    if (!target.inode!.isDirectory && newSlash) return -ENOTDIR;
  }
  const inode = oldDentry.inode!;
  const isDirectory = inode.isDirectory;
  if (!isDirectory && (oldSlash || (!exchange && newSlash))) return -ENOTDIR;
  if (newDirectory.isWithin(oldDentry)) return -EINVAL;
  if (target !== null && oldDirectory.isWithin(target)) return exchange ? -EINVAL : -ENOTEMPTY;
  const targetInode = target === null ? null : target.inode!;
  if (targetInode === inode) return 0;

  let allowed = mayDelete(caller, oldDirectory, oldDentry, isDirectory);
  if (allowed < 0) return allowed;
  if (target === null) allowed = mayCreate(caller, newDirectory);
  else allowed = mayDelete(caller, newDirectory, target, exchange ? targetInode!.isDirectory : isDirectory);
  if (allowed < 0) return allowed;
  if (newDirectory !== oldDirectory) {
    if (isDirectory) allowed = inodePermission(caller, inode, MAY_WRITE);
    if (allowed === 0 && exchange && targetInode!.isDirectory) allowed = inodePermission(caller, targetInode!, MAY_WRITE);
    if (allowed < 0) return allowed;
  }
  if ((flags & RENAME_WHITEOUT) !== 0 && !caller.credentials.capable(CAP_MKNOD)) return -EPERM;
  if (isFixed(oldDirectory, oldDentry) || (target !== null && isFixed(newDirectory, target))) return -EBUSY;

  const oldName = oldDentry.name;
  target?.incRef();
  const moved = oldDirectory.inode!.rename(caller, oldName, inode, newDirectory.inode!, newName, targetInode, flags);
  if (moved === 0) {
    if (exchange) cache.exchanged(oldDentry, target!);
    else {
      if (target !== null) cache.removed(target);
      cache.moved(oldDentry, newDirectory, newName);
    }
    const cookie = caller.kernel.vfs.nextRenameCookie();
    notifyEntry(oldDirectory.inode!, IN_MOVED_FROM, oldName, isDirectory, cookie);
    notifyEntry(newDirectory.inode!, IN_MOVED_TO, newName, isDirectory, cookie);
    if (exchange) {
      const second = caller.kernel.vfs.nextRenameCookie();
      notifyEntry(newDirectory.inode!, IN_MOVED_FROM, newName, targetInode!.isDirectory, second);
      notifyEntry(oldDirectory.inode!, IN_MOVED_TO, oldName, targetInode!.isDirectory, second);
    } else if (targetInode !== null) notifyInode(targetInode, IN_ATTRIB);
    notifyInode(inode, IN_MOVE_SELF);
  }
  target?.decRef();
  return moved;
}
