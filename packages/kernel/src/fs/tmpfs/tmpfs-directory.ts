import { EINVAL, ENOENT, ENOTEMPTY, RENAME_EXCHANGE, RENAME_NOREPLACE, RENAME_WHITEOUT, S_IFCHR, S_IFMT, S_IFREG } from '@sbx/abi';
import type { Task } from '../../task/task.js';
import { fileAccessed } from '../../vfs/attributes.js';
import { ownString } from '../../vfs/dentry.js';
import { DirectoryDescription, type DirectoryEmitter, directoryEntryType } from '../../vfs/directory.js';
import type { FileDescription } from '../../vfs/file-description.js';
import { type Caller, type Inode, initOwner } from '../../vfs/inode.js';
import type { TmpfsSuperBlock } from './tmpfs.js';
import { TmpfsFile } from './tmpfs-file.js';
import { symlinkCharge, TmpfsInode, TmpfsSymlink } from './tmpfs-inode.js';

/** What an entry counts for in a directory's size, as in Linux. */
const ENTRY_SIZE = 20;
/** Positions 0 and 1 are "." and "..". */
const FIRST_COOKIE = 2;

/** A name. */
class Entry {
  constructor(
    readonly name: string,
    /** Null after removal: an open directory may still stand at the entry. */
    public inode: TmpfsInode | null,
    /** Position for readdir: grows with each new entry and is never reused, so that positions stay valid while names come and go. */
    readonly cookie: number,
  ) {}
}

/** A directory in tmpfs. */
export class TmpfsDirectory extends TmpfsInode {
  /** In the order of cookies. */
  readonly entries = new Map<string, Entry>();
  #nextCookie = FIRST_COOKIE;

  constructor(superBlock: TmpfsSuperBlock, ino: number, mode: number) {
    super(superBlock, ino, mode);
    this.nlink = 2;
    this.size = 2 * ENTRY_SIZE;
  }

  override lookup(_caller: Caller, name: string): Inode | number {
    const entry = this.entries.get(name);
    if (entry === undefined) return -ENOENT;
    entry.inode!.incRef();
    return entry.inode!;
  }

  override create(caller: Caller, name: string, mode: number): Inode | number {
    return this.#make(caller, name, mode, 0);
  }
  override mknod(caller: Caller, name: string, mode: number, rdev: number): Inode | number {
    return this.#make(caller, name, mode, rdev);
  }
  override mkdir(caller: Caller, name: string, mode: number): Inode | number {
    const { superBlock } = this;
    const reserved = superBlock.reserveInode();
    if (reserved < 0) return reserved;
    const directory = new TmpfsDirectory(superBlock, superBlock.nextIno(), mode);
    initOwner(caller, this, directory);
    this.nlink++;
    return this.#enter(name, directory);
  }
  override symlink(caller: Caller, name: string, target: string): Inode | number {
    const { superBlock } = this;
    const reserved = superBlock.reserveInode();
    if (reserved < 0) return reserved;
    const charged = superBlock.chargeMetadata(symlinkCharge(target));
    if (charged < 0) {
      superBlock.releaseInode();
      return charged;
    }
    const link = new TmpfsSymlink(superBlock, superBlock.nextIno(), ownString(target));
    initOwner(caller, this, link);
    return this.#enter(name, link);
  }
  override link(_caller: Caller, name: string, inode: Inode): number {
    // A temporary file (O_TMPFILE) gets its first name: that is counted already.
    if (inode.nlink > 0) {
      const reserved = this.superBlock.reserveInode();
      if (reserved < 0) return reserved;
    }
    inode.nlink++;
    inode.setTimesToNow(false, false, true);
    inode.incRef();
    this.#add(name, inode as TmpfsInode);
    return 0;
  }
  override createTemporary(caller: Caller, mode: number): Inode | number {
    const inode = this.#newInode(caller, mode, 0);
    if (typeof inode !== 'number') inode.nlink = 0;
    return inode;
  }

  override unlink(_caller: Caller, name: string, inode: Inode): number {
    if (inode.nlink > 1) this.superBlock.releaseInode();
    this.#remove(name);
    inode.nlink--;
    inode.setTimesToNow(false, false, true);
    inode.decRef();
    return 0;
  }
  override rmdir(_caller: Caller, name: string, inode: Inode): number {
    const directory = inode as TmpfsDirectory;
    if (directory.entries.size > 0) return -ENOTEMPTY;
    this.#remove(name);
    this.nlink--;
    directory.nlink = 0;
    directory.setTimesToNow(false, false, true);
    directory.decRef();
    return 0;
  }

  override rename(
    caller: Caller,
    name: string,
    inode: Inode,
    newDirectory: Inode,
    newName: string,
    target: Inode | null,
    flags: number,
  ): number {
    if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) !== 0) return -EINVAL;
    const to = newDirectory as TmpfsDirectory;
    const moved = inode as TmpfsInode;
    if ((flags & RENAME_EXCHANGE) !== 0) {
      this.#exchange(name, moved, to, newName, target as TmpfsInode);
      return 0;
    }
    if (target?.isDirectory && (target as TmpfsDirectory).entries.size > 0) return -ENOTEMPTY;
    let whiteout: TmpfsInode | number | null = null;
    if ((flags & RENAME_WHITEOUT) !== 0) {
      whiteout = this.#newInode(caller, S_IFCHR, 0);
      if (typeof whiteout === 'number') return whiteout;
    }
    if (target !== null) {
      if (target.isDirectory) to.rmdir(caller, newName, target);
      else to.unlink(caller, newName, target);
    }
    this.#remove(name);
    to.#add(newName, moved);
    if (moved.isDirectory) {
      this.nlink--;
      to.nlink++;
    }
    if (whiteout !== null) this.#add(name, whiteout);
    moved.setTimesToNow(false, false, true);
    return 0;
  }

  override open(_caller: Caller, flags: number): FileDescription {
    return new TmpfsDirectoryDescription(flags);
  }

  /** The entry at which reading from `position` begins is the first of these that has a cookie not below it. */
  list(): IterableIterator<Entry> {
    return this.entries.values();
  }

  /** The file system goes: drops everything below this directory. */
  removeAll(): void {
    const pending: TmpfsDirectory[] = [this];
    for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
      for (const entry of directory.entries.values()) {
        const inode = entry.inode!;
        entry.inode = null;
        if (inode instanceof TmpfsDirectory) pending.push(inode);
        if (inode.nlink > 1 && !inode.isDirectory) this.superBlock.releaseInode();
        inode.nlink = inode.isDirectory ? 0 : inode.nlink - 1;
        inode.decRef();
      }
      directory.entries.clear();
    }
  }

  #make(caller: Caller, name: string, mode: number, rdev: number): Inode | number {
    const inode = this.#newInode(caller, mode, rdev);
    return typeof inode === 'number' ? inode : this.#enter(name, inode);
  }

  #newInode(caller: Caller, mode: number, rdev: number): TmpfsInode | number {
    const { superBlock } = this;
    const reserved = superBlock.reserveInode();
    if (reserved < 0) return reserved;
    const isFile = (mode & S_IFMT) === S_IFREG;
    const inode = isFile ? new TmpfsFile(superBlock, superBlock.nextIno(), mode) : new TmpfsInode(superBlock, superBlock.nextIno(), mode);
    inode.rdev = rdev;
    initOwner(caller, this, inode);
    return inode;
  }

  /** Enters a new inode, whose one reference becomes the entry's; the result carries another for the receiver. */
  #enter(name: string, inode: TmpfsInode): Inode {
    this.#add(name, inode);
    inode.incRef();
    return inode;
  }

  #add(name: string, inode: TmpfsInode): void {
    const own = ownString(name);
    this.entries.set(own, new Entry(own, inode, this.#nextCookie++));
    this.size += ENTRY_SIZE;
    this.setTimesToNow(false, true, true);
  }

  #remove(name: string): void {
    const entry = this.entries.get(name)!;
    entry.inode = null;
    this.entries.delete(name);
    this.size -= ENTRY_SIZE;
    this.setTimesToNow(false, true, true);
  }

  #exchange(name: string, mine: TmpfsInode, to: TmpfsDirectory, newName: string, theirs: TmpfsInode): void {
    this.entries.get(name)!.inode = theirs;
    to.entries.get(newName)!.inode = mine;
    const change = (theirs.isDirectory ? 1 : 0) - (mine.isDirectory ? 1 : 0);
    this.nlink += change;
    to.nlink -= change;
    for (const inode of [mine, theirs]) inode.setTimesToNow(false, false, true);
    for (const directory of [this, to]) directory.setTimesToNow(false, true, true);
  }
}

/** An open directory. */
class TmpfsDirectoryDescription extends DirectoryDescription {
  /** Where the last call stopped: valid while `position` is `#at`. Map iterators stand deletions and insertions. */
  #entries: IterableIterator<Entry> | null = null;
  #at = 0;
  /** The entry that did not fit, or null. */
  #held: Entry | null = null;

  override readDirectory(_task: Task, emitter: DirectoryEmitter): number {
    if (!this.emitDots(emitter)) return 0;
    if (this.#entries === null || this.#at !== this.position) {
      this.#entries = (this.inode as TmpfsDirectory).list();
      this.#held = null;
    }
    for (;;) {
      const entry: Entry | undefined = this.#held ?? this.#entries.next().value;
      this.#held = null;
      if (entry === undefined) {
        // At the end: what is added later has a cookie of its own and is found by a fresh iteration.
        this.#entries = null;
        break;
      }
      const inode = entry.inode;
      if (inode === null || entry.cookie < this.position) continue;
      if (!emitter.emit(entry.name, inode.ino, directoryEntryType(inode.mode), entry.cookie + 1)) {
        this.#held = entry;
        break;
      }
      this.position = entry.cookie + 1;
    }
    this.#at = this.position;
    fileAccessed(this);
    return 0;
  }
}
