/** Holds the text of a file that was made for an open description. */
export interface TextHolder {
  /** Gives the text up; it is made again when it is needed. */
  dropText(): void;
}

/** Bytes of generated text that open files keep together. */
const BUDGET = 8 * 2 ** 20;

/** Bounds what open files of proc and sysfs keep in memory: the oldest texts go first. */
export class TextCache {
  readonly #holders = new Map<TextHolder, number>();
  #total = 0;

  constructor(private readonly budget = BUDGET) {}

  get total(): number {
    return this.#total;
  }

  /** `holder` keeps `bytes` from now on. */
  add(holder: TextHolder, bytes: number): void {
    this.remove(holder);
    this.#holders.set(holder, bytes);
    this.#total += bytes;
    for (const old of this.#holders.keys()) {
      if (this.#total <= this.budget || old === holder) break;
      this.remove(old);
      old.dropText();
    }
  }
  remove(holder: TextHolder): void {
    const bytes = this.#holders.get(holder);
    if (bytes === undefined) return;
    this.#holders.delete(holder);
    this.#total -= bytes;
  }
}

/** One for all kernels of the process: memory is theirs together. */
export const textCache = new TextCache();
