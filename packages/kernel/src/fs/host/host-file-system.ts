import { EINVAL, EIO, F_GETFL, MS_RDONLY, O_DIRECTORY, O_PATH, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, Statfs } from '@sbx/abi';
import { hostAddress, hostCall, hostNumber, hostView, STRUCT_AT } from '../../host/host.js';
import { HostServices } from '../../host/host-services.js';
import { hostStat, statxAt } from '../../host/stat.js';
import type { Kernel } from '../../kernel.js';
import type { Caller, Inode } from '../../vfs/inode.js';
import type { StatFs } from '../../vfs/stat.js';
import { SuperBlock } from '../../vfs/super-block.js';
import { fileSystemType, HostDevice, inodeKey } from './host-device.js';
import { HostDirectory } from './host-directory.js';
import { HostFile } from './host-file.js';
import { type HostInode, HostSpecial, HostSymlink, SAFE_OPEN } from './host-inode.js';
import { SlowCalls } from './slow-calls.js';

const SYS_FSTATFS = hostNumber('fstatfs');
const SYS_SYNCFS = hostNumber('syncfs');
const SYS_FCNTL = hostNumber('fcntl');
const SYS_CLOSE = hostNumber('close');

/** Fifos and sockets of programs that one mount may hold. */
const MAX_OWN_SPECIAL = 4096;

/** How a host directory (or file) is mounted. */
export interface HostFileSystemOptions {
  /**
   * The directory: a descriptor made by open_tree(2), or by open(2) with O_DIRECTORY, also O_PATH. Or a regular file, opened for what the mount permits.
   * Belongs to the file system, which closes it at the end.
   */
  readonly directoryFd: number;
  /** Nothing can be changed (EROFS). Default false. */
  readonly readOnly?: boolean;
  /** What is not readable by everybody on the host shows, but can't be opened, whoever runs the sandbox. Default false. */
  readonly worldReadableOnly?: boolean;
  /**
   * How long names and attributes that were seen count as current, in milliseconds: for system directories, which don't change while programs run. Default 0:
   * every look-up asks the host.
   */
  readonly cacheMs?: number;
}

/**
 * A directory of the host as a file system (see README.md). Its objects are found by device and inode number, so that hard links are one inode, which has one
 * page cache and one set of locks.
 * See the example of {@link Kernel}.
 */
export class HostFileSystem extends SuperBlock {
  readonly services: HostServices;
  readonly worldReadableOnly: boolean;
  readonly cacheMs: number;
  /** Who the sentry is on the host. */
  readonly hostUid = process.geteuid?.() ?? 0;
  /** The sentry may give what it makes to the program's user: as far as is known. */
  givesAway = this.hostUid === 0;
  #slowCalls: SlowCalls | null = null;
  readonly #devices = new Map<number, HostDevice>();
  #lastDevice: HostDevice;
  readonly #rootFd: number;
  /** Fifos and sockets that programs made: referenced, so that what the kernel knows of them stays. */
  readonly #special = new Set<HostSpecial>();

  private constructor(kernel: Kernel, options: HostFileSystemOptions, type: number) {
    super(kernel, kernel.vfs.allocateDevice(), 'hostfs', type);
    this.services = HostServices.of(kernel);
    this.revalidates = true;
    this.worldReadableOnly = options.worldReadableOnly ?? false;
    this.cacheMs = options.cacheMs ?? 0;
    this.#rootFd = options.directoryFd;
    if (options.readOnly ?? false) this.flags |= MS_RDONLY;
    this.#lastDevice = new HostDevice(hostStat.dev, this.device, type, true);
    this.#devices.set(hostStat.dev, this.#lastDevice);
  }

  /** Makes a file system of a host directory (or a single regular file); -errno when the descriptor is none of that. */
  static create(kernel: Kernel, options: HostFileSystemOptions): HostFileSystem | number {
    const fd = options.directoryFd;
    const type = fileSystemType(fd);
    const result = statxAt(fd, '');
    if (result < 0) return result;
    const kind = hostStat.mode & S_IFMT;
    const access = hostCall(SYS_FCNTL, fd, F_GETFL);
    if (access < 0) return access;
    if (kind !== S_IFDIR && (kind !== S_IFREG || (access & O_PATH) !== 0)) return -EINVAL;
    const system = new HostFileSystem(kernel, options, type);
    const root = system.#newInode(system.#lastDevice);
    if (root instanceof HostDirectory) root.makeRoot(fd);
    else (root as HostFile).makeRoot(fd, access & 3);
    system.root = root;
    return system;
  }

  /** Shows an object of another file system in the directory that is mounted (see HostDirectory.show). Takes over one reference. */
  show(name: string, inode: Inode): void {
    (this.root as HostDirectory).show(name, inode);
  }

  override get options(): string {
    return this.worldReadableOnly ? ',world_readable_only' : '';
  }

  /**
   * The inode that `hostStat` describes (filled by `statxAt`), which was seen as `name` in `parent`: a known one, brought up to date, or a new one. Carries a
   * reference for the caller.
   */
  adopt(parent: HostDirectory | null, name: string): HostInode | number {
    const s = hostStat;
    const device = s.dev === this.#lastDevice.hostDevice ? this.#lastDevice : this.#device(parent, name);
    if (typeof device === 'number') return device;
    let inode = device.inodes.get(inodeKey(s.inoLow, s.inoHigh));
    if (inode?.isSame()) {
      inode.incRef();
      inode.update();
    } else inode = this.#newInode(device);
    if (parent !== null) inode.setPlace(parent, name);
    return inode;
  }

  #newInode(device: HostDevice): HostInode {
    const { mode, inoLow, inoHigh } = hostStat;
    switch (mode & S_IFMT) {
      case S_IFREG:
        return new HostFile(this, device, inoLow, inoHigh);
      case S_IFDIR:
        return new HostDirectory(this, device, inoLow, inoHigh);
      case S_IFLNK:
        return new HostSymlink(this, device, inoLow, inoHigh);
      default:
        return new HostSpecial(this, device, inoLow, inoHigh);
    }
  }

  /** The file system of the host that `hostStat` names; a new one is asked what it is. Leaves `hostStat` as it is. */
  #device(parent: HostDirectory | null, name: string): HostDevice | number {
    const { dev } = hostStat;
    let device = this.#devices.get(dev);
    if (device === undefined) {
      const directory = parent === null ? -EIO : parent.handle();
      if (directory < 0) return directory;
      const { descriptors } = this.services;
      const fd = descriptors.open(directory, name, O_PATH | SAFE_OPEN, 0);
      if (fd < 0) return fd;
      const type = fileSystemType(fd);
      const result = statxAt(fd, '');
      descriptors.close(fd);
      if (result < 0) return result;
      if (hostStat.dev !== dev) return this.#device(parent, name);
      device = new HostDevice(dev, this.kernel.vfs.allocateDevice(), type, false);
      this.#devices.set(dev, device);
    }
    this.#lastDevice = device;
    return device;
  }

  /** Calls on network and FUSE file systems. */
  get slowCalls(): SlowCalls {
    this.#slowCalls ??= new SlowCalls(this.kernel, (fd) => this.services.descriptors.close(fd));
    return this.#slowCalls;
  }

  // -- Fifos and sockets that programs make.

  get mayOwnSpecial(): boolean {
    return this.#special.size < MAX_OWN_SPECIAL;
  }
  ownSpecial(inode: HostSpecial): void {
    if (inode.own) return;
    inode.own = true;
    inode.incRef();
    this.#special.add(inode);
  }
  disownSpecial(inode: HostSpecial): void {
    if (this.#special.delete(inode)) inode.decRef();
  }

  override statfs(_caller: Caller, out: StatFs): number {
    const result = hostCall(SYS_FSTATFS, this.#rootFd, hostAddress + STRUCT_AT);
    if (result < 0) return result;
    const f = Statfs.fields;
    out.type = Number(f.f_type.get(hostView, STRUCT_AT));
    out.blockSize = Number(f.f_bsize.get(hostView, STRUCT_AT));
    out.blocks = Number(f.f_blocks.get(hostView, STRUCT_AT));
    out.blocksFree = Number(f.f_bfree.get(hostView, STRUCT_AT));
    out.blocksAvailable = Number(f.f_bavail.get(hostView, STRUCT_AT));
    out.files = Number(f.f_files.get(hostView, STRUCT_AT));
    out.filesFree = Number(f.f_ffree.get(hostView, STRUCT_AT));
    out.fsidLow = this.device;
    out.fsidHigh = 0;
    out.nameMax = Number(f.f_namelen.get(hostView, STRUCT_AT));
    out.fragmentSize = Number(f.f_frsize.get(hostView, STRUCT_AT));
    return 0;
  }

  override sync(_caller: Caller): number {
    if (this.readOnly) return 0;
    for (const device of this.#devices.values()) {
      for (const inode of device.inodes.values()) if (inode instanceof HostFile) inode.pages?.writeBack(0, Number.POSITIVE_INFINITY);
    }
    // An O_PATH descriptor will not do: a description of the directory is asked.
    const fd = this.services.descriptors.open(this.#rootFd, '.', O_DIRECTORY | SAFE_OPEN, 0);
    if (fd < 0) return 0;
    const result = hostCall(SYS_SYNCFS, fd);
    this.services.descriptors.close(fd);
    return result;
  }

  override shutdown(): void {
    for (const inode of [...this.#special]) this.disownSpecial(inode);
    this.#slowCalls?.dispose();
    this.root.decRef();
    hostCall(SYS_CLOSE, this.#rootFd);
  }
}
