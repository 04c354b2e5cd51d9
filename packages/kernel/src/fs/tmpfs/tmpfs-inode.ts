import { ENODATA, EOPNOTSUPP, STATX_ATTR_APPEND, STATX_ATTR_IMMUTABLE, STATX_ATTR_NODUMP } from '@sbx/abi';
import { type AttributeChange, type Caller, Inode } from '../../vfs/inode.js';
import type { Stat } from '../../vfs/stat.js';
import type { TmpfsSuperBlock } from './tmpfs.js';
import { isSupported, Xattrs } from './xattrs.js';

/** An object in tmpfs. A directory entry holds one reference; so an inode is evicted when it has neither names nor users. */
export class TmpfsInode extends Inode {
  declare readonly superBlock: TmpfsSuperBlock;
  #xattrs: Xattrs | null = null;
  readonly #btimeSec: number;
  readonly #btimeNsec: number;

  /** The caller has reserved the inode (`TmpfsSuperBlock.reserveInode`), or this is the root. */
  constructor(superBlock: TmpfsSuperBlock, ino: number, mode: number) {
    super(superBlock, ino, mode);
    this.setTimesToNow(true, true, true);
    this.#btimeSec = this.ctimeSec;
    this.#btimeNsec = this.ctimeNsec;
  }

  override getAttributes(_caller: Caller, stat: Stat): number {
    this.copyAttributes(stat);
    stat.hasBirthTime = true;
    stat.btimeSec = this.#btimeSec;
    stat.btimeNsec = this.#btimeNsec;
    stat.attributesMask = STATX_ATTR_APPEND | STATX_ATTR_IMMUTABLE | STATX_ATTR_NODUMP;
    return 0;
  }
  override setAttributes(_caller: Caller, change: AttributeChange): number {
    this.applyAttributes(change);
    return 0;
  }

  override getXattr(_caller: Caller, name: string): Uint8Array | number {
    if (this.#xattrs === null) return isSupported(name) ? -ENODATA : -EOPNOTSUPP;
    return this.#xattrs.get(name);
  }
  override setXattr(_caller: Caller, name: string, value: Uint8Array, flags: number): number {
    this.#xattrs ??= new Xattrs(this.superBlock);
    const result = this.#xattrs.set(name, value, flags);
    if (result === 0) this.setTimesToNow(false, false, true);
    return result;
  }
  override removeXattr(_caller: Caller, name: string): number {
    if (this.#xattrs === null) return isSupported(name) ? -ENODATA : -EOPNOTSUPP;
    const result = this.#xattrs.remove(name);
    if (result === 0) this.setTimesToNow(false, false, true);
    return result;
  }
  override listXattr(_caller: Caller): readonly string[] {
    return this.#xattrs === null ? [] : this.#xattrs.names();
  }

  protected override evict(): void {
    this.#xattrs?.clear();
    this.superBlock.releaseInode();
  }
}

/** A symbolic link. */
export class TmpfsSymlink extends TmpfsInode {
  readonly #charged: number;

  /** The caller has charged a long target's bytes. */
  constructor(
    superBlock: TmpfsSuperBlock,
    ino: number,
    readonly target: string,
  ) {
    super(superBlock, ino, 0o120777);
    this.size = target.length;
    this.#charged = symlinkCharge(target);
    if (this.#charged > 0) this.blocks = 8;
  }
  override readlink(_caller: Caller): string {
    return this.target;
  }
  protected override evict(): void {
    if (this.#charged > 0) this.superBlock.chargeMetadata(-this.#charged);
    super.evict();
  }
}

/** Bytes that a symlink's target counts for: nothing while it is short, as in Linux, where a long one takes a page. */
export function symlinkCharge(target: string): number {
  return target.length <= 128 ? 0 : target.length;
}
