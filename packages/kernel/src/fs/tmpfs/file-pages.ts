import type { Memory } from '@sbx/platform';

export const PAGE_SIZE = 4096;

/** Pages whose places one leaf holds: a compromise between dense files (fewer, larger leaves) and sparse ones. */
const LEAF = 64;

/**
 * The pages of one file: which page of application memory holds which page of the file. Sparse: what is absent is a hole. Owns one reference of each page.
 *
 *     leaves: page number / 64  ->  64 words: 0 = hole, else page number in application memory + 1
 */
export class FilePages {
  readonly #leaves = new Map<number, Uint32Array>();
  /** The leaf that was used last. */
  #index = -1;
  #leaf: Uint32Array | null = null;
  /** Pages that are present. */
  count = 0;

  constructor(private readonly memory: Memory) {}

  /** Offset in application memory of page `page`, or -1 for a hole. @hotpath */
  find(page: number): number {
    const leaf = this.#find(Math.floor(page / LEAF));
    if (leaf === null) return -1;
    const word = leaf[page % LEAF];
    return word === 0 ? -1 : (word - 1) * PAGE_SIZE;
  }

  /** How many pages from `page` (which is present) on follow each other in application memory, in one chunk of it; at most `max`. @hotpath */
  run(page: number, max: number): number {
    const first = this.find(page);
    const chunk = this.memory.chunkSize;
    const limit = Math.min(max, (chunk - (first % chunk)) / PAGE_SIZE);
    let n = 1;
    while (n < limit && this.find(page + n) === first + n * PAGE_SIZE) n++;
    return n;
  }

  /** How many pages from `page` (a hole) on are holes; at most `max`. */
  hole(page: number, max: number): number {
    const next = this.nextPresent(page);
    return next < 0 ? max : Math.min(max, next - page);
  }

  /** Takes over one reference of the page at `offset`. */
  set(page: number, offset: number): void {
    const index = Math.floor(page / LEAF);
    let leaf = this.#find(index);
    if (leaf === null) {
      leaf = new Uint32Array(LEAF);
      this.#leaves.set(index, leaf);
      this.#index = index;
      this.#leaf = leaf;
    }
    leaf[page % LEAF] = offset / PAGE_SIZE + 1;
    this.count++;
  }

  /** The first page present that is not before `page`, or -1. */
  nextPresent(page: number): number {
    if (this.#leaves.size === 0) return -1;
    let index = Math.floor(page / LEAF);
    let within = page % LEAF;
    // Dense files find the next leaf beside this one; for sparse ones the leaves are searched as a whole.
    for (let steps = 0; ; steps++) {
      const leaf = this.#leaves.get(index);
      if (leaf !== undefined) {
        for (; within < LEAF; within++) if (leaf[within] !== 0) return index * LEAF + within;
      }
      if (steps < 4) {
        index++;
      } else {
        let next = Number.POSITIVE_INFINITY;
        for (const candidate of this.#leaves.keys()) if (candidate > index && candidate < next) next = candidate;
        if (next === Number.POSITIVE_INFINITY) return -1;
        index = next;
      }
      within = 0;
    }
  }

  /** The first hole that is not before `page`. */
  nextHole(page: number): number {
    while (this.find(page) >= 0) page++;
    return page;
  }

  /** Removes the pages `first..end` (end exclusive; may be Infinity) and drops their references; returns how many there were. */
  remove(first: number, end: number): number {
    const firstLeaf = Math.floor(first / LEAF);
    const endLeaf = Math.ceil(end / LEAF);
    let removed = 0;
    if (endLeaf - firstLeaf > this.#leaves.size) {
      for (const index of this.#leaves.keys()) if (index >= firstLeaf && index < endLeaf) removed += this.#removeFrom(index, first, end);
    } else {
      for (let index = firstLeaf; index < endLeaf; index++) if (this.#leaves.has(index)) removed += this.#removeFrom(index, first, end);
    }
    this.count -= removed;
    return removed;
  }

  #removeFrom(index: number, first: number, end: number): number {
    const leaf = this.#leaves.get(index)!;
    let removed = 0;
    let left = 0;
    for (let i = 0; i < LEAF; i++) {
      const word = leaf[i];
      if (word === 0) continue;
      const page = index * LEAF + i;
      if (page < first || page >= end) {
        left++;
        continue;
      }
      leaf[i] = 0;
      this.memory.decRef((word - 1) * PAGE_SIZE, PAGE_SIZE);
      removed++;
    }
    if (left === 0) {
      this.#leaves.delete(index);
      if (this.#index === index) {
        this.#index = -1;
        this.#leaf = null;
      }
    }
    return removed;
  }

  /** @hotpath */
  #find(index: number): Uint32Array | null {
    if (index === this.#index) return this.#leaf;
    const leaf = this.#leaves.get(index);
    if (leaf === undefined) return null;
    this.#index = index;
    this.#leaf = leaf;
    return leaf;
  }
}
