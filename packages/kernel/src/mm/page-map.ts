/**
 * Which page of application memory backs each page of an address space (what gVisor calls PMAs), as a sparse tree of typed arrays: fork, munmap and
 * fault-around are loops over integers. A leaf covers 2 MiB:
 *
 *     addr bits 46..30           29..21         20..12
 *     Map<number, Middle>  →  Leaf | null  →  [frame of page 0..511 | state of page 0..511]
 *
 * An entry is present if and only if its state is not 0.
 */

/** The page is there; `frame` is its number in application memory (offset / 4096). */
export const PAGE_PRESENT = 0x80;
/** Bits 0..2: access (ACCESS_*) with which the page is mapped in the platform's address space now; 0: it is not. */
export const PAGE_HARDWARE = 0x07;
/** A page of the program's own: anonymous memory, or its private copy of an object's page. */
export const PAGE_ANONYMOUS = 0x08;
/** May be stored to as it is: not shared copy-on-write; for a shared mapping, the object knows that it may become dirty. */
export const PAGE_WRITABLE = 0x10;
/** MADV_FREE: may be taken back while no access has happened since. */
export const PAGE_LAZY_FREE = 0x20;

export const LEAF_PAGES = 512;
export const LEAF_BYTES = LEAF_PAGES * 4096;
const MIDDLE_LEAVES = 512;

/** [0, 512): frames; [512, 1024): states. */
export type Leaf = Int32Array;

class Middle {
  readonly leaves: (Leaf | null)[] = new Array<Leaf | null>(MIDDLE_LEAVES).fill(null);
  count = 0;
}

/** Leaves that are not in use; no page in them is present. */
const spares: Leaf[] = [];
const MAX_SPARES = 1024;

export class PageMap {
  #middles = new Map<number, Middle>();
  #lastIndex = -1;
  #lastLeaf: Leaf | null = null;

  /** The leaf number `index` (address / 2 MiB), or null. @hotpath */
  leaf(index: number): Leaf | null {
    if (index === this.#lastIndex) return this.#lastLeaf;
    const middle = this.#middles.get(index >>> 9);
    const leaf = middle === undefined ? null : middle.leaves[index & 511];
    this.#lastIndex = index;
    this.#lastLeaf = leaf;
    return leaf;
  }

  /** The leaf number `index`, made if it is not there. */
  ensureLeaf(index: number): Leaf {
    const existing = this.leaf(index);
    if (existing !== null) return existing;
    let middle = this.#middles.get(index >>> 9);
    if (middle === undefined) {
      middle = new Middle();
      this.#middles.set(index >>> 9, middle);
    }
    const leaf = spares.pop() ?? new Int32Array(LEAF_PAGES * 2);
    middle.leaves[index & 511] = leaf;
    middle.count++;
    this.#lastLeaf = leaf;
    this.#lastIndex = index;
    return leaf;
  }

  /** Removes an emptied leaf. */
  dropLeaf(index: number): void {
    const middle = this.#middles.get(index >>> 9);
    const leaf = middle?.leaves[index & 511];
    if (middle === undefined || leaf === null || leaf === undefined) return;
    middle.leaves[index & 511] = null;
    if (--middle.count === 0) this.#middles.delete(index >>> 9);
    this.#lastIndex = -1;
    this.#lastLeaf = null;
    if (spares.length < MAX_SPARES) spares.push(leaf);
  }

  /**
   * The number of the first existing leaf at or above `index` and below `limit`, or -1. Large empty ranges cost no more than the number of GiB that hold
   * pages.
   */
  nextLeaf(index: number, limit: number): number {
    let middleIndex = index >>> 9;
    const lastMiddle = (limit - 1) >>> 9;
    if (index >= limit) return -1;
    for (;;) {
      const middle = this.#middles.get(middleIndex);
      if (middle !== undefined) {
        const end = Math.min((middleIndex + 1) * MIDDLE_LEAVES, limit);
        for (let i = index; i < end; i++) if (middle.leaves[i & 511] !== null) return i;
      }
      if (middleIndex === lastMiddle) return -1;
      // Steps one GiB, or jumps to the next that exists where there are fewer of them than steps left.
      if (lastMiddle - middleIndex <= this.#middles.size) middleIndex++;
      else {
        let nearest = lastMiddle + 1;
        for (const key of this.#middles.keys()) if (key > middleIndex && key < nearest) nearest = key;
        if (nearest > lastMiddle) return -1;
        middleIndex = nearest;
      }
      index = middleIndex * MIDDLE_LEAVES;
    }
  }

  /** Frame of the page at `addr`, or -1 if it is not present. */
  frameAt(addr: number): number {
    const leaf = this.leaf(Math.floor(addr / LEAF_BYTES));
    if (leaf === null) return -1;
    const i = Math.floor(addr / 4096) % LEAF_PAGES;
    return leaf[LEAF_PAGES + i] === 0 ? -1 : leaf[i];
  }

  /** State of the page at `addr`; 0 if it is not present. */
  stateAt(addr: number): number {
    const leaf = this.leaf(Math.floor(addr / LEAF_BYTES));
    return leaf === null ? 0 : leaf[LEAF_PAGES + (Math.floor(addr / 4096) % LEAF_PAGES)];
  }

  /** Whether no page is present. Only after leaves were dropped: for tests. */
  get isEmpty(): boolean {
    return this.#middles.size === 0;
  }
}
