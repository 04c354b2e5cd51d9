import type { Memory, MemoryKind } from './memory.js';
import { PAGE_SIZE } from './page-size.js';

/** Stores bytes at the start of `dst`; returns how many (0: end of the data) or a negative errno. Must not keep `dst`. */
export type Reader = (dst: Uint8Array) => number;

/** What `allocateAndFill` gives back. */
export interface FilledRange {
  /** Where the range starts; a negative errno when nothing could be allocated. */
  readonly offset: number;
  /** Bytes of the range: the request, or, when the reader ended early, what it delivered truncated down to whole pages (perhaps 0). */
  readonly length: number;
  /** Bytes that the reader delivered, including those of a truncated page. */
  readonly read: number;
  /** 0, or the reader's negative errno. */
  readonly error: number;
}

/**
 * Allocates `length` bytes (page-aligned, at most `chunkSize`) and has `reader` fill them, in as many calls as it needs, until the range is full, the data
 * end, or an error. Pages that were not filled completely are freed again; the caller owns one reference of each of the others. Blocks as long as `reader` does.
 * What the reader throws is thrown on, and everything is freed; a reader that says that it stored more than there is room for is a `RangeError`.
 *
 * @example
 * import { allocateAndFill, MEMORY_PAGE_CACHE, MemoryFile } from '@sbx/platform';
 *
 * const memory = MemoryFile.create({ name: 'example', limit: 2 ** 20 });
 * let left = 5000;
 * const filled = allocateAndFill(memory, 8192, MEMORY_PAGE_CACHE, (dst) => {
 *   const count = Math.min(left, dst.length);
 *   dst.fill(1, 0, count);
 *   left -= count;
 *   return count;
 * });
 * filled.read; // 5000
 * filled.length; // 4096: whole pages are kept
 * memory.totalUsage(); // 4096
 * memory.destroy();
 */
export function allocateAndFill(memory: Memory, length: number, kind: MemoryKind, reader: Reader): FilledRange {
  const offset = memory.allocate(length, kind);
  if (offset < 0) return { offset, length: 0, read: 0, error: offset };
  let read = 0;
  let error = 0;
  try {
    while (read < length) {
      const count = reader(memory.bytes(offset + read, length - read));
      if (!(count <= length - read)) throw new RangeError(`a reader gave ${count} bytes for ${length - read}`);
      if (count < 0) error = count;
      if (count <= 0) break;
      read += count;
    }
  } catch (thrown) {
    memory.decRef(offset, length);
    throw thrown;
  }
  const kept = read - (read % PAGE_SIZE);
  if (kept < length) memory.decRef(offset + kept, length - kept);
  return { offset, length: kept, read, error };
}
