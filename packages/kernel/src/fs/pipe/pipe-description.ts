import {
  CAP_SYS_RESOURCE,
  EAGAIN,
  EBUSY,
  EFAULT,
  EINVAL,
  ENXIO,
  EPERM,
  EPIPE,
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLRDNORM,
  EPOLLWRNORM,
  ERESTARTSYS,
  FIONREAD,
  O_ACCMODE,
  O_DIRECT,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  SIGPIPE,
} from '@sbx/abi';
import type { IoBuffer } from '../../io/io-buffer.js';
import type { Task } from '../../task/task.js';
import { FileDescription } from '../../vfs/file-description.js';
import type { Inode } from '../../vfs/inode.js';
import type { Vfs } from '../../vfs/vfs.js';
import { type Blocking, INTERRUPTED, type SyscallResult } from '../../wait/blocking.js';
import type { WaitQueue } from '../../wait/wait-queue.js';
import { HARD_PIPE_SIZE, MAX_PIPE_SIZE, PAGE_SIZE, Pipe } from './pipe.js';

/** An end of a pipe, or an open fifo (one that is open for both is both ends). */
export class PipeDescription extends FileDescription {
  /** `pipe.writerOpens` at a non-blocking open without writers: until there was one, its absence is no hang-up. */
  #sawNoWriter = -1;

  constructor(
    flags: number,
    readonly pipe: Pipe,
    /** Whose `endpoint` the pipe is, for a fifo. */
    private readonly fifo: Inode | null,
  ) {
    super(flags);
    if (this.readable) {
      pipe.readers++;
      pipe.readerOpens++;
    }
    if (this.writable) {
      pipe.writers++;
      pipe.writerOpens++;
    }
    // Whoever waits in open for this end goes on; writers that had no readers learn of one.
    if (fifo !== null) pipe.waitQueue.wake(EPOLLIN | EPOLLOUT);
  }

  override get waitQueue(): WaitQueue {
    return this.pipe.waitQueue;
  }
  override get continuesWrites(): boolean {
    return true;
  }
  override get supportsNowait(): boolean {
    return true;
  }

  override poll(): number {
    const { pipe } = this;
    let events = 0;
    if (this.readable) {
      if (!pipe.isEmpty) events |= EPOLLIN | EPOLLRDNORM;
      if (pipe.writers === 0 && this.#sawNoWriter !== pipe.writerOpens) events |= EPOLLHUP;
    }
    if (this.writable) {
      if (!pipe.isFull) events |= EPOLLOUT | EPOLLWRNORM;
      if (pipe.readers === 0) events |= EPOLLERR;
    }
    return events;
  }

  /** @hotpath */
  override read(_task: Task, io: IoBuffer, _offset: number): number {
    if (io.remaining === 0) return 0;
    const result = this.pipe.read(io);
    return result === -EAGAIN && this.pipe.writers === 0 ? 0 : result;
  }

  /** @hotpath */
  override write(task: Task, io: IoBuffer, _offset: number): number {
    if (io.remaining === 0) return 0;
    if (this.pipe.readers === 0) {
      task.kernel.signalTask(task, SIGPIPE);
      return -EPIPE;
    }
    return this.pipe.write(io, (this.flags & O_DIRECT) !== 0, task.mm);
  }

  override ioctl(task: Task, command: number, argument: number): SyscallResult {
    if (command !== FIONREAD) return super.ioctl(task, command, argument);
    return task.mm.writeUint32(argument, this.pipe.bytes) < 0 ? -EFAULT : 0;
  }

  override getPipeSize(): number {
    return this.pipe.maxSlots * PAGE_SIZE;
  }
  override setPipeSize(task: Task, size: number): number {
    if (size > HARD_PIPE_SIZE) return -EINVAL;
    let rounded = PAGE_SIZE;
    while (rounded < size) rounded *= 2;
    const slots = rounded / PAGE_SIZE;
    const { pipe } = this;
    if (slots > pipe.maxSlots && rounded > MAX_PIPE_SIZE && !task.credentials.capable(CAP_SYS_RESOURCE)) return -EPERM;
    if (slots < pipe.slots) return -EBUSY;
    pipe.resize(slots);
    return rounded;
  }

  /** A fifo that is opened for one direction waits until somebody opens the other (fifo(7)). */
  override finishOpen(task: Task): SyscallResult {
    const { pipe } = this;
    const mode = this.flags & O_ACCMODE;
    if (this.fifo === null || mode === O_RDWR) return 0;
    if ((this.flags & O_NONBLOCK) !== 0) {
      if (mode === O_RDONLY && pipe.writers === 0) this.#sawNoWriter = pipe.writerOpens;
      return 0;
    }
    if (mode === O_RDONLY) return pipe.writers > 0 ? 0 : this.#waitForPartner(task);
    return pipe.readers > 0 ? 0 : this.#waitForPartner(task);
  }

  *#waitForPartner(task: Task): Blocking {
    const { pipe } = this;
    const reading = this.readable;
    const before = reading ? pipe.writerOpens : pipe.readerOpens;
    while ((reading ? pipe.writerOpens : pipe.readerOpens) === before) {
      if ((yield task.wait.on(pipe.waitQueue, reading ? EPOLLIN : EPOLLOUT)) === INTERRUPTED) return -ERESTARTSYS;
    }
    return 0;
  }

  protected override release(): void {
    const { pipe } = this;
    if (this.readable) pipe.readers--;
    if (this.writable) pipe.writers--;
    if (pipe.readers === 0 && pipe.writers === 0) {
      pipe.dispose();
      if (this.fifo !== null && this.fifo.endpoint === pipe) this.fifo.endpoint = null;
      return;
    }
    // Readers see the end, writers that nobody reads.
    if (pipe.writers === 0) pipe.waitQueue.wake(EPOLLIN | EPOLLRDNORM | EPOLLHUP);
    if (pipe.readers === 0) pipe.waitQueue.wake(EPOLLOUT | EPOLLWRNORM | EPOLLERR);
  }
}

/** Opens a fifo; the VFS calls it for every special file of that kind. -ENXIO: nobody reads, and the writer would not wait. */
function openFifo(vfs: Vfs, inode: Inode, flags: number): FileDescription | number {
  const mode = flags & O_ACCMODE;
  if (mode === 3) return -EINVAL;
  const pipe = inode.endpoint instanceof Pipe ? inode.endpoint : new Pipe(vfs.kernel.memory);
  if (mode === O_WRONLY && (flags & O_NONBLOCK) !== 0 && pipe.readers === 0) return -ENXIO;
  inode.endpoint = pipe;
  // A pipe that is opened again (/proc/self/fd/N) has no partner to wait for.
  return new PipeDescription(flags, pipe, inode.superBlock === vfs.pipefs ? null : inode);
}

/** Makes fifos work. Called once for each kernel. */
export function installPipes(vfs: Vfs): void {
  vfs.openFifo = (inode, flags) => openFifo(vfs, inode, flags);
}

/** Makes a pipe: its ends, reader first, each with one reference for the caller. `flags`: O_NONBLOCK, O_DIRECT. */
export function createPipe(task: Task, flags: number): [PipeDescription, PipeDescription] {
  const { vfs, memory } = task.kernel;
  const pipe = new Pipe(memory);
  const reader = new PipeDescription(O_RDONLY | (flags & O_NONBLOCK), pipe, null);
  const writer = new PipeDescription(O_WRONLY | (flags & (O_NONBLOCK | O_DIRECT)), pipe, null);
  const inode = vfs.pipefs.newInode(task, 0o010600, 'pipe');
  inode.endpoint = pipe;
  vfs.pipefs.attach(inode, reader, writer);
  return [reader, writer];
}
