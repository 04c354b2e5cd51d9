import { EIO, ENOENT, EOPNOTSUPP, EPERM, S_IFDIR, S_IFMT } from '@sbx/abi';
import {
  ATTR_ATIME,
  ATTR_ATIME_SET,
  ATTR_FORCE,
  ATTR_GID,
  ATTR_MODE,
  ATTR_MTIME,
  ATTR_MTIME_SET,
  ATTR_SIZE,
  ATTR_UID,
  AttributeChange,
  type Caller,
  Inode,
} from '../../vfs/inode.js';
import { genericPermission, MAY_APPEND, MAY_WRITE } from '../../vfs/permission.js';
import type { Stat } from '../../vfs/stat.js';
import { isOverlayAttribute } from './layers.js';
import type { OverlayDirectory } from './overlay-directory.js';
import type { OverlayFileSystem } from './overlay-file-system.js';

/**
 * An object of the overlay: `upper`, once something of it was changed (or it was made here), else `lower`. What VFS and programs see is always this object,
 * with one inode number, whichever layer it comes from.
 */
export abstract class OverlayInode extends Inode {
  declare readonly superBlock: OverlayFileSystem;
  /** One reference each. */
  upper: Inode | null;
  lower: Inode | null;
  /** Where it was seen last; null: it has no name any more, or is the root. A reference on the directory. */
  parent: OverlayDirectory | null = null;
  name = '';
  /** Names that were removed from a file of a lower layer that has no other. */
  removed = 0;

  /** Takes over one reference of `upper` and of `lower`. */
  constructor(superBlock: OverlayFileSystem, ino: number, upper: Inode | null, lower: Inode | null) {
    super(superBlock, ino, (upper ?? lower)!.mode);
    this.upper = upper;
    this.lower = lower;
    this.sync();
  }

  /** The object that counts now. */
  get real(): Inode {
    return (this.upper ?? this.lower)!;
  }

  /** Takes the attributes over from the layer. @hotpath */
  sync(): void {
    const { real } = this;
    this.mode = real.mode;
    this.uid = real.uid;
    this.gid = real.gid;
    this.rdev = real.rdev;
    this.size = real.size;
    this.blocks = real.blocks;
    this.atimeSec = real.atimeSec;
    this.atimeNsec = real.atimeNsec;
    this.mtimeSec = real.mtimeSec;
    this.mtimeNsec = real.mtimeNsec;
    this.ctimeSec = real.ctimeSec;
    this.ctimeNsec = real.ctimeNsec;
    this.nlink = this.countNames();
  }
  protected countNames(): number {
    const links = this.superBlock.linksOf(this);
    if (links !== null) return Math.max(0, links.lower.nlink + links.delta);
    return this.upper !== null ? this.upper.nlink : Math.max(0, this.lower!.nlink - this.removed);
  }

  setPlace(parent: OverlayDirectory | null, name: string): void {
    this.name = name;
    if (parent === this.parent) return;
    parent?.incRef();
    // A lower directory that the host moved about: see HostInode.setPlace.
    if (this.isDirectory) leave(parent, this);
    const old = this.parent;
    this.parent = parent;
    old?.decRef();
  }

  override getAttributes(caller: Caller, stat: Stat): number {
    const result = this.real.getAttributes(caller, stat);
    if (result < 0) return result;
    this.sync();
    this.patch(stat);
    return 0;
  }
  /** Makes the attributes of the layer's object those of this one. */
  patch(stat: Stat): void {
    stat.device = this.superBlock.device;
    stat.ino = this.ino;
    stat.nlink = this.nlink;
  }

  /** @hotpath */
  override permission(caller: Caller, mask: number): number {
    if (this.upper !== null) return this.upper.permission(caller, mask);
    // What the lower file system forbids (secrets, devices of the host) stays forbidden; whether its mode permits writing is decided here.
    const lower = this.lower!.permission(caller, mask & ~(MAY_WRITE | MAY_APPEND));
    if (lower < 0 || (mask & MAY_WRITE) === 0) return lower;
    return genericPermission(caller.credentials, this.mode, this.uid, this.gid, mask);
  }

  // -- Copying up.

  /**
   * Makes sure that there is an `upper`, with the first `limit` bytes of the contents: 0, -errno, or PENDING while much is copied. Directories above come
   * first.
   */
  copyUp(caller: Caller, limit = Number.POSITIVE_INFINITY): number {
    if (this.upper !== null) return 0;
    const { parent } = this;
    if (parent !== null) {
      const result = parent.copyUp(caller);
      if (result < 0) return result;
    }
    return this.makeCopy(caller, limit);
  }
  /** The copy itself, in the upper directory of `parent`, under `name`. */
  protected abstract makeCopy(caller: Caller, limit: number): number;

  /** The copy is there. Takes over one reference. */
  protected setUpper(upper: Inode): void {
    this.upper = upper;
    this.superBlock.copiedUp(this, upper);
    this.sync();
  }

  /** Gives `upper` owner, mode, times and attributes of the lower object. */
  protected copyAttributesTo(upper: Inode): number {
    const { lower } = this;
    const caller = this.superBlock.layerCaller;
    if (lower === null) return -EIO;
    if ((upper.mode & S_IFMT) === S_IFDIR || this.isRegular) copyXattrs(caller, lower, upper);
    const change = new AttributeChange();
    change.valid = ATTR_UID | ATTR_GID | ATTR_FORCE;
    change.uid = lower.uid;
    change.gid = lower.gid;
    // An upper layer on the host may refuse to give files away: they are the sentry's then.
    upper.setAttributes(caller, change);
    change.valid = ATTR_ATIME | ATTR_ATIME_SET | ATTR_MTIME | ATTR_MTIME_SET | ATTR_FORCE;
    if (!this.isSymlink) change.valid |= ATTR_MODE;
    change.mode = lower.mode & 0o7777;
    change.atimeSec = lower.atimeSec;
    change.atimeNsec = lower.atimeNsec;
    change.mtimeSec = lower.mtimeSec;
    change.mtimeNsec = lower.mtimeNsec;
    return upper.setAttributes(caller, change);
  }

  override setAttributes(caller: Caller, change: AttributeChange): number {
    const result = this.copyUp(caller, (change.valid & ATTR_SIZE) !== 0 ? change.size : Number.POSITIVE_INFINITY);
    if (result < 0) return result;
    const changed = this.upper!.setAttributes(caller, change);
    this.sync();
    return changed;
  }

  override readlink(caller: Caller): string | number {
    return this.real.readlink(caller);
  }

  override getXattr(caller: Caller, name: string): Uint8Array | number {
    return isOverlayAttribute(name) ? -EOPNOTSUPP : this.real.getXattr(caller, name);
  }
  override setXattr(caller: Caller, name: string, value: Uint8Array, flags: number): number {
    if (isOverlayAttribute(name)) return -EPERM;
    const result = this.copyUp(caller);
    if (result < 0) return result;
    const set = this.upper!.setXattr(caller, name, value, flags);
    this.sync();
    return set;
  }
  override removeXattr(caller: Caller, name: string): number {
    if (isOverlayAttribute(name)) return -EPERM;
    const there = this.real.getXattr(caller, name);
    if (typeof there === 'number') return there;
    const result = this.copyUp(caller);
    if (result < 0) return result;
    const removed = this.upper!.removeXattr(caller, name);
    this.sync();
    return removed;
  }
  override listXattr(caller: Caller): readonly string[] | number {
    const names = this.real.listXattr(caller);
    return typeof names === 'number' ? names : names.filter((name) => !isOverlayAttribute(name));
  }

  protected override evict(): void {
    this.superBlock.forget(this);
    this.upper?.decRef();
    this.lower?.decRef();
    this.setPlace(null, '');
  }
}

/** Whatever of `directory` and the directories above it was said to be in `inode` is not there any more. */
function leave(directory: OverlayInode | null, inode: OverlayInode): void {
  for (let d = directory; d !== null; d = d.parent) if (d.parent === inode) d.setPlace(null, '');
}

function copyXattrs(caller: Caller, from: Inode, to: Inode): void {
  const names = from.listXattr(caller);
  if (typeof names === 'number') return;
  for (const name of names) {
    const value = isOverlayAttribute(name) ? -ENOENT : from.getXattr(caller, name);
    if (typeof value !== 'number') to.setXattr(caller, name, value, 0);
  }
}

/** A symlink, fifo, socket or device. */
export class OverlayNode extends OverlayInode {
  protected override makeCopy(_caller: Caller, _limit: number): number {
    const { parent, superBlock } = this;
    if (parent === null) return -ENOENT;
    const directory = parent.upper!;
    const caller = superBlock.layerCaller;
    let upper: Inode | number;
    if (this.isSymlink) {
      const text = this.lower!.readlink(caller);
      upper = typeof text === 'number' ? text : directory.symlink(caller, this.name, text);
    } else upper = directory.mknod(caller, this.name, this.mode, this.rdev);
    if (typeof upper === 'number') return upper;
    this.copyAttributesTo(upper);
    this.setUpper(upper);
    return 0;
  }
}
