import { MS_RDONLY } from '@sbx/abi';
import type { Kernel } from '../kernel.js';
import type { Dentry } from './dentry.js';
import type { Caller, Inode } from './inode.js';
import type { StatFs } from './stat.js';

/** A mounted file system: what all its inodes share. May be mounted in several places. */
export abstract class SuperBlock {
  /** The root directory. Set by the constructor of the derived class, which owns one reference and drops it in `shutdown`. */
  root!: Inode;
  /** The dentry of `root`, made by the VFS at the first mount, on which a reference is held. */
  rootDentry: Dentry | null = null;
  /** MS_RDONLY and other per-file-system flags. */
  flags = 0;
  /** `st_blksize`. */
  blockSize = 4096;
  /**
   * True when names and attributes may change behind the kernel's back (a host directory, /proc): every use of a cached name asks
   * `Inode.revalidate` first.
   */
  revalidates = false;
  /** Whether "no such name" may be cached (until a name is made through this kernel). */
  cachesNegative = true;
  /** Whether O_DIRECT may be given (it has no effect). */
  supportsDirect = true;
  /** SB_I_NOEXEC, SB_I_NODEV, SB_I_NOSUID of the file system itself, as MS_* bits. */
  impliedFlags = 0;
  /** Descriptions, mounts and so on that keep it alive. */
  activeReferences = 0;

  /**
   * @param device - number that `st_dev` shows: `vfs.allocateDevice()`
   * @param type - name of the file-system type, as /proc/mounts shows it
   * @param magic - f_type of statfs(2)
   */
  constructor(
    readonly kernel: Kernel,
    readonly device: number,
    readonly type: string,
    readonly magic: number,
  ) {}

  /** Whether nothing can be changed (MS_RDONLY). */
  get readOnly(): boolean {
    return (this.flags & MS_RDONLY) !== 0;
  }
  /** Further options for /proc/mounts, e.g. ",size=1024k" (byte string). */
  get options(): string {
    return '';
  }
  /** Fills `out`. 0 or -errno. */
  statfs(_caller: Caller, out: StatFs): number {
    out.type = this.magic;
    out.blockSize = this.blockSize;
    out.fragmentSize = this.blockSize;
    out.blocks = out.blocksFree = out.blocksAvailable = out.files = out.filesFree = 0;
    out.fsidLow = this.device;
    out.fsidHigh = 0;
    out.nameMax = 255;
    return 0;
  }
  /** Writes everything back. */
  sync(_caller: Caller): number {
    return 0;
  }
  /** Changes options (mount -o remount). `data` is the option string. */
  remount(_caller: Caller, _flags: number, _data: string): number {
    return 0;
  }
  /** The last mount is gone: drop `root`. */
  shutdown(): void {}
}

/** A file-system type that mount(2) knows by name. */
export interface FileSystemType {
  readonly name: string;
  /** Whether /proc/filesystems shows "nodev". */
  readonly requiresDevice: boolean;
  /** Makes an instance, or fails with -errno. `data` is the option string (byte string). */
  mount(kernel: Kernel, caller: Caller, source: string, flags: number, data: string): SuperBlock | number;
}
