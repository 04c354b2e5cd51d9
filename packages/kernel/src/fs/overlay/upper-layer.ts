import { EEXIST, ENOENT, RENAME_EXCHANGE, S_IFCHR, S_IFDIR, S_IFREG } from '@sbx/abi';
import type { Caller, Inode } from '../../vfs/inode.js';
import type { SuperBlock } from '../../vfs/super-block.js';
import { isWhiteout, makeOpaque } from './layers.js';

/** Directory at the root of an upper layer where copies are made that get their name when they are complete; programs don't see it. */
export const WORK_NAME = '.sbx-overlay-work';

/** A copy that is being made in the work directory. */
interface Work {
  readonly name: string;
}

/**
 * Changes in the upper layer that must not be seen half done: a copy appears under its name when it is complete. A file system with nameless files (tmpfs)
 * links them; another one (a host directory, where that takes a privilege) makes them in a work directory and renames them.
 */
export class UpperLayer {
  #work: Inode | null = null;
  #next = 0;
  readonly #named = new Map<Inode, Work>();
  readonly #namelessWorks: boolean;

  constructor(
    readonly superBlock: SuperBlock,
    private readonly getCaller: () => Caller,
  ) {
    this.#namelessWorks = superBlock.type === 'tmpfs';
  }

  /** RENAME_WHITEOUT works. */
  get renamesWithWhiteout(): boolean {
    return this.#namelessWorks;
  }

  /** A new empty file without a name, for a copy; carries one reference. */
  createWork(mode: number): Inode | number {
    const caller = this.getCaller();
    const kind = S_IFREG | (mode & 0o7777);
    if (this.#namelessWorks) return this.superBlock.root.createTemporary(caller, kind);
    const directory = this.#workDirectory();
    if (typeof directory === 'number') return directory;
    const name = `${process.pid}-${this.#next++}`;
    const inode = directory.create(caller, name, S_IFREG | 0o600);
    if (typeof inode !== 'number') this.#named.set(inode, { name });
    return inode;
  }

  /** Gives a complete copy its name. 0 or -errno. */
  publishWork(inode: Inode, directory: Inode, name: string): number {
    const caller = this.getCaller();
    if (this.#namelessWorks) return directory.link(caller, name, inode);
    const work = this.#named.get(inode)!;
    const result = this.#work!.rename(caller, work.name, inode, directory, name, null, 0);
    if (result === 0) this.#named.delete(inode);
    return result;
  }

  /** Gives a copy up, with its reference. */
  discardWork(inode: Inode): void {
    this.#unname(inode);
    inode.decRef();
  }
  /** A copy that gets no name (the file was removed while it was open): it lives as long as it is used. */
  keepNameless(inode: Inode): void {
    this.#unname(inode);
  }
  #unname(inode: Inode): void {
    const work = this.#named.get(inode);
    if (work === undefined) return;
    this.#named.delete(inode);
    this.#work!.unlink(this.getCaller(), work.name, inode);
  }

  #workDirectory(): Inode | number {
    if (this.#work !== null) return this.#work;
    const caller = this.getCaller();
    const { root } = this.superBlock;
    let directory = root.mkdir(caller, WORK_NAME, S_IFDIR | 0o700);
    if (directory === -EEXIST) directory = root.lookup(caller, WORK_NAME);
    if (typeof directory !== 'number') this.#work = directory;
    return directory;
  }

  /** What the upper directory has as `name`: an object (with a reference), null for a whiteout, -ENOENT, or another -errno. */
  find(directory: Inode, name: string): Inode | number | null {
    const found = directory.lookup(this.getCaller(), name);
    if (typeof found === 'number' || !isWhiteout(found)) return found;
    found.decRef();
    return null;
  }

  /** Removes the whiteout `name`, if there is one. Whether there was, or -errno. */
  removeWhiteout(directory: Inode, name: string): boolean | number {
    const found = directory.lookup(this.getCaller(), name);
    if (typeof found === 'number') return found === -ENOENT ? false : found;
    if (!isWhiteout(found)) {
      found.decRef();
      return false;
    }
    const result = directory.unlink(this.getCaller(), name, found);
    found.decRef();
    return result < 0 ? result : true;
  }
  /** Makes a whiteout `name`, where there is nothing. */
  makeWhiteout(directory: Inode, name: string): number {
    const made = directory.mknod(this.getCaller(), name, S_IFCHR, 0);
    if (typeof made === 'number') return made;
    made.decRef();
    return 0;
  }

  /**
   * Puts a whiteout in the place of `object`, which has the name now (a directory is empty), or of nothing. It is made first, so that a layer without room for
   * it stays as it is. 0 or -errno.
   */
  cover(directory: Inode, name: string, object: Inode | null): number {
    if (object === null) return this.makeWhiteout(directory, name);
    const caller = this.getCaller();
    // A name that no program can give: nobody sees it, for nothing else happens until it has been renamed.
    const place = this.#namelessWorks ? directory : this.#workDirectory();
    if (typeof place === 'number') return place;
    const temporary = this.#namelessWorks ? '/whiteout' : `whiteout-${process.pid}-${this.#next++}`;
    const whiteout = place.mknod(caller, temporary, S_IFCHR, 0);
    if (typeof whiteout === 'number') return whiteout;
    // On the host a directory can't be replaced by something else, only exchanged.
    const exchange = object.isDirectory && !this.#namelessWorks;
    let result = place.rename(caller, temporary, whiteout, directory, name, object, exchange ? RENAME_EXCHANGE : 0);
    if (result < 0) place.unlink(caller, temporary, whiteout);
    else if (exchange) result = place.rmdir(caller, temporary, object);
    whiteout.decRef();
    return result;
  }

  /** Marks a directory: what layers below have under its name is not merged with it. */
  makeOpaque(directory: Inode): number {
    return makeOpaque(this.getCaller(), directory);
  }

  dispose(): void {
    this.#work?.decRef();
    this.#work = null;
  }
}
