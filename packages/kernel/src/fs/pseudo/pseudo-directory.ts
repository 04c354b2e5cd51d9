import { ENOENT, EPERM, S_IFDIR } from '@sbx/abi';
import type { Task } from '../../task/task.js';
import { DirectoryDescription, type DirectoryEmitter, directoryEntryType } from '../../vfs/directory.js';
import type { FileDescription } from '../../vfs/file-description.js';
import type { Caller, Inode } from '../../vfs/inode.js';
import type { SuperBlock } from '../../vfs/super-block.js';
import { PseudoInode } from './pseudo-inode.js';

/** The number and mode of an entry, as readdir needs them; reused between entries. */
export class EntryInfo {
  name = '';
  ino = 0;
  mode = 0;
}

/** A directory whose entries are computed. Positions 0 and 1 are "." and ".."; the rest is up to `nextEntry`. */
export abstract class PseudoDirectory extends PseudoInode {
  constructor(superBlock: SuperBlock, ino: number, mode = 0o555) {
    super(superBlock, ino, S_IFDIR | mode);
    this.nlink = 2;
  }
  /**
   * Fills `out` with the first entry at or after `position` (2 and up): the position after it, 0 when there is none, or -errno. Positions are stable while
   * entries come and go.
   */
  abstract nextEntry(caller: Caller, position: number, out: EntryInfo): number;

  override open(_caller: Caller, flags: number): FileDescription | number {
    return new PseudoDirectoryDescription(flags);
  }
  override create(_caller: Caller, _name: string, _mode: number): Inode | number {
    return this.refusal;
  }
  override mkdir(_caller: Caller, _name: string, _mode: number): Inode | number {
    return this.refusal;
  }
  override mknod(_caller: Caller, _name: string, _mode: number, _rdev: number): Inode | number {
    return this.refusal;
  }
  override symlink(_caller: Caller, _name: string, _target: string): Inode | number {
    return this.refusal;
  }
  override link(_caller: Caller, _name: string, _inode: Inode): number {
    return this.refusal;
  }
  override rename(_caller: Caller, _name: string, _inode: Inode, _newDirectory: Inode, _newName: string, target: Inode | null): number {
    return target === null ? this.refusal : -EPERM;
  }
  /** What making a name gives: in proc a name that is not there can't even be looked up. */
  protected get refusal(): number {
    return this.superBlock.revalidates ? -ENOENT : -EPERM;
  }
}

const info = new EntryInfo();

class PseudoDirectoryDescription extends DirectoryDescription {
  override readDirectory(task: Task, emitter: DirectoryEmitter): number {
    if (!this.emitDots(emitter)) return 0;
    const directory = this.inode as PseudoDirectory;
    for (;;) {
      const next = directory.nextEntry(task, this.position, info);
      if (next <= 0) return next;
      if (!emitter.emit(info.name, info.ino, directoryEntryType(info.mode), next)) return 0;
      this.position = next;
    }
  }
}

/** A directory with fixed entries, which are made when somebody first looks. */
export class StaticDirectory extends PseudoDirectory {
  #entries: ReadonlyMap<string, Inode> | null = null;
  #list: readonly (readonly [string, Inode])[] = [];
  readonly #build: () => Iterable<readonly [string, Inode]>;

  constructor(superBlock: SuperBlock, ino: number, build: () => Iterable<readonly [string, Inode]>, mode = 0o555) {
    super(superBlock, ino, mode);
    this.#build = build;
  }

  get entries(): ReadonlyMap<string, Inode> {
    if (this.#entries === null) {
      this.#entries = new Map(this.#build());
      this.#list = [...this.#entries];
      for (const [, inode] of this.#list) if (inode.isDirectory) this.nlink++;
    }
    return this.#entries;
  }

  override lookup(_caller: Caller, name: string): Inode | number {
    const inode = this.entries.get(name);
    if (inode === undefined) return -ENOENT;
    inode.incRef();
    return inode;
  }
  override nextEntry(_caller: Caller, position: number, out: EntryInfo): number {
    const { size } = this.entries;
    if (position - 2 >= size) return 0;
    const [name, inode] = this.#list[position - 2];
    out.name = name;
    out.ino = inode.ino;
    out.mode = inode.mode;
    return position + 1;
  }
}
