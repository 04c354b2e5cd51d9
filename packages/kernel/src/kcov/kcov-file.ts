import { S_IFREG } from '@sbx/abi';
import type { Kcov, KcovDriver } from '@sbx/kcov';
import { PseudoInode } from '../fs/pseudo/pseudo-inode.js';
import type { Mappable } from '../mm/mappable.js';
import type { Task } from '../task/task.js';
import { FileDescription } from '../vfs/file-description.js';
import type { Caller } from '../vfs/inode.js';
import type { SuperBlock } from '../vfs/super-block.js';
import type { KcovArea } from './kcov-area.js';

/** /sys/kernel/debug/kcov: each open is an instance of its own. */
export class KcovInode extends PseudoInode {
  constructor(
    superBlock: SuperBlock,
    ino: number,
    private readonly driver: KcovDriver<KcovArea, Task>,
  ) {
    super(superBlock, ino, S_IFREG | 0o600);
  }
  override open(_caller: Caller, flags: number): FileDescription {
    return new KcovDescription(flags, this.driver.open());
  }
}

/** An open kcov. It has no position and can't be read or written (nonseekable_open). Mappings hold it, as they do in Linux. */
class KcovDescription extends FileDescription {
  constructor(
    flags: number,
    private readonly kcov: Kcov<KcovArea, Task>,
  ) {
    super(flags);
  }
  override ioctl(task: Task, command: number, argument: number): number {
    return this.kcov.ioctl(task, command, argument);
  }
  override mappable(task: Task, _prot: number, _shared: boolean, offset: number, length: number): Mappable | number {
    return this.kcov.map(task, offset, length);
  }
  protected override release(): void {
    this.kcov.release();
  }
}
