/** PCs are in the range of Linux's kernel text, on which tools that read them insist: the upper half is this, the lower one counts up from PC_BASE. */
export const PC_HIGH = 0xffffffff;
export const PC_BASE = 0x80000000;

/** Numbers that describe a block in a file's table: first line and column, last line and column (lines from 1, columns from 0, the end exclusive). */
export const BLOCK_FIELDS = 4;

/** An instrumented file: its name and the table of its basic blocks, BLOCK_FIELDS numbers each. */
export interface InstrumentedFile {
  readonly name: string;
  readonly blocks: readonly number[];
  /** Its text, where somebody wants to show it. */
  readonly source?: string;
}

/** Where a basic block is. Lines count from 1, columns from 0; the end is exclusive. */
export interface SourceLocation {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
}

/** A file of a `BlockTable`. */
export interface TableFile extends InstrumentedFile {
  /** Number of its first block in the table. */
  readonly first: number;
  /** How many blocks it has. */
  readonly count: number;
}

/**
 * The blocks of a build, numbered: files sorted by name, blocks in their order. The PC of block `i` is 0xffffffff80000000 + i, so PCs are stable for one
 * build and mean nothing in another.
 *
 * @example
 * import { BlockTable } from '@sbx/kcov';
 *
 * const table = new BlockTable([
 *   { name: 'b.ts', blocks: [7, 0, 9, 1] },
 *   { name: 'a.ts', blocks: [1, 2, 1, 20, 3, 0, 4, 5] },
 * ]);
 * table.size; // 3
 * table.pcOf(2) === 0xffffffff80000002n; // true
 * table.locate(0xffffffff80000001n)?.file; // 'a.ts'
 * table.locate(0xffffffff80000002n)?.line; // 7
 * table.locate(0x400000n); // null
 */
export class BlockTable {
  readonly files: readonly TableFile[];
  /** Blocks of all files. */
  readonly size: number;

  constructor(files: Iterable<InstrumentedFile>) {
    let first = 0;
    this.files = [...files]
      .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
      .map((file) => {
        const count = file.blocks.length / BLOCK_FIELDS;
        const entry = { ...file, first, count };
        first += count;
        return entry;
      });
    this.size = first;
  }

  /** The number of a PC's block, or -1 for what is no PC of this table. */
  indexOf(pc: bigint): number {
    if (pc >> 32n !== BigInt(PC_HIGH)) return -1;
    const index = Number(pc & 0xffffffffn) - PC_BASE;
    return index >= 0 && index < this.size ? index : -1;
  }

  /** The PC of block `index`. */
  pcOf(index: number): bigint {
    return (BigInt(PC_HIGH) << 32n) | BigInt(PC_BASE + index);
  }

  /** The file that has block `index`. */
  fileOf(index: number): TableFile {
    let low = 0;
    let high = this.files.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.files[middle].first <= index) low = middle;
      else high = middle - 1;
    }
    return this.files[low];
  }

  /** Where the block of a PC is, or null for what is no PC of this table. */
  locate(pc: bigint): SourceLocation | null {
    const index = this.indexOf(pc);
    return index < 0 ? null : locationIn(this.fileOf(index), index);
  }
}

/** Where block `index` of the table is, which is one of `file`. */
export function locationIn(file: TableFile, index: number): SourceLocation {
  const at = (index - file.first) * BLOCK_FIELDS;
  const [line, column, endLine, endColumn] = file.blocks.slice(at, at + BLOCK_FIELDS);
  return { file: file.name, line, column, endLine, endColumn };
}
