import {
  __O_SYNC,
  __O_TMPFILE,
  CAP_FSETID,
  EACCES,
  EEXIST,
  EINVAL,
  EISDIR,
  ELOOP,
  ENOENT,
  ENOTDIR,
  ENXIO,
  EPERM,
  EROFS,
  IN_CREATE,
  IN_OPEN,
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECT,
  O_DIRECTORY,
  O_DSYNC,
  O_EXCL,
  O_LARGEFILE,
  O_NOATIME,
  O_NOCTTY,
  O_NOFOLLOW,
  O_PATH,
  O_TRUNC,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from '@sbx/abi';
import { truncateInode } from './attributes.js';
import type { Dentry } from './dentry.js';
import { FileDescription } from './file-description.js';
import { ATTR_CTIME, ATTR_MTIME, type Caller, type Inode } from './inode.js';
import type { Mount } from './mount.js';
import { notify, notifyEntry } from './notify.js';
import { LAST_NORMAL, type PathWalk, WALK_DIRECTORY, WALK_FOLLOW } from './path-walk.js';
import { inodePermission, MAY_APPEND, MAY_EXEC, MAY_OPEN, MAY_READ, MAY_WRITE, ownerOrCapable } from './permission.js';

/** A description made with O_PATH. */
class PathDescription extends FileDescription {
  protected override release(): void {}
}

/**
 * open(2) in the kernel: resolves `path` from (mount, dentry) and opens or makes the file (path_openat in Linux, with its order of checks). `flags` are O_*
 * flags that were checked for validity; `mode` are the permission bits for a new file; `resolve` RESOLVE_* of openat2. The result has one reference, the
 * caller's; `finishOpen` is still to be called where waiting is possible.
 */
export function openAt(
  caller: Caller,
  mount: Mount,
  dentry: Dentry,
  path: string,
  flags: number,
  mode: number,
  resolve: number,
): FileDescription | number {
  const walk = caller.kernel.vfs.walk.start(mount, dentry);
  let walkFlags = resolve;
  if ((flags & O_NOFOLLOW) === 0 && (flags & (O_CREAT | O_EXCL)) !== (O_CREAT | O_EXCL)) walkFlags |= WALK_FOLLOW;
  if ((flags & O_DIRECTORY) !== 0) walkFlags |= WALK_DIRECTORY;
  if ((flags & __O_TMPFILE) !== 0) return openTemporary(caller, walk, path, flags, mode, walkFlags);
  if ((flags & O_CREAT) !== 0 && (flags & O_PATH) === 0) return openOrCreate(caller, walk, path, flags, mode, walkFlags);
  const result = walk.lookup(caller, path, walkFlags);
  if (result < 0) return result;
  if ((flags & O_PATH) !== 0) {
    const file = new PathDescription(flags & (O_PATH | O_DIRECTORY | O_NOFOLLOW));
    file.attach(walk.mount, walk.dentry);
    return file;
  }
  return openFound(caller, walk.mount, walk.dentry, flags, false);
}

function openOrCreate(
  caller: Caller,
  walk: PathWalk,
  path: string,
  flags: number,
  mode: number,
  walkFlags: number,
): FileDescription | number {
  let result = walk.parent(caller, path, walkFlags);
  for (;;) {
    if (result < 0) return result;
    if (walk.lastKind === LAST_NORMAL && walk.trailingSlash) return -EISDIR;
    const directory = walk.dentry;
    result = walk.stepLast(caller);
    if (result === -ENOENT && walk.lastKind === LAST_NORMAL) return create(caller, walk, flags, mode);
    if (result < 0) return result;
    if ((flags & O_EXCL) !== 0) return -EEXIST;
    if (result === 1) {
      if ((walkFlags & WALK_FOLLOW) === 0) {
        walk.dentry = walk.linkDentry!;
      } else {
        const target = walk.followLast(caller);
        if (typeof target === 'string') {
          result = walk.again(caller, target);
          continue;
        }
        if (target < 0) return target;
      }
    }
    const scoped = walk.finish();
    if (scoped < 0) return scoped;
    const inode = walk.dentry.inode!;
    if (inode.isDirectory) return -EISDIR;
    if (!mayCreateInSticky(caller, directory.inode!, inode)) return -EACCES;
    if ((walkFlags & WALK_DIRECTORY) !== 0) return -ENOTDIR;
    return openFound(caller, walk.mount, walk.dentry, flags, false);
  }
}

/** The file is not there: makes it in the directory where the walk is. */
function create(caller: Caller, walk: PathWalk, flags: number, mode: number): FileDescription | number {
  const { mount, dentry: directory, last } = walk;
  const scoped = walk.finish();
  if (scoped < 0) return scoped;
  if (directory.unlinked) return -ENOENT;
  if (mount.readOnly) return -EROFS;
  const parent = directory.inode!;
  const allowed = inodePermission(caller, parent, MAY_WRITE | MAY_EXEC);
  if (allowed < 0) return allowed;
  const inode = parent.create(caller, last, newMode(caller, parent, S_IFREG | (mode & 0o7777)));
  if (typeof inode === 'number') return inode;
  const dentry = caller.kernel.vfs.cache.add(directory, last, inode);
  notifyEntry(parent, IN_CREATE, last, false);
  if ((flags & O_DIRECTORY) !== 0) return -ENOTDIR; // Linux 6.1 leaves the new file there
  return openFound(caller, mount, dentry, flags, true);
}

/** The mode of a new object: without the umask's bits, and without set-group-ID where the caller may not give it. */
export function newMode(caller: Caller, directory: Inode, mode: number): number {
  mode &= ~caller.fs.umask;
  if ((mode & 0o2010) === 0o2010 && (mode & S_IFMT) !== S_IFDIR && (directory.mode & 0o2000) !== 0) {
    const credentials = caller.credentials;
    if (!credentials.inGroup(directory.gid) && !credentials.capable(CAP_FSETID)) mode &= ~0o2000;
  }
  return mode;
}

function openTemporary(
  caller: Caller,
  walk: PathWalk,
  path: string,
  flags: number,
  mode: number,
  walkFlags: number,
): FileDescription | number {
  const result = walk.lookup(caller, path, walkFlags | WALK_DIRECTORY);
  if (result < 0) return result;
  const { mount, dentry: directory } = walk;
  if (mount.readOnly) return -EROFS;
  const parent = directory.inode!;
  const allowed = inodePermission(caller, parent, MAY_WRITE | MAY_EXEC);
  if (allowed < 0) return allowed;
  const inode = parent.createTemporary(caller, newMode(caller, parent, S_IFREG | (mode & 0o7777)));
  if (typeof inode === 'number') return inode;
  inode.linkable = (flags & O_EXCL) === 0;
  const dentry = caller.kernel.vfs.cache.addNameless(directory, `#${inode.ino}`, inode);
  return openFound(caller, mount, dentry, flags & ~__O_TMPFILE, true);
}

/** do_open: opens what the walk found. `created`: just now, by this call, so that permissions don't matter. */
export function openFound(caller: Caller, mount: Mount, dentry: Dentry, flags: number, created: boolean): FileDescription | number {
  const inode = dentry.inode!;
  const vfs = caller.kernel.vfs;
  const type = inode.mode & S_IFMT;
  const access = flags & 3;
  let mask = access === 0 ? MAY_READ : access === 1 ? MAY_WRITE : MAY_READ | MAY_WRITE;
  if ((flags & O_TRUNC) !== 0) mask |= MAY_WRITE;
  if ((flags & O_APPEND) !== 0) mask |= MAY_APPEND;
  let truncate = false;
  if (created) mask = 0;
  else if (type === S_IFREG && (flags & O_TRUNC) !== 0) {
    if (mount.readOnly) return -EROFS;
    truncate = true;
  }
  if (type === S_IFLNK) return -ELOOP;
  if (type === S_IFDIR && (mask & MAY_WRITE) !== 0) return -EISDIR;
  if ((type === S_IFCHR || type === S_IFBLK) && mount.noDev) return -EACCES;
  if (mask !== 0) {
    const allowed = inodePermission(caller, inode, mask | MAY_OPEN);
    if (allowed < 0) return allowed;
  }
  if ((flags & O_NOATIME) !== 0 && !ownerOrCapable(caller, inode)) return -EPERM;
  const writes = (access === 1 || access === 2) && type === S_IFREG;
  if (writes) {
    if (mount.readOnly) return -EROFS;
    const write = inode.acquireWrite();
    if (write < 0) {
      if (created) disposeUnused(dentry);
      return write;
    }
  }
  if ((flags & __O_SYNC) !== 0) flags |= O_DSYNC;
  const kept = (flags & ~(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC)) | O_LARGEFILE;
  let file: FileDescription | number;
  if (type === S_IFREG || type === S_IFDIR || inode.opensItself) file = inode.open(caller, truncate ? kept | O_TRUNC : kept);
  else if (type === S_IFCHR || type === S_IFBLK) file = vfs.devices.open(caller, inode, flags & O_NOCTTY ? kept | O_NOCTTY : kept);
  else if (type === S_IFIFO) file = vfs.openFifo(inode, kept);
  else file = -ENXIO;
  if (typeof file !== 'number' && (flags & O_DIRECT) !== 0 && type === S_IFREG && !inode.superBlock.supportsDirect) {
    file.decRef();
    file = -EINVAL;
  }
  if (typeof file === 'number') {
    if (writes) inode.releaseWrite();
    return file;
  }
  if (file.dentry === null) file.attach(mount, dentry);
  file.countsAsWriter = writes;
  file.flags &= ~(O_NOCTTY | O_TRUNC);
  if (truncate) {
    const result = truncateInode(caller, dentry, 0, ATTR_MTIME | ATTR_CTIME);
    if (result < 0) {
      file.decRef();
      return result;
    }
  }
  notify(dentry, IN_OPEN);
  return file;
}

/** A temporary file that could not be opened goes at once. */
function disposeUnused(dentry: Dentry): void {
  if (dentry.unlinked && dentry.references === 0) {
    dentry.incRef();
    dentry.decRef();
  }
}

/** protected_fifos, protected_regular (proc(5)): O_CREAT does not open what somebody else put into a sticky directory. */
function mayCreateInSticky(caller: Caller, directory: Inode, inode: Inode): boolean {
  const vfs = caller.kernel.vfs;
  const type = inode.mode & S_IFMT;
  const level = type === S_IFIFO ? vfs.protectedFifos : type === S_IFREG ? vfs.protectedRegular : 0;
  if (level === 0 || (directory.mode & 0o1000) === 0) return true;
  if (inode.uid === directory.uid || caller.credentials.fsuid === inode.uid) return true;
  if ((directory.mode & 0o002) !== 0) return false;
  return !((directory.mode & 0o020) !== 0 && level >= 2);
}
