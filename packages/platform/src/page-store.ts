import { ENOMEM } from '@sbx/abi';
import { MEMORY_KINDS, MEMORY_MAPPED, type MemoryKind } from './memory.js';
import { grow, PageAllocator } from './page-allocator.js';

/**
 * Page state bits. A free page that is a hole has none; one that is only DIRTY should be a hole, but the host refused: it may have memory and contents.
 * The low bits are the kind of an allocated page.
 */
export const KIND_MASK = 7;
/** The page has host memory, as far as this process knows. */
export const COMMITTED = 8;
/** The page may hold something other than zeroes: it was handed out since it was a hole. */
const DIRTY = 16;
const ALLOCATED = 32;

const FIRST_COMMIT = 64; // pages: 256 KiB
const MAX_COMMIT = 1024; // pages: 4 MiB

/** The host memory behind the pages. */
export interface PageBacking {
  /** Makes the pages of the next chunk touchable. */
  addChunk(page: number, count: number): void;
  /** Gives every page of the range host memory; new memory is zero. False if the host has none (some pages may have got it). */
  commit(page: number, count: number): boolean;
  /** Makes the range a hole. False if the host refused: then pages may still have memory and contents. */
  punch(page: number, count: number): boolean;
  /** Fills pages of one chunk, all committed, with zeroes. */
  zero(page: number, count: number): void;
}

export interface PageStoreOptions {
  readonly chunkOrder: number;
  /** The first chunk has only these pages. */
  readonly firstChunkPages: number;
  /** Page numbers are below this. */
  readonly maxPages: number;
  readonly limitPages: number;
  readonly retainPages: number;
}

/**
 * Which pages are allocated, how often they are referenced, for what, and which have host memory.
 *
 * ```text
 *            allocate: commit, or zero if dirty          last reference dropped
 *   hole ───────────────────────────────► in use ───────────────────────────► free, dirty, committed ─► allocate …
 *     ▲ ╲ committed ahead: free, clean ──►  │  ▲ touched again, commit()          │
 *     │                           decommit ▼  │                                  │ trim, more than `retainPages`
 *     │                                  in use, hole                            │
 *     └──────────────────────────────────────────────────────────────────────────┘
 * ```
 * Invariants: allocated ⇔ references > 0; a page that `allocate` returns has host memory and is zero; committed pages ≤ limit; allocated pages ≤ limit.
 * Page numbers only, all in range: the caller checks.
 */
export class PageStore {
  readonly allocator: PageAllocator;
  readonly #backing: PageBacking;
  readonly #options: PageStoreOptions;
  #state = new Uint8Array(0);
  #refs = new Uint32Array(0);
  #allocated = 0;
  /** Allocated pages that are holes. */
  #decommitted = 0;
  /** Pages with host memory, free ones included. */
  #committed = 0;
  /** Allocated and committed pages of each kind. */
  readonly #usage = new Float64Array(MEMORY_KINDS);
  #commitUnit = FIRST_COMMIT;

  constructor(backing: PageBacking, options: PageStoreOptions) {
    this.#backing = backing;
    this.#options = options;
    this.allocator = new PageAllocator(options.chunkOrder);
  }

  /** Pages that chunks have so far: the end of the last one. */
  get pages(): number {
    return this.allocator.pages;
  }
  get allocated(): number {
    return this.#allocated;
  }
  get decommitted(): number {
    return this.#decommitted;
  }
  get committed(): number {
    return this.#committed;
  }
  /** Free pages that have host memory. */
  get idle(): number {
    return this.#committed - (this.#allocated - this.#decommitted);
  }
  usage(kind: MemoryKind): number {
    return this.#usage[kind];
  }
  /** All kinds but mapped. */
  totalUsage(): number {
    let pages = 0;
    for (let kind = 0; kind < MEMORY_KINDS; kind++) if (kind !== MEMORY_MAPPED) pages += this.#usage[kind];
    return pages;
  }
  refs(page: number): number {
    return this.#refs[page] ?? 0;
  }
  /** State bits of a page; 0 beyond the end. */
  state(page: number): number {
    return this.#state[page] ?? 0;
  }

  /** Takes `count` zeroed pages inside one chunk, each with one reference. Returns the first or -ENOMEM. @hotpath */
  allocate(count: number, kind: MemoryKind): number {
    if (this.#allocated + count > this.#options.limitPages) return -ENOMEM;
    let page = this.allocator.allocate(count);
    while (page < 0) {
      if (!this.#addChunk()) return -ENOMEM;
      page = this.allocator.allocate(count);
    }
    if (!this.#prepare(page, count, this.allocator.lastBlockEnd)) {
      this.allocator.free(page, count);
      return -ENOMEM;
    }
    this.#adopt(page, count, kind | COMMITTED | DIRTY | ALLOCATED, 1);
    this.#usage[kind] += count;
    return page;
  }

  /** Adds a reference to each page; false (nothing done to the page) at one that is free or at the count's end. @hotpath */
  incRef(first: number, end: number): boolean {
    const refs = this.#refs;
    for (let p = first; p < end; p++) {
      const count = refs[p];
      if (count === 0 || count === 0xffffffff) return false;
      refs[p] = count + 1;
    }
    return true;
  }

  /** Drops a reference of each page and frees those that have none left; false at a free page. @hotpath */
  decRef(first: number, end: number): boolean {
    const refs = this.#refs;
    let run = -1; // start of the run of pages that lost their last reference
    for (let p = first; p < end; p++) {
      const count = refs[p];
      if (count === 1) {
        if (run < 0) run = p;
        refs[p] = 0;
        continue;
      }
      if (run >= 0) {
        this.#free(run, p);
        run = -1;
      }
      if (count === 0) return false;
      refs[p] = count - 1;
    }
    if (run >= 0) this.#free(run, end);
    return true;
  }

  /** Allocates exactly these pages of one chunk, which must be free and exist. `committed` says whether they get host memory. False: no memory. */
  restore(first: number, count: number, kind: MemoryKind, references: number, committed: boolean): boolean {
    if (this.#allocated + count > this.#options.limitPages) return false;
    this.allocator.take(first, count);
    if (!committed) {
      this.#releaseFree(first, first + count);
      for (let p = first; p < first + count; p++) {
        if (this.#state[p] === 0) continue;
        this.allocator.free(first, count);
        return false;
      }
      this.#adopt(first, count, kind | ALLOCATED, references);
      this.#decommitted += count;
      return true;
    }
    if (!this.#prepare(first, count, first + count)) {
      this.allocator.free(first, count);
      return false;
    }
    this.#adopt(first, count, kind | COMMITTED | DIRTY | ALLOCATED, references);
    this.#usage[kind] += count;
    return true;
  }

  /** Adds chunks until `page` exists. False when it never can. */
  reach(page: number): boolean {
    const { firstChunkPages } = this.#options;
    while (page >= this.allocator.pages) if (!this.#addChunk()) return false;
    return page < firstChunkPages || page >= this.allocator.chunkPages;
  }

  /** Frees pages whatever their reference counts are. */
  forget(first: number, end: number): void {
    this.#refs.fill(0, first, end);
    this.#free(first, end);
  }

  /** Makes holes of allocated pages. False if the host refused (nothing has changed). */
  decommit(first: number, end: number): boolean {
    if (!this.#backing.punch(first, end - first)) return false;
    for (let p = first; p < end; p++) {
      const state = this.#state[p];
      if ((state & COMMITTED) === 0) continue;
      this.#state[p] = state & ~(COMMITTED | DIRTY);
      this.#usage[state & KIND_MASK]--;
      this.#committed--;
      this.#decommitted++;
    }
    return true;
  }

  /** Gives allocated holes in the range host memory again. Returns 0 or -ENOMEM. */
  commit(first: number, end: number): number {
    for (let p = first; p < end; p++) {
      if ((this.#state[p] & (ALLOCATED | COMMITTED)) !== ALLOCATED) continue;
      if (!this.#makeRoom(1) || !this.#backing.commit(p, 1)) return -ENOMEM;
      this.touched(p, p + 1);
    }
    return 0;
  }

  /** Takes note that the host has memory for these pages: allocated holes among them were touched. */
  touched(first: number, end: number): void {
    for (let p = first; p < end; p++) {
      const state = this.#state[p];
      if ((state & (ALLOCATED | COMMITTED)) !== ALLOCATED) continue;
      this.#state[p] = state | COMMITTED | DIRTY;
      this.#usage[state & KIND_MASK]++;
      this.#committed++;
      this.#decommitted--;
    }
  }

  /** Gives free memory back to the host until at most `keep` pages of it are left. */
  trim(keep: number): void {
    this.allocator.eachFreeBlock((page, count) => {
      if (this.idle <= keep) return false;
      this.#releaseFree(page, page + count);
      return true;
    });
  }

  #addChunk(): boolean {
    const { chunkPages } = this.allocator;
    const start = Math.ceil(this.allocator.pages / chunkPages) * chunkPages;
    const usable = start === 0 ? this.#options.firstChunkPages : chunkPages;
    const end = start + usable;
    if (end > this.#options.maxPages) return false;
    if (end > this.#state.length) {
      const capacity = Math.min(this.#options.maxPages, Math.max(end, this.#state.length * 2));
      this.#state = grow(this.#state, new Uint8Array(capacity));
      this.#refs = grow(this.#refs, new Uint32Array(capacity));
    }
    this.#backing.addChunk(start, usable);
    this.allocator.addChunk(usable, this.#state.length);
    return true;
  }

  /** Gives the free pages [page, page + count) memory that is zero. Pages up to `blockEnd` are free too and may be committed ahead. @hotpath */
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
      }
      if ((value & DIRTY) !== 0) {
        this.#backing.zero(start, p - start);
        for (let q = start; q < p; q++) state[q] = COMMITTED;
      }
    }
    return true;
  }

  /** Commits the free holes [start, end), and holes after them below `most`, in aligned units that grow with demand. */
  #commitRun(start: number, end: number, most: number): boolean {
    if (!this.#makeRoom(end - start)) return false;
    const unit = this.#commitUnit;
    let stop = Math.min(most, Math.ceil(end / unit) * unit, start + this.#options.limitPages - this.#committed);
    for (let p = end; p < stop; p++) if (this.#state[p] !== 0) stop = p;
    if (stop < end) stop = end;
    let done = this.#backing.commit(start, stop - start);
    if (!done) {
      // The host is short of memory: ask for no more than is needed, after giving back what is not.
      this.#backing.punch(start, stop - start);
      this.trim(0);
      stop = end;
      done = this.#backing.commit(start, stop - start);
    }
    if (!done) {
      this.#backing.punch(start, stop - start);
      return false;
    }
    if (unit < MAX_COMMIT) this.#commitUnit = unit * 2;
    this.#state.fill(COMMITTED, start, stop);
    this.#committed += stop - start;
    return true;
  }

  /** Makes `committed + count` fit into the limit, giving idle memory back where necessary. */
  #makeRoom(count: number): boolean {
    const { limitPages } = this.#options;
    if (this.#committed + count <= limitPages) return true;
    this.trim(Math.max(0, this.idle - Math.max(count, MAX_COMMIT)));
    return this.#committed + count <= limitPages;
  }

  #adopt(page: number, count: number, state: number, references: number): void {
    const states = this.#state;
    const refs = this.#refs;
    for (let p = page, end = page + count; p < end; p++) {
      states[p] = state;
      refs[p] = references;
    }
    this.#allocated += count;
  }

  /** Frees the pages [first, end), whose reference counts are zero. They may cross chunks. @hotpath */
  #free(first: number, end: number): void {
    const state = this.#state;
    const { chunkPages } = this.allocator;
    const { retainPages } = this.#options;
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
    if (end - first > Math.max(retainPages / 4, MAX_COMMIT)) this.#releaseFree(first, end);
    for (let p = first; p < end; ) {
      const stop = Math.min(end, (Math.floor(p / chunkPages) + 1) * chunkPages);
      this.allocator.free(p, stop - p);
      p = stop;
    }
    if (this.idle > retainPages + MAX_COMMIT) this.trim(retainPages / 2);
  }

  /** Application code may have touched a decommitted page since: make it a hole for sure, or else one to be committed and zeroed. */
  #freeDecommitted(first: number, end: number): void {
    for (let p = first; p < end; p++) if (this.#state[p] === 0 && !this.#backing.punch(p, 1)) this.#state[p] = DIRTY;
  }

  /** Gives the memory of free pages in [first, end) back to the host. */
  #releaseFree(first: number, end: number): void {
    const state = this.#state;
    let p = first;
    while (p < end) {
      if (state[p] === 0) {
        p++;
        continue;
      }
      const start = p;
      let committed = 0;
      for (; p < end && state[p] !== 0; p++) if ((state[p] & COMMITTED) !== 0) committed++;
      if (!this.#backing.punch(start, p - start)) continue;
      state.fill(0, start, p);
      this.#committed -= committed;
    }
  }
}
