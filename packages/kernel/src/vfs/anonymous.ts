import { ANON_INODE_FS_MAGIC, EINVAL } from '@sbx/abi';
import type { Kernel } from '../kernel.js';
import { ATTR_SIZE, type AttributeChange, type Caller, Inode } from './inode.js';
import { SuperBlock } from './super-block.js';

/**
 * An object without a name in any directory: a pipe, a socket, an eventfd. `label` is what /proc/PID/fd shows before the inode number ("pipe" gives
 * "pipe:[7]"), or with `fixed` the whole text.
 */
export class AnonymousInode extends Inode {
  constructor(
    superBlock: SuperBlock,
    ino: number,
    mode: number,
    readonly label: string,
    readonly fixed = false,
  ) {
    super(superBlock, ino, mode);
    this.setTimesToNow(true, true, true);
  }
  override dynamicName(): string {
    return this.fixed ? this.label : `${this.label}:[${this.ino}]`;
  }
  override setAttributes(_caller: Caller, change: AttributeChange): number {
    if ((change.valid & ATTR_SIZE) !== 0) return -EINVAL;
    this.applyAttributes(change);
    return 0;
  }
}

/** The internal file system of such objects. */
export class AnonymousSuperBlock extends SuperBlock {
  #nextIno = 1;

  constructor(kernel: Kernel, device: number) {
    super(kernel, device, 'anon_inodefs', ANON_INODE_FS_MAGIC);
    this.root = new AnonymousInode(this, this.nextIno(), 0o600, 'anon_inode:[unknown]', true);
  }
  nextIno(): number {
    return this.#nextIno++;
  }
  /** A new object, with one reference for the caller. */
  newInode(mode: number, label: string): AnonymousInode {
    return new AnonymousInode(this, this.nextIno(), mode, label);
  }
}
