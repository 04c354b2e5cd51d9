import { PC_BASE, PC_HIGH } from './block-table.js';

/** Takes a PC as two 32-bit halves; false: it is full, and the PC was not taken. */
export type PcWriter = (low: number, high: number) => boolean;

/**
 * Which blocks were hit on one task's behalf: a 32-bit counter for each block that exists, and a list of those whose counter is not zero, so that looking at
 * it costs as much as was hit. Made by `Coverage.createData`.
 *
 * @example
 * import { Coverage } from '@sbx/kcov';
 *
 * const coverage = new Coverage();
 * coverage.register('parse.ts', [1, 0, 2, 9, 3, 0, 4, 9]);
 * const data = coverage.createData();
 * coverage.switchTo(data);
 * coverage.hit(1);
 *
 * const pcs: number[] = [];
 * data.consume(coverage.order, (low) => pcs.push(low) > 0); // 1
 * pcs[0]; // 0x80000001
 * data.length; // 0
 */
export class CoverageData {
  /** By block, in the order of registration. */
  counters: Uint32Array;
  #hits: Uint32Array;
  #length = 0;

  constructor(blocks: number) {
    this.counters = new Uint32Array(blocks);
    this.#hits = new Uint32Array(256);
  }

  /** Blocks hit since they were consumed or cleared. */
  get length(): number {
    return this.#length;
  }

  /** A block's counter has left zero. */
  add(block: number): void {
    if (this.#length === this.#hits.length) {
      const larger = new Uint32Array(this.#length * 2);
      larger.set(this.#hits);
      this.#hits = larger;
    }
    this.#hits[this.#length++] = block;
  }

  /** More blocks exist now. */
  grow(blocks: number): void {
    const larger = new Uint32Array(blocks);
    larger.set(this.counters);
    this.counters = larger;
  }

  /** Sets all counters to 0; costs as much as was hit. */
  clear(): void {
    const { counters } = this;
    for (let i = 0; i < this.#length; i++) counters[this.#hits[i]] = 0;
    this.#length = 0;
  }

  /**
   * Gives the PC of each block that was hit to `write`, in the order of their first hits, and sets its counter to 0. Stops when `write` is full; the rest
   * stays. `order` has the block's place in the table. Returns how many were written.
   */
  consume(order: Uint32Array, write: PcWriter): number {
    const { length } = this;
    let done = 0;
    while (done < length) {
      const block = this.#hits[done];
      if (!write(PC_BASE + order[block], PC_HIGH)) break;
      Atomics.exchange(this.counters, block, 0);
      done++;
    }
    // `write` may be instrumented itself: what it hit stays, too.
    this.#hits.copyWithin(0, done, this.#length);
    this.#length -= done;
    return done;
  }
}
