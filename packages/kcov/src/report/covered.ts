import { BLOCK_FIELDS, type BlockTable, type TableFile } from '../block-table.js';

/** The numbers of the blocks that `pcs` are of. PCs of no block are passed over. */
export function coveredBlocks(table: BlockTable, pcs: Iterable<bigint>): Set<number> {
  const covered = new Set<number>();
  for (const pc of pcs) {
    const index = table.indexOf(pc);
    if (index >= 0) covered.add(index);
  }
  return covered;
}

/** How many blocks of a file are covered. */
export function coveredIn(file: TableFile, covered: ReadonlySet<number>): number {
  let count = 0;
  for (let i = file.first; i < file.first + file.count; i++) if (covered.has(i)) count++;
  return count;
}

/** What is known of a place in the text. */
export const NO_BLOCK = 0;
export const UNCOVERED = 1;
export const COVERED = 2;

/** Calls `paint` for each line that each block of a file touches, with the columns on it; inner blocks come after those around them. */
export function paintBlocks(
  file: TableFile,
  covered: ReadonlySet<number>,
  paint: (line: number, from: number, to: number, state: 1 | 2) => void,
): void {
  for (let i = 0; i < file.count; i++) {
    const [line, column, endLine, endColumn] = file.blocks.slice(i * BLOCK_FIELDS, (i + 1) * BLOCK_FIELDS);
    const state = covered.has(file.first + i) ? COVERED : UNCOVERED;
    for (let at = line; at <= endLine; at++)
      paint(at, at === line ? column : 0, at === endLine ? endColumn : Number.POSITIVE_INFINITY, state);
  }
}
