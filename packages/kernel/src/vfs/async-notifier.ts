import {
  EPOLLIN,
  EPOLLOUT,
  EPOLLPRI,
  EPOLLRDBAND,
  EPOLLRDNORM,
  EPOLLWRBAND,
  EPOLLWRNORM,
  F_OWNER_PGRP,
  F_OWNER_TID,
  FASYNC,
  POLL_IN,
  POLL_OUT,
  POLL_PRI,
  SIGIO,
} from '@sbx/abi';
import type { IoSignal, Kernel } from '../kernel.js';
import type { WaitEntry, WaitQueue } from '../wait/wait-queue.js';
import type { FileDescription } from './file-description.js';

/** Signal-driven I/O (fcntl(2), F_SETOWN): stands in the wait queue of a description with FASYNC and signals its owner at each change. */
export class AsyncNotifier implements WaitEntry {
  readonly events = EPOLLIN | EPOLLOUT | EPOLLPRI;
  readonly exclusive = false;
  queue: WaitQueue | null = null;
  next: WaitEntry | null = null;
  previous: WaitEntry | null = null;

  constructor(
    private readonly kernel: Kernel,
    private readonly file: FileDescription,
    /** The descriptor with which FASYNC was set: what a signal of F_SETSIG tells. */
    private readonly fd: number,
  ) {}

  onWake(events: number): void {
    const { owner } = this.file;
    if (owner === null || owner.id === 0) return;
    const { kernel } = this;
    const signo = owner.signal === 0 ? SIGIO : owner.signal;
    const io = owner.signal === 0 ? null : describe(events, this.fd);
    if (owner.kind === F_OWNER_TID) {
      const task = kernel.tasks.get(owner.id);
      if (task !== undefined) kernel.signalTask(task, signo, io);
    } else if (owner.kind === F_OWNER_PGRP) {
      for (const member of kernel.processGroups.get(owner.id)?.members ?? []) kernel.signalProcess(member, signo, io);
    } else {
      const process = kernel.processOf(owner.id);
      if (process !== undefined) kernel.signalProcess(process, signo, io);
    }
  }

  stop(): void {
    this.queue?.remove(this);
  }
}

/** The siginfo of a change: what has become possible, and all the events that this stands for. */
function describe(events: number, fd: number): IoSignal {
  if ((events & EPOLLIN) !== 0) return { code: POLL_IN, band: EPOLLIN | EPOLLRDNORM, fd };
  if ((events & EPOLLOUT) !== 0) return { code: POLL_OUT, band: EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND, fd };
  return { code: POLL_PRI, band: EPOLLPRI | EPOLLRDBAND, fd };
}

/** Makes what FASYNC in `file.flags` says true. Called after the flags were changed. */
export function updateNotifier(kernel: Kernel, file: FileDescription, fd: number): void {
  if ((file.flags & FASYNC) === 0) {
    file.notifier?.stop();
    file.notifier = null;
  } else if (file.notifier === null && file.waitQueue !== null) {
    file.notifier = new AsyncNotifier(kernel, file, fd);
    file.waitQueue.add(file.notifier);
  }
}
