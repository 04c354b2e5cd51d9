import { EACCES, EMFILE, ENFILE, EPERM, EROFS, O_NOATIME, O_RDONLY, O_RDWR, O_WRONLY } from '@sbx/abi';
import { CachedDescriptor } from '../../host/descriptors.js';
import { hostCall, hostNumber } from '../../host/host.js';
import { statFd } from '../../host/stat.js';
import type { IoBuffer } from '../../io/io-buffer.js';
import type { FileDescription } from '../../vfs/file-description.js';
import { ATTR_SIZE, type AttributeChange, type Caller } from '../../vfs/inode.js';
import { HostFileDescription } from './host-file-description.js';
import { HostInode } from './host-inode.js';
import { HostPages, type PageSource } from './host-pages.js';
import { readNow, writeNow } from './host-transfer.js';
import { PageCache } from './page-cache.js';

const SYS_FTRUNCATE = hostNumber('ftruncate');

/**
 * A regular file of the host. All descriptions with the same access mode share one host descriptor: positions are ours, the host is only asked by pread
 * and pwrite.
 */
export class HostFile extends HostInode implements PageSource {
  /** Host descriptors by access mode (O_RDONLY, O_WRONLY, O_RDWR), -1: not open; and how many descriptions use each. */
  readonly #fds = [-1, -1, -1];
  readonly #users = [0, 0, 0];
  /** The descriptor that made the file: for the first description, which may not be permitted to open it by name. */
  readonly #made = new CachedDescriptor();
  /** What mappings show, once there was one. */
  pages: HostPages | null = null;
  /** The mount is this file: its descriptor is never closed, and there is no name to open it by. */
  #root = -1;
  #rootMode = O_RDONLY;

  /** Makes the file the root of its mount. `mode`: how `fd` was opened. */
  makeRoot(fd: number, mode: number): void {
    this.#root = fd;
    this.#rootMode = mode;
  }
  /** Keeps the descriptor (O_RDWR) that made the file until the first description takes it. */
  offer(fd: number): void {
    if (this.#fds[O_RDWR] >= 0 || this.#made.fd >= 0) this.superBlock.services.descriptors.close(fd);
    else this.superBlock.services.descriptors.keep(this.#made, fd);
  }
  /** A file without a name: its descriptor stays for its whole life. */
  adoptNameless(fd: number): void {
    this.#fds[O_RDWR] = fd;
    this.#users[O_RDWR] = 1;
  }
  // -- Host descriptors.

  /** Opens the host's file for a description with access mode `mode`: the descriptor, which is shared, or -errno. Give it back by `close`. */
  openHost(mode: number, caller: Caller | null = null): number {
    if (this.#root >= 0) return mode === this.#rootMode || this.#rootMode === O_RDWR ? this.#root : -EACCES;
    if (this.#fds[mode] < 0) {
      const fd = this.#openMode(mode, caller);
      if (fd < 0) return fd;
      this.#fds[mode] = fd;
    }
    this.#users[mode]++;
    return this.#fds[mode];
  }
  closeHost(mode: number): void {
    if (this.#root >= 0 || --this.#users[mode] > 0) return;
    this.superBlock.services.descriptors.close(this.#fds[mode]);
    this.#fds[mode] = -1;
  }

  #openMode(mode: number, caller: Caller | null): number {
    const { superBlock } = this;
    const made = superBlock.services.descriptors.take(this.#made);
    if (made >= 0) return made;
    if (mode !== O_RDONLY && superBlock.readOnly) return -EROFS;
    // Reading what nobody may change does not change its access time either; only the owner may ask for that.
    const quiet = superBlock.readOnly && this.uid === superBlock.hostUid;
    let fd = this.openByName(quiet ? mode | O_NOATIME : mode, caller);
    if (fd === -EPERM && quiet) fd = this.openByName(mode, caller);
    if (fd < 0) return fd === -EMFILE ? -ENFILE : fd;
    this.update();
    if (superBlock.worldReadableOnly && (this.mode & 4) === 0) {
      superBlock.services.descriptors.close(fd);
      return -EACCES;
    }
    return fd;
  }

  override currentDescriptor(): number {
    if (this.#root >= 0) return this.#root;
    const fds = this.#fds;
    if (fds[O_RDWR] >= 0) return fds[O_RDWR];
    if (fds[O_RDONLY] >= 0) return fds[O_RDONLY];
    return fds[O_WRONLY] >= 0 ? fds[O_WRONLY] : this.#made.fd;
  }
  protected override borrow(): number {
    const fd = this.currentDescriptor();
    return fd >= 0 ? fd : super.borrow();
  }
  protected override doneWith(fd: number): void {
    if (fd !== this.currentDescriptor()) super.doneWith(fd);
  }

  get readDescriptor(): number {
    if (this.#root >= 0) return this.#rootMode === O_WRONLY ? -EACCES : this.#root;
    return this.#fds[O_RDONLY] >= 0 ? this.#fds[O_RDONLY] : this.#fds[O_RDWR];
  }
  get writeDescriptor(): number {
    if (this.#root >= 0) return this.#rootMode === O_RDONLY ? -EACCES : this.#root;
    return this.#fds[O_RDWR] >= 0 ? this.#fds[O_RDWR] : this.#fds[O_WRONLY];
  }

  override open(caller: Caller, flags: number): FileDescription | number {
    if (this.device.forbidden) return -EACCES;
    const mode = (flags & 3) === 3 ? O_RDWR : flags & 3;
    if (mode !== O_RDONLY && this.superBlock.readOnly) return -EROFS;
    const fd = this.openHost(mode, caller);
    return fd < 0 ? fd : new HostFileDescription(flags, this, fd, mode);
  }

  /** The page cache, for a mapping that is about to be made: what the host has changed since is dropped. */
  cachedPages(): HostPages {
    const { kernel } = this.superBlock;
    this.pages ??= new HostPages(PageCache.of(kernel.memory, kernel.limits.memory), this);
    if (statFd(this.currentDescriptor()) === 0) {
      this.update();
      this.pages.validate();
    }
    return this.pages;
  }

  override setAttributes(caller: Caller, change: AttributeChange): number {
    if ((change.valid & ATTR_SIZE) !== 0) {
      const result = this.#truncate(change.size);
      if (result < 0) return result;
    }
    return super.setAttributes(caller, change);
  }

  #truncate(size: number): number {
    if (this.superBlock.readOnly) return -EROFS;
    let fd = this.writeDescriptor;
    const own = fd < 0;
    if (own) fd = this.#made.fd >= 0 ? this.#made.fd : this.openByName(O_WRONLY);
    if (fd < 0) return fd;
    const result = hostCall(SYS_FTRUNCATE, fd, size);
    if (result === 0) this.pages?.resized(fd);
    if (own && fd !== this.#made.fd) this.superBlock.services.descriptors.close(fd);
    return result;
  }

  // -- Contents, for those who copy them (overlay). The file must be open with the right mode.

  /** Reads into `io` at `position`: bytes or -errno. Waits for the host. */
  readAt(io: IoBuffer, position: number): number {
    const begin = io.done;
    const fd = this.readDescriptor;
    if (fd < 0) return fd;
    this.pages?.flush(position, io.remaining);
    const result = readNow(fd, io, position, 0);
    return result < 0 && io.done === begin ? result : io.done - begin;
  }
  /** Writes `count` bytes from `io` at `position`: bytes or -errno. */
  writeAt(io: IoBuffer, position: number, count: number): number {
    const begin = io.done;
    const fd = this.writeDescriptor;
    if (fd < 0) return fd;
    this.pages?.beforeWrite(fd);
    const result = writeNow(fd, io, position, count, 0);
    const done = io.done - begin;
    if (done > 0) this.wrote(fd, position, done);
    return result < 0 && done === 0 ? result : done;
  }
  /** `length` bytes were written at `position` through the host descriptor `fd`. */
  wrote(fd: number, position: number, length: number): void {
    if (position + length > this.size) this.size = position + length;
    this.changed();
    const { pages } = this;
    if (pages === null || pages.isEmpty) return;
    const readFd = this.readDescriptor;
    if (readFd >= 0) pages.wrote(fd, readFd, position, length);
    else pages.changed(fd, position, length);
  }

  protected override evict(): void {
    this.pages?.dispose();
    this.pages = null;
    const { descriptors } = this.superBlock.services;
    descriptors.drop(this.#made);
    for (let mode = 0; mode < 3; mode++) {
      if (this.#fds[mode] >= 0) descriptors.close(this.#fds[mode]);
      this.#fds[mode] = -1;
    }
    super.evict();
  }
}
