import {
  AT_FDCWD,
  EAGAIN,
  EBADF,
  EINVAL,
  F_GETFL,
  O_APPEND,
  O_CLOEXEC,
  O_NOCTTY,
  O_NONBLOCK,
  O_PATH,
  O_RDWR,
  RWF_NOWAIT,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  TCGETS,
} from '@sbx/abi';
import { DATA_AT, hostAddress, hostCall, hostNumber, hostWords, IOVEC_AT, MISC_AT, put64, putPath } from '../../host/host.js';
import { HostServices } from '../../host/host-services.js';
import { hostStat, statFd } from '../../host/stat.js';
import type { Kernel } from '../../kernel.js';
import type { FileDescription } from '../../vfs/file-description.js';
import type { Caller } from '../../vfs/inode.js';
import { HostFdFile } from './host-fd-file.js';
import {
  HostFdInode,
  type HostFdKind,
  KIND_DEVICE,
  KIND_FILE,
  KIND_PIPE,
  KIND_SOCKET,
  KIND_TERMINAL,
  PLAIN,
  POLL_FIRST,
  SOCKET_CALLS,
  type TerminalOwner,
  type WayToMove,
  WITHOUT_WAITING,
} from './host-fd-inode.js';
import { HostStream } from './host-stream.js';

const SYS_FCNTL = hostNumber('fcntl');
const SYS_IOCTL = hostNumber('ioctl');
const SYS_OPENAT = hostNumber('openat');
const SYS_PIPE2 = hostNumber('pipe2');
const SYS_CLOSE = hostNumber('close');
const SYS_PREADV2 = hostNumber('preadv2');

/** How a descriptor of the host is given to programs. */
export interface HostFileOptions {
  /** The sandbox owns the terminal (`-t`): who sets its modes when a program does. Without it programs can only read them. */
  readonly terminal?: TerminalOwner;
  /** A socket is shown to programs as a pipe: what the other end is, is the embedding program's business. Default false. */
  readonly socketAsPipe?: boolean;
}

/** What a descriptor of the host is to programs; opened again, it gives descriptions with a position of their own. */
class HostFd extends HostFdInode {
  override open(_caller: Caller, flags: number): FileDescription {
    return this.kind === KIND_FILE ? new HostFdFile(flags, this, false) : new HostStream(flags, this);
  }
}

/**
 * Makes an open file of a descriptor of the host: the standard streams, and what the embedding program passes. The descriptor belongs to the file, which
 * closes it with the last reference; its flags, which others may share, stay as they are. To be called before the sentry is sealed where that is possible:
 * then terminals, and pipes on old kernels, are opened once more through /proc. -EBADF, or -EINVAL for what programs can't be given (a directory, an O_PATH
 * descriptor).
 *
 * @example
 * import { randomFillSync } from 'node:crypto';
 * import { closeSync, openSync } from 'node:fs';
 * import { HostClock, hostFile, Kernel, TmpfsSuperBlock } from '@sbx/kernel';
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
 * kernel.vfs.mountRoot(new TmpfsSuperBlock(kernel, kernel.vfs.allocateDevice()), 'root');
 *
 * const file = hostFile(kernel, openSync('/dev/null', 'r+'));
 * if (typeof file === 'number') throw new Error(`errno ${-file}`);
 * file.flags & 3; // 2: O_RDWR
 * file.decRef(); // which closes the descriptor
 *
 * const folder = openSync('/', 'r');
 * hostFile(kernel, folder); // -22: -EINVAL
 * closeSync(folder);
 * hostFile(kernel, -1); // -9: -EBADF
 * kernel.loop.stop();
 * platform.destroy();
 * memory.destroy();
 * kernelMemory.destroy();
 */
export function hostFile(kernel: Kernel, fd: number, options: HostFileOptions = {}): FileDescription | number {
  const flags = hostCall(SYS_FCNTL, fd, F_GETFL);
  if (flags < 0) return -EBADF;
  if ((flags & O_PATH) !== 0 || statFd(fd) < 0) return -EINVAL;
  const type = hostStat.mode & S_IFMT;
  if (type === S_IFDIR) return -EINVAL;
  const kind = kindOf(fd, type);
  const access = (flags & 3) === 3 ? O_RDWR : flags & 3;
  let used = fd;
  let way = chooseWay(kind, fd);
  if (way === PLAIN && kind !== KIND_FILE) {
    const own = reopen(fd, access);
    if (own < 0) way = POLL_FIRST;
    else {
      hostCall(SYS_CLOSE, fd);
      used = own;
    }
  }
  if (statFd(used) < 0) return -EINVAL;
  const shownType = kind === KIND_SOCKET && (options.socketAsPipe ?? false) ? S_IFIFO : 0;
  const inode = new HostFd(kernel.vfs, HostServices.of(kernel), used, kind, access, way, shownType);
  inode.terminal = options.terminal ?? null;
  // Programs begin with a blocking description, whatever others have made of the host's.
  const visible = access | (flags & O_APPEND);
  const file = kind === KIND_FILE ? new HostFdFile(visible, inode, true) : new HostStream(visible, inode);
  kernel.vfs.anonymous.attach(inode, file);
  return file;
}

function kindOf(fd: number, type: number): HostFdKind {
  if (type === S_IFREG || type === S_IFBLK) return KIND_FILE;
  if (type === S_IFIFO) return KIND_PIPE;
  if (type === S_IFSOCK) return KIND_SOCKET;
  return type === S_IFCHR && hostCall(SYS_IOCTL, fd, TCGETS, hostAddress + MISC_AT) === 0 ? KIND_TERMINAL : KIND_DEVICE;
}

/** PLAIN asks for a descriptor of our own. `hostStat` describes `fd` when this is called for a pipe. */
function chooseWay(kind: HostFdKind, fd: number): WayToMove {
  switch (kind) {
    case KIND_FILE:
    case KIND_TERMINAL:
      return PLAIN;
    case KIND_SOCKET:
      return SOCKET_CALLS;
    case KIND_PIPE: {
      // Since Linux 6.5 pipes know RWF_NOWAIT; a named fifo of the host may not.
      const { dev } = pipeAbilities();
      return statFd(fd) === 0 && hostStat.dev === dev ? WITHOUT_WAITING : PLAIN;
    }
    default:
      return POLL_FIRST;
  }
}

let abilities: { dev: number } | null = null;

/** Device number of the host's pipes if they can be read and written with RWF_NOWAIT, else -1: found out once, with one. */
function pipeAbilities(): { dev: number } {
  if (abilities !== null) return abilities;
  abilities = { dev: -1 };
  const word = MISC_AT >>> 2;
  if (hostCall(SYS_PIPE2, hostAddress + MISC_AT, O_CLOEXEC) < 0) return abilities;
  const readEnd = hostWords[word];
  const writeEnd = hostWords[word + 1];
  put64(IOVEC_AT, hostAddress + DATA_AT);
  put64(IOVEC_AT + 8, 1);
  // An empty pipe: -EAGAIN if the flag is known, -EOPNOTSUPP if not.
  const result = hostCall(SYS_PREADV2, readEnd, hostAddress + IOVEC_AT, 1, -1, 0, RWF_NOWAIT);
  if (result === -EAGAIN && statFd(readEnd) === 0) abilities.dev = hostStat.dev;
  hostCall(SYS_CLOSE, readEnd);
  hostCall(SYS_CLOSE, writeEnd);
  return abilities;
}

/**
 * Opens what `fd` is open on once more, non-blocking and for us alone: O_NONBLOCK on the descriptor itself would be seen by everybody who shares it. Works as
 * long as there is a /proc. The descriptor or -errno.
 */
function reopen(fd: number, access: number): number {
  return hostCall(SYS_OPENAT, AT_FDCWD, putPath(`/proc/self/fd/${fd}`), access | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
}
