import { EPOLLIN, EPOLLOUT, EPOLLPRI, F_OWNER_PGRP, F_OWNER_TID, FASYNC, SIGIO } from '@sbx/abi';
import type { Kernel } from '../kernel.js';
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
  ) {}

  onWake(_events: number): void {
    const { owner } = this.file;
    if (owner === null || owner.id === 0) return;
    const { kernel } = this;
    const signo = owner.signal === 0 ? SIGIO : owner.signal;
    if (owner.kind === F_OWNER_TID) {
      const task = kernel.tasks.get(owner.id);
      if (task !== undefined) kernel.signalTask(task, signo);
    } else if (owner.kind === F_OWNER_PGRP) {
      for (const member of kernel.processGroups.get(owner.id)?.members ?? []) kernel.signalProcess(member, signo);
    } else {
      const process = kernel.processOf(owner.id);
      if (process !== undefined) kernel.signalProcess(process, signo);
    }
  }

  stop(): void {
    this.queue?.remove(this);
  }
}

/** Makes what FASYNC in `file.flags` says true. Called after the flags were changed. */
export function updateNotifier(kernel: Kernel, file: FileDescription): void {
  if ((file.flags & FASYNC) === 0) {
    file.notifier?.stop();
    file.notifier = null;
  } else if (file.notifier === null && file.waitQueue !== null) {
    file.notifier = new AsyncNotifier(kernel, file);
    file.waitQueue.add(file.notifier);
  }
}
