const NOT_A_HEAD = 0;
const NONE = -1;

/**
 * A binary-buddy allocator of page numbers. Pages come in chunks of a power of two; a block of order k is 2^k pages at a multiple of 2^k, so that large
 * requests are naturally aligned and no request crosses a chunk.
 *
 * ```text
 *   heads[k] → block → block …      doubly linked through next/prev, indexed by the block's first page; newest first
 *   order[p] = k + 1 if p is the first page of a free block of order k, else 0
 *   nonEmpty = bit k set: heads[k] has a block
 * ```
 * A block that is split gives its lower half first, so that requests served from one large free block have ascending addresses. Knows nothing about
 * what the pages hold.
 */
export class PageAllocator {
  readonly chunkPages: number;
  readonly #maxOrder: number;
  readonly #heads: Int32Array;
  #nonEmpty = 0;
  #pages = 0;
  #order = new Int8Array(0);
  #next = new Int32Array(0);
  #prev = new Int32Array(0);

  /** The end of the free block from which the last `allocate` took: pages from its result's end up to here are free. */
  lastBlockEnd = 0;

  /** @param chunkOrder - log2 of the pages in a chunk (at most 30) */
  constructor(chunkOrder: number) {
    this.chunkPages = 2 ** chunkOrder;
    this.#maxOrder = chunkOrder;
    this.#heads = new Int32Array(chunkOrder + 1).fill(NONE);
  }

  /** The end of the last chunk's pages. */
  get pages(): number {
    return this.#pages;
  }

  /**
   * Adds the next chunk, of which the first `usable` pages are free and the others do not exist. `capacity` pages (at least the new end) is what the
   * tables are made for, if they must grow.
   */
  addChunk(usable: number, capacity: number): void {
    const first = Math.ceil(this.#pages / this.chunkPages) * this.chunkPages;
    const pages = first + usable;
    if (pages > this.#order.length) {
      this.#order = grow(this.#order, new Int8Array(capacity));
      this.#next = grow(this.#next, new Int32Array(capacity));
      this.#prev = grow(this.#prev, new Int32Array(capacity));
    }
    this.#pages = pages;
    this.#pushRun(first, usable);
  }

  /** Takes `count` pages (1 to chunkPages); returns the first, or -1 when no free block is large enough. @hotpath */
  allocate(count: number): number {
    const order = count === 1 ? 0 : 32 - Math.clz32(count - 1);
    const candidates = this.#nonEmpty & -(1 << order); // orders >= order
    if (candidates === 0) return NONE;
    let found = 31 - Math.clz32(candidates & -candidates);
    const page = this.#heads[found];
    this.#remove(page, found);
    this.lastBlockEnd = page + (1 << found);
    while (found > order) {
      found--;
      this.#push(page + (1 << found), found);
    }
    const size = 1 << order;
    if (count < size) this.#pushRun(page + count, size - count);
    return page;
  }

  /** Gives `count` pages from `page` back, which must be allocated and inside one chunk. @hotpath */
  free(page: number, count: number): void {
    let at = page;
    let left = count;
    while (left > 0) {
      const order = this.#largestOrder(at, left);
      this.#merge(at, order);
      at += 1 << order;
      left -= 1 << order;
    }
  }

  /** Takes exactly these pages, which must all be free (used when a saved file is loaded). */
  take(page: number, count: number): void {
    let at = page;
    const end = page + count;
    while (at < end) {
      const head = this.#blockOf(at);
      const order = this.#order[head] - 1;
      const blockEnd = head + (1 << order);
      this.#remove(head, order);
      if (head < at) this.#pushRun(head, at - head);
      const stop = Math.min(end, blockEnd);
      if (stop < blockEnd) this.#pushRun(stop, blockEnd - stop);
      at = stop;
    }
  }

  /** Calls `visit` with the free blocks, largest first, until it returns false. The visitor must not allocate or free. */
  eachFreeBlock(visit: (page: number, count: number) => boolean): void {
    for (let order = this.#maxOrder; order >= 0; order--) {
      for (let page = this.#heads[order]; page !== NONE; page = this.#next[page]) {
        if (!visit(page, 1 << order)) return;
      }
    }
  }

  #blockOf(page: number): number {
    for (let order = 0; order <= this.#maxOrder; order++) {
      const head = page - (page % (1 << order));
      if (this.#order[head] > order) return head;
    }
    throw new Error(`page ${page} is not free`);
  }

  /** The order of the largest block that starts at `page` and has at most `count` pages. */
  #largestOrder(page: number, count: number): number {
    const bySize = 31 - Math.clz32(count);
    const inChunk = page & (this.chunkPages - 1);
    if (inChunk === 0) return Math.min(bySize, this.#maxOrder);
    return Math.min(bySize, 31 - Math.clz32(inChunk & -inChunk));
  }

  /** Inserts a free block, merged with its buddies as far as they are free. */
  #merge(page: number, order: number): void {
    let head = page;
    let o = order;
    while (o < this.#maxOrder) {
      const buddy = head ^ (1 << o);
      if (this.#order[buddy] !== o + 1) break;
      this.#remove(buddy, o);
      if (buddy < head) head = buddy;
      o++;
    }
    this.#push(head, o);
  }

  /** Inserts a free run whose neighbours are known to be in use or of another size: no merging. */
  #pushRun(page: number, count: number): void {
    let at = page;
    let left = count;
    while (left > 0) {
      const order = this.#largestOrder(at, left);
      this.#push(at, order);
      at += 1 << order;
      left -= 1 << order;
    }
  }

  #push(page: number, order: number): void {
    const head = this.#heads[order];
    this.#order[page] = order + 1;
    this.#next[page] = head;
    this.#prev[page] = NONE;
    if (head !== NONE) this.#prev[head] = page;
    else this.#nonEmpty |= 1 << order;
    this.#heads[order] = page;
  }

  #remove(page: number, order: number): void {
    const next = this.#next[page];
    const prev = this.#prev[page];
    this.#order[page] = NOT_A_HEAD;
    if (next !== NONE) this.#prev[next] = prev;
    if (prev !== NONE) this.#next[prev] = next;
    else {
      this.#heads[order] = next;
      if (next === NONE) this.#nonEmpty &= ~(1 << order);
    }
  }
}

/** Copies `from` to the start of `to` and returns `to`. */
export function grow<T extends Int8Array | Uint8Array | Int32Array | Uint32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
