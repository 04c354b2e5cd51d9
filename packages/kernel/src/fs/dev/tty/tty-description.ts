import {
  EAGAIN,
  EIO,
  ENOTTY,
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLRDNORM,
  EPOLLWRNORM,
  ERESTARTSYS,
  O_NONBLOCK,
  SIGTTIN,
  SIGTTOU,
  TIOCSPGRP,
  TOSTOP,
  VMIN,
  VTIME,
} from '@sbx/abi';
import type { IoBuffer } from '../../../io/io-buffer.js';
import type { Task } from '../../../task/task.js';
import { FileDescription } from '../../../vfs/file-description.js';
import { type Blocking, INTERRUPTED, type SyscallResult, TIMED_OUT } from '../../../wait/blocking.js';
import type { WaitQueue } from '../../../wait/wait-queue.js';
import type { Tty, TtyUser } from './tty.js';
import { ttyIoctl } from './tty-ioctl.js';

const READABLE = EPOLLIN | EPOLLRDNORM;
const WRITABLE = EPOLLOUT | EPOLLWRNORM;
const READ_EVENTS = READABLE | EPOLLHUP | EPOLLERR;
/** VTIME counts tenths of a second. */
const TENTH = 1e8;
const NEVER = Number.POSITIVE_INFINITY;

/** An open terminal. */
export class TtyDescription extends FileDescription implements TtyUser {
  /** The line was cut since it was opened: reads find the end, everything else fails. */
  #dead = false;

  constructor(
    flags: number,
    readonly tty: Tty,
  ) {
    super(flags);
    tty.opened(this);
  }

  override get waitQueue(): WaitQueue {
    return this.tty.waitQueue;
  }
  override get continuesWrites(): boolean {
    return true;
  }
  hangUp(): void {
    this.#dead = true;
  }

  override poll(): number {
    if (this.#dead) return READABLE | WRITABLE | EPOLLERR | EPOLLHUP;
    const { tty } = this;
    const { cc } = tty.termios;
    let events = 0;
    if (tty.discipline.hasInput(cc[VTIME] === 0 && cc[VMIN] > 0 ? cc[VMIN] : 1)) events |= READABLE;
    if (tty.line.closed) events |= EPOLLHUP;
    if (tty.outputRoom > 0) events |= WRITABLE;
    return events;
  }

  override read(task: Task, io: IoBuffer): SyscallResult {
    if (this.#dead) return 0;
    const { tty } = this;
    const allowed = tty.checkBackground(task, SIGTTIN);
    if (allowed < 0) return allowed;
    if (io.remaining === 0) return 0;
    const { discipline } = tty;
    if (discipline.canonical && discipline.hasInput()) {
      discipline.readLine(io);
      tty.inputAdded();
      return io.result;
    }
    return this.#readAndWait(task, io);
  }

  /** Canonical reads wait for a line; raw ones for VMIN bytes, VTIME long, as termios(3) says for each combination. */
  *#readAndWait(task: Task, io: IoBuffer): Blocking {
    const { tty } = this;
    const { cc } = tty.termios;
    const raw = !tty.discipline.canonical;
    const interval = raw ? cc[VTIME] * TENTH : 0;
    // With VMIN the timer starts after the first byte; without, at once, and the first byte ends the wait.
    const minimum = !raw ? 0 : Math.max(cc[VMIN], 1);
    let timeout = raw && cc[VMIN] === 0 ? interval : NEVER;
    let deadline = timeout === NEVER ? NEVER : task.kernel.clock.monotonic() + timeout;
    while (io.remaining > 0 && !io.faulted) {
      const { discipline } = tty;
      if (!discipline.hasInput()) {
        // Whoever waits when the line is cut gets an error; later reads find the end.
        if (tty.line.closed) return io.done > 0 ? io.done : -EIO;
        if (this.#dead) break;
        if (timeout === 0) break;
        if ((this.flags & O_NONBLOCK) !== 0) return io.done > 0 ? io.done : -EAGAIN;
        task.wait.on(tty.waitQueue, READ_EVENTS, deadline);
        const why = yield;
        if (why === INTERRUPTED && !discipline.hasInput()) return io.done > 0 ? io.done : -ERESTARTSYS;
        if (why === TIMED_OUT) timeout = 0;
        continue;
      }
      if (discipline.canonical) {
        discipline.readLine(io);
        tty.inputAdded();
        break;
      }
      discipline.readRaw(io);
      tty.inputAdded();
      if (io.done >= minimum) break;
      if (interval > 0) {
        timeout = interval;
        deadline = task.kernel.clock.monotonic() + interval;
      }
    }
    return io.result;
  }

  override write(task: Task, io: IoBuffer): SyscallResult {
    const { tty } = this;
    if (this.#dead) return -EIO;
    if ((tty.termios.lflag & TOSTOP) !== 0) {
      const allowed = tty.checkBackground(task, SIGTTOU);
      if (allowed < 0) return allowed;
    }
    if (tty.line.closed) return -EIO;
    if (io.remaining === 0) return 0;
    const written = tty.discipline.write(io);
    if (written > 0) return written;
    return io.faulted ? io.result : -EAGAIN;
  }

  override ioctl(task: Task, command: number, argument: number): SyscallResult {
    if (this.#dead) return command === TIOCSPGRP ? -ENOTTY : -EIO;
    return ttyIoctl(task, this.tty, this, command, argument);
  }

  protected override release(): void {
    this.tty.closed(this);
  }
}
