/**
 * Process-context identifiers: tags of TLB entries, so that a switch of address spaces need not flush (SDM Vol. 3A 4.10.1; ASIDs on arm64).
 */

/** The PCID under which the kernel's own side of a vCPU runs. */
export const KERNEL_PCID = 1;
/** The first of a pool. */
export const FIRST_USER_PCID = 2;
/** Identifiers in a pool: enough for the address spaces that take turns on one CPU, few enough to search. */
export const PCID_POOL_SIZE = 8;

/**
 * The identifiers of one vCPU, lent to the address spaces that it ran last; the one unused longest is taken away first. A vCPU without PCIDs
 * has a pool of size 0, which answers 0 and a flush each time. Owned by the vCPU's user.
 *
 * @example
 * import { PCIDs } from '@sbx/ring0';
 *
 * const pcids = new PCIDs(2, 2);
 * const [a, b, c] = [{}, {}, {}];
 * pcids.assign(a); // 2
 * pcids.flush; // true: nobody knows what the TLB holds under it
 * pcids.assign(b); // 3
 * pcids.assign(a); // 2
 * pcids.flush; // false
 * pcids.assign(c); // 3: b's, which was unused longest
 * pcids.invalidate(a);
 * pcids.assign(a); // 2
 * pcids.flush; // true
 */
export class PCIDs {
  /** Whether the switch that uses the last {@link assign} must flush the TLB entries of that PCID. */
  flush = true;

  readonly #first: number;
  readonly #owner: (object | null)[];
  readonly #stale: boolean[];
  readonly #used: number[];
  #clock = 0;

  /** @param first the lowest identifier; @param size how many: all are 1 … 4095, anything else is a `RangeError` */
  constructor(first: number = FIRST_USER_PCID, size: number = PCID_POOL_SIZE) {
    if (size > 0 && (first <= 0 || first + size > 4096)) throw new RangeError('PCIDs are 1 … 4095');
    this.#first = first;
    this.#owner = new Array(size).fill(null);
    this.#stale = new Array(size).fill(true);
    this.#used = new Array(size).fill(0);
  }

  /**
   * The PCID under which to run `tables` now. {@link flush} is set to whether the TLB may hold entries under it that are not those of the
   * tables as they are; the caller is taken to flush then. @hotpath
   */
  assign(tables: object): number {
    this.flush = true;
    const size = this.#owner.length;
    if (size === 0) return 0;
    // Small integers only; when they run out all entries are equally old.
    if (++this.#clock === 0x3fffffff) {
      this.#clock = 1;
      this.#used.fill(0);
    }
    let slot = 0;
    for (let i = 0; i < size; i++) {
      if (this.#owner[i] === tables) {
        this.flush = this.#stale[i]!;
        this.#stale[i] = false;
        this.#used[i] = this.#clock;
        return this.#first + i;
      }
      if (this.#used[i]! < this.#used[slot]!) slot = i;
    }
    this.#owner[slot] = tables;
    this.#stale[slot] = false;
    this.#used[slot] = this.#clock;
    return this.#first + slot;
  }

  /** The tables changed in a way that needs a flush ({@link FLUSH_REQUIRED}) while this vCPU did not run them. @hotpath */
  invalidate(tables: object): void {
    const slot = this.#owner.indexOf(tables);
    if (slot >= 0) this.#stale[slot] = true;
  }

  /** Every translation is suspect: the next switch to any tables flushes. */
  invalidateAll(): void {
    this.#stale.fill(true);
  }

  /** The tables are gone: their PCID is free. Needed before their memory is released, lest the pool keep the object. */
  drop(tables: object): void {
    const slot = this.#owner.indexOf(tables);
    if (slot < 0) return;
    this.#owner[slot] = null;
    this.#used[slot] = 0;
  }
}
