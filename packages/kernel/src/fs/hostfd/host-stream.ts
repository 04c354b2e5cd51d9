import {
  EAGAIN,
  EFAULT,
  EIO,
  ENOTTY,
  EOPNOTSUPP,
  EPERM,
  EPIPE,
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  FIONREAD,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  RWF_NOWAIT,
  SIGPIPE,
  TCFLSH,
  TCGETA,
  TCGETS,
  TCGETS2,
  TCSBRK,
  TCSBRKP,
  TCSETA,
  TCSETAF,
  TCSETAW,
  TCSETS,
  TCSETS2,
  TCSETSF,
  TCSETSF2,
  TCSETSW,
  TCSETSW2,
  TCXONC,
  TIOCGWINSZ,
  TIOCLINUX,
  TIOCOUTQ,
  TIOCSETD,
  TIOCSTI,
} from '@sbx/abi';
import { ACCESS_READ, ACCESS_WRITE } from '@sbx/platform';
import { DATA_AT, DATA_SIZE, hostAddress, hostBytes, hostCall, hostNumber, hostWords, IOVEC_AT, MISC_AT, put64 } from '../../host/host.js';
import type { IoBuffer } from '../../io/io-buffer.js';
import type { Task } from '../../task/task.js';
import { FileDescription } from '../../vfs/file-description.js';
import type { Caller } from '../../vfs/inode.js';
import type { Stat } from '../../vfs/stat.js';
import type { SyscallResult } from '../../wait/blocking.js';
import type { WaitQueue } from '../../wait/wait-queue.js';
import { readNow, STREAM, writeNow } from '../host/host-transfer.js';
import { type HostFdInode, KIND_PIPE, KIND_TERMINAL, POLL_FIRST, SOCKET_CALLS, WITHOUT_WAITING } from './host-fd-inode.js';

const SYS_IOCTL = hostNumber('ioctl');
const SYS_RECVMSG = hostNumber('recvmsg');
const SYS_SENDMSG = hostNumber('sendmsg');

/** After POLLOUT a pipe takes this much without waiting (a page), and a terminal this much if nothing stopped it. */
const PIPE_PIECE = 4096;
const TERMINAL_PIECE = 256;
const SEGMENTS = 64;
const offsets = new Float64Array(SEGMENTS);
const lengths = new Float64Array(SEGMENTS);
const structure = new Uint8Array(64);

/** Terminal calls that only read, with the size of their structure. */
const READ_CALLS: ReadonlyMap<number, number> = new Map([
  [TCGETS, 36],
  [TCGETS2, 44],
  [TCGETA, 18],
  [TIOCGWINSZ, 8],
]);
/** Terminal calls that set modes, with the size of their structure. */
const SET_CALLS: ReadonlyMap<number, number> = new Map([
  [TCSETS, 36],
  [TCSETSW, 36],
  [TCSETSF, 36],
  [TCSETS2, 44],
  [TCSETSW2, 44],
  [TCSETSF2, 44],
  [TCSETA, 18],
  [TCSETAW, 18],
  [TCSETAF, 18],
]);

/** An open pipe, socket, terminal or other device of the host. Bytes go straight between the program's memory and the host; nothing ever waits there. */
export class HostStream extends FileDescription {
  constructor(
    flags: number,
    readonly host: HostFdInode,
  ) {
    super(flags);
  }

  override get waitQueue(): WaitQueue {
    return this.host.waitQueue;
  }
  override poll(): number {
    return this.host.poll();
  }
  override get continuesWrites(): boolean {
    return true;
  }
  override get supportsNowait(): boolean {
    return true;
  }

  override read(_task: Task, io: IoBuffer, _offset: number): number {
    if (io.remaining === 0) return 0;
    const { host } = this;
    const before = io.done;
    let result: number;
    if (host.way === SOCKET_CALLS) result = receive(host.fd, io);
    else if (host.way === POLL_FIRST) {
      if ((host.poll() & (EPOLLIN | EPOLLHUP | EPOLLERR)) === 0) return -EAGAIN;
      result = readNow(host.fd, io, STREAM, 0);
    } else {
      result = readNow(host.fd, io, STREAM, host.way === WITHOUT_WAITING ? RWF_NOWAIT : 0);
      if (result === -EOPNOTSUPP && host.way === WITHOUT_WAITING) {
        host.way = POLL_FIRST;
        return this.read(_task, io, _offset);
      }
    }
    if (io.done > before) return io.done - before;
    return result < 0 ? result : io.result;
  }

  override write(task: Task, io: IoBuffer, _offset: number): number {
    if (io.remaining === 0) return 0;
    const { host } = this;
    const before = io.done;
    let result: number;
    if (host.way === SOCKET_CALLS) result = send(host.fd, io);
    else if (host.way === POLL_FIRST) {
      if ((host.poll() & (EPOLLOUT | EPOLLERR | EPOLLHUP)) === 0) return -EAGAIN;
      const piece = host.kind === KIND_PIPE ? PIPE_PIECE : host.kind === KIND_TERMINAL ? TERMINAL_PIECE : Number.POSITIVE_INFINITY;
      result = writeNow(host.fd, io, STREAM, piece, 0);
    } else {
      result = writeNow(host.fd, io, STREAM, Number.POSITIVE_INFINITY, host.way === WITHOUT_WAITING ? RWF_NOWAIT : 0);
      if (result === -EOPNOTSUPP && host.way === WITHOUT_WAITING) {
        host.way = POLL_FIRST;
        return this.write(task, io, _offset);
      }
    }
    if (io.done > before) return io.done - before;
    if (result === -EPIPE) task.kernel.signalTask(task, SIGPIPE);
    return result < 0 ? result : io.result;
  }

  override stat(caller: Caller, stat: Stat): number {
    return this.host.getAttributes(caller, stat);
  }

  /** Of terminal calls only those that read modes and window size reach the host. Never TIOCSTI, TIOCLINUX, TIOCSETD. */
  override ioctl(task: Task, command: number, argument: number): SyscallResult {
    const { host } = this;
    if (command === FIONREAD) return this.#forward(task, command, argument, 4);
    if (host.kind !== KIND_TERMINAL) return -ENOTTY;
    const readSize = READ_CALLS.get(command);
    if (readSize !== undefined) return this.#forward(task, command, argument, readSize);
    const setSize = SET_CALLS.get(command);
    if (setSize !== undefined) {
      if (task.mm.copyIn(argument, structure, setSize) !== setSize) return -EFAULT;
      // As for a process that is not in the foreground: the terminal is not the program's.
      return host.terminal === null ? -EIO : host.terminal.setModes(command, structure.slice(0, setSize));
    }
    switch (command) {
      case TIOCOUTQ:
        return this.#forward(task, command, argument, 4);
      case TCSBRK:
      case TCSBRKP:
      case TCFLSH:
      case TCXONC:
        // Draining is done: nothing of ours waits. Breaks, flushing and flow control are the host's.
        return 0;
      case TIOCSTI:
      case TIOCLINUX:
      case TIOCSETD:
        return -EPERM;
      default:
        return -ENOTTY;
    }
  }
  #forward(task: Task, command: number, argument: number, size: number): number {
    hostBytes.fill(0, MISC_AT, MISC_AT + size);
    const result = hostCall(SYS_IOCTL, this.host.fd, command, hostAddress + MISC_AT);
    if (result < 0) return result;
    structure.set(hostBytes.subarray(MISC_AT, MISC_AT + size));
    return task.mm.copyOut(argument, structure, size) === size ? 0 : -EFAULT;
  }

  protected override release(): void {}
}

/** Puts a msghdr with the pieces of the buffer into the transfer buffer: bytes, or 0 after a fault. */
function putMessage(io: IoBuffer, access: number): number {
  let count = 1;
  let bytes: number;
  if (io.kernelBytes === null) {
    const { memory } = io.translator!;
    count = io.gather(offsets, lengths, Number.POSITIVE_INFINITY, access);
    for (let i = 0; i < count; i++) {
      put64(IOVEC_AT + i * 16, memory.address(offsets[i]));
      put64(IOVEC_AT + i * 16 + 8, lengths[i]);
    }
    bytes = io.gathered;
  } else {
    bytes = Math.min(io.remaining, DATA_SIZE);
    if (access === ACCESS_READ) hostBytes.set(io.kernelBytes.subarray(io.done, io.done + bytes), DATA_AT);
    put64(IOVEC_AT, hostAddress + DATA_AT);
    put64(IOVEC_AT + 8, bytes);
  }
  hostWords.fill(0, MISC_AT >>> 2, (MISC_AT + 56) >>> 2);
  put64(MISC_AT + 16, hostAddress + IOVEC_AT);
  put64(MISC_AT + 24, count);
  return bytes;
}

function receive(fd: number, io: IoBuffer): number {
  if (putMessage(io, ACCESS_WRITE) === 0) return 0;
  const n = hostCall(SYS_RECVMSG, fd, hostAddress + MISC_AT, MSG_DONTWAIT);
  if (n <= 0) return n;
  if (io.kernelBytes === null) io.skip(n);
  else io.put(hostBytes, DATA_AT, n);
  return 0;
}

function send(fd: number, io: IoBuffer): number {
  if (putMessage(io, ACCESS_READ) === 0) return 0;
  const n = hostCall(SYS_SENDMSG, fd, hostAddress + MISC_AT, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n <= 0) return n;
  if (io.kernelBytes === null) io.skip(n);
  else {
    io.segment(n, ACCESS_READ);
    io.advance(n);
  }
  return 0;
}
