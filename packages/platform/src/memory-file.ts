import { binding, type MappingHandle } from './binding.js';
import { PlatformError } from './error.js';
import { MEMORY_KINDS, MEMORY_MAPPED, type Memory, type MemoryKind } from './memory.js';
import { grow, PageAllocator } from './page-allocator.js';

export const PAGE_SIZE = 4096;
const ENOMEM = 12;
/** Page state bits: the kind of an allocated page, and what its backing is. */
const KIND_MASK = 7;
/** The page has host memory (as far as this process knows). */
const COMMITTED = 8;
/** The page has host memory that may hold something other than zeroes. Set on every page that was ever handed out since it was a hole. */
const DIRTY = 16;
/** Unset on free pages. */
const ALLOCATED = 32;

// V8 counts an external ArrayBuffer as memory that a garbage collection could free, and collects once for every 64 MiB (6 ms with a heap of 30 MB, on
// Node 20 to 26 alike). Chunks are therefore large, so that a collection comes once in 256 MiB; but the first one is small, so that two memory files
// together cause none when a sandbox starts. The address space between the first chunk's end and the second chunk is never used.
const CHUNK_SIZE = 256 * 2 ** 20;
const FIRST_CHUNK = 24 * 2 ** 20;
const MIN_CHUNK_SIZE = 2 * 2 ** 20;
const MAX_CHUNK_SIZE = 2 ** 30;
const FIRST_COMMIT = 64; // pages: 256 KiB
const MAX_COMMIT = 1024; // pages: 4 MiB

/** How `MemoryFile.create` makes a memory file. Sizes are bytes. */
export interface MemoryFileOptions {
  /** Name for messages and for the memfd. */
  readonly name: string;
  /** The most that may be allocated at one time; the host's memory in use by this file stays at or below it too. */
  readonly limit: number;
  /** Free memory that is kept for reuse instead of being given back to the host. Default 32 MiB. */
  readonly retain?: number;
  /** Power of two from 2 MiB to 1 GiB: the greatest allocation. Default: the smaller of 256 MiB and the power of two that holds the limit. */
  readonly chunkSize?: number;
  /** Address space to reserve; more than `limit`, so that fragmentation does not end it early. Default: twice the limit. */
  readonly reserve?: number;
}

/**
 * A `Memory` over a memfd, mapped once into this process and shown to JavaScript as one ArrayBuffer for each chunk of
 * `chunkSize` bytes (the first chunk's is shorter).
 *
 * Invariants: a page is free, or allocated with at least one reference; an allocated page has host memory before its offset is returned (so no touch of
 * it can fault), until `decommit`; a page is zero when it is handed out; committed memory never exceeds the limit. Owned by one JavaScript thread.
 */
export class MemoryFile implements Memory {
  readonly name: string;
  readonly chunkSize: number;
  readonly chunks: ArrayBuffer[] = [];
  /** A byte view of each chunk, in order. */
  readonly views: Uint8Array[] = [];
  /** The address, in this process, of offset 0. */
  readonly base: number;
  /** The memfd. Owned by this object. */
  readonly fd: number;
  /** The size of the reserved address space and of the (sparse) memfd: offsets are below it for ever. */
  readonly reserved: number;
  /** In bytes. */
  readonly limit: number;

  readonly #handle: MappingHandle;
  readonly #allocator: PageAllocator;
  readonly #firstChunkPages: number;
  readonly #limitPages: number;
  readonly #retainPages: number;
  readonly #maxPages: number;
  #state = new Uint8Array(0);
  #refs = new Uint32Array(0);
  /** Pages allocated; of them, pages not committed (after `decommit`). */
  #allocated = 0;
  #decommitted = 0;
  /** Pages with host memory, free ones included. */
  #committed = 0;
  /** Allocated and committed pages of each kind. */
  readonly #usage = new Float64Array(MEMORY_KINDS);
  #commitUnit = FIRST_COMMIT;
  #destroyed = false;

  /** Makes an empty memory file. Throws a `PlatformError` when the host refuses the descriptor or the address space. */
  static create(options: MemoryFileOptions): MemoryFile {
    return new MemoryFile(options);
  }

  private constructor(options: MemoryFileOptions) {
    this.name = options.name;
    this.limit = Math.floor(options.limit / PAGE_SIZE) * PAGE_SIZE;
    this.chunkSize = options.chunkSize ?? Math.max(MIN_CHUNK_SIZE, Math.min(CHUNK_SIZE, 2 ** Math.ceil(Math.log2(this.limit))));
    if (!(this.chunkSize >= MIN_CHUNK_SIZE && this.chunkSize <= MAX_CHUNK_SIZE && Number.isInteger(Math.log2(this.chunkSize)))) {
      throw new PlatformError('ERR_SBX_MEMORY_FILE', `${this.name}: a chunk size of ${this.chunkSize} bytes is not possible`);
    }
    this.#allocator = new PageAllocator(Math.log2(this.chunkSize / PAGE_SIZE));
    this.#firstChunkPages = Math.min(FIRST_CHUNK, this.chunkSize) / PAGE_SIZE;
    const reserve = Math.max(options.reserve ?? this.limit * 2, this.limit);
    this.reserved = (1 + Math.ceil(reserve / this.chunkSize)) * this.chunkSize;
    this.#limitPages = this.limit / PAGE_SIZE;
    this.#maxPages = this.reserved / PAGE_SIZE;
    this.#retainPages = Math.floor((options.retain ?? 32 * 2 ** 20) / PAGE_SIZE);
    if (!(this.#limitPages > 0 && this.#maxPages < 2 ** 31)) {
      throw new PlatformError('ERR_SBX_MEMORY_FILE', `${this.name}: a limit of ${options.limit} bytes is not possible`);
    }
    const handle = binding.create(this.name, this.reserved, this.chunkSize);
    if (typeof handle === 'number') {
      throw new PlatformError(
        'ERR_SBX_MEMORY_FILE',
        `${this.name}: the host refused ${this.reserved} bytes of address space (errno ${-handle})`,
      );
    }
    this.#handle = handle;
    this.base = binding.base(handle);
    this.fd = binding.fd(handle);
  }

  /** @hotpath */
  allocate(length: number, kind: MemoryKind): number {
    const count = length / PAGE_SIZE;
    if (!(count > 0 && Number.isInteger(count) && count <= this.#allocator.chunkPages)) this.#misuse(`allocate(${length})`);
    if (this.#allocated + count > this.#limitPages) return -ENOMEM;
    let page = this.#allocator.allocate(count);
    while (page < 0) {
      if (!this.#addChunk()) return -ENOMEM;
      page = this.#allocator.allocate(count);
    }
    if (!this.#prepare(page, count, this.#allocator.lastBlockEnd)) {
      this.#allocator.free(page, count);
      return -ENOMEM;
    }
    const state = this.#state;
    const refs = this.#refs;
    const value = kind | COMMITTED | DIRTY | ALLOCATED;
    for (let p = page, end = page + count; p < end; p++) {
      state[p] = value;
      refs[p] = 1;
    }
    this.#allocated += count;
    this.#usage[kind] += count;
    return page * PAGE_SIZE;
  }

  /** @hotpath */
  incRef(offset: number, length: number): void {
    const first = this.#firstPage(offset, length);
    const refs = this.#refs;
    for (let p = first, end = first + length / PAGE_SIZE; p < end; p++) {
      if (refs[p] === 0 || refs[p] === 0xffffffff) this.#misuse(`incRef of page ${p} with ${refs[p]} references`);
      refs[p]++;
    }
  }

  /** @hotpath */
  decRef(offset: number, length: number): void {
    const first = this.#firstPage(offset, length);
    const refs = this.#refs;
    const end = first + length / PAGE_SIZE;
    let run = -1; // start of the run of pages that lost their last reference
    for (let p = first; p < end; p++) {
      const count = refs[p];
      if (count === 0) this.#misuse(`decRef of the free page ${p}`);
      refs[p] = count - 1;
      if (count === 1) {
        if (run < 0) run = p;
      } else if (run >= 0) {
        this.#free(run, p);
        run = -1;
      }
    }
    if (run >= 0) this.#free(run, end);
  }

  refCount(offset: number): number {
    return this.#refs[Math.floor(offset / PAGE_SIZE)] ?? 0;
  }

  bytes(offset: number, length: number): Uint8Array {
    const chunk = Math.floor(offset / this.chunkSize);
    const start = offset - chunk * this.chunkSize;
    if (!(offset >= 0 && length >= 0 && chunk < this.chunks.length && start + length <= this.chunks[chunk].byteLength)) {
      this.#misuse(`bytes(0x${offset.toString(16)}, ${length})`);
    }
    if (this.#decommitted > 0 && this.commit(offset, length) < 0) {
      throw new PlatformError('ERR_SBX_MEMORY_FILE', `${this.name}: the host has no memory for decommitted pages`);
    }
    return new Uint8Array(this.chunks[chunk], start, length);
  }

  /** @hotpath */
  address(offset: number): number {
    return this.base + offset;
  }

  /**
   * Makes sure that all pages of an allocated range (need not be aligned) have host memory again after `decommit`. Returns 0 or -ENOMEM.
   */
  commit(offset: number, length: number): number {
    const end = Math.ceil((offset + length) / PAGE_SIZE);
    for (let p = Math.floor(offset / PAGE_SIZE); p < end; p++) {
      const state = this.#state[p];
      if ((state & (ALLOCATED | COMMITTED)) !== ALLOCATED) continue;
      if (!this.#makeRoom(1) || binding.commit(this.#handle, p * PAGE_SIZE, PAGE_SIZE) < 0) return -ENOMEM;
      this.#recommitted(p);
    }
    return 0;
  }

  decommit(offset: number, length: number): void {
    const first = this.#firstPage(offset, length);
    const end = first + length / PAGE_SIZE;
    for (let p = first; p < end; p++) if (this.#refs[p] === 0) this.#misuse(`decommit of the free page ${p}`);
    if (!this.#punchHost(first, end - first)) {
      for (let p = first; p < end; p++) this.#pageView(p).fill(0);
      return;
    }
    for (let p = first; p < end; p++) {
      const state = this.#state[p];
      if ((state & COMMITTED) === 0) continue;
      this.#state[p] = state & ~(COMMITTED | DIRTY);
      this.#usage[state & KIND_MASK]--;
      this.#committed--;
      this.#decommitted++;
    }
  }

  updateUsage(): void {
    if (this.#decommitted === 0) return;
    // Decommitted pages that application code touched since have memory again.
    const limit = this.#allocator.pages * PAGE_SIZE;
    let at = 0;
    while ((at = binding.seek(this.#handle, at, 0)) < limit) {
      const end = Math.min(binding.seek(this.#handle, at, 1), limit);
      for (let p = at / PAGE_SIZE; p < end / PAGE_SIZE; p++) {
        if ((this.#state[p] & (ALLOCATED | COMMITTED)) === ALLOCATED) this.#recommitted(p);
      }
      at = end;
    }
  }

  totalUsage(): number {
    let pages = 0;
    for (let kind = 0; kind < MEMORY_KINDS; kind++) if (kind !== MEMORY_MAPPED) pages += this.#usage[kind];
    return pages * PAGE_SIZE;
  }

  usage(kind: MemoryKind): number {
    return this.#usage[kind] * PAGE_SIZE;
  }

  /** The size of the chunks that exist so far. (The file itself is sparse and has the size `reserved` from the start.) */
  totalSize(): number {
    let size = 0;
    for (const chunk of this.chunks) size += chunk.byteLength;
    return size;
  }

  /** Bytes of host memory that this file holds, as this process counts them: in use, kept for reuse, and committed ahead. */
  committedBytes(): number {
    return this.#committed * PAGE_SIZE;
  }

  /** Bytes of host memory that this file holds, as the host counts them. */
  hostBytes(): number {
    return binding.hostBytes(this.#handle);
  }

  /** Gives free memory back to the host until at most `keep` bytes of it are left. */
  trim(keep = 0): void {
    const keepPages = Math.floor(keep / PAGE_SIZE);
    this.#allocator.eachFreeBlock((page, count) => {
      if (this.#idle() <= keepPages) return false;
      this.#releaseFree(page, page + count);
      return true;
    });
  }

  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.chunks.length = 0;
    this.views.length = 0;
    this.#state = new Uint8Array(0);
    this.#refs = new Uint32Array(0);
    this.#usage.fill(0);
    binding.destroy(this.#handle);
  }

  /** Copies inside the file, also across chunks and between overlapping ranges. Both ranges must be allocated. @hotpath */
  copy(to: number, from: number, length: number): void {
    binding.copy(this.#handle, to, from, length);
  }

  #addChunk(): boolean {
    const start = this.chunks.length * this.#allocator.chunkPages;
    const usable = start === 0 ? this.#firstChunkPages : this.#allocator.chunkPages;
    const end = start + usable;
    if (end > this.#maxPages) return false;
    if (end > this.#state.length) {
      const capacity = Math.min(this.#maxPages, Math.max(end, this.#state.length * 2));
      this.#state = grow(this.#state, new Uint8Array(capacity));
      this.#refs = grow(this.#refs, new Uint32Array(capacity));
    }
    const chunk = binding.chunk(this.#handle, start * PAGE_SIZE, usable * PAGE_SIZE);
    this.chunks.push(chunk);
    this.views.push(new Uint8Array(chunk));
    this.#allocator.addChunk(usable, this.#state.length);
    return true;
  }

  /** Gives the free pages [page, page + count) memory that is zero. Up to `blockEnd` pages are free too and may be committed ahead. @hotpath */
  #prepare(page: number, count: number, blockEnd: number): boolean {
    const state = this.#state;
    const end = page + count;
    let p = page;
    while (p < end) {
      const start = p;
      const value = state[p];
      do p++;
      while (p < end && state[p] === value);
      if ((value & COMMITTED) === 0) {
        if (!this.#commitRun(start, p, p === end ? blockEnd : p)) return false;
      } else if ((value & DIRTY) !== 0) {
        const chunk = Math.floor(start / this.#allocator.chunkPages);
        const from = (start - chunk * this.#allocator.chunkPages) * PAGE_SIZE;
        this.views[chunk].fill(0, from, from + (p - start) * PAGE_SIZE);
        state.fill(COMMITTED, start, p);
      }
    }
    return true;
  }

  /** Commits the holes [start, end), and holes after them up to `most`, in units that grow with demand. */
  #commitRun(start: number, end: number, most: number): boolean {
    if (!this.#makeRoom(end - start)) return false;
    const unit = this.#commitUnit;
    let stop = Math.min(most, Math.ceil(end / unit) * unit, start + this.#limitPages - this.#committed);
    for (let p = end; p < stop; p++) if ((this.#state[p] & COMMITTED) !== 0) stop = p;
    if (stop < end) stop = end;
    let result = binding.commit(this.#handle, start * PAGE_SIZE, (stop - start) * PAGE_SIZE);
    if (result < 0 && stop > end) {
      this.#punchHost(start, stop - start);
      stop = end;
      result = binding.commit(this.#handle, start * PAGE_SIZE, (stop - start) * PAGE_SIZE);
    }
    if (result < 0) {
      this.#punchHost(start, stop - start);
      return false;
    }
    if (unit < MAX_COMMIT) this.#commitUnit = unit * 2;
    this.#state.fill(COMMITTED, start, stop);
    this.#committed += stop - start;
    return true;
  }

  /** Makes `committed + count` fit into the limit, giving idle memory back where necessary. */
  #makeRoom(count: number): boolean {
    if (this.#committed + count <= this.#limitPages) return true;
    this.trim(Math.max(0, this.#idle() - Math.max(count, MAX_COMMIT)) * PAGE_SIZE);
    return this.#committed + count <= this.#limitPages;
  }

  /** Free pages that have memory. */
  #idle(): number {
    return this.#committed - (this.#allocated - this.#decommitted);
  }

  /** Frees the pages [first, end), whose reference counts are zero. They may cross chunks. */
  #free(first: number, end: number): void {
    const state = this.#state;
    const chunkPages = this.#allocator.chunkPages;
    let holes = false;
    for (let p = first; p < end; p++) {
      const value = state[p];
      if ((value & COMMITTED) !== 0) {
        this.#usage[value & KIND_MASK]--;
        state[p] = COMMITTED | DIRTY;
      } else {
        this.#decommitted--;
        state[p] = 0;
        holes = true;
      }
    }
    this.#allocated -= end - first;
    if (holes) this.#freeDecommitted(first, end);
    if (end - first > this.#retainPages / 4) this.#releaseFree(first, end);
    for (let p = first; p < end; ) {
      const stop = Math.min(end, (Math.floor(p / chunkPages) + 1) * chunkPages);
      this.#allocator.free(p, stop - p);
      p = stop;
    }
    if (this.#idle() > this.#retainPages + MAX_COMMIT) this.trim((this.#retainPages / 2) * PAGE_SIZE);
  }

  /** Application code may have touched a decommitted page since: make it a hole for sure, or else one to be zeroed. */
  #freeDecommitted(first: number, end: number): void {
    for (let p = first; p < end; p++) {
      if (this.#state[p] !== 0 || this.#punchHost(p, 1)) continue;
      this.#state[p] = COMMITTED | DIRTY;
      this.#committed++;
    }
  }

  /** Gives the memory of free pages in [first, end) back to the host. */
  #releaseFree(first: number, end: number): void {
    const state = this.#state;
    let p = first;
    while (p < end) {
      if ((state[p] & COMMITTED) === 0) {
        p++;
        continue;
      }
      const start = p;
      while (p < end && (state[p] & COMMITTED) !== 0) p++;
      if (!this.#punchHost(start, p - start)) continue;
      state.fill(0, start, p);
      this.#committed -= p - start;
    }
  }

  #pageView(page: number): Uint8Array {
    const chunk = Math.floor(page / this.#allocator.chunkPages);
    const start = (page - chunk * this.#allocator.chunkPages) * PAGE_SIZE;
    return this.views[chunk].subarray(start, start + PAGE_SIZE);
  }

  #recommitted(page: number): void {
    const state = this.#state[page];
    this.#state[page] = state | COMMITTED | DIRTY;
    this.#usage[state & KIND_MASK]++;
    this.#committed++;
    this.#decommitted--;
  }

  /** Makes a hole of these pages. False if the host refused: then they may still have memory, and contents. */
  #punchHost(page: number, count: number): boolean {
    return binding.punch(this.#handle, page * PAGE_SIZE, count * PAGE_SIZE) >= 0;
  }

  #firstPage(offset: number, length: number): number {
    const page = offset / PAGE_SIZE;
    const count = length / PAGE_SIZE;
    if (!(Number.isInteger(page) && Number.isInteger(count) && page >= 0 && count > 0 && page + count <= this.#allocator.pages)) {
      this.#misuse(`range 0x${offset.toString(16)}, length 0x${length.toString(16)}`);
    }
    return page;
  }

  #misuse(what: string): never {
    throw new PlatformError('ERR_SBX_MEMORY_MISUSE', `${this.name}: ${what}`);
  }
}
