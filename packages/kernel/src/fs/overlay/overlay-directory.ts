import {
  EINVAL,
  EIO,
  ENOENT,
  ENOTEMPTY,
  EPERM,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  RENAME_WHITEOUT,
  S_IFCHR,
  S_IFDIR,
  S_IFMT,
} from '@sbx/abi';
import type { FileDescription } from '../../vfs/file-description.js';
import type { Caller, Inode } from '../../vfs/inode.js';
import { isOpaque, isWhiteout } from './layers.js';
import { OverlayDirectoryDescription } from './overlay-directory-description.js';
import type { OverlayFileSystem } from './overlay-file-system.js';
import { OverlayInode } from './overlay-inode.js';
import { WORK_NAME } from './upper-layer.js';

/** What the layers have under a name: filled by `#find`. One reference each. */
let foundUpper: Inode | null = null;
let foundLowers: Inode[] = [];

/** A directory of the overlay: the upper one, if there is one, merged with those below it. */
export class OverlayDirectory extends OverlayInode {
  /** The directories below, highest first; `lower` is the first of them. One reference each (that of the first is `lower`'s). */
  lowers: Inode[];

  /** Takes over one reference of each. */
  constructor(superBlock: OverlayFileSystem, ino: number, upper: Inode | null, lowers: Inode[]) {
    super(superBlock, ino, upper, lowers.length > 0 ? lowers[0] : null);
    this.lowers = lowers;
    this.nlink = this.countNames();
  }

  protected override countNames(): number {
    if (this.removed > 0) return 0;
    // A merged directory's number of subdirectories is not known without looking: 1 tells programs so (find, as in Linux's overlayfs).
    if (this.lowers === undefined || (this.upper !== null && this.lowers.length > 0) || this.lowers.length > 1) {
      return this.real.nlink === 0 ? 0 : 1;
    }
    return this.real.nlink;
  }

  /** The layers that are merged have changed. Takes over one reference of each. */
  setLowers(lowers: Inode[]): void {
    for (const lower of this.lowers) lower.decRef();
    this.lowers = lowers;
    this.lower = lowers.length > 0 ? lowers[0] : null;
  }

  // -- Looking up.

  /** Finds `name` in the layers: 0 (`foundUpper`, `foundLowers`), or -ENOENT, or another -errno. For a file there is just one of them. */
  #find(name: string): number {
    const { superBlock } = this;
    foundUpper = null;
    foundLowers = [];
    if (this.upper !== null) {
      if (name === WORK_NAME && this.parent === null) return -ENOENT;
      const upper = superBlock.upperLayer.find(this.upper, name);
      if (upper === null) return -ENOENT;
      if (typeof upper !== 'number') {
        foundUpper = upper;
        if (!upper.isDirectory) return 0;
        const moved = superBlock.movedLowers(upper);
        if (moved !== null) {
          foundLowers = moved;
          return 0;
        }
        if (this.lowers.length === 0 || isOpaque(superBlock.layerCaller, upper)) return 0;
      } else if (upper !== -ENOENT) return upper;
    }
    return this.#findLower(name);
  }

  /** The part of `#find` below the upper layer: adds to what was found there. */
  #findLower(name: string): number {
    const caller = this.superBlock.layerCaller;
    const { lowers } = this;
    for (let i = 0; i < lowers.length; i++) {
      const found = lowers[i].lookup(caller, name);
      if (typeof found === 'number') {
        if (found === -ENOENT) continue;
        if (foundUpper !== null || foundLowers.length > 0) break;
        return found;
      }
      const merged = foundUpper !== null || foundLowers.length > 0;
      if (isWhiteout(found) || (merged && !found.isDirectory)) {
        found.decRef();
        break;
      }
      foundLowers.push(found);
      if (!found.isDirectory || (i + 1 < lowers.length && isOpaque(caller, found))) break;
    }
    return foundUpper === null && foundLowers.length === 0 ? -ENOENT : 0;
  }

  override lookup(_caller: Caller, name: string): Inode | number {
    const result = this.#find(name);
    return result < 0 ? result : this.superBlock.adopt(foundUpper, foundLowers, this, name);
  }

  /**
   * Whether `child` still is what the layers have. What is in memory does not change by itself; of a host directory the entry is asked for (which may be
   * answered from its cache). Everything but the common cases looks the name up again.
   */
  override revalidate(caller: Caller, name: string, child: Inode | null): number {
    if (child === null) return 0;
    const inode = child as OverlayInode;
    const { upperLayer } = this.superBlock;
    if (this.lowers.length <= 1 && inode.name === name && inode.parent === this && !upperLayer.superBlock.revalidates) {
      const upper = this.upper === null ? -ENOENT : upperLayer.find(this.upper, name);
      if (upper === null) return 0;
      if (typeof upper !== 'number') {
        upper.decRef();
        if (upper !== inode.upper) return 0;
        if (!inode.isDirectory || (inode as OverlayDirectory).lowers.length === 0 || this.lowers.length === 0) return 1;
      } else if (upper !== -ENOENT) return upper;
      else if (this.lowers.length === 0) return 0;
      const { lower } = inode;
      if (lower === null) return 0;
      const valid = this.superBlock.isMoved(inode) ? 1 : this.lowers[0].revalidate(caller, name, lower);
      if (valid === 1) inode.sync();
      return valid;
    }
    const found = this.lookup(caller, name);
    if (typeof found === 'number') return found === -ENOENT ? 0 : found;
    found.decRef();
    return found === child ? 1 : 0;
  }

  override open(_caller: Caller, flags: number): FileDescription | number {
    return new OverlayDirectoryDescription(flags, this);
  }

  /** Whether a lower layer shows `name` here: then removing it takes a whiteout. */
  #lowerHas(name: string): boolean {
    foundUpper = null;
    foundLowers = [];
    const result = this.#findLower(name);
    for (const lower of foundLowers) lower.decRef();
    return result === 0;
  }

  // -- Making.

  protected override makeCopy(_caller: Caller, _limit: number): number {
    const { superBlock, parent } = this;
    if (parent === null) return -ENOENT;
    const caller = superBlock.layerCaller;
    const upper = parent.upper!.mkdir(caller, this.name, S_IFDIR | (this.mode & 0o1777));
    if (typeof upper === 'number') return upper;
    this.copyAttributesTo(upper);
    this.setUpper(upper);
    return 0;
  }

  /** Makes an object in the upper directory, in the place of a whiteout if there is one. */
  #make(caller: Caller, name: string, make: (directory: Inode) => Inode | number): Inode | number {
    const { upperLayer } = this.superBlock;
    if (name === WORK_NAME && this.parent === null) return -EPERM;
    if (this.nlink === 0) return -ENOENT;
    const copied = this.copyUp(caller);
    if (copied < 0) return copied;
    const upper = this.upper!;
    const hidden = upperLayer.removeWhiteout(upper, name);
    if (typeof hidden === 'number') return hidden;
    const made = make(upper);
    if (typeof made === 'number') {
      if (hidden) upperLayer.makeWhiteout(upper, name);
      return made;
    }
    this.sync();
    // Not merged with what the host may put below it later.
    if (made.isDirectory && this.lowers.length > 0) upperLayer.makeOpaque(made);
    return this.superBlock.adopt(made, [], this, name);
  }

  override create(caller: Caller, name: string, mode: number): Inode | number {
    return this.#make(caller, name, (upper) => upper.create(caller, name, mode));
  }
  override mkdir(caller: Caller, name: string, mode: number): Inode | number {
    return this.#make(caller, name, (upper) => upper.mkdir(caller, name, mode));
  }
  override mknod(caller: Caller, name: string, mode: number, rdev: number): Inode | number {
    if ((mode & S_IFMT) === S_IFCHR && rdev === 0) return -EPERM;
    return this.#make(caller, name, (upper) => upper.mknod(caller, name, mode, rdev));
  }
  override symlink(caller: Caller, name: string, target: string): Inode | number {
    return this.#make(caller, name, (upper) => upper.symlink(caller, name, target));
  }
  override createTemporary(caller: Caller, mode: number): Inode | number {
    if (this.nlink === 0) return -ENOENT;
    const copied = this.copyUp(caller);
    if (copied < 0) return copied;
    const made = this.upper!.createTemporary(caller, mode);
    return typeof made === 'number' ? made : this.superBlock.adopt(made, [], null, '');
  }

  override link(caller: Caller, name: string, inode: Inode): number {
    const source = inode as OverlayInode;
    const { superBlock } = this;
    const { upperLayer } = superBlock;
    if (this.nlink === 0) return -ENOENT;
    let result = source.copyUp(caller);
    if (result === 0) result = this.copyUp(caller);
    if (result < 0) return result;
    const upper = this.upper!;
    const hidden = upperLayer.removeWhiteout(upper, name);
    if (typeof hidden === 'number') return hidden;
    result = upper.link(caller, name, source.upper!);
    if (result < 0) {
      if (hidden) upperLayer.makeWhiteout(upper, name);
      return result;
    }
    superBlock.nameAdded(source);
    source.setPlace(this, name);
    source.sync();
    this.sync();
    return 0;
  }

  // -- Removing.

  override unlink(caller: Caller, name: string, inode: Inode): number {
    return this.#remove(caller, name, inode as OverlayInode);
  }
  override rmdir(caller: Caller, name: string, inode: Inode): number {
    const directory = inode as OverlayDirectory;
    const empty = directory.#prepareRemoval();
    return empty < 0 ? empty : this.#remove(caller, name, directory);
  }

  /** -ENOTEMPTY, or makes the upper part empty: it may hold whiteouts. */
  #prepareRemoval(): number {
    const { superBlock, upper } = this;
    const entries = superBlock.list(this, 1);
    if (typeof entries === 'number') return entries;
    if (entries.length > 0) return -ENOTEMPTY;
    if (upper === null) return 0;
    const left = superBlock.listUpper(upper);
    if (typeof left === 'number') return left;
    for (const entry of left) {
      const result = superBlock.upperLayer.removeWhiteout(upper, entry.name);
      if (typeof result === 'number') return result;
      if (!result) return -ENOTEMPTY;
    }
    return 0;
  }

  #remove(caller: Caller, name: string, inode: OverlayInode): number {
    const { superBlock } = this;
    const { upperLayer } = superBlock;
    const covers = this.#lowerHas(name);
    if (covers) {
      const copied = this.copyUp(caller);
      if (copied < 0) return copied;
    }
    const directory = this.upper;
    if (directory === null) return -ENOENT;
    const found = upperLayer.find(directory, name);
    if (typeof found === 'number' && found !== -ENOENT) return found;
    const upper = typeof found === 'number' ? null : found;
    let result = 0;
    if (covers) result = upperLayer.cover(directory, name, upper);
    else if (upper !== null) result = upper.isDirectory ? directory.rmdir(caller, name, upper) : directory.unlink(caller, name, upper);
    upper?.decRef();
    if (result < 0) return result;
    this.sync();
    superBlock.nameRemoved(inode);
    if (inode.parent === this && inode.name === name) inode.setPlace(null, '');
    inode.sync();
    if (inode.isDirectory) inode.nlink = 0;
    return 0;
  }

  // -- Renaming.

  override rename(
    caller: Caller,
    name: string,
    inode: Inode,
    newDirectory: Inode,
    newName: string,
    target: Inode | null,
    flags: number,
  ): number {
    if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE)) !== 0) return -EINVAL;
    const moved = inode as OverlayInode;
    const to = newDirectory as OverlayDirectory;
    const replaced = target as OverlayInode | null;
    if (newName === WORK_NAME && to.parent === null) return -EPERM;
    if (to.nlink === 0) return -ENOENT;
    if ((flags & RENAME_EXCHANGE) !== 0) return this.#exchange(caller, name, moved, to, newName, replaced!);
    const covers = this.#lowerHas(name);
    const { superBlock } = this;
    let result = this.copyUp(caller);
    if (result === 0) result = to.copyUp(caller);
    if (result === 0) result = moved.copyUp(caller);
    if (result === 0) result = this.#ensureUpperName(caller, name, moved);
    if (result === 0 && replaced instanceof OverlayDirectory) result = replaced.#prepareRemoval();
    if (result === 0) result = superBlock.detach(moved);
    if (result < 0) return result;

    const upperTarget = superBlock.upperLayer.find(to.upper!, newName);
    let hidden = false;
    let object: Inode | null = null;
    if (upperTarget === null) {
      const removed = superBlock.upperLayer.removeWhiteout(to.upper!, newName);
      if (typeof removed === 'number') return removed;
      hidden = removed;
    } else if (typeof upperTarget !== 'number') object = upperTarget;
    else if (upperTarget !== -ENOENT) return upperTarget;
    // Where the layer can do both at once, the old name is never seen uncovered.
    const atOnce = covers && superBlock.upperLayer.renamesWithWhiteout;
    result = this.upper!.rename(caller, name, moved.upper!, to.upper!, newName, object, atOnce ? RENAME_WHITEOUT : 0);
    object?.decRef();
    if (result < 0) {
      if (hidden) superBlock.upperLayer.makeWhiteout(to.upper!, newName);
      return result;
    }
    if (covers && !atOnce) {
      result = superBlock.upperLayer.makeWhiteout(this.upper!, name);
      if (result < 0) {
        // Without the whiteout the old name would show what is below: undone, as far as possible.
        to.upper!.rename(caller, newName, moved.upper!, this.upper!, name, null, 0);
        return result;
      }
    }
    if (replaced !== null) {
      superBlock.nameRemoved(replaced);
      if (replaced.parent === to && replaced.name === newName) replaced.setPlace(null, '');
      replaced.sync();
      if (replaced.isDirectory) replaced.nlink = 0;
    }
    moved.setPlace(to, newName);
    moved.sync();
    this.sync();
    to.sync();
    return 0;
  }

  /** A file that was copied up under another of its names has none here yet. */
  #ensureUpperName(caller: Caller, name: string, inode: OverlayInode): number {
    const found = this.superBlock.upperLayer.find(this.upper!, name);
    if (found === null) return -EIO;
    if (typeof found !== 'number') {
      found.decRef();
      return 0;
    }
    return found === -ENOENT ? this.upper!.link(caller, name, inode.upper!) : found;
  }

  #exchange(caller: Caller, name: string, moved: OverlayInode, to: OverlayDirectory, newName: string, other: OverlayInode): number {
    const { superBlock } = this;
    let result = this.copyUp(caller);
    if (result === 0) result = to.copyUp(caller);
    for (const inode of [moved, other]) if (result === 0) result = inode.copyUp(caller);
    if (result === 0) result = this.#ensureUpperName(caller, name, moved);
    if (result === 0) result = to.#ensureUpperName(caller, newName, other);
    for (const inode of [moved, other]) if (result === 0) result = superBlock.detach(inode);
    if (result === 0) result = this.upper!.rename(caller, name, moved.upper!, to.upper!, newName, other.upper!, RENAME_EXCHANGE);
    if (result < 0) return result;
    moved.setPlace(to, newName);
    other.setPlace(this, name);
    for (const inode of [moved, other, this, to]) inode.sync();
    return 0;
  }

  protected override evict(): void {
    for (let i = 1; i < this.lowers.length; i++) this.lowers[i].decRef();
    super.evict();
  }
}
