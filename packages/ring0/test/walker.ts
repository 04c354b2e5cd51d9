/**
 * A second opinion on page tables: walks the raw bytes with 64-bit arithmetic as the manual describes (SDM Vol. 3A 4.5.4), and checks the
 * invariants that page-tables.ts states. Shares no code with it.
 */
import { amd64, ChunkedTableMemory, type FourLevelTables } from '../src/index.js';

const PRESENT = 1n;
const WRITABLE = 1n << 1n;
const USER = 1n << 2n;
const HUGE = 1n << 7n;
const GLOBAL = 1n << 8n;
const NX = 1n << 63n;
const ADDRESS = 0x000f_ffff_ffff_f000n;

export interface Translation {
  physical: number;
  size: number;
  write: boolean;
  user: boolean;
  execute: boolean;
  global: boolean;
  entry: bigint;
}

export class Walker {
  readonly #view: DataView;
  readonly #base: number;

  /** `buffer` is what the guest has at guest-physical `base`. */
  constructor(buffer: ArrayBufferLike, base: number) {
    this.#view = new DataView(buffer);
    this.#base = base;
  }

  entry(table: number, slot: number): bigint {
    return this.#view.getBigUint64(table - this.#base + slot * 8, true);
  }

  /** What the CPU makes of `address` with this root: rights of all levels combined; null is a not-present fault. */
  translate(root: number, address: number): Translation | null {
    const linear = BigInt.asUintN(64, BigInt(address));
    let table = root * 4096;
    let write = true;
    let user = true;
    let execute = true;
    for (let level = 4; level >= 1; level--) {
      const shift = BigInt(12 + 9 * (level - 1));
      const entry = this.entry(table, Number((linear >> shift) & 511n));
      if ((entry & PRESENT) === 0n) return null;
      write &&= (entry & WRITABLE) !== 0n;
      user &&= (entry & USER) !== 0n;
      execute &&= (entry & NX) === 0n;
      if (level === 1 || (entry & HUGE) !== 0n) {
        if (level === 4) throw new Error('PS is reserved in the root');
        const mask = (1n << shift) - 1n;
        if ((entry & ADDRESS & mask) !== 0n) throw new Error(`reserved bits in a leaf of level ${level}`);
        const physical = Number((entry & ADDRESS) | (linear & mask));
        return { physical, size: Number(mask) + 1, write, user, execute, global: (entry & GLOBAL) !== 0n, entry };
      }
      table = Number(entry & ADDRESS);
    }
    throw new Error('unreachable');
  }

  /** Throws if an invariant is broken; gives the frames of all tables. */
  check(tables: FourLevelTables, memory: ChunkedTableMemory, ownUpper = true): Set<number> {
    const seen = new Set<number>();
    const visit = (table: number, level: number, index: number): void => {
      if (seen.has(table / 4096)) throw new Error('a table is reachable twice');
      seen.add(table / 4096);
      let live = 0;
      for (let slot = 0; slot < 512; slot++) {
        if (level === 4 && slot >= 256 && !ownUpper) continue;
        const entry = this.entry(table, slot);
        if ((entry & PRESENT) === 0n) {
          if (entry !== 0n) throw new Error('an entry that is not present is not zero');
          continue;
        }
        live++;
        if (((entry >> 52n) & 0x7ffn) !== 0n) throw new Error('bits 62:52 are in use');
        if (level > 1 && (entry & HUGE) === 0n) visit(Number(entry & ADDRESS), level - 1, slot);
      }
      memory.locate(table / 4096);
      const counted = memory.live[memory.index / 512];
      if (level < 4 && counted !== live) throw new Error(`a table of level ${level} counts ${counted} entries, not ${live}`);
      if (live === 0 && level < 4 && !(level === 3 && index >= 256)) throw new Error(`an empty table of level ${level}`);
    };
    visit(tables.root * 4096, 4, 0);
    return seen;
  }
}

/** Tables over `pages` pages of their own memory, which the guest has at `base`. */
export function makeTables(pages: number, base = 0x4000_0000, options = {}) {
  const buffer = new ArrayBuffer(pages * 4096);
  const memory = ChunkedTableMemory.over(buffer, base);
  const tables = amd64.PageTables.create(memory, options);
  if (typeof tables === 'number') throw new Error('no memory for the root');
  return { buffer, memory, tables, walker: new Walker(buffer, base) };
}
