import {
  AT_EMPTY_PATH,
  AT_SYMLINK_NOFOLLOW,
  EACCES,
  EBADF,
  EINVAL,
  ENODATA,
  ENOENT,
  ENOSYS,
  EOPNOTSUPP,
  ERANGE,
  EROFS,
  ESTALE,
  O_CLOEXEC,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  O_WRONLY,
  S_IFMT,
  S_IFREG,
} from '@sbx/abi';
import { DATA_AT, DATA_SIZE, hostAddress, hostBytes, hostCall, hostNumber, MISC_AT, PATH2_AT, put64, putPath } from '../../host/host.js';
import { hostStat, statAt, statFd } from '../../host/stat.js';
import {
  ATTR_ATIME,
  ATTR_ATIME_SET,
  ATTR_GID,
  ATTR_MODE,
  ATTR_MTIME,
  ATTR_MTIME_SET,
  ATTR_UID,
  type AttributeChange,
  type Caller,
  Inode,
} from '../../vfs/inode.js';
import { genericPermission, MAY_EXEC, MAY_OPEN, MAY_READ } from '../../vfs/permission.js';
import type { Stat } from '../../vfs/stat.js';
import { type HostDevice, inodeKey, visibleIno } from './host-device.js';
import type { HostDirectory } from './host-directory.js';
import type { HostFileSystem } from './host-file-system.js';

const SYS_FCHMOD = hostNumber('fchmod');
const SYS_FCHMODAT = hostNumber('fchmodat');
const SYS_FCHOWNAT = hostNumber('fchownat');
const SYS_UTIMENSAT = hostNumber('utimensat');
const SYS_FGETXATTR = hostNumber('fgetxattr');
const SYS_FSETXATTR = hostNumber('fsetxattr');
const SYS_FREMOVEXATTR = hostNumber('fremovexattr');
const SYS_FLISTXATTR = hostNumber('flistxattr');
/** Linux 6.6; the same number everywhere. */
const SYS_FCHMODAT2 = 452;

/** How an object is opened besides the access mode: nothing is followed, waited for, or made a controlling terminal. */
export const SAFE_OPEN = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

/** How long attributes count as current on a slow file system, which itself caches them for longer (NFS: 3 s): a path walk has to be able to end. */
const SLOW_CACHE_MS = 1000;
/** Nanoseconds in utimensat(2) that mean now, and leave as it is. */
const UTIME_NOW = 0x3fffffff;
const UTIME_OMIT = 0x3ffffffe;

let hasFchmodat2 = true;

/**
 * An object of the host. Identified by device, inode number, type and time of birth; found by a name in its directory (`parent`, `name`), which is where it
 * was seen last. Holds a reference on its directory.
 */
export abstract class HostInode extends Inode {
  declare readonly superBlock: HostFileSystem;
  /** Where it was seen last, or null: the name was removed, or it is the root. */
  parent: HostDirectory | null = null;
  name = '';
  /** Until when (milliseconds of `Date.now`) name and attributes count as current. */
  validUntil = 0;
  /** The path walk in which the attributes were read. */
  #walk = 0;
  blockSize = 4096;
  readonly btimeSec: number;
  readonly btimeNsec: number;

  /** From `hostStat`. */
  constructor(
    superBlock: HostFileSystem,
    readonly device: HostDevice,
    readonly inoLow: number,
    readonly inoHigh: number,
  ) {
    super(superBlock, visibleIno(inoLow, inoHigh), hostStat.mode);
    this.btimeSec = hostStat.btimeSec;
    this.btimeNsec = hostStat.btimeNsec;
    device.inodes.set(inodeKey(inoLow, inoHigh), this);
    this.update();
  }

  /** Whether `hostStat` describes this object. @hotpath */
  isSame(): boolean {
    const s = hostStat;
    return (
      s.inoLow === this.inoLow &&
      s.inoHigh === this.inoHigh &&
      s.dev === this.device.hostDevice &&
      ((s.mode ^ this.mode) & S_IFMT) === 0 &&
      (s.btimeSec < 0 || (s.btimeSec === this.btimeSec && s.btimeNsec === this.btimeNsec))
    );
  }

  /** Takes the attributes over from `hostStat`. @hotpath */
  update(): void {
    const s = hostStat;
    this.mode = s.mode;
    this.nlink = s.nlink;
    this.uid = s.uid;
    this.gid = s.gid;
    this.rdev = s.rdev;
    this.size = s.size;
    this.blocks = s.blocks;
    this.blockSize = s.blockSize;
    this.atimeSec = s.atimeSec;
    this.atimeNsec = s.atimeNsec;
    this.mtimeSec = s.mtimeSec;
    this.mtimeNsec = s.mtimeNsec;
    this.ctimeSec = s.ctimeSec;
    this.ctimeNsec = s.ctimeNsec;
    const { superBlock } = this;
    this.validUntil = Date.now() + (this.device.slow ? Math.max(superBlock.cacheMs, SLOW_CACHE_MS) : superBlock.cacheMs);
    this.#walk = superBlock.kernel.vfs.walk.walks;
  }

  /** Whether the attributes count as current: the path walk of a stat(2) has just read them, or they may be cached. @hotpath */
  get isFresh(): boolean {
    const { superBlock } = this;
    if (Date.now() > this.validUntil) return false;
    return superBlock.cacheMs > 0 || this.device.slow || this.#walk === superBlock.kernel.vfs.walk.walks;
  }

  /** Says where the object is. */
  setPlace(parent: HostDirectory | null, name: string): void {
    this.name = name;
    if (parent === this.parent) return;
    parent?.incRef();
    // The host may have moved directories about, so that what was seen at different times makes a circle: the one that was said to be in here is not any more.
    if (this.isDirectory) leave(parent, this);
    const old = this.parent;
    this.parent = parent;
    old?.decRef();
  }

  /** A descriptor of the object that is open now, also by O_PATH; -1 if there is none. */
  currentDescriptor(): number {
    return -1;
  }

  /** Reads the attributes anew. An object that can't be found any more keeps those that it had. */
  refresh(): void {
    const fd = this.currentDescriptor();
    if (fd >= 0) {
      if (statFd(fd) === 0 && this.isSame()) this.update();
      return;
    }
    const { parent } = this;
    if (parent === null) return;
    const directory = parent.handle();
    if (directory >= 0 && statAt(directory, this.name) === 0 && this.isSame()) this.update();
  }

  /** The next look at the attributes reads them anew. */
  changed(): void {
    this.validUntil = 0;
  }

  /** Fewer names: the host may tell how many are left. */
  nameRemoved(): void {
    if (this.currentDescriptor() >= 0) this.refresh();
    else if (this.nlink > 0) this.nlink--;
    this.changed();
  }

  override getAttributes(_caller: Caller, stat: Stat): number {
    if (!this.isFresh) this.refresh();
    this.copyAttributes(stat);
    stat.device = this.device.device;
    stat.blockSize = this.blockSize;
    if (this.btimeSec >= 0) {
      stat.hasBirthTime = true;
      stat.btimeSec = this.btimeSec;
      stat.btimeNsec = this.btimeNsec;
    }
    return 0;
  }

  /** @hotpath */
  override permission(caller: Caller, mask: number): number {
    const { mode } = this;
    if (this.device.forbidden) return -EACCES;
    if ((mask & MAY_OPEN) !== 0 && this.isHostSpecial) return -EACCES;
    if (this.superBlock.worldReadableOnly) {
      // A file is readable, or runs, only if everybody may read it; a directory may be entered only if everybody may.
      const need = this.isDirectory ? ((mask & MAY_READ) !== 0 ? 4 : 0) | ((mask & MAY_EXEC) !== 0 ? 1 : 0) : 4;
      if ((mask & (MAY_READ | MAY_EXEC)) !== 0 && !this.isSymlink && (mode & need) !== need) return -EACCES;
    }
    return genericPermission(caller.credentials, mode, this.uid, this.gid, mask);
  }

  /** A device, fifo or socket of the host's own: it shows, but is never opened. */
  get isHostSpecial(): boolean {
    return false;
  }

  /**
   * Opens the object by its name, with the given access mode and flags; compares what was opened with this: the descriptor or -errno (-ESTALE: something
   * else is there now). `hostStat` then describes it. A `caller` may be answered PENDING.
   */
  protected openByName(flags: number, caller: Caller | null = null): number {
    const { parent, superBlock } = this;
    if (parent === null) return -ENOENT;
    const { descriptors } = superBlock.services;
    let fd: number;
    if (caller !== null && this.device.slow && superBlock.slowCalls.mayPend(caller)) {
      fd = superBlock.slowCalls.open(parent, this.name, flags | SAFE_OPEN);
    } else {
      const directory = parent.handle();
      fd = directory < 0 ? directory : descriptors.open(directory, this.name, flags | SAFE_OPEN, 0);
    }
    if (fd < 0) return fd;
    const result = statFd(fd);
    if (result === 0 && this.isSame()) return fd;
    descriptors.close(fd);
    return result < 0 ? result : -ESTALE;
  }

  /** A descriptor that is not O_PATH, for fchmod and attributes: opened for the moment if there is none. Give it back by `doneWith`. */
  protected borrow(): number {
    const type = this.mode & S_IFMT;
    if (this.isHostSpecial || (!this.isDirectory && type !== S_IFREG)) return -EOPNOTSUPP;
    const fd = this.openByName(O_RDONLY);
    return fd === -EACCES && type === S_IFREG ? this.openByName(O_WRONLY) : fd;
  }
  protected doneWith(fd: number): void {
    this.superBlock.services.descriptors.close(fd);
  }

  override setAttributes(_caller: Caller, change: AttributeChange): number {
    if (this.superBlock.readOnly) return -EROFS;
    const { valid } = change;
    let result = 0;
    if ((valid & (ATTR_UID | ATTR_GID)) !== 0) {
      const uid = (valid & ATTR_UID) !== 0 ? change.uid : 0xffffffff;
      const gid = (valid & ATTR_GID) !== 0 ? change.gid : 0xffffffff;
      result = this.#changeOwner(uid, gid);
    }
    if (result >= 0 && (valid & ATTR_MODE) !== 0) result = this.changeMode(change.mode & 0o7777);
    if (result >= 0 && (valid & (ATTR_ATIME | ATTR_MTIME | ATTR_ATIME_SET | ATTR_MTIME_SET)) !== 0) result = this.#changeTimes(change);
    this.refresh();
    return result < 0 ? result : 0;
  }

  #changeOwner(uid: number, gid: number): number {
    const fd = this.currentDescriptor();
    if (fd >= 0) return hostCall(SYS_FCHOWNAT, fd, putPath(''), uid, gid, AT_EMPTY_PATH);
    const directory = this.checkedParent();
    if (directory < 0) return directory;
    return hostCall(SYS_FCHOWNAT, directory, putPath(this.name), uid, gid, AT_SYMLINK_NOFOLLOW);
  }

  /** chmod. Before Linux 6.6 only a real descriptor can be told, so that a file that its owner may neither read nor write needs the last way. */
  protected changeMode(mode: number): number {
    const open = this.currentDescriptor();
    if (open >= 0) {
      const result = hostCall(SYS_FCHMOD, open, mode);
      if (result !== -EBADF) return result;
    }
    if (hasFchmodat2 && this.parent !== null) {
      const directory = this.checkedParent();
      if (directory < 0) return directory;
      const result = hostCall(SYS_FCHMODAT2, directory, putPath(this.name), mode, AT_SYMLINK_NOFOLLOW);
      if (result !== -ENOSYS) return result;
      hasFchmodat2 = false;
    }
    const fd = this.borrow();
    if (fd >= 0) {
      const result = hostCall(SYS_FCHMOD, fd, mode);
      this.doneWith(fd);
      return result;
    }
    if ((fd !== -EACCES && fd !== -EOPNOTSUPP) || this.isSymlink) return fd;
    const again = this.checkedParent();
    return again < 0 ? again : hostCall(SYS_FCHMODAT, again, putPath(this.name), mode);
  }

  /**
   * After the caller has made the object with `mode`: gives it the bits that the process's umask has taken, and, where the sentry may do that (it runs as root,
   * and is not jailed), to the caller.
   */
  initialize(caller: Caller, mode: number): void {
    const { superBlock } = this;
    const { fsuid } = caller.credentials;
    if (superBlock.givesAway && fsuid !== this.uid) {
      const gid = this.parent !== null && (this.parent.mode & 0o2000) !== 0 ? this.gid : caller.credentials.fsgid;
      superBlock.givesAway = this.#changeOwner(fsuid, gid) === 0;
      this.refresh();
    }
    if (this.isSymlink || ((this.mode ^ mode) & 0o1777) === 0) return;
    this.changeMode((mode & 0o1777) | (this.mode & 0o6000));
    this.refresh();
  }

  #changeTimes(change: AttributeChange): number {
    const { valid } = change;
    const at = MISC_AT;
    putTime(at, (valid & ATTR_ATIME_SET) !== 0, (valid & ATTR_ATIME) !== 0, change.atimeSec, change.atimeNsec);
    putTime(at + 16, (valid & ATTR_MTIME_SET) !== 0, (valid & ATTR_MTIME) !== 0, change.mtimeSec, change.mtimeNsec);
    const fd = this.currentDescriptor();
    if (fd >= 0) return hostCall(SYS_UTIMENSAT, fd, putPath(''), hostAddress + at, AT_EMPTY_PATH);
    const directory = this.checkedParent();
    if (directory < 0) return directory;
    return hostCall(SYS_UTIMENSAT, directory, putPath(this.name), hostAddress + at, AT_SYMLINK_NOFOLLOW);
  }

  /** The descriptor of the directory in which `name` still is this object; -ENOENT, -ESTALE …. */
  protected checkedParent(): number {
    const { parent } = this;
    if (parent === null) return -ENOENT;
    const directory = parent.handle();
    if (directory < 0) return directory;
    const result = statAt(directory, this.name);
    if (result < 0) return result;
    return this.isSame() ? directory : -ESTALE;
  }

  // -- Extended attributes: those of users ("user."). What the host's kernel or root keeps there is not shown.

  override getXattr(_caller: Caller, name: string): Uint8Array | number {
    if (!name.startsWith('user.')) return -EOPNOTSUPP;
    const fd = this.borrow();
    if (fd < 0) return -ENODATA;
    const n = hostCall(SYS_FGETXATTR, fd, putPath(name), hostAddress + DATA_AT, DATA_SIZE);
    this.doneWith(fd);
    return n < 0 ? n : hostBytes.slice(DATA_AT, DATA_AT + n);
  }
  override setXattr(_caller: Caller, name: string, value: Uint8Array, flags: number): number {
    if (!name.startsWith('user.')) return -EOPNOTSUPP;
    if (this.superBlock.readOnly) return -EROFS;
    if (value.length > DATA_SIZE) return -ERANGE;
    const fd = this.borrow();
    if (fd < 0) return fd;
    hostBytes.set(value, DATA_AT);
    const result = hostCall(SYS_FSETXATTR, fd, putPath(name, PATH2_AT), hostAddress + DATA_AT, value.length, flags);
    this.doneWith(fd);
    this.changed();
    return result;
  }
  override removeXattr(_caller: Caller, name: string): number {
    if (!name.startsWith('user.')) return -EOPNOTSUPP;
    if (this.superBlock.readOnly) return -EROFS;
    const fd = this.borrow();
    if (fd < 0) return fd;
    const result = hostCall(SYS_FREMOVEXATTR, fd, putPath(name));
    this.doneWith(fd);
    this.changed();
    return result;
  }
  override listXattr(_caller: Caller): readonly string[] | number {
    const fd = this.borrow();
    if (fd < 0) return [];
    const n = hostCall(SYS_FLISTXATTR, fd, hostAddress + DATA_AT, DATA_SIZE);
    this.doneWith(fd);
    if (n < 0) return n === -EOPNOTSUPP ? [] : n;
    const names = Buffer.from(hostBytes.buffer, DATA_AT, n).toString('latin1').split('\0');
    return names.filter((name) => name.startsWith('user.'));
  }

  protected override evict(): void {
    const key = inodeKey(this.inoLow, this.inoHigh);
    // Another object may have got the number meanwhile.
    if (this.device.inodes.get(key) === this) this.device.inodes.delete(key);
    this.setPlace(null, '');
  }
}

/** One `struct timespec` of utimensat(2). */
function putTime(at: number, set: boolean, change: boolean, seconds: number, nanoseconds: number): void {
  put64(at, set ? seconds : 0);
  put64(at + 8, set ? nanoseconds : change ? UTIME_NOW : UTIME_OMIT);
}

/** Whatever of `directory` and the directories above it was said to be in `inode` is not there any more. */
function leave(directory: HostInode | null, inode: HostInode): void {
  for (let d = directory; d !== null; d = d.parent) if (d.parent === inode) d.setPlace(null, '');
}

/** A device, fifo or socket. The host's own are never opened; fifos and sockets that were made through this kernel are the kernel's (see `HostFileSystem`). */
export class HostSpecial extends HostInode {
  /** Made by a program of the sandbox. */
  own = false;
  override get isHostSpecial(): boolean {
    return !this.own;
  }
}

/** A symlink: its text is walked by the VFS, inside the programs' root. */
export class HostSymlink extends HostInode {
  #text: string | null = null;

  override readlink(_caller: Caller): string | number {
    if (this.#text !== null) return this.#text;
    const { parent } = this;
    if (parent === null) return -ENOENT;
    const directory = parent.handle();
    if (directory < 0) return directory;
    const text = readLinkAt(directory, this.name);
    if (typeof text === 'string') this.#text = text;
    return text === -EINVAL ? -ESTALE : text;
  }
}

const SYS_READLINKAT = hostNumber('readlinkat');
const LINK_SIZE = 8192;

function readLinkAt(directory: number, name: string): string | number {
  const n = hostCall(SYS_READLINKAT, directory, putPath(name), hostAddress + DATA_AT, LINK_SIZE);
  return n < 0 ? n : Buffer.from(hostBytes.buffer, DATA_AT, n).toString('latin1');
}
