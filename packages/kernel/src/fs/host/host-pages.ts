import { EFAULT, EIO, ENOMEM } from '@sbx/abi';
import type { Memory } from '@sbx/platform';
import { hostCall, hostNumber } from '../../host/host.js';
import { hostStat, statFd } from '../../host/stat.js';
import type { Mappable, Mapping } from '../../mm/mappable.js';
import { FilePages, PAGE_SIZE } from '../tmpfs/file-pages.js';
import type { CachedPages, PageCache } from './page-cache.js';

const SYS_PREAD64 = hostNumber('pread64');
const SYS_PWRITE64 = hostNumber('pwrite64');

/** Pages read together: 128 KiB, aligned. */
const BLOCK = 32;
/**
 * A file that was changed less than this before its pages were read may be changed again without its time showing it (the host counts in ticks): such pages
 * are not trusted at the next open. In nanoseconds.
 */
const RACY_NS = 20e6;

/** The host file behind the pages. */
export interface PageSource {
  /** A descriptor that can be read, or -errno; and one that can be written. */
  readonly readDescriptor: number;
  readonly writeDescriptor: number;
}

/**
 * The page cache of one host file, for mappings: pages of application memory, filled by the host's pread and shared by all mappings. System calls don't read
 * through it: they ask the host, so they always see what is there now; what they write is put into the cached pages too. Pages that programs may have stored
 * to (MAP_SHARED) are `dirty` from the fault that permits it until they are written back, which takes the permission away again.
 */
export class HostPages implements Mappable, CachedPages {
  readonly readsAhead = true;
  resolvedLength = 0;
  next: CachedPages | null = null;
  previous: CachedPages | null = null;
  listed = false;
  readonly #pages: FilePages;
  readonly #memory: Memory;
  readonly #mappings = new Set<Mapping>();
  readonly #dirty = new Set<number>();
  /** Length of the file as the pages show it. */
  #size = 0;
  /** Times of the file when the pages were read. */
  #mtimeSec = 0;
  #mtimeNsec = 0;
  #ctimeSec = 0;
  #ctimeNsec = 0;
  #racy = false;

  constructor(
    private readonly cache: PageCache,
    private readonly source: PageSource,
  ) {
    this.#memory = cache.memory;
    this.#pages = new FilePages(cache.memory);
  }

  get isEmpty(): boolean {
    return this.#pages.count === 0;
  }
  get hasDirty(): boolean {
    return this.#dirty.size > 0;
  }

  /** Compares with `hostStat`, which describes the file as it is now: drops what is no longer true. */
  validate(): void {
    const s = hostStat;
    const same =
      s.size === this.#size &&
      s.mtimeSec === this.#mtimeSec &&
      s.mtimeNsec === this.#mtimeNsec &&
      s.ctimeSec === this.#ctimeSec &&
      s.ctimeNsec === this.#ctimeNsec;
    if (!same || this.#racy) {
      const { size } = s;
      this.#dropClean();
      if (size < this.#size) this.#cut(size);
      else if (size > this.#size) this.#readTail(this.source.readDescriptor, this.#size);
    }
    this.#remember();
  }

  /** What the pages show is the file as `hostStat` has it. */
  #remember(): void {
    const s = hostStat;
    this.#size = s.size;
    this.#mtimeSec = s.mtimeSec;
    this.#mtimeNsec = s.mtimeNsec;
    this.#ctimeSec = s.ctimeSec;
    this.#ctimeNsec = s.ctimeNsec;
    this.#racy = Date.now() * 1e6 - (s.ctimeSec * 1e9 + s.ctimeNsec) < RACY_NS;
  }

  // -- Mappable.

  resolvePages(offset: number, length: number, write: boolean): number {
    const page = offset / PAGE_SIZE;
    if (offset >= this.#size && !this.#hasGrownTo(offset)) return -EFAULT;
    const wanted = Math.ceil(Math.min(length, this.#size - offset) / PAGE_SIZE);
    let found = this.#pages.find(page);
    if (found < 0) {
      const result = this.#fill(page);
      if (result < 0) return result;
      found = this.#pages.find(page);
    }
    const run = this.#pages.run(page, wanted);
    if (write) for (let i = 0; i < run; i++) this.#dirty.add(page + i);
    this.resolvedLength = run * PAGE_SIZE;
    return found;
  }
  addMapping(mapping: Mapping): void {
    this.#mappings.add(mapping);
  }
  removeMapping(mapping: Mapping): void {
    this.#mappings.delete(mapping);
  }
  isResident(offset: number): boolean {
    return this.#pages.find(Math.floor(offset / PAGE_SIZE)) >= 0;
  }

  /** Writes dirty pages of the range to the host: 0 or -errno. They are clean afterwards, and write-protected. */
  writeBack(offset: number, length: number): number {
    if (this.#dirty.size === 0) return 0;
    const first = Math.floor(offset / PAGE_SIZE);
    const end = (offset + length) / PAGE_SIZE;
    const pages: number[] = [];
    for (const page of this.#dirty) if (page >= first && page < end) pages.push(page);
    if (pages.length === 0) return 0;
    pages.sort((a, b) => a - b);
    const fd = this.source.writeDescriptor;
    if (fd < 0) return fd;
    if (statFd(fd) < 0) return -EIO;
    // The host may have made the file shorter: what lies behind its end is nobody's.
    const { size } = hostStat;
    let result = 0;
    for (let i = 0; i < pages.length; ) {
      const run = this.#dirtyRun(pages, i);
      const written = this.#writeRun(fd, pages[i], run, size);
      if (written < 0) result = written;
      i += run;
    }
    if (statFd(fd) === 0) this.#remember();
    return result;
  }

  /** How many dirty pages from `pages[i]` on follow each other, in the file and in memory. */
  #dirtyRun(pages: readonly number[], i: number): number {
    const most = Math.min(this.#pages.run(pages[i], BLOCK * 8), pages.length - i);
    let n = 1;
    while (n < most && pages[i + n] === pages[i] + n) n++;
    return n;
  }

  #writeRun(fd: number, page: number, count: number, size: number): number {
    const offset = page * PAGE_SIZE;
    // Stores after this are faults, and make the page dirty anew: none is lost between the copy and the end of the call.
    for (const mapping of this.#mappings) mapping.writeProtect(offset, count * PAGE_SIZE);
    for (let i = 0; i < count; i++) this.#dirty.delete(page + i);
    const end = Math.min(offset + count * PAGE_SIZE, size);
    let at = offset;
    while (at < end) {
      const address = this.#memory.address(this.#pages.find(page) + (at - offset));
      const n = hostCall(SYS_PWRITE64, fd, address, end - at, at);
      if (n <= 0) {
        // Tried again at the next msync, as long as the page is there.
        for (let i = Math.floor((at - offset) / PAGE_SIZE); i < count; i++) this.#dirty.add(page + i);
        return n < 0 ? n : -EIO;
      }
      at += n;
    }
    return 0;
  }

  // -- What system calls do to the file.

  /** Before a read of the range by system call: the host gets what programs have stored. */
  flush(offset: number, length: number): void {
    if (this.#dirty.size > 0) this.writeBack(Math.floor(offset / PAGE_SIZE) * PAGE_SIZE, length + PAGE_SIZE);
  }

  /** Before a write: drops what the host has changed meanwhile, so that `wrote` may trust the rest. */
  beforeWrite(fd: number): void {
    if (this.#pages.count > 0 && statFd(fd) === 0) this.validate();
  }

  /** After a write of `length` bytes at `offset` through `fd`: the cached pages show it. */
  wrote(fd: number, readFd: number, offset: number, length: number): void {
    if (this.#pages.count > 0) {
      if (offset > this.#size) this.#clearTail(this.#size);
      const end = offset + length;
      let at = offset;
      while (at < end) {
        const page = Math.floor(at / PAGE_SIZE);
        const found = this.#pages.find(page);
        const pageEnd = Math.min((page + 1) * PAGE_SIZE, end);
        if (found >= 0) {
          const n = hostCall(SYS_PREAD64, readFd, this.#memory.address(found + (at - page * PAGE_SIZE)), pageEnd - at, at);
          if (n < pageEnd - at) this.#drop(page, page + 1);
        }
        at = pageEnd;
      }
    }
    if (statFd(fd) === 0) this.#remember();
  }

  /** The file was given another length, by a system call. */
  resized(fd: number): void {
    if (statFd(fd) < 0) return;
    const { size } = hostStat;
    // What programs stored behind the old end must not show when the file grows.
    if (size > this.#size) this.#clearTail(this.#size);
    else this.#cut(size);
    this.#remember();
  }

  /** Part of the file was changed in another way (fallocate): those pages are read anew. */
  changed(fd: number, offset: number, length: number): void {
    const first = Math.floor(offset / PAGE_SIZE);
    const end = Math.ceil((offset + length) / PAGE_SIZE);
    for (const mapping of this.#mappings) mapping.invalidate(first * PAGE_SIZE, (end - first) * PAGE_SIZE);
    this.#drop(first, end);
    if (statFd(fd) === 0) this.#remember();
  }

  /** The file goes. */
  dispose(): void {
    this.#drop(0, Number.POSITIVE_INFINITY);
    this.cache.forget(this);
  }

  dropUnused(): number {
    let freed = 0;
    for (let page = this.#pages.nextPresent(0); page >= 0; page = this.#pages.nextPresent(page + 1)) {
      if (this.#memory.refCount(this.#pages.find(page)) > 1 || this.#dirty.has(page)) continue;
      this.#pages.remove(page, page + 1);
      freed += PAGE_SIZE;
    }
    if (this.#pages.count === 0) this.cache.forget(this);
    return freed;
  }

  /** Reads the block around `page`, as far as it is absent. 0 or -errno. */
  #fill(page: number): number {
    const fd = this.source.readDescriptor;
    if (fd < 0) return -EIO;
    const pages = this.#pages;
    const limit = Math.ceil(this.#size / PAGE_SIZE);
    let first = page;
    let end = page + 1;
    const lowest = page - (page % BLOCK);
    const highest = Math.min(lowest + BLOCK, limit);
    while (first > lowest && pages.find(first - 1) < 0) first--;
    while (end < highest && pages.find(end) < 0) end++;
    let offset = this.cache.allocate(this, (end - first) * PAGE_SIZE);
    if (offset < 0) {
      first = page;
      end = page + 1;
      offset = this.cache.allocate(this, PAGE_SIZE);
      if (offset < 0) return -ENOMEM;
    }
    const n = this.#read(fd, offset, first * PAGE_SIZE, (end - first) * PAGE_SIZE);
    const got = n < 0 ? 0 : Math.ceil(n / PAGE_SIZE);
    for (let i = 0; i < got; i++) pages.set(first + i, offset + i * PAGE_SIZE);
    if (got < end - first) this.#memory.decRef(offset + got * PAGE_SIZE, (end - first - got) * PAGE_SIZE);
    if (page < first + got) return 0;
    return n < 0 ? -EIO : -EFAULT;
  }

  #read(fd: number, offset: number, position: number, length: number): number {
    let done = 0;
    while (done < length) {
      const n = hostCall(SYS_PREAD64, fd, this.#memory.address(offset + done), length - done, position + done);
      if (n < 0) return done > 0 ? done : n;
      if (n === 0) break;
      done += n;
    }
    return done;
  }

  /** The host may have made the file longer since: whether there is something at `offset` now. */
  #hasGrownTo(offset: number): boolean {
    const fd = this.source.readDescriptor;
    if (fd < 0 || statFd(fd) < 0) return false;
    if (hostStat.size <= offset) return false;
    // The times stay as they were: nothing may be dropped in the middle of a fault, that is for the next open.
    const old = this.#size;
    this.#size = hostStat.size;
    this.#readTail(fd, old);
    return true;
  }

  /** Drops everything behind `size`, also from mappings. */
  #cut(size: number): void {
    const first = Math.ceil(size / PAGE_SIZE);
    for (const mapping of this.#mappings) mapping.invalidate(first * PAGE_SIZE, Number.POSITIVE_INFINITY, true);
    this.#drop(first, Number.POSITIVE_INFINITY);
    this.#clearTail(size);
  }

  /** Clears the rest of the page in which the file ends at `size`. */
  #clearTail(size: number): void {
    const page = Math.floor(size / PAGE_SIZE);
    const within = size - page * PAGE_SIZE;
    const found = within === 0 ? -1 : this.#pages.find(page);
    if (found >= 0) this.#memory.bytes(found + within, PAGE_SIZE - within).fill(0);
  }

  /** The host has made the file longer: reads what follows `size`, the old end, into the page that held the end. */
  #readTail(fd: number, size: number): void {
    this.#clearTail(size);
    const page = Math.floor(size / PAGE_SIZE);
    const within = size - page * PAGE_SIZE;
    const found = within === 0 ? -1 : this.#pages.find(page);
    if (found >= 0) hostCall(SYS_PREAD64, fd, this.#memory.address(found + within), PAGE_SIZE - within, size);
  }

  #dropClean(): void {
    if (this.#dirty.size === 0) {
      for (const mapping of this.#mappings) mapping.invalidate(0, Number.POSITIVE_INFINITY);
      this.#drop(0, Number.POSITIVE_INFINITY);
      return;
    }
    for (let page = this.#pages.nextPresent(0); page >= 0; page = this.#pages.nextPresent(page + 1)) {
      if (this.#dirty.has(page)) continue;
      for (const mapping of this.#mappings) mapping.invalidate(page * PAGE_SIZE, PAGE_SIZE);
      this.#pages.remove(page, page + 1);
    }
  }

  #drop(first: number, end: number): void {
    if (this.#dirty.size > 0) for (const page of this.#dirty) if (page >= first && page < end) this.#dirty.delete(page);
    this.#pages.remove(first, end);
  }
}
