import {
  EAGAIN,
  EINVAL,
  EIO,
  ENOTTY,
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLPRI,
  EPOLLRDNORM,
  EPOLLWRNORM,
  FIONREAD,
  O_CLOEXEC,
  RLIMIT_NOFILE,
  SIGINT,
  SIGQUIT,
  SIGTSTP,
  TCFLSH,
  TCIFLUSH,
  TCIOFLUSH,
  TCOFLUSH,
  TCSBRK,
  TCSBRKP,
  TIOCCBRK,
  TIOCGPKT,
  TIOCGPTLCK,
  TIOCGPTN,
  TIOCGPTPEER,
  TIOCOUTQ,
  TIOCPKT,
  TIOCPKT_DATA,
  TIOCPKT_FLUSHWRITE,
  TIOCSBRK,
  TIOCSCTTY,
  TIOCSIG,
  TIOCSPTLCK,
  TIOCSTI,
} from '@sbx/abi';
import type { IoBuffer } from '../../../io/io-buffer.js';
import type { Kernel } from '../../../kernel.js';
import type { Task } from '../../../task/task.js';
import { FileDescription } from '../../../vfs/file-description.js';
import type { Caller } from '../../../vfs/inode.js';
import type { SyscallResult } from '../../../wait/blocking.js';
import { WaitQueue } from '../../../wait/wait-queue.js';
import { ByteRing } from './byte-ring.js';
import { Tty, type TtyLine } from './tty.js';
import { commonIoctl, setControlling } from './tty-ioctl.js';

const READABLE = EPOLLIN | EPOLLRDNORM;
const WRITABLE = EPOLLOUT | EPOLLWRNORM;
/** Bytes on their way to the terminal, before its line discipline takes them up. */
const INPUT_SIZE = 8192;
/** Bytes on their way to the master. What lies in the first part counts as received and is never discarded. */
const OUTPUT_SIZE = 16384;
const OUTPUT_RECEIVED = 4096;

const packetByte = new Uint8Array(1);

/** Where a pseudo terminal is registered: devpts. */
export interface PtyOwner {
  /** The pty is gone: its name is to go too. */
  ptyClosed(pty: Pty): void;
  /** Opens the slave by descriptor (TIOCGPTPEER): a description with one reference, or -errno. */
  openSlave(caller: Caller, pty: Pty, flags: number): FileDescription | number;
}

/** Who acts on the master's side: a description, or the embedding program. Told of events of the line. */
export interface MasterSide {
  /** There is output to take, a packet to read, or the terminal's last description is gone. */
  outputReady(): void;
  /** There is room for input again. */
  inputReady(): void;
}

/** A pseudo terminal (pty(7)): the line between a master and a terminal. */
export class Pty implements TtyLine {
  readonly tty: Tty;
  readonly output = new ByteRing(OUTPUT_SIZE);
  readonly input = new ByteRing(INPUT_SIZE);
  packet = false;
  /** Whether the terminal can't be opened yet (unlockpt(3)). */
  locked = true;
  closed = false;
  /** The terminal was open, and is not any more. */
  slaveGone = false;
  /** Changes to report in packet mode. */
  #packetStatus = 0;
  #side: MasterSide | null = null;

  constructor(
    kernel: Kernel,
    readonly owner: PtyOwner,
    readonly index: number,
    device: number,
  ) {
    this.tty = new Tty(kernel, device, index, this);
  }

  /** Says who acts on the master's side. Once. */
  connect(side: MasterSide): void {
    this.#side = side;
  }

  // -- For the terminal.

  reportPacket(set: number, clear: number): void {
    this.#packetStatus = (this.#packetStatus & ~clear) | set;
    this.#side?.outputReady();
  }
  outputAdded(): void {
    this.#side?.outputReady();
  }
  inputTaken(): void {
    this.#side?.inputReady();
  }
  discardOutput(): void {
    this.output.truncate(OUTPUT_RECEIVED);
  }
  openChanged(open: boolean): void {
    this.slaveGone = !open;
    if (!open) this.#side?.outputReady();
  }

  // -- For the master.

  get packetStatus(): number {
    return this.packet ? this.#packetStatus : 0;
  }
  takePacketStatus(): number {
    const status = this.#packetStatus;
    this.#packetStatus = 0;
    return status;
  }
  setPacketMode(on: boolean): void {
    if (on && !this.packet) this.#packetStatus = 0;
    this.packet = on;
  }
  /** Output was taken from the ring. */
  outputTaken(): void {
    this.tty.outputTaken();
  }
  /** Input was put into the ring. */
  inputAdded(): void {
    this.tty.inputAdded();
  }
  /** The master closes: the line is cut. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.packet = false;
    this.owner.ptyClosed(this);
    this.tty.hangUp();
  }
}

/** An open master (/dev/ptmx). */
export class PtyMasterDescription extends FileDescription implements MasterSide {
  readonly #queue = new WaitQueue();

  constructor(
    flags: number,
    readonly pty: Pty,
  ) {
    super(flags);
    pty.connect(this);
  }
  outputReady(): void {
    this.#queue.wake(READABLE | EPOLLPRI | EPOLLHUP | EPOLLERR);
  }
  inputReady(): void {
    this.#queue.wake(WRITABLE);
  }

  override get waitQueue(): WaitQueue {
    return this.#queue;
  }
  override get continuesWrites(): boolean {
    return true;
  }
  override poll(): number {
    const { pty } = this;
    let events = 0;
    if (pty.output.length > 0) events |= READABLE;
    if (pty.packetStatus !== 0) events |= EPOLLPRI | READABLE;
    if (pty.slaveGone) events |= EPOLLHUP;
    if (pty.input.free > 0) events |= WRITABLE;
    return events;
  }

  override read(_task: Task, io: IoBuffer): number {
    const { pty } = this;
    if (io.remaining === 0) return 0;
    if (pty.packetStatus !== 0) {
      packetByte[0] = pty.takePacketStatus();
      io.put(packetByte, 0, 1);
      return io.result;
    }
    if (pty.output.length === 0) return pty.slaveGone ? -EIO : -EAGAIN;
    if (pty.packet) {
      packetByte[0] = TIOCPKT_DATA;
      io.put(packetByte, 0, 1);
    }
    if (pty.output.moveTo(io) > 0) pty.outputTaken();
    return io.result;
  }

  override write(_task: Task, io: IoBuffer): number {
    const { pty } = this;
    if (io.remaining === 0) return 0;
    const moved = pty.input.moveFrom(io);
    if (moved === 0) return io.faulted ? io.result : -EAGAIN;
    pty.inputAdded();
    return moved;
  }

  override ioctl(task: Task, command: number, argument: number): SyscallResult {
    const { pty } = this;
    const { mm } = task;
    switch (command) {
      case TIOCGPTN:
        return mm.writeUint32(argument, pty.index);
      case TIOCSPTLCK: {
        const word = mm.readUint32(argument);
        if (word < 0) return word;
        pty.locked = word !== 0;
        return 0;
      }
      case TIOCGPTLCK:
        return mm.writeUint32(argument, pty.locked ? 1 : 0);
      case TIOCPKT: {
        const word = mm.readUint32(argument);
        if (word < 0) return word;
        pty.setPacketMode(word !== 0);
        return 0;
      }
      case TIOCGPKT:
        return mm.writeUint32(argument, pty.packet ? 1 : 0);
      case TIOCSIG:
        if (argument !== SIGINT && argument !== SIGQUIT && argument !== SIGTSTP) return -EINVAL;
        pty.tty.signalForeground(argument);
        return 0;
      case TIOCGPTPEER:
        return this.#openPeer(task, (argument % 2 ** 32) | 0);
      case TIOCSCTTY:
        return setControlling(task, pty.tty, this.readable, argument);
      case FIONREAD:
        return mm.writeUint32(argument, pty.output.length);
      case TIOCOUTQ:
        return mm.writeUint32(argument, 0);
      case TCFLSH:
        return this.#flush(argument);
      case TIOCSBRK:
      case TIOCCBRK:
      case TCSBRK:
      case TCSBRKP:
        return 0;
      case TIOCSTI:
        return -ENOTTY;
      default:
        return commonIoctl(task, pty.tty, true, command, argument);
    }
  }

  #openPeer(task: Task, flags: number): number {
    const file = this.pty.owner.openSlave(task, this.pty, flags & ~O_CLOEXEC);
    if (typeof file === 'number') return file;
    const fd = task.files.install(file, (flags & O_CLOEXEC) !== 0, task.threadGroup.limits.soft[RLIMIT_NOFILE]);
    if (fd < 0) file.decRef();
    return fd;
  }

  /** tcflush on the master: input is what the terminal has sent. */
  #flush(queue: number): number {
    const { pty } = this;
    if (queue !== TCIFLUSH && queue !== TCOFLUSH && queue !== TCIOFLUSH) return -EINVAL;
    if (queue !== TCOFLUSH) {
      pty.output.truncate(0);
      pty.outputTaken();
    }
    if (queue !== TCIFLUSH) pty.input.truncate(0);
    if (pty.packet && queue !== TCIFLUSH) pty.reportPacket(TIOCPKT_FLUSHWRITE, 0);
    return 0;
  }

  protected override release(): void {
    this.pty.close();
  }
}
