import { EACCES, EINVAL, ENXIO, EOPNOTSUPP, EPERM, ETXTBSY, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '@sbx/abi';
import type { Credentials } from '../auth/credentials.js';
import type { Kernel } from '../kernel.js';
import type { Task } from '../task/task.js';
import type { FileDescription } from './file-description.js';
import type { FileLocks } from './file-locks.js';
import type { FsContext } from './fs-context.js';
import type { InodeWatches } from './inode-watches.js';
import type { Path } from './path.js';
import { genericPermission } from './permission.js';
import type { Stat } from './stat.js';
import type { SuperBlock } from './super-block.js';

/** On whose behalf the VFS works. A `Task` is one; access(2) and the kernel's own set-up make others. */
export interface Caller {
  readonly kernel: Kernel;
  readonly credentials: Credentials;
  readonly fs: FsContext;
  /** The task that it stands for, if it is none itself. */
  readonly task?: Task;
}

/** Bits of `AttributeChange.valid`: what changes. */
export const ATTR_MODE = 1;
export const ATTR_UID = 2;
export const ATTR_GID = 4;
export const ATTR_SIZE = 8;
/** To the given time if ATTR_ATIME_SET is there too, else to now. */
export const ATTR_ATIME = 16;
export const ATTR_MTIME = 32;
export const ATTR_CTIME = 64;
export const ATTR_ATIME_SET = 128;
export const ATTR_MTIME_SET = 256;
/** The size is changed through an open descriptor (ftruncate, O_TRUNC). */
export const ATTR_FILE = 1024;
/** An explicit setting of times, which only the owner may do (utimensat). */
export const ATTR_TIMES_SET = 4096;
/** Both times to now: whoever may write may do it (utimensat without times). */
export const ATTR_TOUCH = 8192;
/** Without permission checks (the kernel's own change: clearing set-user-ID). */
export const ATTR_FORCE = 2048;

/** A change of attributes (chmod, chown, utimensat, truncate). Plain and reused. */
export class AttributeChange {
  /** ATTR_* bits. */
  valid = 0;
  mode = 0;
  uid = 0;
  gid = 0;
  size = 0;
  atimeSec = 0;
  atimeNsec = 0;
  mtimeSec = 0;
  mtimeNsec = 0;
}

/**
 * A file system object: file, directory, symlink or special file. A file system derives from it; the VFS does permission checks, name limits, mounts and
 * caching above it, so operations here only act.
 *
 * Names are byte strings (one char per byte) of 1..255 bytes without '/' and never "." or "..". Operations are given the caller for times, quotas and
 * identities; whether the caller *may* was decided already. Results are 0 or the object, or a negative errno. An operation that can't finish now sets
 * `kernel.vfs.pending` to a wait queue and returns PENDING (pending.ts): it is called again, with the same arguments, after the queue's wake-up.
 *
 * An inode that an operation returns carries one reference that belongs to the receiver.
 */
export abstract class Inode {
  /** Permission bits and type (S_IF*). The fields up to `ctimeNsec` are what stat shows, and permission checks use; a file system keeps them current. */
  mode: number;
  uid = 0;
  gid = 0;
  nlink = 1;
  /** Device number of a special file, as `makedev` of `@sbx/abi` encodes it. */
  rdev = 0;
  /** In bytes. */
  size = 0;
  /** In units of 512 bytes. */
  blocks = 0;
  /** Times are since 1970: whole seconds, and nanoseconds that remain. */
  atimeSec = 0;
  atimeNsec = 0;
  mtimeSec = 0;
  mtimeNsec = 0;
  ctimeSec = 0;
  ctimeNsec = 0;
  /** POSIX, OFD and flock locks, or null. */
  locks: FileLocks | null = null;
  /** inotify watches, or null. */
  watches: InodeWatches | null = null;
  /** State of an open fifo (fs/pipe), or of the socket that is bound here (socket/). */
  endpoint: object | null = null;
  /** RWH_WRITE_LIFE_* (F_SET_RW_HINT). */
  writeHint = 0;
  /** Made by O_TMPFILE without O_EXCL: linkat may give it its first name. */
  linkable = false;
  /** Descriptions open for writing; when negative, mappings that forbid writing (a running program). */
  #writers = 0;
  #references = 1;

  constructor(
    readonly superBlock: SuperBlock,
    /** Inode number, unique in the file system. */
    readonly ino: number,
    mode: number,
  ) {
    this.mode = mode;
  }

  get isDirectory(): boolean {
    return (this.mode & S_IFMT) === S_IFDIR;
  }
  get isRegular(): boolean {
    return (this.mode & S_IFMT) === S_IFREG;
  }
  get isSymlink(): boolean {
    return (this.mode & S_IFMT) === S_IFLNK;
  }

  /** True: `open` is asked whatever the type (a pipe or terminal of the host, opened again through /proc/self/fd). */
  get opensItself(): boolean {
    return false;
  }

  // -- Names in a directory.

  /** The object called `name`, or -ENOENT. */
  lookup(_caller: Caller, _name: string): Inode | number {
    return -EACCES;
  }
  /**
   * For file systems with `SuperBlock.revalidates`: whether what the cache has for `name` (`child`; null: nothing) is still so. 1: yes, and the attributes
   * of `child` were brought up to date; 0: no, look it up again; or -errno.
   */
  revalidate(_caller: Caller, _name: string, _child: Inode | null): number {
    return 1;
  }
  /** Makes a regular file. `mode` has S_IFREG and the permission bits after the umask. The owner is the caller's fsuid and fsgid (see `initOwner`). */
  create(_caller: Caller, _name: string, _mode: number): Inode | number {
    return -EACCES;
  }
  mkdir(_caller: Caller, _name: string, _mode: number): Inode | number {
    return -EPERM;
  }
  /** Makes a fifo, socket or device (or regular file), as `mode`'s type says. */
  mknod(_caller: Caller, _name: string, _mode: number, _rdev: number): Inode | number {
    return -EPERM;
  }
  symlink(_caller: Caller, _name: string, _target: string): Inode | number {
    return -EPERM;
  }
  /** Makes `name` another name of `inode` (same file system, not a directory). */
  link(_caller: Caller, _name: string, _inode: Inode): number {
    return -EPERM;
  }
  unlink(_caller: Caller, _name: string, _inode: Inode): number {
    return -EPERM;
  }
  rmdir(_caller: Caller, _name: string, _inode: Inode): number {
    return -EPERM;
  }
  /**
   * Moves `inode` from `name` here to `newName` in `newDirectory` (same file system), over `target` unless that is null. `flags`: RENAME_*; those that the
   * file system does not know give -EINVAL. The VFS has checked kinds (file over directory …) and loops; emptiness of `target` is checked here.
   */
  rename(
    _caller: Caller,
    _name: string,
    _inode: Inode,
    _newDirectory: Inode,
    _newName: string,
    _target: Inode | null,
    _flags: number,
  ): number {
    return -EPERM;
  }
  /** Makes a regular file without a name in this directory (O_TMPFILE). */
  createTemporary(_caller: Caller, _mode: number): Inode | number {
    return -EOPNOTSUPP;
  }

  // -- The object itself.

  /** The text of a symlink. */
  readlink(_caller: Caller): string | number {
    return -EINVAL;
  }
  /** What path walking does at a symlink: continues with its text, or, for a magic link (/proc/self/fd/N), goes to the `Path` that it returns. */
  followLink(caller: Caller): string | Path | number {
    return this.readlink(caller);
  }
  /**
   * Opens a regular file or directory (special files are opened by the VFS). `flags`: O_*. Creating, truncating and permissions are the VFS's business; O_TRUNC
   * says that it will truncate the file next, so that the contents don't matter.
   */
  open(_caller: Caller, _flags: number): FileDescription | number {
    return -ENXIO;
  }
  /**
   * Whether the caller may do what `mask` (MAY_*) says; 0 or -EACCES. Kinds of file systems with their own rules override it.
   * @hotpath
   */
  permission(caller: Caller, mask: number): number {
    return genericPermission(caller.credentials, this.mode, this.uid, this.gid, mask);
  }
  /** Fills `stat`. 0 or -errno. @hotpath */
  getAttributes(_caller: Caller, stat: Stat): number {
    this.copyAttributes(stat);
    return 0;
  }
  /** Applies a change that the VFS has checked: sets the fields, and for ATTR_SIZE truncates or extends. Sets ctime. */
  setAttributes(_caller: Caller, _change: AttributeChange): number {
    return -EPERM;
  }
  /** The value of an extended attribute (full name, "user.x"); -ENODATA. */
  getXattr(_caller: Caller, _name: string): Uint8Array | number {
    return -EOPNOTSUPP;
  }
  /** @param flags - XATTR_CREATE, XATTR_REPLACE or 0 */
  setXattr(_caller: Caller, _name: string, _value: Uint8Array, _flags: number): number {
    return -EOPNOTSUPP;
  }
  removeXattr(_caller: Caller, _name: string): number {
    return -EOPNOTSUPP;
  }
  /** Names of all extended attributes; the VFS leaves out those that the caller may not see. */
  listXattr(_caller: Caller): readonly string[] | number {
    return [];
  }
  /** What /proc/PID/fd shows for an object without a name in a directory ("pipe:[42]"), or null. */
  dynamicName(): string | null {
    return null;
  }

  // -- For file systems.

  /** Copies the fields into `stat`. @hotpath */
  protected copyAttributes(stat: Stat): void {
    stat.device = this.superBlock.device;
    stat.rdev = this.rdev;
    stat.ino = this.ino;
    stat.mode = this.mode;
    stat.nlink = this.nlink;
    stat.uid = this.uid;
    stat.gid = this.gid;
    stat.size = this.size;
    stat.blockSize = this.superBlock.blockSize;
    stat.blocks = this.blocks;
    stat.atimeSec = this.atimeSec;
    stat.atimeNsec = this.atimeNsec;
    stat.mtimeSec = this.mtimeSec;
    stat.mtimeNsec = this.mtimeNsec;
    stat.ctimeSec = this.ctimeSec;
    stat.ctimeNsec = this.ctimeNsec;
    stat.btimeSec = 0;
    stat.btimeNsec = 0;
    stat.hasBirthTime = false;
    stat.attributes = 0;
    stat.attributesMask = 0;
  }
  /** Copies what `change` says into the fields, except the size. For `setAttributes` of file systems that keep attributes in memory. */
  protected applyAttributes(change: AttributeChange): void {
    const valid = change.valid;
    if ((valid & ATTR_UID) !== 0) this.uid = change.uid;
    if ((valid & ATTR_GID) !== 0) this.gid = change.gid;
    if ((valid & ATTR_MODE) !== 0) this.mode = (this.mode & S_IFMT) | (change.mode & 0o7777);
    this.setTimesToNow(
      (valid & (ATTR_ATIME | ATTR_ATIME_SET)) === ATTR_ATIME,
      (valid & (ATTR_MTIME | ATTR_MTIME_SET)) === ATTR_MTIME,
      (valid & ATTR_CTIME) !== 0,
    );
    if ((valid & ATTR_ATIME_SET) !== 0) {
      this.atimeSec = change.atimeSec;
      this.atimeNsec = change.atimeNsec;
    }
    if ((valid & ATTR_MTIME_SET) !== 0) {
      this.mtimeSec = change.mtimeSec;
      this.mtimeNsec = change.mtimeNsec;
    }
  }
  /** Sets the chosen times to now. @hotpath */
  setTimesToNow(access: boolean, modification: boolean, change: boolean): void {
    const { clock } = this.superBlock.kernel;
    clock.readRealtime();
    const { seconds, nanoseconds } = clock;
    if (access) {
      this.atimeSec = seconds;
      this.atimeNsec = nanoseconds;
    }
    if (modification) {
      this.mtimeSec = seconds;
      this.mtimeNsec = nanoseconds;
    }
    if (change) {
      this.ctimeSec = seconds;
      this.ctimeNsec = nanoseconds;
    }
  }

  // -- Lifetime and writers.

  incRef(): void {
    this.#references++;
  }
  decRef(): void {
    if (--this.#references === 0) this.evict();
  }
  get references(): number {
    return this.#references;
  }
  /** The last reference is gone: without a name (nlink 0) the contents go, otherwise caches. */
  protected evict(): void {}

  /** A description for writing is opened: 0, or -ETXTBSY while a program runs from the file. */
  acquireWrite(): number {
    if (this.#writers < 0) return -ETXTBSY;
    this.#writers++;
    return 0;
  }
  releaseWrite(): void {
    this.#writers--;
  }
  /** Execution forbids writing: 0, or -ETXTBSY while the file is open for writing. */
  denyWrite(): number {
    if (this.#writers > 0) return -ETXTBSY;
    this.#writers--;
    return 0;
  }
  allowWrite(): void {
    this.#writers++;
  }
  get writers(): number {
    return this.#writers;
  }
}

/**
 * Owner, group and mode of a new object in `directory`: the caller's fsuid and fsgid, or the directory's group if that has the set-group-ID bit, which
 * directories inherit (inode_init_owner). Sets all times to now.
 */
export function initOwner(caller: Caller, directory: Inode, inode: Inode): void {
  inode.uid = caller.credentials.fsuid;
  if ((directory.mode & 0o2000) !== 0) {
    inode.gid = directory.gid;
    if (inode.isDirectory) inode.mode |= 0o2000;
  } else {
    inode.gid = caller.credentials.fsgid;
  }
  inode.setTimesToNow(true, true, true);
}
