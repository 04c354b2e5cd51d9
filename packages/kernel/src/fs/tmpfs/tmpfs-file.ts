import {
  EBUSY,
  EFAULT,
  EINTR,
  EINVAL,
  ENOMEM,
  ENOSPC,
  ENXIO,
  EOPNOTSUPP,
  EPERM,
  F_SEAL_FUTURE_WRITE,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  F_SEAL_WRITE,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  O_APPEND,
  PROT_WRITE,
} from '@sbx/abi';
import { MEMORY_TMPFS, type Memory } from '@sbx/platform';
import type { IoBuffer } from '../../io/io-buffer.js';
import type { Mappable, Mapping } from '../../mm/mappable.js';
import type { Task } from '../../task/task.js';
import { fileAccessed, removePrivileges } from '../../vfs/attributes.js';
import type { FileDescription } from '../../vfs/file-description.js';
import { ATTR_CTIME, ATTR_MTIME, ATTR_SIZE, type AttributeChange, type Caller } from '../../vfs/inode.js';
import { checkNewSize, RegularDescription, writeLimit } from '../../vfs/regular-file.js';
import { type Blocking, INTERRUPTED, type SyscallResult } from '../../wait/blocking.js';
import { FilePages, PAGE_SIZE } from './file-pages.js';
import type { TmpfsSuperBlock } from './tmpfs.js';
import { TmpfsInode } from './tmpfs-inode.js';

/** Most pages that are allocated at once: they follow each other in memory. */
const ALLOCATION_RUN = 64;
/** Pages that fallocate handles before it lets others run. */
const PIECE = 4096;

/**
 * A regular file in tmpfs: its pages lie in application memory, and mappings share them. Also a memory file (memfd_create).
 */
export class TmpfsFile extends TmpfsInode implements Mappable {
  readonly #memory: Memory;
  readonly #pages: FilePages;
  /** Address spaces that map the file. */
  readonly #mappings = new Set<Mapping>();
  /** F_SEAL_* of a memory file; F_SEAL_SEAL for all others. */
  seals = F_SEAL_SEAL;
  resolvedLength = 0;

  constructor(superBlock: TmpfsSuperBlock, ino: number, mode: number) {
    super(superBlock, ino, mode);
    this.#memory = superBlock.kernel.memory;
    this.#pages = new FilePages(this.#memory);
  }

  override open(_caller: Caller, flags: number): FileDescription {
    return new TmpfsFileDescription(flags, this);
  }

  override setAttributes(caller: Caller, change: AttributeChange): number {
    if ((change.valid & ATTR_SIZE) !== 0) {
      const old = this.size;
      if (change.size < old && (this.seals & F_SEAL_SHRINK) !== 0) return -EPERM;
      if (change.size > old && (this.seals & F_SEAL_GROW) !== 0) return -EPERM;
      this.resize(change.size);
      if (change.size !== old) change.valid |= ATTR_MTIME | ATTR_CTIME;
    }
    return super.setAttributes(caller, change);
  }

  /** Copies from the file at `position` into `io`; returns the bytes moved. @hotpath */
  readAt(io: IoBuffer, position: number): number {
    const begin = io.done;
    let left = Math.min(io.remaining, this.size - position);
    while (left > 0) {
      const page = Math.floor(position / PAGE_SIZE);
      const within = position - page * PAGE_SIZE;
      const wanted = Math.ceil((within + left) / PAGE_SIZE);
      const offset = this.#pages.find(page);
      let moved: number;
      let want: number;
      if (offset >= 0) {
        const run = wanted === 1 ? 1 : this.#pages.run(page, wanted);
        want = Math.min(left, run * PAGE_SIZE - within);
        moved = io.putMemory(this.#memory, offset + within, want);
      } else {
        want = Math.min(left, this.#pages.hole(page, wanted) * PAGE_SIZE - within);
        moved = io.zero(want);
      }
      position += moved;
      left -= moved;
      if (moved < want) break;
    }
    return io.done - begin;
  }

  /** Copies `count` bytes from `io` into the file at `position`, making pages: the bytes moved, or -ENOSPC, -ENOMEM, -EPERM (seals). @hotpath */
  writeAt(io: IoBuffer, position: number, count: number): number {
    if (this.seals !== F_SEAL_SEAL) {
      if ((this.seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) !== 0) return -EPERM;
      if ((this.seals & F_SEAL_GROW) !== 0) {
        // Pages that end inside the file may be written; the first that does not is refused.
        if (position + count > this.size) {
          const whole = Math.floor(this.size / PAGE_SIZE) * PAGE_SIZE;
          count = position < whole ? whole - position : 0;
          if (count <= 0) return -EPERM;
        }
      }
    }
    let done = 0;
    let error = 0;
    while (done < count) {
      const page = Math.floor(position / PAGE_SIZE);
      const within = position - page * PAGE_SIZE;
      const wanted = Math.ceil((within + count - done) / PAGE_SIZE);
      let offset = this.#pages.find(page);
      let run: number;
      if (offset < 0) {
        run = this.#allocate(page, wanted);
        if (run < 0) {
          error = run;
          break;
        }
        offset = this.#pages.find(page);
      } else run = wanted === 1 ? 1 : this.#pages.run(page, wanted);
      const want = Math.min(count - done, run * PAGE_SIZE - within);
      const moved = io.getMemory(this.#memory, offset + within, want);
      position += moved;
      done += moved;
      if (position > this.size) this.size = position;
      if (moved < want) {
        this.#dropBeyond(page, page + run);
        break;
      }
    }
    return done === 0 && error < 0 ? error : done;
  }

  /** After a fault in the middle of a write: pages that were made for the rest and lie behind the end go again. */
  #dropBeyond(first: number, end: number): void {
    const firstUnused = Math.max(first, Math.ceil(this.size / PAGE_SIZE));
    if (firstUnused < end) this.#drop(firstUnused, end);
  }

  /** Makes pages for the hole at `page`, at most `wanted`: how many, all contiguous in memory; or -ENOSPC, -ENOMEM. */
  #allocate(page: number, wanted: number): number {
    const pages = this.#pages;
    const { superBlock } = this;
    let count = wanted === 1 ? 1 : pages.hole(page, Math.min(wanted, ALLOCATION_RUN));
    if (superBlock.reservePages(count) < 0) {
      count = 1;
      if (superBlock.reservePages(1) < 0) return -ENOSPC;
    }
    let offset = this.#memory.allocate(count * PAGE_SIZE, MEMORY_TMPFS);
    if (offset < 0 && count > 1) {
      superBlock.releasePages(count - 1);
      count = 1;
      offset = this.#memory.allocate(PAGE_SIZE, MEMORY_TMPFS);
    }
    if (offset < 0) {
      superBlock.releasePages(count);
      return -ENOMEM;
    }
    for (let i = 0; i < count; i++) pages.set(page + i, offset + i * PAGE_SIZE);
    this.blocks = pages.count * (PAGE_SIZE / 512);
    return count;
  }

  /** Frees the pages `first..end` (end exclusive). */
  #drop(first: number, end: number): void {
    const removed = this.#pages.remove(first, end);
    if (removed === 0) return;
    this.superBlock.releasePages(removed);
    this.blocks = this.#pages.count * (PAGE_SIZE / 512);
  }

  /** Sets the size; contents behind the new end are gone, also from mappings. */
  resize(size: number): void {
    const old = this.size;
    this.size = size;
    if (size >= old) return;
    this.#zeroPart(size, Math.ceil(size / PAGE_SIZE) * PAGE_SIZE);
    const first = Math.ceil(size / PAGE_SIZE);
    this.#drop(first, Number.POSITIVE_INFINITY);
    const end = Math.ceil(old / PAGE_SIZE);
    if (end > first) this.#invalidate(first * PAGE_SIZE, (end - first) * PAGE_SIZE, true);
  }

  /** Clears bytes inside one page, where it is present. */
  #zeroPart(begin: number, end: number): void {
    if (begin >= end) return;
    const page = Math.floor(begin / PAGE_SIZE);
    const offset = this.#pages.find(page);
    if (offset >= 0) this.#memory.bytes(offset + (begin - page * PAGE_SIZE), end - begin).fill(0);
  }

  #invalidate(offset: number, length: number, evenCopies: boolean): void {
    for (const mapping of this.#mappings) mapping.invalidate(offset, length, evenCopies);
  }

  /** Makes a hole: whole pages go, parts of pages are cleared. */
  punch(begin: number, end: number): void {
    const first = Math.ceil(begin / PAGE_SIZE);
    const last = Math.floor(end / PAGE_SIZE);
    if (first > last) {
      this.#zeroPart(begin, end);
      return;
    }
    this.#zeroPart(begin, first * PAGE_SIZE);
    this.#zeroPart(last * PAGE_SIZE, end);
    if (first === last) return;
    this.#drop(first, last);
    this.#invalidate(first * PAGE_SIZE, (last - first) * PAGE_SIZE, false);
  }

  /** Makes all pages of `first..end` that are missing; returns where it stopped, or -ENOSPC, -ENOMEM. */
  fill(first: number, end: number): number {
    let page = first;
    while (page < end) {
      if (this.#pages.find(page) >= 0) {
        page++;
        continue;
      }
      const count = this.#allocate(page, end - page);
      if (count < 0) return count;
      page += count;
    }
    return page;
  }
  /** Undoes `fill`: gives back pages of `first..end`, for a call that fails in the middle. Pages that were there before stay. */
  unfill(first: number, end: number): void {
    this.#drop(first, end);
  }

  nextData(offset: number): number {
    const page = Math.floor(offset / PAGE_SIZE);
    const next = this.#pages.nextPresent(page);
    if (next < 0 || next * PAGE_SIZE >= this.size) return -ENXIO;
    return Math.max(offset, next * PAGE_SIZE);
  }
  nextHole(offset: number): number {
    const hole = this.#pages.nextHole(Math.floor(offset / PAGE_SIZE)) * PAGE_SIZE;
    return Math.min(this.size, Math.max(offset, hole));
  }

  // -- Mappable.

  resolvePages(offset: number, length: number, _write: boolean): number {
    if (offset >= this.size) return -EFAULT;
    const page = offset / PAGE_SIZE;
    const wanted = Math.ceil(Math.min(length, this.size - offset) / PAGE_SIZE);
    let found = this.#pages.find(page);
    let run: number;
    if (found < 0) {
      // A mapping that is only looked at costs what is looked at: one page, as in Linux.
      run = this.#allocate(page, 1);
      if (run < 0) return run === -ENOSPC ? -EFAULT : run;
      found = this.#pages.find(page);
    } else run = this.#pages.run(page, wanted);
    this.resolvedLength = run * PAGE_SIZE;
    return found;
  }
  addMapping(mapping: Mapping): void {
    this.#mappings.add(mapping);
  }
  removeMapping(mapping: Mapping): void {
    this.#mappings.delete(mapping);
  }
  writeBack(_offset: number, _length: number): number {
    return 0;
  }
  isResident(offset: number): boolean {
    return this.#pages.find(Math.floor(offset / PAGE_SIZE)) >= 0;
  }
  punchHole(offset: number, length: number): number {
    if ((this.seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) !== 0) return -EPERM;
    this.punch(offset, Math.min(offset + length, Math.ceil(this.size / PAGE_SIZE) * PAGE_SIZE));
    return 0;
  }
  /** Whether programs may store to the file through mappings. */
  get isSharedWritable(): boolean {
    for (const mapping of this.#mappings) if (mapping.isSharedWritable?.() ?? false) return true;
    return false;
  }

  protected override evict(): void {
    this.#drop(0, Number.POSITIVE_INFINITY);
    super.evict();
  }
}

/** An open regular file of tmpfs. */
export class TmpfsFileDescription extends RegularDescription {
  constructor(
    flags: number,
    readonly file: TmpfsFile,
  ) {
    super(flags);
  }

  /** @hotpath */
  override read(_task: Task, io: IoBuffer, offset: number): number {
    const position = offset < 0 ? this.position : offset;
    this.file.readAt(io, position);
    const result = io.result;
    if (result > 0 && offset < 0) this.position = position + result;
    fileAccessed(this);
    return result;
  }

  /** @hotpath */
  override write(task: Task, io: IoBuffer, offset: number): number {
    if (io.remaining === 0) return 0;
    const { file } = this;
    let position = offset < 0 ? this.position : offset;
    if ((this.flags & O_APPEND) !== 0) position = file.size;
    const count = writeLimit(task, position, io.remaining);
    if (count < 0) return count;
    if ((file.mode & 0o6000) !== 0) {
      const removed = removePrivileges(task, this.dentry!);
      if (removed < 0) return removed;
    }
    const before = io.done;
    const error = file.writeAt(io, position, count);
    const done = io.done - before;
    if (done > 0) {
      file.setTimesToNow(false, true, true);
      if (offset < 0) this.position = position + done;
      return done;
    }
    return error < 0 ? error : io.result;
  }

  override mappable(_task: Task, prot: number, shared: boolean): Mappable | number {
    const { seals } = this.file;
    if (shared && this.writable && (seals & F_SEAL_WRITE) !== 0) return -EPERM;
    if (shared && (prot & PROT_WRITE) !== 0 && (seals & F_SEAL_FUTURE_WRITE) !== 0) return -EPERM;
    return this.file;
  }
  override fsync(_task: Task, _dataOnly: boolean): number {
    return 0;
  }
  protected override nextData(offset: number): number {
    return this.file.nextData(offset);
  }
  protected override nextHole(offset: number): number {
    return this.file.nextHole(offset);
  }

  override allocate(task: Task, mode: number, offset: number, length: number): SyscallResult {
    const { file } = this;
    if ((mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE)) !== 0) return -EOPNOTSUPP;
    if ((mode & FALLOC_FL_PUNCH_HOLE) !== 0) {
      if ((file.seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) !== 0) return -EPERM;
      file.punch(offset, Math.min(offset + length, Math.ceil(file.size / PAGE_SIZE) * PAGE_SIZE));
      return 0;
    }
    const end = offset + length;
    const limit = checkNewSize(task, file.size, end);
    if (limit < 0) return limit;
    if ((file.seals & F_SEAL_GROW) !== 0 && end > file.size) return -EPERM;
    const first = Math.floor(offset / PAGE_SIZE);
    const last = Math.ceil(end / PAGE_SIZE);
    if (last - first > file.superBlock.maxPages) return -ENOSPC;
    return last - first <= PIECE ? this.#fill(first, last, mode, end) : this.#fillInPieces(task, first, last, mode, end);
  }

  #fill(first: number, last: number, mode: number, end: number): number {
    const { file } = this;
    const result = file.fill(first, last);
    if (result < 0) {
      file.unfill(Math.max(first, Math.ceil(file.size / PAGE_SIZE)), last);
      return result;
    }
    if ((mode & FALLOC_FL_KEEP_SIZE) === 0 && end > file.size) file.resize(end);
    file.setTimesToNow(false, false, true);
    return 0;
  }

  *#fillInPieces(task: Task, first: number, last: number, mode: number, end: number): Blocking {
    this.incRef();
    let result = 0;
    for (let page = first; page < last; page += PIECE) {
      result = this.#fill(page, Math.min(page + PIECE, last), mode | FALLOC_FL_KEEP_SIZE, end);
      if (result < 0) break;
      if ((yield task.wait.until(task.kernel.clock.monotonic())) === INTERRUPTED) {
        result = -EINTR;
        break;
      }
    }
    const { file } = this;
    if (result < 0) file.unfill(Math.max(first, Math.ceil(file.size / PAGE_SIZE)), last);
    else if ((mode & FALLOC_FL_KEEP_SIZE) === 0 && end > file.size) file.resize(end);
    this.decRef();
    return result;
  }

  override getSeals(): number {
    return this.file.seals;
  }
  override addSeals(_task: Task, seals: number): number {
    const { file } = this;
    const all = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
    if (!this.writable) return -EPERM;
    if ((seals & ~all) !== 0) return -EINVAL;
    if ((file.seals & F_SEAL_SEAL) !== 0) return -EPERM;
    if ((seals & F_SEAL_WRITE) !== 0 && (file.seals & F_SEAL_WRITE) === 0 && file.isSharedWritable) return -EBUSY;
    file.seals |= seals;
    return 0;
  }

  protected override release(): void {}
}
