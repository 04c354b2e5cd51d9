/** A run is short that takes less than so many of the shortest. At least and at most so many nanoseconds. */
const SHORT_RUNS = 4;
const LEAST_SHORT_NS = 20e3;
const MOST_SHORT_NS = 400e3;
/** How fast the shortest run is forgotten: a part of it with each run. */
const FORGET = 2 ** -10;

/**
 * Tells runs in user mode that do work from those that only lead to the next system call. The shortest runs take what the platform takes for a round trip,
 * which differs by a factor of a hundred among platforms and machines, so it is learned.
 */
export class RunLengths {
  #shortest = MOST_SHORT_NS;
  #short = MOST_SHORT_NS;

  /** Whether a run of so many nanoseconds is a long one. @hotpath */
  isLong(run: number): boolean {
    const shortest = this.#shortest;
    this.#shortest = run < shortest ? run : shortest + (Math.min(run, 2 * shortest) - shortest) * FORGET;
    this.#short = Math.min(MOST_SHORT_NS, Math.max(LEAST_SHORT_NS, SHORT_RUNS * this.#shortest));
    return run >= this.#short;
  }
}
