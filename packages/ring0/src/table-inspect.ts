/** Walks that look at tables and do not change what they translate. A table at level n covers `512 ** n` pages. */
import type { EntryFormat } from './entry-format.js';
import { frameOf } from './entry-word.js';
import { ENTRIES, type MemoryAllocator, TABLE_SIZE } from './table-memory.js';

/** Called for each leaf; addresses as everywhere, `size` in bytes. */
export type Visitor = (address: number, physical: number, size: number, options: number) => void;

/** Whether pages `[start, end)` of what `table` covers are unmapped. Tables that are linked are not empty. */
export function emptyRange(
  memory: MemoryAllocator,
  format: EntryFormat,
  table: number,
  level: number,
  start: number,
  end: number,
): boolean {
  const shift = 9 * (level - 1);
  let from = start;
  while (from < end) {
    const to = Math.min(end, ((from >> shift) + 1) << shift);
    memory.locate(table);
    const at = 2 * (memory.index + ((from >> shift) & 511));
    const low = memory.u32[at]! | 0;
    if ((low & format.presentBit) !== 0) {
      if (level === 1 || (low & format.blockMask) === format.blockValue || to - from === 1 << shift) return false;
      if (!emptyRange(memory, format, frameOf(low, memory.u32[at + 1]! | 0), level - 1, from, to)) return false;
    }
    from = to;
  }
  return true;
}

/** Calls `visitor` for every leaf in a table that starts at linear address `address`. */
export function visitTable(
  memory: MemoryAllocator,
  format: EntryFormat,
  table: number,
  level: number,
  address: number,
  visitor: Visitor,
): void {
  const size = TABLE_SIZE * 2 ** (9 * (level - 1));
  for (let slot = 0; slot < ENTRIES; slot++) {
    memory.locate(table);
    const at = 2 * (memory.index + slot);
    const low = memory.u32[at]! | 0;
    const high = memory.u32[at + 1]! | 0;
    if ((low & format.presentBit) === 0) continue;
    const frame = frameOf(low, high);
    const leaf = level === 1 || (low & format.blockMask) === format.blockValue;
    if (leaf) visitor(address + slot * size, frame * TABLE_SIZE, size, format.options(low, high));
    else visitTable(memory, format, frame, level - 1, address + slot * size, visitor);
  }
}

/** Calls `call` for every table below `table`, which is of level 2 or higher: deeper ones first, `table` itself not. */
export function eachTable(memory: MemoryAllocator, format: EntryFormat, table: number, level: number, call: (child: number) => void): void {
  for (let slot = 0; slot < ENTRIES; slot++) {
    memory.locate(table);
    const at = 2 * (memory.index + slot);
    const low = memory.u32[at]! | 0;
    if ((low & format.presentBit) === 0 || (low & format.blockMask) === format.blockValue) continue;
    const child = frameOf(low, memory.u32[at + 1]! | 0);
    if (level > 2) eachTable(memory, format, child, level - 1, call);
    call(child);
  }
}
