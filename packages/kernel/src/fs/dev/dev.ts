import { S_IFCHR } from '@sbx/abi';
import { Credentials } from '../../auth/credentials.js';
import type { Kernel } from '../../kernel.js';
import { makeDevice } from '../../vfs/device-number.js';
import type { Caller, Inode } from '../../vfs/inode.js';
import { TmpfsSuperBlock } from '../tmpfs/tmpfs.js';
import { Terminals } from './terminals.js';
import type { DevptsSuperBlock } from './tty/devpts.js';

/** Bytes that programs may put into /dev itself. */
const DEV_SIZE = 64 * 1024;
const TTY_GROUP = 5;

/** Nodes of /dev: name, mode, major, minor, and group where it is not root's. */
const NODES: readonly (readonly [string, number, number, number, number?])[] = [
  ['null', 0o666, 1, 3],
  ['zero', 0o666, 1, 5],
  ['full', 0o666, 1, 7],
  ['random', 0o666, 1, 8],
  ['urandom', 0o666, 1, 9],
  ['tty', 0o666, 5, 0, TTY_GROUP],
  ['console', 0o600, 5, 1],
  ['ptmx', 0o666, 5, 2, TTY_GROUP],
];
const LINKS: readonly (readonly [string, string])[] = [
  ['fd', '/proc/self/fd'],
  ['stdin', '/proc/self/fd/0'],
  ['stdout', '/proc/self/fd/1'],
  ['stderr', '/proc/self/fd/2'],
];
/** Where other file systems are mounted. */
const DIRECTORIES: readonly string[] = ['pts', 'shm', 'mqueue'];

/** Makes the file systems under /dev. */
export class DevFileSystem {
  /** /dev: device nodes, links, and mount points for `pts` and `shm`. A tmpfs, in which programs with privilege may make more. */
  static create(kernel: Kernel): TmpfsSuperBlock {
    const dev = new TmpfsSuperBlock(kernel, kernel.vfs.allocateDevice(), { mode: 0o755, size: DEV_SIZE });
    const { root } = dev;
    const caller: Caller = { kernel, credentials: Credentials.forUser(0, 0), fs: null as unknown as Caller['fs'] };
    for (const [name, mode, major, minor, gid] of NODES) {
      const inode = made(root.mknod(caller, name, S_IFCHR | mode, makeDevice(major, minor)));
      inode.gid = gid ?? 0;
      inode.decRef();
    }
    for (const [name, target] of LINKS) made(root.symlink(caller, name, target)).decRef();
    for (const name of DIRECTORIES) made(root.mkdir(caller, name, name === 'mqueue' || name === 'shm' ? 0o41777 : 0o40755)).decRef();
    return dev;
  }

  /** /dev/pts. */
  static createPts(kernel: Kernel): DevptsSuperBlock {
    return Terminals.of(kernel).devpts;
  }

  /** /dev/shm, of `size` bytes (default: half of the sandbox's memory). */
  static createShm(kernel: Kernel, size?: number): TmpfsSuperBlock {
    return new TmpfsSuperBlock(kernel, kernel.vfs.allocateDevice(), { mode: 0o1777, ...(size === undefined ? {} : { size }) });
  }
}

function made(inode: Inode | number): Inode {
  if (typeof inode === 'number') throw new Error(`/dev: errno ${-inode}`);
  return inode;
}
