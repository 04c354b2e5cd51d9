import { EPOLLERR, EPOLLIN, EPOLLPRI, EPOLLRDNORM } from '@sbx/abi';
import type { Caller } from '../../vfs/inode.js';
import type { WaitQueue } from '../../wait/wait-queue.js';
import { TextDescription } from '../pseudo/text-file.js';
import { ProcessFile } from './proc-inode.js';

/** /proc/PID/mounts and mountinfo: poll tells of changes of the tree. */
export class MountsFile extends ProcessFile {
  override open(caller: Caller, flags: number): ReturnType<ProcessFile['open']> {
    const file = super.open(caller, flags);
    if (typeof file === 'number') return file;
    file.decRef();
    return new MountsDescription(flags, this);
  }
}

class MountsDescription extends TextDescription {
  /** The number of changes that this description has told of. */
  #seen: number;

  constructor(flags: number, file: MountsFile) {
    super(flags, file);
    this.#seen = file.subject.kernel.vfs.namespace.changes;
  }
  override get waitQueue(): WaitQueue {
    return this.file.superBlock.kernel.vfs.namespace.changed;
  }
  override poll(): number {
    const { namespace } = this.file.superBlock.kernel.vfs;
    if (this.#seen === namespace.changes) return EPOLLIN | EPOLLRDNORM;
    this.#seen = namespace.changes;
    return EPOLLIN | EPOLLRDNORM | EPOLLERR | EPOLLPRI;
  }
}
