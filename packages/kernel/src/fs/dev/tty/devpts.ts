import {
  CAP_SYS_ADMIN,
  DEVPTS_SUPER_MAGIC,
  EBUSY,
  EINVAL,
  EIO,
  ENOENT,
  ENOSPC,
  MS_RDONLY,
  O_ACCMODE,
  O_NOCTTY,
  O_NONBLOCK,
  S_IFCHR,
  S_IFDIR,
} from '@sbx/abi';
import type { Kernel } from '../../../kernel.js';
import type { Task } from '../../../task/task.js';
import { makeDevice } from '../../../vfs/device-number.js';
import { DirectoryDescription, type DirectoryEmitter, directoryEntryType } from '../../../vfs/directory.js';
import type { FileDescription } from '../../../vfs/file-description.js';
import { ATTR_SIZE, type AttributeChange, type Caller, Inode } from '../../../vfs/inode.js';
import type { Mount } from '../../../vfs/mount.js';
import { openFound } from '../../../vfs/open.js';
import type { Stat } from '../../../vfs/stat.js';
import { type FileSystemType, SuperBlock } from '../../../vfs/super-block.js';
import { asTask } from '../../pseudo/caller.js';
import { Pty, PtyMasterDescription, type PtyOwner } from './pty.js';
import { TtyDescription } from './tty-description.js';
import { openControlling } from './tty-ioctl.js';

/** Majors of the terminals of pseudo terminals: 256 each. */
export const PTS_MAJOR = 136;
export const PTS_MAJORS = 8;
/** kernel.pty.max: pseudo terminals that may exist at a time. */
export const MAX_PTYS = 4096;
const PTMX = 'ptmx';
const FIRST_PTS_INO = 3;

/** How a devpts is mounted. */
export interface DevptsOptions {
  /** Owner and group of new terminals; without, those of whoever makes one. */
  readonly uid?: number;
  readonly gid?: number;
  readonly mode?: number;
  readonly ptmxMode?: number;
  readonly max?: number;
}

/** The number of a terminal's device. */
function ptsDevice(index: number): number {
  return makeDevice(PTS_MAJOR + (index >>> 8), index & 0xff);
}

class DevptsInode extends Inode {
  constructor(superBlock: SuperBlock, ino: number, mode: number) {
    super(superBlock, ino, mode);
    this.setTimesToNow(true, true, true);
  }
  override getAttributes(_caller: Caller, stat: Stat): number {
    this.copyAttributes(stat);
    stat.blockSize = 1024;
    return 0;
  }
  override setAttributes(_caller: Caller, change: AttributeChange): number {
    if ((change.valid & ATTR_SIZE) !== 0) return -EINVAL;
    this.applyAttributes(change);
    return 0;
  }
}

/** The name of a terminal: /dev/pts/N. */
class PtsInode extends DevptsInode {
  constructor(
    superBlock: SuperBlock,
    readonly pty: Pty,
    mode: number,
  ) {
    super(superBlock, pty.index + FIRST_PTS_INO, S_IFCHR | mode);
    this.rdev = ptsDevice(pty.index);
  }
}

class DevptsRoot extends DevptsInode {
  declare readonly superBlock: DevptsSuperBlock;
  override lookup(_caller: Caller, name: string): Inode | number {
    const inode = this.superBlock.find(name);
    if (inode === null) return -ENOENT;
    inode.incRef();
    return inode;
  }
  override revalidate(_caller: Caller, name: string, child: Inode | null): number {
    return this.superBlock.find(name) === child ? 1 : 0;
  }
  override open(_caller: Caller, flags: number): FileDescription {
    return new DevptsDirectoryDescription(flags);
  }
}

class DevptsDirectoryDescription extends DirectoryDescription {
  override readDirectory(_task: Task, emitter: DirectoryEmitter): number {
    if (!this.emitDots(emitter)) return 0;
    const superBlock = this.inode!.superBlock as DevptsSuperBlock;
    const type = directoryEntryType(S_IFCHR);
    if (this.position === 2) {
      if (!emitter.emit(PTMX, superBlock.ptmx.ino, type, 3)) return 0;
      this.position = 3;
    }
    for (let index = this.position - 3; index < superBlock.limit; index++) {
      const inode = superBlock.terminals[index] ?? null;
      if (inode !== null && !emitter.emit(String(index), inode.ino, type, index + 4)) return 0;
      this.position = index + 4;
    }
    return 0;
  }
}

/** The file system of pseudo terminals (/dev/pts). Each mount is an instance of its own, with its own numbers. */
export class DevptsSuperBlock extends SuperBlock implements PtyOwner {
  readonly ptmx: Inode;
  /** By index; null: free. */
  readonly terminals: (PtsInode | null)[] = [];
  readonly #options: DevptsOptions;
  /** A mount of it when it is in no tree: where the descriptions of the embedding program's terminals are. */
  #mount: Mount | null = null;

  constructor(kernel: Kernel, device: number, options: DevptsOptions = {}) {
    super(kernel, device, 'devpts', DEVPTS_SUPER_MAGIC);
    this.#options = options;
    this.blockSize = 1024;
    this.revalidates = true;
    this.root = new DevptsRoot(this, 1, S_IFDIR | 0o755);
    this.root.nlink = 2;
    this.ptmx = new DevptsInode(this, 2, S_IFCHR | (options.ptmxMode ?? 0));
    this.ptmx.rdev = makeDevice(5, 2);
  }

  /** One more than the highest index in use. */
  get limit(): number {
    return this.terminals.length;
  }
  override get options(): string {
    const { uid, gid, mode, ptmxMode } = this.#options;
    let text = '';
    if (uid !== undefined) text += `,uid=${uid}`;
    if (gid !== undefined) text += `,gid=${gid}`;
    return `${text},mode=${octal(mode ?? 0o600)},ptmxmode=${octal(ptmxMode ?? 0)}`;
  }

  find(name: string): Inode | null {
    if (name === PTMX) return this.ptmx;
    if (!/^(0|[1-9][0-9]{0,6})$/.test(name)) return null;
    return this.terminals[Number(name)] ?? null;
  }

  /** Makes a pseudo terminal, or -ENOSPC. Its terminal belongs to the caller unless the mount says otherwise. */
  create(caller: Caller): Pty | number {
    const { terminals } = this;
    let index = terminals.indexOf(null);
    if (index < 0) index = terminals.length;
    if (index >= Math.min(this.#options.max ?? MAX_PTYS, MAX_PTYS)) return -ENOSPC;
    const pty = new Pty(this.kernel, this, index, ptsDevice(index));
    const inode = new PtsInode(this, pty, this.#options.mode ?? 0o600);
    inode.uid = this.#options.uid ?? caller.credentials.fsuid;
    inode.gid = this.#options.gid ?? caller.credentials.fsgid;
    terminals[index] = inode;
    return pty;
  }

  ptyClosed(pty: Pty): void {
    const { terminals } = this;
    const inode = terminals[pty.index];
    if (inode === null || inode === undefined || inode.pty !== pty) return;
    terminals[pty.index] = null;
    while (terminals.length > 0 && terminals[terminals.length - 1] === null) terminals.pop();
    inode.nlink = 0;
    inode.decRef();
  }

  openSlave(caller: Caller, pty: Pty, flags: number): FileDescription | number {
    const mount = this.#place();
    const dentry = this.kernel.vfs.cache.lookup(caller, mount.root, String(pty.index), false);
    if (typeof dentry === 'number') return dentry === -ENOENT ? -EIO : dentry;
    return openFound(caller, mount, dentry, flags & (O_ACCMODE | O_NONBLOCK | O_NOCTTY), true);
  }

  /** Where it is mounted, for paths that people recognize. */
  #place(): Mount {
    for (const mount of this.kernel.vfs.namespace.mounts.values()) if (mount.superBlock === this) return mount;
    this.#mount ??= this.kernel.vfs.mountInternally(this);
    return this.#mount;
  }
}

function octal(mode: number): string {
  return mode.toString(8).padStart(3, '0');
}

/** Opens a master: makes a new pseudo terminal in `devpts`. */
export function openMaster(caller: Caller, devpts: DevptsSuperBlock, flags: number): FileDescription | number {
  const pty = devpts.create(caller);
  return typeof pty === 'number' ? pty : new PtyMasterDescription(flags, pty);
}

/** Opens the terminal that a node in devpts stands for. A node elsewhere leads nowhere. */
export function openTerminal(caller: Caller, inode: Inode, flags: number): FileDescription | number {
  if (!(inode instanceof PtsInode)) return -EIO;
  const { pty } = inode;
  if (pty.closed || pty.locked) return -EIO;
  const { tty } = pty;
  if (tty.exclusive && !caller.credentials.capable(CAP_SYS_ADMIN)) return -EBUSY;
  const file = new TtyDescription(flags & ~O_NOCTTY, tty);
  const task = asTask(caller);
  if (task !== null && (flags & O_NOCTTY) === 0) openControlling(task, tty, file.readable);
  return file;
}

/** mount(2)'s option string of devpts; -EINVAL. */
export function parseDevptsOptions(data: string): DevptsOptions | number {
  const options: { -readonly [K in keyof DevptsOptions]: DevptsOptions[K] } = {};
  for (const option of data.split(',')) {
    if (option === '' || option === 'newinstance') continue;
    const match = /^(uid|gid|max)=([0-9]{1,9})$/.exec(option) ?? /^(mode|ptmxmode)=([0-7]{1,5})$/.exec(option);
    if (match === null) return -EINVAL;
    const octalValue = Number.parseInt(match[2], 8) & 0o777;
    if (match[1] === 'mode') options.mode = octalValue;
    else if (match[1] === 'ptmxmode') options.ptmxMode = octalValue;
    else options[match[1] as 'uid' | 'gid' | 'max'] = Number(match[2]);
  }
  return options;
}

/** `mount -t devpts`. */
export const devptsType: FileSystemType = {
  name: 'devpts',
  requiresDevice: false,
  mount(kernel, _caller, _source, flags, data) {
    const options = parseDevptsOptions(data);
    if (typeof options === 'number') return options;
    const superBlock = new DevptsSuperBlock(kernel, kernel.vfs.allocateDevice(), options);
    superBlock.flags = flags & MS_RDONLY;
    return superBlock;
  },
};
