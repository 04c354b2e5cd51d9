/**
 * Four-level page tables in memory that a guest walks while we edit them: mapping, unmapping, protecting and looking up. How the tables hang
 * together, and the invariants, are in table-tree.ts. An operation that returns -ENOMEM has changed no translation.
 */
import { ENOMEM } from '@sbx/abi';
import { FLUSH_NONE, FLUSH_REQUIRED, MAP_ACCESS, MAP_USER } from './entry-format.js';
import { frameHigh, frameOf, HALF, isWholePages, MAX_PHYSICAL, pageNumber, pageOffset, ROOT_LEVEL, SPAN, store } from './entry-word.js';
import { emptyRange, type Visitor, visitTable } from './table-inspect.js';
import { ENTRIES, TABLE_SIZE } from './table-memory.js';
import { TableTree } from './table-tree.js';

/** Bits of {@link FourLevelTables.takeUse}. */
export const USE_ACCESSED = 1;
export const USE_DIRTY = 2;

/**
 * Page tables of any architecture with four levels of 512 entries (SDM Vol. 3A 4.5): an {@link EntryFormat} spells the entries. Addresses are sign-extended
 * numbers, lengths bytes; a range that is not whole pages, is empty or crosses from one half into the other is a `RangeError`, as is any use after `release`.
 * What an operation returns says what the TLBs need before anybody relies on it. Nothing blocks. Owned by one JavaScript thread.
 *
 * @example
 * import { amd64, ChunkedTableMemory, FLUSH_NONE, FLUSH_REQUIRED, FourLevelTables, MAP_READ, MAP_USER, MAP_WRITE } from '@sbx/ring0';
 *
 * const memory = ChunkedTableMemory.over(new SharedArrayBuffer(16 * 4096), 0x100000);
 * const tables = amd64.PageTables.create(memory);
 * if (typeof tables === 'number') throw new Error('no memory for a root');
 * tables instanceof FourLevelTables; // true
 *
 * tables.map(0x400000, 0x200000, MAP_READ | MAP_WRITE | MAP_USER, 0x40000000) === FLUSH_NONE; // true: nothing was there before
 * tables.lookup(0x412345); // 0x40012345
 * tables.foundSize; // 0x200000: one large page
 * tables.protect(0x400000, 0x1000, MAP_READ | MAP_USER) === FLUSH_REQUIRED; // true: the page was split, and lost a right
 * tables.foundSize; // 0x200000
 * tables.lookup(0x400000); // 0x40000000
 * tables.foundSize; // 0x1000
 * tables.foundOptions === (MAP_READ | MAP_USER); // true
 * tables.unmap(0x400000, 0x200000) === FLUSH_REQUIRED; // true
 * tables.retiredPages; // 3
 * tables.reclaim(); // every CPU has flushed
 * memory.usedPages; // 1: the root
 */
export class FourLevelTables extends TableTree {
  /** What {@link lookup} found: the options of the mapping (without MAP_TRACK) and the bytes of its page. */
  foundOptions = 0;
  foundSize = 0;

  /** The options of the operation under way. */
  #options = 0;

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
    this.begin(address, length, true);
    if (!isWholePages(physical) || physical < 0 || physical + length > MAX_PHYSICAL) throw new RangeError('bad physical range');
    this.#setOptions(options);
    let frame = physical / TABLE_SIZE;
    const slot = this.start & 511;
    const pages = length / TABLE_SIZE;
    if (slot + pages < ENTRIES || (slot + pages === ENTRIES && (slot !== 0 || !this.#fits(2, frame)))) {
      this.advance();
      const table = this.#descend(this.top, this.start);
      if (table < 0) {
        this.prune(this.top);
        return -ENOMEM;
      }
      this.#setPages(table, slot, pages, frame);
      return this.flush;
    }
    if (!this.#prepare(frame)) return -ENOMEM;
    this.begin(address, length, true);
    while (this.advance()) {
      this.#mapRange(this.child(this.root, ROOT_LEVEL, this.top), 3, this.start, this.end, frame);
      frame += this.end - this.start;
    }
    return this.flush;
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
    this.begin(address, length, true);
    this.#setOptions(options);
    const first = pageNumber(address);
    if (!this.splitAt(first) || !this.splitAt(first + length / TABLE_SIZE)) return -ENOMEM;
    while (this.advance()) {
      const table = this.existing(this.top);
      if (table >= 0) this.#protectRange(table, 3, this.start, this.end);
    }
    return this.flush;
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
    const page = pageNumber(address);
    const top = Math.floor(page / SPAN);
    const start = page - top * SPAN;
    const memory = this.memory;
    const format = this.format;
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
    this.begin(address, length, false);
    while (this.advance()) {
      const table = this.existing(this.top);
      if (table >= 0 && !emptyRange(this.memory, this.format, table, 3, this.start, this.end)) return false;
    }
    return true;
  }

  /**
   * Takes the marks of use that CPUs left in the range: returns the union of USE_ACCESSED and USE_DIRTY found, and clears those in `bits`
   * (atomically with the CPU's own setting of them). A larger page counts whole. CPUs set a cleared bit again only after a flush.
   */
  takeUse(address: number, length: number, bits: number): number {
    this.begin(address, length, false);
    const { accessedBit, dirtyBit } = this.format;
    const taken = (bits & USE_ACCESSED ? accessedBit : 0) | (bits & USE_DIRTY ? dirtyBit : 0);
    let found = 0;
    while (this.advance()) {
      const table = this.existing(this.top);
      if (table >= 0) found |= this.#takeRange(table, 3, this.start, this.end, taken);
    }
    return (found & accessedBit ? USE_ACCESSED : 0) | (found & dirtyBit ? USE_DIRTY : 0);
  }

  /** Calls `visitor` for every leaf, in address order of the lower half, then the upper. For debugging and tests. */
  visit(visitor: Visitor): void {
    for (let top = 0; top < ENTRIES; top++) {
      const table = this.existing(top);
      const address = top * SPAN * TABLE_SIZE;
      if (table >= 0) visitTable(this.memory, this.format, table, 3, address < HALF ? address : address - 2 * HALF, visitor);
    }
  }

  #setOptions(options: number): void {
    if (options & MAP_USER && !this.lower) throw new RangeError('the upper half has no user pages');
    this.#options = options;
  }

  /** Whether a page of `level` may start at `frame`. @hotpath */
  #fits(level: number, frame: number): boolean {
    return level <= this.largestLevel && (frame & ((1 << (9 * (level - 1))) - 1)) === 0;
  }

  /** The level 1 table of a page, made if need be; -1: out of memory. @hotpath */
  #descend(top: number, page: number): number {
    const directory = this.child(this.root, ROOT_LEVEL, top);
    if (directory < 0) return -1;
    const middle = this.child(directory, 3, page >> 18);
    return middle < 0 ? -1 : this.child(middle, 2, (page >> 9) & 511);
  }

  /** Writes `count` entries of a level 1 table. @hotpath */
  #setPages(table: number, slot: number, count: number, frame: number): void {
    const memory = this.memory;
    const format = this.format;
    let low = (frame << 12) | format.leafLow(this.#options, 1);
    let high = format.leafHigh(this.#options) | frameHigh(frame);
    memory.locate(table);
    const { f64, u32, index } = memory;
    const end = index + slot + count;
    let added = 0;
    let changed = false;
    for (let at = index + slot; at < end; at++) {
      const old = u32[2 * at]! | 0;
      let flush = FLUSH_NONE;
      if ((old & format.presentBit) === 0) {
        added++;
        store(f64, at, low, high);
      } else if ((flush = format.compare(old, u32[2 * at + 1]! | 0, low, high)) !== FLUSH_NONE) {
        if (flush > this.flush) this.flush = flush;
        changed = true;
        store(f64, at, low, high);
      }
      low = (low + 0x1000) | 0;
      if ((low & ~0xfff) === 0) high++;
    }
    if (added > 0) memory.live[index >>> 9] = memory.live[index >>> 9]! + added;
    if (changed && this.tracking) this.noteChange(table);
  }

  /** Makes every table that mapping the range from `firstFrame` on needs, so that it cannot fail; false: out of memory. */
  #prepare(firstFrame: number): boolean {
    const firstTop = this.top + 1;
    let frame = firstFrame;
    while (this.advance()) {
      const table = this.child(this.root, ROOT_LEVEL, this.top);
      if (table < 0 || !this.#prepareRange(table, 3, this.start, this.end, frame)) {
        for (let top = firstTop; top <= this.top; top++) this.prune(top);
        return false;
      }
      frame += this.end - this.start;
    }
    return true;
  }

  #prepareRange(table: number, level: number, start: number, end: number, frame: number): boolean {
    const shift = 9 * (level - 1);
    let from = start;
    while (from < end) {
      const to = Math.min(end, ((from >> shift) + 1) << shift);
      const whole = to - from === 1 << shift && this.#fits(level, frame + (from - start));
      if (!whole) {
        const child = this.child(table, level, (from >> shift) & 511);
        if (child < 0) return false;
        if (level > 2 && !this.#prepareRange(child, level - 1, from, to, frame + (from - start))) return false;
      }
      from = to;
    }
    return true;
  }

  /** Maps pages `[start, end)` of a root entry from `frame` on. The tables are there: see {@link #prepare}. */
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
      else this.#mapRange(this.child(table, level, slot), level - 1, from, to, here);
      from = to;
    }
  }

  /** Writes a leaf above level 1; a table in its place is retired. */
  #setLarge(table: number, level: number, slot: number, frame: number): void {
    const memory = this.memory;
    const format = this.format;
    memory.locate(table);
    const at = memory.index + slot;
    const old = memory.u32[2 * at]! | 0;
    const oldHigh = memory.u32[2 * at + 1]! | 0;
    const low = (frame << 12) | format.leafLow(this.#options, level);
    const high = format.leafHigh(this.#options) | frameHigh(frame);
    if ((old & format.presentBit) === 0) {
      store(memory.f64, at, low, high);
      memory.live[memory.index >>> 9] = memory.live[memory.index >>> 9]! + 1;
      return;
    }
    const leaf = (old & format.blockMask) === format.blockValue;
    const flush = leaf ? format.compare(old, oldHigh, low, high) : FLUSH_REQUIRED;
    if (flush === FLUSH_NONE) return;
    if (flush > this.flush) this.flush = flush;
    store(memory.f64, at, low, high);
    if (this.tracking) this.noteChange(table);
    if (!leaf) this.retireTree(frameOf(old, oldHigh), level - 1);
  }

  #remove(address: number, length: number, whole: boolean): number {
    this.begin(address, length, true);
    const pages = length / TABLE_SIZE;
    // A page that straddles the end is split first; one that straddles the start is met before anything is removed.
    if (!whole && (this.start & 511) + pages > ENTRIES && !this.splitAt(pageNumber(address) + pages)) return -ENOMEM;
    while (this.advance()) {
      const table = this.existing(this.top);
      if (table < 0) continue;
      if (!this.#removeRange(table, 3, this.start, this.end, whole)) return -ENOMEM;
      this.unlinkEmptyTop(this.top, table);
    }
    return this.flush;
  }

  /** Removes pages `[start, end)` of a root entry; false if a page to split with was wanting. @hotpath */
  #removeRange(table: number, level: number, start: number, end: number, whole: boolean): boolean {
    if (level === 1) {
      this.#clearPages(table, start & 511, end - start);
      return true;
    }
    const memory = this.memory;
    const format = this.format;
    const shift = 9 * (level - 1);
    let from = start;
    while (from < end) {
      const to = Math.min(end, ((from >> shift) + 1) << shift);
      const slot = (from >> shift) & 511;
      memory.locate(table);
      const at = 2 * (memory.index + slot);
      const low = memory.u32[at]! | 0;
      const high = memory.u32[at + 1]! | 0;
      if ((low & format.presentBit) !== 0) {
        const leaf = (low & format.blockMask) === format.blockValue;
        if (to - from === 1 << shift || (leaf && whole)) {
          this.clear(table, slot);
          this.flush = FLUSH_REQUIRED;
          if (!leaf) this.retireTree(frameOf(low, high), level - 1);
        } else {
          const child = leaf ? this.child(table, level, slot) : frameOf(low, high);
          if (child < 0 || !this.#removeRange(child, level - 1, from, to, whole)) return false;
          this.unlinkEmpty(table, slot, child);
        }
      }
      from = to;
    }
    return true;
  }

  /** Clears `count` entries of a level 1 table. @hotpath */
  #clearPages(table: number, slot: number, count: number): void {
    const memory = this.memory;
    const present = this.format.presentBit;
    memory.locate(table);
    const { f64, u32, index } = memory;
    const end = index + slot + count;
    let removed = 0;
    for (let at = index + slot; at < end; at++) {
      if ((u32[2 * at]! & present) === 0) continue;
      f64[at] = 0;
      removed++;
    }
    if (removed === 0) return;
    this.flush = FLUSH_REQUIRED;
    memory.live[index >>> 9] = memory.live[index >>> 9]! - removed;
    if (this.tracking) this.noteChange(table);
  }

  #protectRange(table: number, level: number, start: number, end: number): void {
    const memory = this.memory;
    const format = this.format;
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
      const first = from;
      from = to;
      if ((low & format.presentBit) === 0) continue;
      if (level > 1 && (low & format.blockMask) !== format.blockValue) {
        this.#protectRange(frameOf(low, high), level - 1, first, to);
        continue;
      }
      const newLow = (low & ~0xfff) | (low & use) | flags;
      const newHigh = (high & 0xfffff) | rights;
      const flush = format.compare(low, high, newLow, newHigh);
      if (flush === FLUSH_NONE) continue;
      if (flush > this.flush) this.flush = flush;
      store(memory.f64, at, newLow, newHigh);
      if (this.tracking) this.noteChange(table);
    }
  }

  #takeRange(table: number, level: number, start: number, end: number, taken: number): number {
    const memory = this.memory;
    const format = this.format;
    const shift = 9 * (level - 1);
    let found = 0;
    let from = start;
    while (from < end) {
      const to = Math.min(end, ((from >> shift) + 1) << shift);
      memory.locate(table);
      const at = 2 * (memory.index + ((from >> shift) & 511));
      const low = memory.u32[at]! | 0;
      const first = from;
      from = to;
      if ((low & format.presentBit) === 0) continue;
      if (level > 1 && (low & format.blockMask) !== format.blockValue) {
        found |= this.#takeRange(frameOf(low, memory.u32[at + 1]! | 0), level - 1, first, to, taken);
        continue;
      }
      const old = Atomics.and(memory.u32, at, ~taken);
      found |= old;
      if ((old & taken) !== 0 && this.tracking) this.noteChange(table);
    }
    return found;
  }
}
