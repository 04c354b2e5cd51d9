import { BLOCK_FIELDS, BlockTable, type InstrumentedFile, type SourceLocation, type TableFile } from './block-table.js';
import { CoverageData } from './coverage-data.js';

/** A file as it was registered, with the number of its first block. */
type Registered = InstrumentedFile & { readonly base: number };

/** Data of tasks that ended, kept for the next ones. */
const SPARE = 8;

/**
 * The registry of instrumented files, and the counters that they increment. Instrumented code calls `register` when it is loaded, and at each block does
 * `coverage.counters[n]++ || coverage.hit(n)`. There is one registry in a process (`coverage`), whoever loaded it how often.
 *
 * Counters belong to a task: `switchTo` says on whose behalf the code runs from now on. What runs for nobody is counted in `common`.
 *
 * @example
 * import { Coverage } from '@sbx/kcov';
 *
 * const coverage = new Coverage();
 * const first = coverage.register('parse.ts', [1, 0, 2, 9, 3, 0, 4, 9]);
 * const block = (n: number) => coverage.counters[first + n]++ || coverage.hit(first + n);
 *
 * // What runs on a task's behalf is counted there.
 * const task = coverage.createData();
 * coverage.switchTo(task);
 * block(1);
 * block(1);
 * coverage.switchTo(coverage.common);
 * block(0);
 * task.length; // 1
 * task.counters[first + 1]; // 2
 * coverage.common.length; // 1
 */
export class Coverage {
  /** The counters in use: those of `current`. Instrumented code increments them. */
  counters: Uint32Array;
  /** What was hit on nobody's behalf: all there is, where nobody calls `switchTo`. */
  readonly common = new CoverageData(0);
  #current = this.common;
  #table: BlockTable | null = null;
  #order = new Uint32Array(0);
  #size = 0;
  readonly #files: Registered[] = [];
  readonly #spare: CoverageData[] = [];

  constructor() {
    this.counters = this.common.counters;
  }

  /** Adds a file with its table of blocks; returns the number of its first block, in order of registration. Called by instrumented code. */
  register(name: string, blocks: readonly number[]): number {
    const base = this.#size;
    this.#files.push({ name, blocks, base });
    this.#size += blocks.length / BLOCK_FIELDS;
    this.#table = null;
    return base;
  }

  /** A block was hit whose counter was 0 (or is none yet). Called by instrumented code. */
  hit(block: number): void {
    const data = this.#current;
    // A module that is in use before its own code has run has no number yet.
    if (!(block < this.#size)) return;
    if (block >= data.counters.length) {
      data.grow(this.#size);
      data.counters[block] = 1;
      this.counters = data.counters;
    }
    data.add(block);
  }

  /** Whether any file registered blocks. */
  get available(): boolean {
    return this.#size > 0;
  }

  /** Blocks of all files, numbered. */
  get table(): BlockTable {
    if (this.#table === null) {
      const table = new BlockTable(this.#files);
      this.#order = new Uint32Array(this.#size);
      for (const file of table.files) {
        const { base } = file as TableFile & Registered;
        for (let i = 0; i < file.count; i++) this.#order[base + i] = file.first + i;
      }
      this.#table = table;
    }
    return this.#table;
  }

  /** A block's place in `table`, by its number. */
  get order(): Uint32Array {
    void this.table;
    return this.#order;
  }

  /** Counters of a task, all 0. */
  createData(): CoverageData {
    return this.#spare.pop() ?? new CoverageData(this.#size);
  }

  /** Gives them back. If the code runs on their behalf, it now does so on nobody's. */
  releaseData(data: CoverageData): void {
    if (this.#current === data) this.switchTo(this.common);
    data.clear();
    if (this.#spare.length < SPARE) this.#spare.push(data);
  }

  /** From now on the code runs on behalf of whoever has `data`. */
  switchTo(data: CoverageData): void {
    this.#current = data;
    this.counters = data.counters;
  }
}

/** One for all copies of this module in a process: those of ESM and CommonJS, of bundles. */
const KEY = Symbol.for('@sbx/kcov coverage 1');
const shared = globalThis as { [KEY]?: Coverage };

/** The registry of this process. */
export const coverage: Coverage = (shared[KEY] ??= new Coverage());

/** Whether there is any instrumented code in this process. */
export function kcovAvailable(): boolean {
  return coverage.available;
}

/** Sets all counters (of what ran on no task's behalf) to 0. */
export function clearCoverageData(): void {
  coverage.common.clear();
}

const word = new Uint8Array(8);
const view = new DataView(word.buffer);

/**
 * Writes the PC of every block that was hit since the last call, as a little-endian 64-bit word, in the order of the first hits, and sets its counter to 0.
 * `write` takes 8 bytes, which it must copy, and returns true; or false when it is full: then what is left stays for the next call. Returns bytes written.
 * As gVisor's coverage.ConsumeCoverageData. Does not block.
 *
 * @example
 * import { clearCoverageData, consumeCoverageData, coverage, kcovAvailable, pcToSource } from '@sbx/kcov';
 *
 * // What instrumented code does when it is loaded, and in its first block.
 * const first = coverage.register('parse.ts', [10, 2, 12, 9]);
 * kcovAvailable(); // true
 * clearCoverageData();
 * coverage.hit(first);
 *
 * let where = '';
 * const bytes = consumeCoverageData((word) => {
 *   const location = pcToSource(new DataView(word.buffer).getBigUint64(word.byteOffset, true));
 *   where = `${location?.file}:${location?.line}`;
 *   return true;
 * });
 * bytes; // 8
 * where; // 'parse.ts:10'
 * consumeCoverageData(() => true); // 0
 */
export function consumeCoverageData(write: (pc: Uint8Array) => boolean): number {
  return (
    8 *
    coverage.common.consume(coverage.order, (low, high) => {
      view.setUint32(0, low, true);
      view.setUint32(4, high, true);
      return write(word);
    })
  );
}

/** Where the block with this PC is, or null for what is no PC of the code in this process. */
export function pcToSource(pc: bigint): SourceLocation | null {
  return coverage.table.locate(pc);
}
