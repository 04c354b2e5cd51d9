/**
 * Four-level page tables in memory that a guest walks while we edit them.
 *
 * ```
 *  root (512) ──► level 3 (1 GiB each) ──► level 2 (2 MiB each) ──► level 1 (4 KiB each)
 *                     └ or a 1 GiB page         └ or a 2 MiB page
 * ```
 *
 * Invariants
 * - An entry is stored as one 64-bit word, so a CPU sees the old or the new one and nothing between. The word is moved as a double: bits
 *   62:52 of our entries are never set, so it is no NaN whose bits an engine may change.
 * - A table below the root has at least one present entry (`live` in its memory counts them); when the last one goes, so does the table.
 *   The tables that root entries of the upper half point to are the exception: other address spaces share them, and they stay.
 * - A page that leaves the tables may still be walked by a CPU that cached the way to it: it is kept in a list until {@link
 *   FourLevelTables.reclaim} says that the TLBs were flushed.
 * - An operation that returns -ENOMEM has changed no translation.
 *
 * A linear address is cut into the root's index (9 bits) and the page within that root entry's 512 GiB (27 bits): both are small integers
 * for V8, so walking boxes no number. Frames are small integers below 8 TiB of guest-physical memory.
 */
import { type EntryFormat, FLUSH_NONE, FLUSH_REQUIRED, MAP_ACCESS, MAP_USER } from './entry-format.js';
import { ENOMEM } from './errno.js';
import { ENTRIES, type MemoryAllocator, TABLE_SIZE } from './table-memory.js';

/** Pages in one root entry: 512 GiB. */
const SPAN = 2 ** 27;
/** Linear addresses of each half: 2^47 bytes. */
const HALF = 2 ** 47;
/** Guest-physical addresses stay below this, which keeps bits 62:52 of every entry zero. */
const MAX_PHYSICAL = 2 ** 52;
const ROOT_LEVEL = 4;
const UPPER_HALF = ENTRIES / 2;

/** Bits of {@link FourLevelTables.takeUse}. */
export const USE_ACCESSED = 1;
export const USE_DIRTY = 2;

export interface PageTablesOptions {
  /** Tables whose upper half (root entries 256 … 511) these ones share; they must outlive these. */
  readonly kernelHalf?: FourLevelTables;
  /** The largest pages that the CPU has: 1 = 4 KiB, 2 = 2 MiB, 3 = 1 GiB (CPUID 0x80000001 EDX bit 26). Default 3. */
  readonly largestLevel?: 1 | 2 | 3;
}

/** Called for each leaf by {@link FourLevelTables.visit}; addresses as everywhere, `size` in bytes. */
export type Visitor = (address: number, physical: number, size: number, options: number) => void;

const word = new Int32Array(2);
const double = new Float64Array(word.buffer);

/** Stores a whole entry as one 64-bit word. @hotpath */
function store(f64: Float64Array, at: number, low: number, high: number): void {
  word[0] = low;
  word[1] = high;
  f64[at] = double[0]!;
}

/** The frame in an entry. @hotpath */
function frameOf(low: number, high: number): number {
  return (high & 0xfffff) * 0x100000 + (low >>> 12);
}

/** Bits 11:0 of an address. ToInt32 is a true modulus of 2^32, so the low bits are exact for every address. @hotpath */
function pageOffset(address: number): number {
  return address & 0xfff;
}

export class FourLevelTables {
  /** Frame of the root table; -1 after {@link release}. */
  root: number;
  /** What {@link lookup} found: the options of the mapping (without MAP_TRACK) and the bytes of its page. */
  foundOptions = 0;
  foundSize = 0;

  readonly #format: EntryFormat;
  readonly #memory: MemoryAllocator;
  readonly #largest: number;
  readonly #kernelHalf: FourLevelTables | null;
  /** Tables that share our upper half. */
  #sharers = 0;
  /** Frames that left the tables and wait for a flush. */
  readonly #retired: number[] = [];

  // Of the operation under way: its mapping's options, whether it is in the lower half, and the greatest flush that a page asked for.
  #options = 0;
  #lower = true;
  #flush = FLUSH_NONE;

  protected constructor(format: EntryFormat, memory: MemoryAllocator, root: number, options: PageTablesOptions) {
    this.#format = format;
    this.#memory = memory;
    this.root = root;
    this.#largest = options.largestLevel ?? 3;
    this.#kernelHalf = options.kernelHalf ?? null;
    if (this.#kernelHalf !== null) this.#copyUpperHalf(this.#kernelHalf);
  }

  /** Pages that wait for a flush: see {@link reclaim}. */
  get retiredPages(): number {
    return this.#retired.length;
  }

  /**
   * Maps `[address, address + length)` to `[physical, …)`, replacing what was there, with the largest pages that both alignments allow.
   * An entry that would not change is not written, so its accessed and dirty bits stay.
   *
   * @param options a set of `MAP_*` bits; without any access the range is unmapped.
   * @returns `FLUSH_*`: what the TLBs need, or -ENOMEM, and then no translation has changed.
   * @hotpath
   */
  map(address: number, length: number, options: number, physical: number): number {
    if ((options & MAP_ACCESS) === 0) return this.unmap(address, length);
    this.#begin(address, length);
    if (pageOffset(physical) !== 0 || physical < 0 || physical + length > MAX_PHYSICAL) throw new RangeError('bad physical range');
    if (options & MAP_USER && !this.#lower) throw new RangeError('the upper half has no user pages');
    this.#options = options;
    const page = (address < 0 ? address + 2 * HALF : address) / TABLE_SIZE;
    let top = Math.floor(page / SPAN);
    let start = (page - top * SPAN) | 0;
    let rest = length / TABLE_SIZE;
    let frame = physical / TABLE_SIZE;

    const slot = start & 511;
    if (slot + rest < ENTRIES || (slot + rest === ENTRIES && (slot !== 0 || !this.#fits(2, frame)))) {
      const table = this.#descend(top, start);
      if (table < 0) {
        this.#prune(top, start, start + rest);
        return -ENOMEM;
      }
      this.#setPages(table, slot, rest | 0, frame);
      return this.#flush;
    }

    const failed = this.#prepareAll(top, start, rest, frame);
    if (failed) return -ENOMEM;
    while (rest > 0) {
      const end = Math.min(SPAN, start + rest);
      this.#mapRange(this.#child(this.root, ROOT_LEVEL, top), 3, start, end, frame);
      frame += end - start;
      rest -= end - start;
      start = 0;
      top++;
    }
    return this.#flush;
  }

  /**
   * Removes every translation of the range; a larger page that reaches beyond it is split.
   *
   * @returns FLUSH_REQUIRED if anything was removed, FLUSH_NONE if nothing was there, or -ENOMEM if a page for splitting was wanting: then
   * nothing has changed, and {@link evict} still works.
   * @hotpath
   */
  unmap(address: number, length: number): number {
    return this.#remove(address, length, false);
  }

  /**
   * As {@link unmap}, but never fails: a larger page that reaches beyond the range is removed whole. For tables that are a cache of mappings
   * that a page fault brings back.
   */
  evict(address: number, length: number): number {
    return this.#remove(address, length, true);
  }

  /**
   * Gives all that is mapped in the range new `options` and keeps physical addresses, accessed and dirty bits (one that a CPU sets at the
   * same moment may be lost: use {@link takeUse} before, where that counts). Without any access the range is unmapped.
   *
   * @returns as {@link map}.
   */
  protect(address: number, length: number, options: number): number {
    if ((options & MAP_ACCESS) === 0) return this.unmap(address, length);
    this.#begin(address, length);
    if (options & MAP_USER && !this.#lower) throw new RangeError('the upper half has no user pages');
    this.#options = options;
    const page = (address < 0 ? address + 2 * HALF : address) / TABLE_SIZE;
    let top = Math.floor(page / SPAN);
    let start = (page - top * SPAN) | 0;
    let rest = length / TABLE_SIZE;
    if (!this.#splitAt(page) || !this.#splitAt(page + rest)) return -ENOMEM;
    while (rest > 0) {
      const end = Math.min(SPAN, start + rest);
      const table = this.#existing(top);
      if (table >= 0) this.#protectRange(table, 3, start, end);
      rest -= end - start;
      start = 0;
      top++;
    }
    return this.#flush;
  }

  /**
   * Translates an address as the CPU would, rights aside.
   *
   * @returns the physical address of the byte, and {@link foundOptions} and {@link foundSize} are set; or -1 where nothing is mapped.
   * @hotpath
   */
  lookup(address: number): number {
    if (this.root < 0) throw new RangeError('released');
    if (!(address >= -HALF && address < HALF)) return -1;
    const unsigned = address < 0 ? address + 2 * HALF : address;
    const page = Math.floor(unsigned / TABLE_SIZE);
    const top = Math.floor(page / SPAN);
    const start = (page - top * SPAN) | 0;
    const memory = this.#memory;
    const format = this.#format;
    let frame = this.root;
    let slot = top;
    for (let level = ROOT_LEVEL; ; level--) {
      memory.locate(frame);
      const at = 2 * (memory.index + slot);
      const low = memory.u32[at]! | 0;
      const high = memory.u32[at + 1]! | 0;
      if ((low & format.presentBit) === 0) return -1;
      frame = frameOf(low, high);
      if (level === 1 || (low & format.blockMask) === format.blockValue) {
        this.foundOptions = format.options(low, high);
        this.foundSize = 1 << (3 + 9 * level);
        return (frame + (start & ((1 << (9 * (level - 1))) - 1))) * TABLE_SIZE + pageOffset(address);
      }
      slot = (start >> (9 * (level - 2))) & 511;
    }
  }

  /** Whether nothing is mapped in the range. */
  isEmpty(address: number, length: number): boolean {
    this.#begin(address, length, true);
    const page = (address < 0 ? address + 2 * HALF : address) / TABLE_SIZE;
    let top = Math.floor(page / SPAN);
    let start = (page - top * SPAN) | 0;
    let rest = length / TABLE_SIZE;
    while (rest > 0) {
      const end = Math.min(SPAN, start + rest);
      const table = this.#existing(top);
      if (table >= 0 && !this.#emptyRange(table, 3, start, end)) return false;
      rest -= end - start;
      start = 0;
      top++;
    }
    return true;
  }

  /**
   * Takes the marks of use that CPUs left in the range: returns the union of USE_ACCESSED and USE_DIRTY found, and clears those in `bits`
   * (atomically with the CPU's own setting of them). A larger page counts whole. CPUs set a cleared bit again only after a flush.
   */
  takeUse(address: number, length: number, bits: number): number {
    this.#begin(address, length, true);
    const page = (address < 0 ? address + 2 * HALF : address) / TABLE_SIZE;
    let top = Math.floor(page / SPAN);
    let start = (page - top * SPAN) | 0;
    let rest = length / TABLE_SIZE;
    const { accessedBit, dirtyBit } = this.#format;
    const keep = ~((bits & USE_ACCESSED ? accessedBit : 0) | (bits & USE_DIRTY ? dirtyBit : 0));
    let found = 0;
    while (rest > 0) {
      const end = Math.min(SPAN, start + rest);
      const table = this.#existing(top);
      if (table >= 0) found |= this.#takeRange(table, 3, start, end, keep);
      rest -= end - start;
      start = 0;
      top++;
    }
    return (found & accessedBit ? USE_ACCESSED : 0) | (found & dirtyBit ? USE_DIRTY : 0);
  }

  /** Calls `visitor` for every leaf, in address order of the lower half, then the upper. For debugging and tests. */
  visit(visitor: Visitor): void {
    for (let top = 0; top < ENTRIES; top++) {
      const table = this.#existing(top);
      const address = top * SPAN * TABLE_SIZE;
      if (table >= 0) this.#visitTable(table, 3, top < UPPER_HALF ? address : address - 2 * HALF, visitor);
    }
  }

  /** Pages of tables in use, the root and an own upper half included, a shared one not. */
  countTables(): number {
    let count = 1;
    for (let top = 0; top < this.#ownedEntries(); top++) {
      const table = this.#existing(top);
      if (table >= 0) count += this.#countTree(table, 3);
    }
    return count;
  }

  /**
   * Gives pages that left the tables back to the allocator. Call it after a flush of every CPU that uses these tables (for the upper half: or
   * shares it) and that came after the operations which retired them.
   */
  reclaim(): void {
    for (;;) {
      const frame = this.#retired.pop();
      if (frame === undefined) return;
      this.#memory.freeFrame(frame);
    }
  }

  /** Gives all pages back. No CPU may use the tables any more, and no other tables may share their upper half. */
  release(): void {
    if (this.root < 0) return;
    if (this.#sharers > 0) throw new RangeError('the upper half is still shared');
    for (let top = 0; top < this.#ownedEntries(); top++) {
      const table = this.#existing(top);
      if (table >= 0) this.#retireTree(table, 3);
    }
    this.#retired.push(this.root);
    this.root = -1;
    this.reclaim();
    if (this.#kernelHalf !== null) this.#kernelHalf.#sharers--;
  }

  #copyUpperHalf(from: FourLevelTables): void {
    if (from.#memory !== this.#memory || from.#kernelHalf !== null) throw new RangeError('not tables to share from');
    from.#sharers++;
    for (let slot = UPPER_HALF; slot < ENTRIES; slot++) {
      const memory = this.#memory;
      memory.locate(from.root);
      const low = memory.u32[2 * (memory.index + slot)]! | 0;
      const high = memory.u32[2 * (memory.index + slot) + 1]! | 0;
      memory.locate(this.root);
      store(memory.f64, memory.index + slot, low, high);
    }
  }

  #ownedEntries(): number {
    return this.#kernelHalf === null ? ENTRIES : UPPER_HALF;
  }

  /** Checks a range (a bad one is a bug of the caller) and resets the state of the operation. @hotpath */
  #begin(address: number, length: number, reading = false): void {
    if (this.root < 0) throw new RangeError('released');
    if (pageOffset(address) !== 0 || pageOffset(length) !== 0 || !(length > 0)) throw new RangeError('a range must be whole pages');
    this.#lower = address >= 0;
    if (!(address >= -HALF && address + length <= (this.#lower ? HALF : 0))) throw new RangeError('not a canonical range');
    if (!this.#lower && !reading && this.#kernelHalf !== null) throw new RangeError('a shared upper half is changed where it is owned');
    this.#flush = FLUSH_NONE;
  }

  /** Whether a page of `level` may start at `frame`. @hotpath */
  #fits(level: number, frame: number): boolean {
    return level <= this.#largest && (frame & ((1 << (9 * (level - 1))) - 1)) === 0;
  }

  /** The level 3 table of root entry `top`, or -1. @hotpath */
  #existing(top: number): number {
    const memory = this.#memory;
    memory.locate(this.root);
    const at = 2 * (memory.index + top);
    const low = memory.u32[at]! | 0;
    return (low & this.#format.presentBit) === 0 ? -1 : frameOf(low, memory.u32[at + 1]! | 0);
  }

  /** The table below entry `slot`: as it is, made new, or made by splitting the page that the entry maps. -1: out of memory. @hotpath */
  #child(table: number, level: number, slot: number): number {
    const memory = this.#memory;
    const format = this.#format;
    memory.locate(table);
    const at = 2 * (memory.index + slot);
    const low = memory.u32[at]! | 0;
    const high = memory.u32[at + 1]! | 0;
    const present = (low & format.presentBit) !== 0;
    if (present && (level === ROOT_LEVEL || (low & format.blockMask) !== format.blockValue)) return frameOf(low, high);
    if (!present && level === ROOT_LEVEL && this.#sharers > 0 && !this.#lower)
      throw new RangeError('map this before sharing the upper half');
    const frame = memory.allocateFrame();
    if (frame < 0) return -1;
    if (present) this.#fillSplit(frame, low, high, level);
    memory.locate(table);
    store(memory.f64, memory.index + slot, (frame << 12) | format.tableLow(this.#lower), Math.floor(frame / 0x100000));
    if (!present) memory.live[memory.index >>> 9] = memory.live[memory.index >>> 9]! + 1;
    return frame;
  }

  /** Fills a new table with the leaves that together translate as the leaf `low`, `high` of `level` does. */
  #fillSplit(table: number, low: number, high: number, level: number): void {
    const memory = this.#memory;
    const flags = this.#format.splitLow(low, level);
    const first = frameOf(low, high);
    const step = 1 << (9 * (level - 2));
    memory.locate(table);
    for (let slot = 0; slot < ENTRIES; slot++) {
      const frame = first + slot * step;
      store(memory.f64, memory.index + slot, (frame << 12) | flags, (high & ~0xfffff) | Math.floor(frame / 0x100000));
    }
    memory.live[memory.index >>> 9] = ENTRIES;
  }

  /** The level 1 table of a page, made if need be; -1: out of memory. @hotpath */
  #descend(top: number, page: number): number {
    const directory = this.#child(this.root, ROOT_LEVEL, top);
    if (directory < 0) return -1;
    const middle = this.#child(directory, 3, page >> 18);
    return middle < 0 ? -1 : this.#child(middle, 2, (page >> 9) & 511);
  }

  /** Writes `count` entries of a level 1 table. @hotpath */
  #setPages(table: number, slot: number, count: number, frame: number): void {
    const memory = this.#memory;
    const format = this.#format;
    const flags = format.leafLow(this.#options, 1);
    let low = (frame << 12) | flags;
    let high = format.leafHigh(this.#options) | Math.floor(frame / 0x100000);
    memory.locate(table);
    const { f64, u32, index } = memory;
    let added = 0;
    for (let at = index + slot; at < index + slot + count; at++) {
      const old = u32[2 * at]! | 0;
      let write = true;
      if ((old & format.presentBit) === 0) {
        added++;
      } else {
        const oldHigh = u32[2 * at + 1]! | 0;
        const flush = format.compare(old, oldHigh, low, high);
        if (flush > this.#flush) this.#flush = flush;
        write = flush !== FLUSH_NONE;
      }
      if (write) store(f64, at, low, high);
      low = (low + 0x1000) | 0;
      if ((low & ~0xfff) === 0) high++;
    }
    if (added > 0) memory.live[index >>> 9] = memory.live[index >>> 9]! + added;
  }

  /** Makes every table that mapping the range needs, so that mapping it cannot fail. Returns whether that failed. */
  #prepareAll(firstTop: number, firstStart: number, pages: number, firstFrame: number): boolean {
    let top = firstTop;
    let start = firstStart;
    let rest = pages;
    let frame = firstFrame;
    while (rest > 0) {
      const end = Math.min(SPAN, start + rest);
      const table = this.#child(this.root, ROOT_LEVEL, top);
      if (table < 0 || !this.#prepareRange(table, 3, start, end, frame)) {
        for (let pruned = firstTop; pruned <= top; pruned++) this.#prune(pruned, 0, SPAN);
        return true;
      }
      frame += end - start;
      rest -= end - start;
      start = 0;
      top++;
    }
    return false;
  }

  #prepareRange(table: number, level: number, start: number, end: number, frame: number): boolean {
    const shift = 9 * (level - 1);
    let from = start;
    while (from < end) {
      const to = Math.min(end, ((from >> shift) + 1) << shift);
      const whole = to - from === 1 << shift && this.#fits(level, frame + (from - start));
      if (!whole) {
        const child = this.#child(table, level, (from >> shift) & 511);
        if (child < 0) return false;
        if (level > 2 && !this.#prepareRange(child, level - 1, from, to, frame + (from - start))) return false;
      }
      from = to;
    }
    return true;
  }

  /** Maps pages `[start, end)` of a root entry from `frame` on. The tables are there: see {@link #prepareRange}. */
  #mapRange(table: number, level: number, start: number, end: number, frame: number): void {
    if (level === 1) {
      this.#setPages(table, start & 511, end - start, frame);
      return;
    }
    const shift = 9 * (level - 1);
    let from = start;
    while (from < end) {
      const to = Math.min(end, ((from >> shift) + 1) << shift);
      const slot = (from >> shift) & 511;
      const here = frame + (from - start);
      if (to - from === 1 << shift && this.#fits(level, here)) this.#setLarge(table, level, slot, here);
      else this.#mapRange(this.#child(table, level, slot), level - 1, from, to, here);
      from = to;
    }
  }

  /** Writes a leaf above level 1; a table in its place is retired. */
  #setLarge(table: number, level: number, slot: number, frame: number): void {
    const memory = this.#memory;
    const format = this.#format;
    memory.locate(table);
    const at = memory.index + slot;
    const old = memory.u32[2 * at]! | 0;
    const oldHigh = memory.u32[2 * at + 1]! | 0;
    const low = (frame << 12) | format.leafLow(this.#options, level);
    const high = format.leafHigh(this.#options) | Math.floor(frame / 0x100000);
    if ((old & format.presentBit) === 0) {
      store(memory.f64, at, low, high);
      memory.live[memory.index >>> 9] = memory.live[memory.index >>> 9]! + 1;
    } else if ((old & format.blockMask) === format.blockValue) {
      const flush = format.compare(old, oldHigh, low, high);
      if (flush > this.#flush) this.#flush = flush;
      if (flush !== FLUSH_NONE) store(memory.f64, at, low, high);
    } else {
      store(memory.f64, at, low, high);
      this.#flush = FLUSH_REQUIRED;
      this.#retireTree(frameOf(old, oldHigh), level - 1);
    }
  }

  #remove(address: number, length: number, whole: boolean): number {
    this.#begin(address, length);
    const page = (address < 0 ? address + 2 * HALF : address) / TABLE_SIZE;
    let top = Math.floor(page / SPAN);
    let start = (page - top * SPAN) | 0;
    let rest = length / TABLE_SIZE;
    // A page that straddles the end is split first; one that straddles the start is met before anything is removed.
    if (!whole && (start & 511) + rest > ENTRIES && !this.#splitAt(page + rest)) return -ENOMEM;
    while (rest > 0) {
      const end = Math.min(SPAN, start + rest);
      const table = this.#existing(top);
      if (table >= 0) {
        if (!this.#removeRange(table, 3, start, end, whole)) return -ENOMEM;
        this.#unlinkEmptyTop(top, table);
      }
      rest -= end - start;
      start = 0;
      top++;
    }
    return this.#flush;
  }

  /** Removes pages `[start, end)` of a root entry; false if a page to split with was wanting. @hotpath */
  #removeRange(table: number, level: number, start: number, end: number, whole: boolean): boolean {
    if (level === 1) {
      this.#clearPages(table, start & 511, end - start);
      return true;
    }
    const memory = this.#memory;
    const format = this.#format;
    const shift = 9 * (level - 1);
    let from = start;
    while (from < end) {
      const to = Math.min(end, ((from >> shift) + 1) << shift);
      const slot = (from >> shift) & 511;
      memory.locate(table);
      const at = memory.index + slot;
      const low = memory.u32[2 * at]! | 0;
      const high = memory.u32[2 * at + 1]! | 0;
      if ((low & format.presentBit) !== 0) {
        const leaf = (low & format.blockMask) === format.blockValue;
        if (to - from === 1 << shift || (leaf && whole)) {
          this.#clear(table, slot);
          this.#flush = FLUSH_REQUIRED;
          if (!leaf) this.#retireTree(frameOf(low, high), level - 1);
        } else {
          const child = leaf ? this.#child(table, level, slot) : frameOf(low, high);
          if (child < 0 || !this.#removeRange(child, level - 1, from, to, whole)) return false;
          this.#unlinkEmpty(table, slot, child);
        }
      }
      from = to;
    }
    return true;
  }

  /** Clears `count` entries of a level 1 table. @hotpath */
  #clearPages(table: number, slot: number, count: number): void {
    const memory = this.#memory;
    const present = this.#format.presentBit;
    memory.locate(table);
    const { f64, u32, index } = memory;
    let removed = 0;
    for (let at = index + slot; at < index + slot + count; at++) {
      if ((u32[2 * at]! & present) === 0) continue;
      f64[at] = 0;
      removed++;
    }
    if (removed === 0) return;
    this.#flush = FLUSH_REQUIRED;
    memory.live[index >>> 9] = memory.live[index >>> 9]! - removed;
  }

  /** Clears one present entry. @hotpath */
  #clear(table: number, slot: number): void {
    const memory = this.#memory;
    memory.locate(table);
    memory.f64[memory.index + slot] = 0;
    memory.live[memory.index >>> 9] = memory.live[memory.index >>> 9]! - 1;
  }

  #isEmptyTable(table: number): boolean {
    const memory = this.#memory;
    memory.locate(table);
    return memory.live[memory.index >>> 9] === 0;
  }

  /** Takes an empty table out of its parent. @hotpath */
  #unlinkEmpty(parent: number, slot: number, table: number): void {
    if (!this.#isEmptyTable(table)) return;
    this.#clear(parent, slot);
    this.#retired.push(table);
  }

  /** As {@link #unlinkEmpty} for a root entry: those of the upper half stay. @hotpath */
  #unlinkEmptyTop(top: number, table: number): void {
    if (top < UPPER_HALF) this.#unlinkEmpty(this.root, top, table);
  }

  /** Takes out the empty tables that a failed operation left in a root entry. */
  #prune(top: number, start: number, end: number): void {
    const table = this.#existing(top);
    if (table < 0) return;
    this.#pruneRange(table, 3, start, end);
    this.#unlinkEmptyTop(top, table);
  }

  #pruneRange(table: number, level: number, start: number, end: number): void {
    const memory = this.#memory;
    const format = this.#format;
    const shift = 9 * (level - 1);
    for (let from = start; from < end; from = ((from >> shift) + 1) << shift) {
      const slot = (from >> shift) & 511;
      memory.locate(table);
      const at = 2 * (memory.index + slot);
      const low = memory.u32[at]! | 0;
      if ((low & format.presentBit) === 0 || (low & format.blockMask) === format.blockValue) continue;
      const child = frameOf(low, memory.u32[at + 1]! | 0);
      if (level > 2) this.#pruneRange(child, level - 1, from, Math.min(end, ((from >> shift) + 1) << shift));
      this.#unlinkEmpty(table, slot, child);
    }
  }

  /** Splits the pages that straddle the boundary before page number `page` (of the whole space); false: out of memory. */
  #splitAt(page: number): boolean {
    const top = Math.floor(page / SPAN);
    const boundary = (page - top * SPAN) | 0;
    if (boundary === 0) return true;
    const memory = this.#memory;
    const format = this.#format;
    let table = this.#existing(top);
    for (let level = 3; level > 1 && table >= 0; level--) {
      const shift = 9 * (level - 1);
      if ((boundary & ((1 << shift) - 1)) === 0) return true;
      memory.locate(table);
      const slot = (boundary >> shift) & 511;
      if ((memory.u32[2 * (memory.index + slot)]! & format.presentBit) === 0) return true;
      table = this.#child(table, level, slot);
      if (table < 0) return false;
    }
    return true;
  }

  #protectRange(table: number, level: number, start: number, end: number): void {
    const memory = this.#memory;
    const format = this.#format;
    const shift = 9 * (level - 1);
    const use = format.accessedBit | format.dirtyBit;
    const flags = format.leafLow(this.#options, level) & ~use;
    const rights = format.leafHigh(this.#options);
    let from = start;
    while (from < end) {
      const to = Math.min(end, ((from >> shift) + 1) << shift);
      memory.locate(table);
      const at = memory.index + ((from >> shift) & 511);
      const low = memory.u32[2 * at]! | 0;
      const high = memory.u32[2 * at + 1]! | 0;
      if ((low & format.presentBit) !== 0) {
        if (level === 1 || (low & format.blockMask) === format.blockValue) {
          const newLow = (low & ~0xfff) | (low & use) | flags;
          const newHigh = (high & 0xfffff) | rights;
          const flush = format.compare(low, high, newLow, newHigh);
          if (flush > this.#flush) this.#flush = flush;
          if (flush !== FLUSH_NONE) store(memory.f64, at, newLow, newHigh);
        } else {
          this.#protectRange(frameOf(low, high), level - 1, from, to);
        }
      }
      from = to;
    }
  }

  #emptyRange(table: number, level: number, start: number, end: number): boolean {
    const memory = this.#memory;
    const format = this.#format;
    const shift = 9 * (level - 1);
    let from = start;
    while (from < end) {
      const to = Math.min(end, ((from >> shift) + 1) << shift);
      memory.locate(table);
      const at = 2 * (memory.index + ((from >> shift) & 511));
      const low = memory.u32[at]! | 0;
      if ((low & format.presentBit) !== 0) {
        if (level === 1 || (low & format.blockMask) === format.blockValue || to - from === 1 << shift) return false;
        if (!this.#emptyRange(frameOf(low, memory.u32[at + 1]! | 0), level - 1, from, to)) return false;
      }
      from = to;
    }
    return true;
  }

  #takeRange(table: number, level: number, start: number, end: number, keep: number): number {
    const memory = this.#memory;
    const format = this.#format;
    const shift = 9 * (level - 1);
    let found = 0;
    let from = start;
    while (from < end) {
      const to = Math.min(end, ((from >> shift) + 1) << shift);
      memory.locate(table);
      const at = 2 * (memory.index + ((from >> shift) & 511));
      const low = memory.u32[at]! | 0;
      if ((low & format.presentBit) !== 0) {
        const leaf = level === 1 || (low & format.blockMask) === format.blockValue;
        if (leaf) found |= Atomics.and(memory.u32, at, keep);
        else found |= this.#takeRange(frameOf(low, memory.u32[at + 1]! | 0), level - 1, from, to, keep);
      }
      from = to;
    }
    return found;
  }

  #visitTable(table: number, level: number, address: number, visitor: Visitor): void {
    const memory = this.#memory;
    const format = this.#format;
    const size = TABLE_SIZE * 2 ** (9 * (level - 1));
    for (let slot = 0; slot < ENTRIES; slot++) {
      memory.locate(table);
      const at = 2 * (memory.index + slot);
      const low = memory.u32[at]! | 0;
      const high = memory.u32[at + 1]! | 0;
      if ((low & format.presentBit) === 0) continue;
      const frame = frameOf(low, high);
      const leaf = level === 1 || (low & format.blockMask) === format.blockValue;
      if (leaf) visitor(address + slot * size, frame * TABLE_SIZE, size, format.options(low, high));
      else this.#visitTable(frame, level - 1, address + slot * size, visitor);
    }
  }

  #countTree(table: number, level: number): number {
    let count = 1;
    if (level > 1) this.#eachTable(table, (child) => (count += this.#countTree(child, level - 1)));
    return count;
  }

  /** Retires a table that is no longer linked, and all below it. Their entries stay as they are until they are reused. */
  #retireTree(table: number, level: number): void {
    if (level > 1) this.#eachTable(table, (child) => this.#retireTree(child, level - 1));
    this.#retired.push(table);
  }

  #eachTable(table: number, call: (child: number) => void): void {
    const memory = this.#memory;
    const format = this.#format;
    for (let slot = 0; slot < ENTRIES; slot++) {
      memory.locate(table);
      const at = 2 * (memory.index + slot);
      const low = memory.u32[at]! | 0;
      if ((low & format.presentBit) === 0 || (low & format.blockMask) === format.blockValue) continue;
      call(frameOf(low, memory.u32[at + 1]! | 0));
    }
  }
}
