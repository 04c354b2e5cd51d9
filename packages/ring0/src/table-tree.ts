/**
 * The tree that page tables are: tables that come when something below them is mapped and go when the last entry does.
 *
 * ```
 *  root (512) ──► level 3 (1 GiB each) ──► level 2 (2 MiB each) ──► level 1 (4 KiB each)
 *                     └ or a 1 GiB page         └ or a 2 MiB page
 * ```
 *
 * Invariants
 * - An entry is stored as one 64-bit word: see {@link store}. An entry that is not present is zero.
 * - A table below the root has at least one present entry (`live` in its memory counts them); when the last one goes, so does the table.
 *   The tables that root entries of the upper half point to are the exception: other address spaces share them, and they stay.
 * - A page that leaves the tree may still be walked by a CPU that cached the way to it. It is kept in a list until the caller has flushed.
 *
 * A linear address is cut into the root's index (9 bits) and the page within that root entry's 512 GiB (27 bits): both are small integers
 * for V8, so walking boxes no number. Frames are small integers below 8 TiB of guest-physical memory.
 */
import { type EntryFormat, FLUSH_NONE } from './entry-format.js';
import { frameHigh, frameOf, HALF, isWholePages, pageNumber, ROOT_LEVEL, SPAN, store } from './entry-word.js';
import { eachTable } from './table-inspect.js';
import { ENTRIES, type MemoryAllocator } from './table-memory.js';

const UPPER_HALF = ENTRIES / 2;

/** How page tables are made. */
export interface PageTablesOptions {
  /** Tables whose upper half (root entries 256 … 511) these ones share; they must outlive these. */
  readonly kernelHalf?: TableTree;
  /** The largest pages that the CPU has: 1 = 4 KiB, 2 = 2 MiB, 3 = 1 GiB (CPUID 0x80000001 EDX bit 26). Default 3. */
  readonly largestLevel?: 1 | 2 | 3;
  /** Keep {@link TableTree.changed}. */
  readonly trackChanges?: boolean;
}

/**
 * The pages that page tables are made of: which belong to the tree, which wait for a flush. {@link FourLevelTables} adds what is mapped.
 *
 * @example
 * import { amd64, ChunkedTableMemory, MAP_READ } from '@sbx/ring0';
 *
 * const memory = ChunkedTableMemory.over(new SharedArrayBuffer(16 * 4096), 0);
 * const kernel = amd64.PageTables.create(memory);
 * if (typeof kernel === 'number') throw new Error('no memory for a root');
 * kernel.map(-0x80000000, 0x1000, MAP_READ, 0x5000);
 * kernel.countTables(); // 4: the root and one of each level
 *
 * // An address space whose upper half is the kernel's.
 * const tables = amd64.PageTables.create(memory, { kernelHalf: kernel });
 * if (typeof tables === 'number') throw new Error('no memory for a root');
 * tables.lookup(-0x80000000); // 0x5000
 * tables.countTables(); // 1
 * tables.release();
 * kernel.release();
 * memory.usedPages; // 0
 */
export abstract class TableTree {
  /** Frame of the root table; -1 after {@link release}. */
  root: number;
  /**
   * With `trackChanges`: the frames of tables in which an entry that was present changed, and of those that left the tables; some more than
   * once. The caller empties it. For a hypervisor that shadows page tables and must be told which ones the host edited (one that has nested
   * paging needs flushes only).
   */
  readonly changed: number[] = [];

  protected readonly format: EntryFormat;
  protected readonly memory: MemoryAllocator;
  protected readonly largestLevel: number;
  protected readonly tracking: boolean;
  readonly #kernelHalf: TableTree | null;
  /** Trees that share our upper half. */
  #sharers = 0;
  /** Frames that left the tree and wait for a flush. */
  readonly #retired: number[] = [];

  // The range of the operation under way, piece by piece: pages [start, end) of root entry `top`. See advance().
  protected top = 0;
  protected start = 0;
  protected end = 0;
  #rest = 0;
  /** Whether the range is in the lower half. */
  protected lower = true;
  /** The greatest flush that a page of the operation asked for. */
  protected flush = FLUSH_NONE;

  protected constructor(format: EntryFormat, memory: MemoryAllocator, root: number, options: PageTablesOptions) {
    this.format = format;
    this.memory = memory;
    this.root = root;
    this.largestLevel = options.largestLevel ?? 3;
    this.tracking = options.trackChanges ?? false;
    this.#kernelHalf = options.kernelHalf ?? null;
    if (this.#kernelHalf !== null) this.#shareUpperHalf(this.#kernelHalf);
  }

  /** Pages that wait for a flush: see {@link reclaim}. */
  get retiredPages(): number {
    return this.#retired.length;
  }

  /**
   * Gives pages that left the tables back to the allocator. Call it after a flush of every CPU that uses these tables (for the upper half: or
   * shares it) and that came after the operations which retired them.
   */
  reclaim(): void {
    for (;;) {
      const frame = this.#retired.pop();
      if (frame === undefined) return;
      this.memory.freeFrame(frame);
    }
  }

  /** Gives all pages back. No CPU may use the tables any more, and no other tables may share their upper half. */
  release(): void {
    if (this.root < 0) return;
    if (this.#sharers > 0) throw new RangeError('the upper half is still shared');
    for (let top = 0; top < this.ownedEntries(); top++) {
      const table = this.existing(top);
      if (table >= 0) this.retireTree(table, 3);
    }
    this.#retire(this.root);
    this.root = -1;
    this.reclaim();
    if (this.#kernelHalf !== null) this.#kernelHalf.#sharers--;
  }

  /** Pages of tables in use, the root and an own upper half included, a shared one not. */
  countTables(): number {
    let count = 1;
    const increment = () => count++;
    for (let top = 0; top < this.ownedEntries(); top++) {
      const table = this.existing(top);
      if (table < 0) continue;
      count++;
      eachTable(this.memory, this.format, table, 3, increment);
    }
    return count;
  }

  /** Checks the range of an operation (a bad one is a bug of the caller) and starts over at its first page. @hotpath */
  protected begin(address: number, length: number, changes: boolean): void {
    if (this.root < 0) throw new RangeError('released');
    if (!isWholePages(address) || !isWholePages(length) || !(length > 0)) throw new RangeError('a range must be whole pages');
    this.lower = address >= 0;
    if (!(address >= -HALF && address + length <= (this.lower ? HALF : 0))) throw new RangeError('not a canonical range');
    if (changes && !this.lower && this.#kernelHalf !== null) throw new RangeError('a shared upper half is changed where it is owned');
    this.flush = FLUSH_NONE;
    const page = pageNumber(address);
    const top = Math.floor(page / SPAN);
    this.top = top - 1;
    this.start = (page - top * SPAN) | 0;
    // The first advance() leaves `start` as it is.
    this.end = -1;
    this.#rest = length / 4096;
  }

  /** Goes to the next root entry of the range; false at its end. @hotpath */
  protected advance(): boolean {
    const rest = this.#rest;
    if (rest <= 0) return false;
    const start = this.end < 0 ? this.start : 0;
    const end = Math.min(SPAN, start + rest) | 0;
    this.top++;
    this.start = start;
    this.end = end;
    this.#rest = rest - (end - start);
    return true;
  }

  /** The level 3 table of root entry `top`, or -1. @hotpath */
  protected existing(top: number): number {
    const memory = this.memory;
    memory.locate(this.root);
    const at = 2 * (memory.index + top);
    const low = memory.u32[at]! | 0;
    return (low & this.format.presentBit) === 0 ? -1 : frameOf(low, memory.u32[at + 1]! | 0);
  }

  /** The table below entry `slot`: as it is, made new, or made by splitting the page that the entry maps. -1: out of memory. @hotpath */
  protected child(table: number, level: number, slot: number): number {
    const memory = this.memory;
    memory.locate(table);
    const at = 2 * (memory.index + slot);
    const low = memory.u32[at]! | 0;
    const high = memory.u32[at + 1]! | 0;
    const present = (low & this.format.presentBit) !== 0;
    if (present && (level === ROOT_LEVEL || (low & this.format.blockMask) !== this.format.blockValue)) return frameOf(low, high);
    return this.#newChild(table, level, slot, low, high, present);
  }

  #newChild(table: number, level: number, slot: number, low: number, high: number, present: boolean): number {
    const memory = this.memory;
    if (!present && level === ROOT_LEVEL && this.#sharers > 0 && !this.lower)
      throw new RangeError('map this before sharing the upper half');
    const frame = memory.allocateFrame();
    if (frame < 0) return -1;
    if (present) this.#fillSplit(frame, low, high, level);
    memory.locate(table);
    store(memory.f64, memory.index + slot, (frame << 12) | this.format.tableLow(this.lower), frameHigh(frame));
    if (!present) memory.live[memory.index >>> 9] = memory.live[memory.index >>> 9]! + 1;
    else if (this.tracking) this.noteChange(table);
    return frame;
  }

  /** Fills a new table with the leaves that together translate as the leaf `low`, `high` of `level` does. */
  #fillSplit(table: number, low: number, high: number, level: number): void {
    const memory = this.memory;
    const flags = this.format.splitLow(low, level);
    const first = frameOf(low, high);
    const step = 1 << (9 * (level - 2));
    memory.locate(table);
    for (let slot = 0; slot < ENTRIES; slot++) {
      const frame = first + slot * step;
      store(memory.f64, memory.index + slot, (frame << 12) | flags, (high & ~0xfffff) | frameHigh(frame));
    }
    memory.live[memory.index >>> 9] = ENTRIES;
  }

  /** Splits the pages that straddle the boundary before page number `page` (of the whole space); false: out of memory. */
  protected splitAt(page: number): boolean {
    const top = Math.floor(page / SPAN);
    const boundary = page - top * SPAN;
    if (boundary === 0) return true;
    const memory = this.memory;
    let table = this.existing(top);
    for (let level = 3; level > 1 && table >= 0; level--) {
      const shift = 9 * (level - 1);
      if ((boundary & ((1 << shift) - 1)) === 0) return true;
      memory.locate(table);
      const slot = (boundary >> shift) & 511;
      if ((memory.u32[2 * (memory.index + slot)]! & this.format.presentBit) === 0) return true;
      table = this.child(table, level, slot);
      if (table < 0) return false;
    }
    return true;
  }

  /** Clears one present entry. @hotpath */
  protected clear(table: number, slot: number): void {
    const memory = this.memory;
    memory.locate(table);
    memory.f64[memory.index + slot] = 0;
    memory.live[memory.index >>> 9] = memory.live[memory.index >>> 9]! - 1;
    if (this.tracking) this.noteChange(table);
  }

  /** Takes a table out of its parent if it is empty. @hotpath */
  protected unlinkEmpty(parent: number, slot: number, table: number): void {
    const memory = this.memory;
    memory.locate(table);
    if (memory.live[memory.index >>> 9] !== 0) return;
    this.clear(parent, slot);
    this.#retire(table);
  }

  /** As {@link unlinkEmpty} for a table of the root: those of the upper half stay. @hotpath */
  protected unlinkEmptyTop(top: number, table: number): void {
    if (top < UPPER_HALF) this.unlinkEmpty(this.root, top, table);
  }

  /** Takes out the empty tables that a failed operation left in a root entry. */
  protected prune(top: number): void {
    const table = this.existing(top);
    if (table < 0) return;
    this.#pruneTable(table, 3);
    this.unlinkEmptyTop(top, table);
  }

  #pruneTable(table: number, level: number): void {
    const memory = this.memory;
    for (let slot = 0; slot < ENTRIES; slot++) {
      memory.locate(table);
      const at = 2 * (memory.index + slot);
      const low = memory.u32[at]! | 0;
      if ((low & this.format.presentBit) === 0 || (low & this.format.blockMask) === this.format.blockValue) continue;
      const child = frameOf(low, memory.u32[at + 1]! | 0);
      if (level > 2) this.#pruneTable(child, level - 1);
      this.unlinkEmpty(table, slot, child);
    }
  }

  /** Retires a table that is no longer linked, and all below it. Their entries stay as they are until the pages are reused. */
  protected retireTree(table: number, level: number): void {
    if (level > 1) eachTable(this.memory, this.format, table, level, (child) => this.#retire(child));
    this.#retire(table);
  }

  protected noteChange(table: number): void {
    const last = this.changed.length - 1;
    if (last < 0 || this.changed[last] !== table) this.changed.push(table);
  }

  /** Root entries that are ours alone to change. */
  protected ownedEntries(): number {
    return this.#kernelHalf === null ? ENTRIES : UPPER_HALF;
  }

  #retire(table: number): void {
    if (this.tracking) this.noteChange(table);
    this.#retired.push(table);
  }

  #shareUpperHalf(from: TableTree): void {
    if (from.memory !== this.memory || from.#kernelHalf !== null) throw new RangeError('not tables to share from');
    from.#sharers++;
    const memory = this.memory;
    for (let slot = UPPER_HALF; slot < ENTRIES; slot++) {
      memory.locate(from.root);
      const low = memory.u32[2 * (memory.index + slot)]! | 0;
      const high = memory.u32[2 * (memory.index + slot) + 1]! | 0;
      memory.locate(this.root);
      store(memory.f64, memory.index + slot, low, high);
    }
  }
}
