import { EINVAL, ENOSPC, MS_RDONLY, TMPFS_MAGIC } from '@sbx/abi';
import type { Kernel } from '../../kernel.js';
import type { Caller } from '../../vfs/inode.js';
import type { StatFs } from '../../vfs/stat.js';
import { type FileSystemType, SuperBlock } from '../../vfs/super-block.js';
import { PAGE_SIZE } from './file-pages.js';
import { TmpfsDirectory } from './tmpfs-directory.js';
import type { XattrBudget } from './xattrs.js';

/** Names and inodes live in the kernel's own heap: their number is always bounded. */
export const DEFAULT_INODES = 131072;

/** How a tmpfs is made. */
export interface TmpfsOptions {
  /** Bytes of file contents (and long symlinks, attributes): default half of the sandbox's memory. Infinity: only application memory's own limit counts. */
  readonly size?: number;
  /** Inodes and names. */
  readonly inodes?: number;
  /** Mode, owner and group of the root directory. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * A file system in application memory (tmpfs(5)). What does not fit into its size is -ENOSPC to whoever writes.
 *
 * @example
 * import { randomFillSync } from 'node:crypto';
 * import { O_RDONLY, O_WRONLY } from '@sbx/abi';
 * import { HostClock, Kernel, makeMountPoint, makeSymlink, makeTmpfsFile, OverlayFileSystem, TmpfsSuperBlock } from '@sbx/kernel';
 * import { MemoryFile } from '@sbx/platform';
 * import { systrapProvider } from '@sbx/systrap-platform';
 *
 * const MiB = 2 ** 20;
 * const memory = MemoryFile.create({ name: 'application', limit: 64 * MiB });
 * const kernelMemory = MemoryFile.create({ name: 'kernel', limit: 16 * MiB });
 * const platform = systrapProvider.create({ memory, kernelMemory, wake: () => kernel.loop.schedule() });
 * const kernel: Kernel = new Kernel({
 *   platform,
 *   clock: new HostClock(),
 *   limits: { tasks: 64, memory: 64 * MiB },
 *   hostname: 'example',
 *   random: (bytes) => randomFillSync(bytes),
 *   log: console.error,
 *   onPanic: console.error,
 * });
 * const { vfs } = kernel;
 * vfs.mountRoot(new TmpfsSuperBlock(kernel, vfs.allocateDevice(), { mode: 0o755 }), 'root');
 * const caller = vfs.kernelCaller;
 *
 * // Below an overlay: what is written goes to `upper`.
 * const lower = new TmpfsSuperBlock(kernel, vfs.allocateDevice());
 * const file = makeTmpfsFile(lower, 'motd', Buffer.from('hello'));
 * if (typeof file === 'number') throw new Error(`errno ${-file}`);
 * file.decRef();
 * const upper = new TmpfsSuperBlock(kernel, vfs.allocateDevice(), { size: MiB });
 * const overlay = OverlayFileSystem.create(kernel, { lowers: [lower], upper });
 * if (typeof overlay === 'number') throw new Error(`errno ${-overlay}`);
 * makeMountPoint(caller, '/srv/data', true); // 0
 * vfs.mountAt(caller, '/srv/data', overlay, 'overlay', 0);
 *
 * makeSymlink(caller, vfs.namespace.root, vfs.namespace.root.root, '/link', '/srv/data/motd'); // 0
 * vfs.open(caller, '/srv/data/no', O_RDONLY); // -2: -ENOENT
 * const opened = vfs.open(caller, '/link', O_WRONLY);
 * if (typeof opened === 'number') throw new Error(`errno ${-opened}`);
 * upper.usedPages; // 1: it has been copied up
 * opened.decRef();
 * kernel.loop.stop();
 * platform.destroy();
 * memory.destroy();
 * kernelMemory.destroy();
 */
export class TmpfsSuperBlock extends SuperBlock implements XattrBudget {
  maxPages: number;
  maxInodes: number;
  usedPages = 0;
  /** Inodes, and names beyond the first of each. */
  usedInodes = 0;
  #metadata = 0;
  #nextIno = 1;
  readonly #mode: number;

  constructor(kernel: Kernel, device: number, options: TmpfsOptions = {}) {
    super(kernel, device, 'tmpfs', TMPFS_MAGIC);
    this.maxPages = Math.ceil((options.size ?? kernel.limits.memory / 2) / PAGE_SIZE);
    this.maxInodes = options.inodes ?? DEFAULT_INODES;
    this.supportsDirect = false;
    // The cache holds what the directory holds: a name that is absent is found absent as fast.
    this.cachesNegative = false;
    this.#mode = options.mode ?? 0o1777;
    const root = new TmpfsDirectory(this, this.nextIno(), 0o040000 | this.#mode);
    root.uid = options.uid ?? 0;
    root.gid = options.gid ?? 0;
    this.root = root;
    this.usedInodes = 1;
    kernel.vfs.namesInUse++;
  }

  nextIno(): number {
    return this.#nextIno++;
  }

  /** Takes the place of one inode or name: 0 or -ENOSPC. */
  reserveInode(): number {
    const { vfs } = this.kernel;
    if (this.usedInodes >= this.maxInodes || vfs.namesInUse >= vfs.maxNames) return -ENOSPC;
    this.usedInodes++;
    vfs.namesInUse++;
    return 0;
  }
  releaseInode(): void {
    this.usedInodes--;
    this.kernel.vfs.namesInUse--;
  }

  /** Takes `pages` pages of the size: 0 or -ENOSPC. @hotpath */
  reservePages(pages: number): number {
    if (this.usedPages + pages > this.maxPages) return -ENOSPC;
    this.usedPages += pages;
    return 0;
  }
  releasePages(pages: number): void {
    this.usedPages -= pages;
  }

  /** Bytes of attributes and long symlinks. They lie in the kernel's heap, so there is a bound even where the size has none. */
  chargeMetadata(bytes: number): number {
    const pages = Math.ceil((this.#metadata + bytes) / PAGE_SIZE) - Math.ceil(this.#metadata / PAGE_SIZE);
    if (bytes > 0 && this.#metadata + bytes > this.maxInodes * 256) return -ENOSPC;
    if (pages > 0 && this.reservePages(pages) < 0) return -ENOSPC;
    if (pages < 0) this.releasePages(-pages);
    this.#metadata += bytes;
    return 0;
  }

  override get options(): string {
    let text = '';
    if (this.maxPages !== Number.POSITIVE_INFINITY) text += `,size=${this.maxPages * 4}k`;
    if (this.maxInodes !== DEFAULT_INODES) text += `,nr_inodes=${this.maxInodes}`;
    if (this.#mode !== 0o1777) text += `,mode=${this.#mode.toString(8).padStart(3, '0')}`;
    if (this.root.uid !== 0) text += `,uid=${this.root.uid}`;
    if (this.root.gid !== 0) text += `,gid=${this.root.gid}`;
    return text;
  }

  override statfs(caller: Caller, out: StatFs): number {
    super.statfs(caller, out);
    if (this.maxPages !== Number.POSITIVE_INFINITY) {
      out.blocks = this.maxPages;
      out.blocksFree = out.blocksAvailable = Math.max(0, this.maxPages - this.usedPages);
    }
    out.files = this.maxInodes;
    out.filesFree = Math.max(0, this.maxInodes - this.usedInodes);
    return 0;
  }

  override remount(_caller: Caller, flags: number, data: string): number {
    const options = parseOptions(data);
    if (typeof options === 'number') return options;
    if (options.size !== undefined) {
      const pages = Math.ceil(options.size / PAGE_SIZE);
      if (pages < this.usedPages) return -EINVAL;
      this.maxPages = pages;
    }
    if (options.inodes !== undefined) {
      if (options.inodes < this.usedInodes) return -EINVAL;
      this.maxInodes = Math.min(options.inodes, DEFAULT_INODES);
    }
    this.flags = flags & MS_RDONLY;
    return 0;
  }

  override shutdown(): void {
    const root = this.root as TmpfsDirectory;
    root.removeAll();
    root.nlink = 0;
    root.decRef();
  }
}

/** mount(2)'s option string of tmpfs, e.g. "size=64m,mode=755"; -EINVAL. */
export function parseOptions(data: string): TmpfsOptions | number {
  const options: { -readonly [K in keyof TmpfsOptions]: TmpfsOptions[K] } = {};
  for (const option of data.split(',')) {
    if (option === '') continue;
    const equals = option.indexOf('=');
    const key = equals < 0 ? option : option.substring(0, equals);
    const text = equals < 0 ? '' : option.substring(equals + 1);
    switch (key) {
      case 'size':
      case 'nr_blocks': {
        const size = parseSize(text);
        if (size < 0) return -EINVAL;
        // 0 means no limit; there is always ours.
        if (size > 0) options.size = key === 'size' ? size : size * PAGE_SIZE;
        break;
      }
      case 'nr_inodes': {
        const inodes = parseSize(text);
        if (inodes < 0) return -EINVAL;
        options.inodes = inodes === 0 ? DEFAULT_INODES : Math.min(inodes, DEFAULT_INODES);
        break;
      }
      case 'mode':
        if (!/^[0-7]+$/.test(text)) return -EINVAL;
        options.mode = Number.parseInt(text, 8) & 0o7777;
        break;
      case 'uid':
      case 'gid':
        if (!/^[0-9]+$/.test(text)) return -EINVAL;
        options[key] = Number.parseInt(text, 10);
        break;
      case 'huge':
      case 'mpol':
      case 'inode32':
      case 'inode64':
        break;
      default:
        return -EINVAL;
    }
  }
  return options;
}

/** A number with a suffix k, m, g (memparse); -1 if it is none; 0, which means the default, for a percentage of memory. */
function parseSize(text: string): number {
  const match = /^(0x[0-9a-f]+|[0-9]+)([kmgtKMGT]?)(%?)$/i.exec(text);
  if (match === null) return -1;
  if (match[3] === '%') return 0;
  const shift = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 }[match[2].toLowerCase()] ?? 1;
  return Math.min(Number(match[1]) * shift, 2 ** 52);
}

/** `mount -t tmpfs`. */
export const tmpfsType: FileSystemType = {
  name: 'tmpfs',
  requiresDevice: false,
  mount(kernel, _caller, _source, flags, data) {
    const options = parseOptions(data);
    if (typeof options === 'number') return options;
    const superBlock = new TmpfsSuperBlock(kernel, kernel.vfs.allocateDevice(), options);
    superBlock.flags = flags & MS_RDONLY;
    return superBlock;
  },
};
