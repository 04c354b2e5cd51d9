import {
  __O_TMPFILE,
  AT_EMPTY_PATH,
  AT_REMOVEDIR,
  EINVAL,
  ELOOP,
  ENOENT,
  ENOSPC,
  ENOTDIR,
  ENOTEMPTY,
  EOPNOTSUPP,
  EPERM,
  EROFS,
  ESTALE,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  S_IFCHR,
  S_IFIFO,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from '@sbx/abi';
import { CachedDescriptor } from '../../host/descriptors.js';
import { hostCall, hostNumber, PATH2_AT, putPath } from '../../host/host.js';
import { statAt, statFd, statxAt } from '../../host/stat.js';
import type { FileDescription } from '../../vfs/file-description.js';
import type { Caller, Inode } from '../../vfs/inode.js';
import { HostDirectoryDescription } from './host-directory-description.js';
import { HostFile } from './host-file.js';
import { HostInode, HostSpecial, SAFE_OPEN } from './host-inode.js';

const SYS_MKDIRAT = hostNumber('mkdirat');
const SYS_MKNODAT = hostNumber('mknodat');
const SYS_SYMLINKAT = hostNumber('symlinkat');
const SYS_LINKAT = hostNumber('linkat');
const SYS_UNLINKAT = hostNumber('unlinkat');
const SYS_RENAMEAT2 = hostNumber('renameat2');

/** A directory of the host. Names below it are looked up relative to an O_PATH descriptor, one component at a time and without following anything. */
export class HostDirectory extends HostInode {
  /** Of the root: open for the mount's whole life. */
  #rootFd = -1;
  readonly #handle = new CachedDescriptor();
  /** What `show` was given, by name, or null. One reference on each. */
  shown: Map<string, Inode> | null = null;

  /**
   * Shows an object of another file system under `name`, for good, whatever the host has under it: a mount point, or what stands in for a file of the host's.
   * Nothing changes on the host. Takes over one reference of `inode`.
   */
  show(name: string, inode: Inode): void {
    // It stays known for as long as it shows something.
    if (this.shown === null) this.incRef();
    this.shown ??= new Map();
    this.shown.get(name)?.decRef();
    this.shown.set(name, inode);
  }

  /** Makes this the root of the mount: `fd` is its descriptor. */
  makeRoot(fd: number): void {
    this.#rootFd = fd;
  }

  /**
   * An O_PATH descriptor of this directory, for one or two host calls now: opened, from the directory above, if it is not in the cache; or -errno (-ENOENT:
   * it is not where it was).
   * @hotpath
   */
  handle(): number {
    if (this.#rootFd >= 0) return this.#rootFd;
    return this.#handle.fd >= 0 ? this.superBlock.services.descriptors.use(this.#handle) : this.#openHandle();
  }

  #openHandle(): number {
    const { parent } = this;
    if (parent === null) return -ENOENT;
    const above = parent.handle();
    if (above < 0) return above;
    const { descriptors } = this.superBlock.services;
    const fd = descriptors.open(above, this.name, O_PATH | O_DIRECTORY | SAFE_OPEN, 0);
    if (fd < 0) return fd === -ENOTDIR || fd === -ELOOP ? -ENOENT : fd;
    if (statFd(fd) < 0 || !this.isSame()) {
      descriptors.close(fd);
      return -ENOENT;
    }
    descriptors.keep(this.#handle, fd);
    return fd;
  }

  /** As `handle`, taken out of the cache, where opening others can't close it; `unpin` puts it back. */
  pin(): number {
    const fd = this.handle();
    if (fd >= 0 && this.#rootFd < 0) this.superBlock.services.descriptors.take(this.#handle);
    return fd;
  }
  unpin(fd: number): void {
    if (this.#rootFd >= 0) return;
    const { descriptors } = this.superBlock.services;
    if (this.#handle.fd >= 0) descriptors.close(fd);
    else descriptors.keep(this.#handle, fd);
  }

  override currentDescriptor(): number {
    return this.#rootFd >= 0 ? this.#rootFd : this.#handle.fd;
  }

  protected override openByName(flags: number): number {
    const fd = this.currentDescriptor();
    return fd < 0 ? super.openByName(flags) : this.superBlock.services.descriptors.open(fd, '.', flags | SAFE_OPEN, 0);
  }

  // -- Names.

  override lookup(caller: Caller, name: string): Inode | number {
    if (!isName(name)) return -EINVAL;
    const shown = this.shown?.get(name);
    if (shown !== undefined) {
      shown.incRef();
      return shown;
    }
    const { slowCalls } = this.superBlock;
    if (this.device.slow && slowCalls.mayPend(caller)) {
      const result = slowCalls.stat(this, name);
      return result < 0 ? result : this.superBlock.adopt(this, name);
    }
    const fd = this.handle();
    if (fd < 0) return fd;
    const result = statxAt(fd, name);
    return result < 0 ? result : this.superBlock.adopt(this, name);
  }

  /** @hotpath */
  override revalidate(caller: Caller, name: string, child: Inode | null): number {
    if (child === null) return 0;
    const shown = this.shown?.get(name);
    if (shown !== undefined) return shown === child ? 1 : 0;
    const inode = child as HostInode;
    const { superBlock } = this;
    const isHere = inode.parent === this && inode.name === name;
    if ((superBlock.cacheMs > 0 || inode.device.slow) && isHere && inode.isFresh) return 1;
    let result: number;
    if (this.device.slow && superBlock.slowCalls.mayPend(caller)) result = superBlock.slowCalls.stat(this, name);
    else {
      const fd = this.handle();
      if (fd < 0) return fd === -ENOENT ? 0 : fd;
      result = statAt(fd, name);
    }
    if (result < 0) return result === -ENOENT ? 0 : result;
    if (!inode.isSame()) return 0;
    inode.update();
    if (!isHere) inode.setPlace(this, name);
    return 1;
  }

  override open(_caller: Caller, flags: number): FileDescription | number {
    if (this.device.forbidden) return -EPERM;
    const fd = this.openByName(O_RDONLY | O_DIRECTORY);
    return fd < 0 ? fd : new HostDirectoryDescription(flags, this, fd);
  }

  // -- Changes. The VFS refuses them on a read-only mount already.

  override create(caller: Caller, name: string, mode: number): Inode | number {
    const directory = this.#forChange(name);
    if (directory < 0) return directory;
    const { descriptors } = this.superBlock.services;
    const fd = descriptors.open(directory, name, O_CREAT | O_EXCL | O_RDWR | SAFE_OPEN, mode & 0o7777);
    if (fd < 0) return fd;
    return this.#created(caller, name, fd, mode);
  }

  /** The file that was just made and is open as `fd`, which it takes over. */
  #created(caller: Caller, name: string | null, fd: number, mode: number): HostInode | number {
    let result = statxAt(fd, '');
    if (result === 0) {
      const file = this.superBlock.adopt(name === null ? null : this, name ?? '');
      if (file instanceof HostFile) {
        if (name === null) file.adoptNameless(fd);
        else file.offer(fd);
        file.initialize(caller, mode);
        this.changed();
        return file;
      }
      if (typeof file !== 'number') file.decRef();
      result = typeof file === 'number' ? file : -ESTALE;
    }
    this.superBlock.services.descriptors.close(fd);
    return result;
  }

  override createTemporary(caller: Caller, mode: number): Inode | number {
    const directory = this.#forChange('x');
    if (directory < 0) return directory;
    const { descriptors } = this.superBlock.services;
    // Not O_EXCL: whether it may be linked is the VFS's business.
    const fd = descriptors.open(directory, '.', __O_TMPFILE | O_DIRECTORY | O_RDWR | SAFE_OPEN, mode & 0o7777);
    return fd < 0 ? fd : this.#created(caller, null, fd, mode);
  }

  override mkdir(caller: Caller, name: string, mode: number): Inode | number {
    const directory = this.#forChange(name);
    if (directory < 0) return directory;
    const result = hostCall(SYS_MKDIRAT, directory, putPath(name), mode & 0o7777);
    return result < 0 ? result : this.#made(caller, name, mode);
  }

  override mknod(caller: Caller, name: string, mode: number, rdev: number): Inode | number {
    const type = mode & S_IFMT;
    if (type === S_IFREG) return this.create(caller, name, mode);
    // Devices are never made on the host, except overlayfs's whiteout, which is none.
    if (type !== S_IFIFO && type !== S_IFSOCK && !(type === S_IFCHR && rdev === 0)) return -EPERM;
    if (!this.superBlock.mayOwnSpecial) return -ENOSPC;
    const directory = this.#forChange(name);
    if (directory < 0) return directory;
    const result = hostCall(SYS_MKNODAT, directory, putPath(name), mode, 0);
    if (result < 0) return result;
    const inode = this.#made(caller, name, mode);
    if (inode instanceof HostSpecial && type !== S_IFCHR) this.superBlock.ownSpecial(inode);
    return inode;
  }

  override symlink(caller: Caller, name: string, target: string): Inode | number {
    const directory = this.#forChange(name);
    if (directory < 0) return directory;
    const result = hostCall(SYS_SYMLINKAT, putPath(target), directory, putPath(name, PATH2_AT));
    return result < 0 ? result : this.#made(caller, name, 0);
  }

  /** The object that was just made as `name`. */
  #made(caller: Caller, name: string, mode: number): Inode | number {
    this.changed();
    const directory = this.handle();
    if (directory < 0) return directory;
    const result = statxAt(directory, name);
    if (result < 0) return result;
    const inode = this.superBlock.adopt(this, name);
    if (typeof inode !== 'number') inode.initialize(caller, mode);
    return inode;
  }

  override link(_caller: Caller, name: string, inode: Inode): number {
    const source = inode as HostInode;
    const own = this.#forChange(name);
    if (own < 0) return own;
    let result: number;
    if (source.parent === null) {
      // A file without a name (O_TMPFILE). The host permits it to its opener since Linux 6.10, and to CAP_DAC_READ_SEARCH.
      const fd = source.currentDescriptor();
      if (fd < 0) return -ENOENT;
      result = hostCall(SYS_LINKAT, fd, putPath(''), own, putPath(name, PATH2_AT), AT_EMPTY_PATH);
      if (result === -ENOENT) return -EOPNOTSUPP;
    } else {
      const { parent } = source;
      const to = this.pin();
      const from = parent === this ? to : parent.handle();
      if (from < 0) result = from;
      else {
        const there = statAt(from, source.name);
        if (there < 0) result = there;
        else if (!source.isSame()) result = -ESTALE;
        else result = hostCall(SYS_LINKAT, from, putPath(source.name), to, putPath(name, PATH2_AT), 0);
      }
      this.unpin(to);
    }
    if (result < 0) return result;
    this.changed();
    source.setPlace(this, name);
    source.refresh();
    return 0;
  }

  override unlink(_caller: Caller, name: string, inode: Inode): number {
    return this.#remove(name, inode as HostInode, 0);
  }
  override rmdir(_caller: Caller, name: string, inode: Inode): number {
    if ((inode as HostDirectory).shown !== null) return -ENOTEMPTY;
    return this.#remove(name, inode as HostInode, AT_REMOVEDIR);
  }
  #remove(name: string, inode: HostInode, flags: number): number {
    const directory = this.#forChange(name);
    if (directory < 0) return directory;
    const result = hostCall(SYS_UNLINKAT, directory, putPath(name), flags);
    if (result < 0) return result;
    this.changed();
    this.#nameGone(name, inode);
    return 0;
  }
  #nameGone(name: string, inode: HostInode): void {
    if (inode.parent === this && inode.name === name) inode.setPlace(null, '');
    inode.nameRemoved();
    if (inode.isDirectory) inode.nlink = 0;
    if (inode.nlink === 0 && inode instanceof HostSpecial) this.superBlock.disownSpecial(inode);
  }

  override rename(
    _caller: Caller,
    name: string,
    inode: Inode,
    newDirectory: Inode,
    newName: string,
    target: Inode | null,
    flags: number,
  ): number {
    if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE)) !== 0) return -EINVAL;
    const to = newDirectory as HostDirectory;
    const moved = inode as HostInode;
    const own = this.#forChange(name);
    if (own < 0) return own;
    if (!isName(newName)) return -EINVAL;
    // The host takes it for empty.
    if (target instanceof HostDirectory && target.shown !== null && (flags & RENAME_EXCHANGE) === 0) return -ENOTEMPTY;
    if (to.device.slow) this.superBlock.slowCalls.forget(to, newName);
    const from = this.pin();
    if (from < 0) return from;
    const there = to === this ? from : to.handle();
    const result = there < 0 ? there : hostCall(SYS_RENAMEAT2, from, putPath(name), there, putPath(newName, PATH2_AT), flags);
    this.unpin(from);
    if (result < 0) return result;
    this.changed();
    to.changed();
    if ((flags & RENAME_EXCHANGE) !== 0 && target !== null) {
      (target as HostInode).setPlace(this, name);
      (target as HostInode).changed();
    } else if (target !== null) to.#nameGone(newName, target as HostInode);
    moved.setPlace(to, newName);
    moved.changed();
    return 0;
  }

  /** The handle, if the mount may be written, and `name` is a single name. */
  #forChange(name: string): number {
    if (!isName(name)) return -EINVAL;
    if (this.superBlock.readOnly) return -EROFS;
    if (this.device.slow) this.superBlock.slowCalls.forget(this, name);
    return this.handle();
  }

  protected override evict(): void {
    this.superBlock.services.descriptors.drop(this.#handle);
    super.evict();
  }
}

/** The VFS gives single names only; that nothing else ever reaches the host does not depend on it. */
function isName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !name.includes('/') && !name.includes('\0');
}
