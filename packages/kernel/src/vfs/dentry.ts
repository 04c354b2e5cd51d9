import { EAGAIN, ENAMETOOLONG, ENOENT, NAME_MAX } from '@sbx/abi';
import type { Caller, Inode } from './inode.js';
import type { Mount } from './mount.js';
import type { SuperBlock } from './super-block.js';

/**
 * A name in the tree of one file system, and what it names: the unit of the cache of names. Positive (has an inode) or negative ("no such name").
 *
 * References keep a dentry (and so its parents) alive: mounts, open descriptions, working and root directories, and cached children hold one each. One
 * without references stays cached until the cache wants its place. A path walk's result is valid until the next walk begins; whoever keeps it longer takes
 * a reference.
 */
export class Dentry {
  /** Null only at the root of a file system and for objects without a name. Changed by rename. */
  parent: Dentry | null;
  /** Byte string. Changed by rename. */
  name: string;
  /** Owned: one reference. */
  inode: Inode | null;
  /** Cached names below, or null. */
  children: Map<string, Dentry> | null = null;
  /** Mounts on top of this dentry (in any mount's tree), or null. */
  mounts: Mount[] | null = null;
  /** The name was removed; the object may still be in use. */
  unlinked = false;
  /** Found by lookups: in `parent.children`. */
  hashed = false;
  /** Used since the cache last looked (second chance). */
  recent = false;
  references = 0;
  lruNext: Dentry | null = null;
  lruPrevious: Dentry | null = null;
  inLru = false;

  constructor(
    readonly cache: DentryCache,
    readonly superBlock: SuperBlock,
    parent: Dentry | null,
    name: string,
    inode: Inode | null,
  ) {
    this.parent = parent;
    this.name = name;
    this.inode = inode;
  }

  /** @hotpath */
  incRef(): void {
    if (this.references++ === 0 && this.inLru) this.cache.lruRemove(this);
  }
  /** @hotpath */
  decRef(): void {
    if (--this.references === 0) this.cache.unused(this);
  }
  /** Whether `this` is `ancestor` or below it (in the same file system). */
  isWithin(ancestor: Dentry): boolean {
    for (let d: Dentry | null = this; d !== null; d = d.parent) if (d === ancestor) return true;
    return false;
  }
}

/** The cache of names. */
export class DentryCache {
  #first: Dentry | null = null;
  #last: Dentry | null = null;
  #unused = 0;

  /** @param limit - how many unreferenced dentries stay cached */
  constructor(readonly limit = 16384) {}

  /** How many unreferenced dentries are cached. */
  get unusedCount(): number {
    return this.#unused;
  }

  /** The root dentry of a file system, or one for an object without a name. Takes over one reference of `inode`; the caller owns the dentry's only one. */
  makeRoot(inode: Inode, name = '/'): Dentry {
    const dentry = new Dentry(this, inode.superBlock, null, name, inode);
    dentry.references = 1;
    return dentry;
  }

  /**
   * The positive child `name` of `parent`, asking the file system where the cache does not know; or -ENOENT, -ENAMETOOLONG, PENDING, ….
   * `cachedOnly`: -EAGAIN instead of asking (RESOLVE_CACHED).
   * @hotpath
   */
  lookup(caller: Caller, parent: Dentry, name: string, cachedOnly: boolean): Dentry | number {
    const cached = parent.children === null ? undefined : parent.children.get(name);
    if (cached !== undefined) {
      if (!parent.superBlock.revalidates) {
        cached.recent = true;
        return cached.inode === null ? -ENOENT : cached;
      }
      if (cachedOnly) return -EAGAIN;
      const valid = parent.inode!.revalidate(caller, name, cached.inode);
      if (valid < 0) return valid;
      if (valid > 0) {
        cached.recent = true;
        return cached.inode === null ? -ENOENT : cached;
      }
      this.invalidate(cached);
    }
    if (name.length > NAME_MAX) return -ENAMETOOLONG;
    if (parent.unlinked && !parent.superBlock.revalidates) return -ENOENT;
    if (cachedOnly) return -EAGAIN;
    const inode = parent.inode!.lookup(caller, name);
    if (typeof inode === 'number') {
      if (inode === -ENOENT && parent.superBlock.cachesNegative && !parent.superBlock.revalidates) this.add(parent, name, null);
      return inode;
    }
    return this.add(parent, name, inode);
  }

  /** The cached child `name`, positive or negative, or null; asks nobody. */
  peek(parent: Dentry, name: string): Dentry | null {
    return parent.children?.get(name) ?? null;
  }

  /**
   * Puts a child into the cache, over a negative one if there is. Takes over one reference of `inode`. Also what a file system uses to announce what it has
   * at hand (readdir-plus).
   */
  add(parent: Dentry, name: string, inode: Inode | null): Dentry {
    const children = (parent.children ??= new Map());
    const old = children.get(name);
    if (old !== undefined) {
      if (old.inode === null) {
        old.inode = inode;
        return old;
      }
      this.invalidate(old);
    }
    // A directory may show an object of another file system (HostDirectory.show).
    const dentry = new Dentry(this, inode?.superBlock ?? parent.superBlock, parent, ownString(name), inode);
    children.set(dentry.name, dentry);
    dentry.hashed = true;
    parent.incRef();
    this.#lruAdd(dentry);
    return dentry;
  }

  /** A dentry for an object without a name in `parent` (O_TMPFILE): shown as `name` (deleted), never found. Takes over one reference of `inode`. */
  addNameless(parent: Dentry, name: string, inode: Inode): Dentry {
    const dentry = new Dentry(this, parent.superBlock, parent, name, inode);
    dentry.unlinked = true;
    parent.incRef();
    return dentry;
  }

  /** The name was removed by unlink, rmdir or a rename over it: lookups no longer find it. */
  removed(dentry: Dentry): void {
    dentry.unlinked = true;
    this.#unhash(dentry);
    if (dentry.references === 0) {
      if (dentry.inLru) this.lruRemove(dentry);
      this.#dispose(dentry);
    }
  }

  /** The cached name is no longer true (changed behind our back): as `removed`. Mounts on it stay where they are, unreachable. */
  invalidate(dentry: Dentry): void {
    this.removed(dentry);
  }

  /** Forgets a negative entry for `name`, because the name was made by other means. */
  forget(parent: Dentry, name: string): void {
    const dentry = parent.children?.get(name);
    if (dentry !== undefined && dentry.inode === null) this.removed(dentry);
  }

  /** `dentry` was renamed to `name` in `parent`; what was there is `removed` already. */
  moved(dentry: Dentry, parent: Dentry, name: string): void {
    const oldParent = dentry.parent!;
    this.forget(parent, name);
    const wasHashed = dentry.hashed;
    this.#unhash(dentry);
    dentry.name = ownString(name);
    dentry.parent = parent;
    parent.incRef();
    if (wasHashed) this.#hash(dentry);
    oldParent.decRef();
  }

  /** The two names were exchanged. */
  exchanged(a: Dentry, b: Dentry): void {
    this.#unhash(a);
    this.#unhash(b);
    const parent = a.parent;
    const name = a.name;
    a.parent = b.parent;
    a.name = b.name;
    b.parent = parent;
    b.name = name;
    this.#hash(a);
    this.#hash(b);
  }

  /** Gives back unreferenced dentries beyond the limit. Called where no walk's result is held: at the begin of a walk. @hotpath */
  shrink(): void {
    if (this.#unused > this.limit) this.#evict(this.#unused - this.limit + 64);
  }

  /** Drops all that can be dropped (drop_caches; before a save; umount). */
  clear(superBlock: SuperBlock | null = null): void {
    // Children keep their parents referenced: each pass frees the leaves of the one before.
    for (let again = true; again; ) {
      again = false;
      let dentry = this.#first;
      while (dentry !== null) {
        const next: Dentry | null = dentry.lruNext;
        if (superBlock === null || dentry.superBlock === superBlock) {
          this.lruRemove(dentry);
          this.#dispose(dentry);
          again = true;
        }
        // Disposal adds at the end only and removes nothing but `dentry`.
        dentry = next;
      }
    }
  }

  /** The last reference of `dentry` is gone. @hotpath */
  unused(dentry: Dentry): void {
    if (dentry.hashed) this.#lruAdd(dentry);
    else this.#dispose(dentry);
  }

  lruRemove(dentry: Dentry): void {
    if (dentry.lruPrevious === null) this.#first = dentry.lruNext;
    else dentry.lruPrevious.lruNext = dentry.lruNext;
    if (dentry.lruNext === null) this.#last = dentry.lruPrevious;
    else dentry.lruNext.lruPrevious = dentry.lruPrevious;
    dentry.lruNext = dentry.lruPrevious = null;
    dentry.inLru = false;
    this.#unused--;
  }

  #lruAdd(dentry: Dentry): void {
    dentry.lruPrevious = this.#last;
    if (this.#last === null) this.#first = dentry;
    else this.#last.lruNext = dentry;
    this.#last = dentry;
    dentry.inLru = true;
    this.#unused++;
  }

  #hash(dentry: Dentry): void {
    const parent = dentry.parent!;
    parent.children ??= new Map();
    parent.children.set(dentry.name, dentry);
    dentry.hashed = true;
  }

  #unhash(dentry: Dentry): void {
    if (!dentry.hashed) return;
    dentry.parent!.children!.delete(dentry.name);
    dentry.hashed = false;
  }

  #evict(count: number): void {
    // Bounded: each entry is passed over at most once for its second chance.
    let left = count + this.#unused;
    while (count > 0 && left-- > 0 && this.#first !== null) {
      const dentry: Dentry = this.#first;
      this.lruRemove(dentry);
      if (dentry.recent) {
        dentry.recent = false;
        this.#lruAdd(dentry);
        continue;
      }
      this.#dispose(dentry);
      count--;
    }
  }

  /** An unreferenced dentry that is not in the list any more: its inode and its parent lose a reference; parents may follow. */
  #dispose(dentry: Dentry): void {
    for (;;) {
      this.#unhash(dentry);
      const inode = dentry.inode;
      dentry.inode = null;
      if (inode !== null) {
        if (inode.nlink === 0) inode.watches?.deleted();
        inode.decRef();
      }
      const parent: Dentry | null = dentry.parent;
      if (parent === null || --parent.references > 0) return;
      if (parent.hashed) {
        this.#lruAdd(parent);
        return;
      }
      dentry = parent;
    }
  }
}

/** A copy of a name that does not keep a longer string (the path that it was cut from) alive. */
export function ownString(name: string): string {
  return name.length < 13 ? name : Buffer.from(name, 'latin1').toString('latin1');
}
