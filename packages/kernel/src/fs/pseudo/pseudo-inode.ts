import { type AttributeChange, type Caller, Inode } from '../../vfs/inode.js';
import type { Stat } from '../../vfs/stat.js';

/** An object of a file system that the kernel makes up (proc, sysfs). */
export abstract class PseudoInode extends Inode {
  constructor(...args: ConstructorParameters<typeof Inode>) {
    super(...args);
    this.setTimesToNow(true, true, true);
  }
  override getAttributes(_caller: Caller, stat: Stat): number {
    this.copyAttributes(stat);
    return 0;
  }
  /** Sizes mean nothing here: truncation (a shell's `>`) succeeds. */
  override setAttributes(_caller: Caller, change: AttributeChange): number {
    this.applyAttributes(change);
    return 0;
  }
}

/** A symlink with a fixed text. */
export class PseudoLink extends PseudoInode {
  constructor(
    superBlock: Inode['superBlock'],
    ino: number,
    readonly target: string,
  ) {
    super(superBlock, ino, 0o120777);
  }
  override readlink(_caller: Caller): string | number {
    return this.target;
  }
}
