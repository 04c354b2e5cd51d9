import { EINVAL } from '@sbx/abi';
import type { Kernel } from '../kernel.js';
import type { FileDescription } from './file-description.js';
import { ATTR_SIZE, type AttributeChange, type Caller, Inode } from './inode.js';
import type { Mount } from './mount.js';
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

/** The internal file system of such objects: never in the tree. */
export class AnonymousSuperBlock extends SuperBlock {
  /** A mount of it, for descriptions. Set by the VFS. */
  mount!: Mount;
  #nextIno = 1;

  constructor(kernel: Kernel, device: number, type: string, magic: number) {
    super(kernel, device, type, magic);
    this.root = new AnonymousInode(this, this.nextIno(), 0o600, 'anon_inode:[unknown]', true);
  }
  nextIno(): number {
    return this.#nextIno++;
  }
  /** A new object, with one reference for the caller. Its owner is the caller's. */
  newInode(caller: Caller, mode: number, label: string): AnonymousInode {
    const inode = new AnonymousInode(this, this.nextIno(), mode, label);
    inode.uid = caller.credentials.fsuid;
    inode.gid = caller.credentials.fsgid;
    return inode;
  }
  /** Gives descriptions their place: all on one dentry of `inode`, whose reference is taken over. */
  attach(inode: Inode, ...files: FileDescription[]): void {
    const dentry = this.mount.root.cache.makeRoot(inode, '');
    for (const file of files) file.attach(this.mount, dentry);
    dentry.decRef();
  }
}
