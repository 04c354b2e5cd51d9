import type { Memory } from './memory.js';

/**
 * Copies between byte arrays and ranges of a memory, across its chunks. The ranges must be allocated; lengths are in bytes. These are for callers that
 * have a range of any size: inside one chunk `Memory.views` is enough.
 */

/**
 * `dst[dstStart, dstStart + length) = memory[offset, offset + length)`. A range outside of `dst` is a `RangeError`.
 *
 * @example
 * import { copyFromMemory, copyToMemory, MEMORY_TMPFS, MemoryFile, zeroMemory } from '@sbx/platform';
 *
 * const memory = MemoryFile.create({ name: 'example', limit: 2 ** 20 });
 * const offset = memory.allocate(4096, MEMORY_TMPFS);
 * copyToMemory(memory, offset + 10, Buffer.from('hello'), 1, 4);
 * zeroMemory(memory, offset + 12, 1);
 * const copy = Buffer.alloc(6);
 * copyFromMemory(memory, offset + 9, copy, 0, 6);
 * copy.toString('latin1'); // '\0el\0o\0'
 * memory.destroy();
 */
export function copyFromMemory(memory: Memory, offset: number, dst: Uint8Array, dstStart: number, length: number): void {
  checkArray(dst, dstStart, length);
  for (let done = 0; done < length; ) {
    const chunk = Math.floor((offset + done) / memory.chunkSize);
    const start = offset + done - chunk * memory.chunkSize;
    const n = Math.min(length - done, memory.chunkSize - start);
    dst.set(memory.views[chunk].subarray(start, start + n), dstStart + done);
    done += n;
  }
}

/** `memory[offset, offset + length) = src[srcStart, srcStart + length)`. A range outside of `src` is a `RangeError`. */
export function copyToMemory(memory: Memory, offset: number, src: Uint8Array, srcStart: number, length: number): void {
  checkArray(src, srcStart, length);
  for (let done = 0; done < length; ) {
    const chunk = Math.floor((offset + done) / memory.chunkSize);
    const start = offset + done - chunk * memory.chunkSize;
    const n = Math.min(length - done, memory.chunkSize - start);
    const from = srcStart + done;
    memory.views[chunk].set(from === 0 && n === src.length ? src : src.subarray(from, from + n), start);
    done += n;
  }
}

/** `memory[offset, offset + length) = 0` */
export function zeroMemory(memory: Memory, offset: number, length: number): void {
  for (let done = 0; done < length; ) {
    const chunk = Math.floor((offset + done) / memory.chunkSize);
    const start = offset + done - chunk * memory.chunkSize;
    const n = Math.min(length - done, memory.chunkSize - start);
    memory.views[chunk].fill(0, start, start + n);
    done += n;
  }
}

function checkArray(array: Uint8Array, start: number, length: number): void {
  if (!(start >= 0 && length >= 0 && start + length <= array.length)) {
    throw new RangeError(`[${start}, ${start + length}) of an array of ${array.length} bytes`);
  }
}
