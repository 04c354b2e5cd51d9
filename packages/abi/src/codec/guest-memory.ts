/**
 * Structs to and from a guest's memory, through an interface that the kernel's memory manager implements. Results are 0 or
 * more, or a negative errno. Nothing here blocks or allocates; the scratch buffers are safe because the copies are synchronous.
 */
import { E2BIG, EFAULT, EINVAL } from '../errno.js';
import type { Codec } from './codec.js';

/** Memory of a guest, addressed by the guest's own addresses. */
export interface GuestMemory {
  /** Copies `length` bytes at `addr` to the head of `dst`; returns the bytes done, fewer than `length` at a fault. */
  copyIn(addr: number, dst: Uint8Array, length: number): number;
  /** Copies the first `length` bytes of `src` to `addr`; returns the bytes done, fewer than `length` at a fault. */
  copyOut(addr: number, src: Uint8Array, length: number): number;
}

const CAPACITY = 8192;
const bytes = new Uint8Array(CAPACITY);
const view = new DataView(bytes.buffer);
const PAGE_SIZE = 4096;

/**
 * Reads the struct at `addr` into `out`: 0, or -EFAULT with `out` untouched. The codec's size is at most 8192 bytes, as everywhere
 * here. @hotpath
 *
 * @example
 * import { copyStructIn, copyStructOut, type GuestMemory, Timespec } from '@sbx/abi';
 *
 * // A guest with one page at 0x1000.
 * const page = new Uint8Array(4096);
 * const room = (addr: number, length: number) => (addr < 0x1000 ? 0 : Math.max(0, Math.min(length, 0x2000 - addr)));
 * const memory: GuestMemory = {
 *   copyIn(addr, dst, length) {
 *     const n = room(addr, length);
 *     dst.set(page.subarray(addr - 0x1000, addr - 0x1000 + n));
 *     return n;
 *   },
 *   copyOut(addr, src, length) {
 *     const n = room(addr, length);
 *     page.set(src.subarray(0, n), addr - 0x1000);
 *     return n;
 *   },
 * };
 *
 * copyStructOut(memory, 0x1100, Timespec, { tv_sec: 3, tv_nsec: 5 }); // 0
 * const time = Timespec.create();
 * copyStructIn(memory, 0x1100, Timespec, time); // 0
 * time.tv_sec; // 3
 * copyStructIn(memory, 0x1ff8, Timespec, time); // -14: its second half is not there
 */
export function copyStructIn<T>(memory: GuestMemory, addr: number, codec: Codec<T>, out: T): number {
  const { size } = codec;
  if (memory.copyIn(addr, bytes, size) !== size) return -EFAULT;
  codec.read(view, 0, out);
  return 0;
}

/** Writes the struct to `addr`: 0, or -EFAULT after the bytes that fit before the fault. @hotpath */
export function copyStructOut<T>(memory: GuestMemory, addr: number, codec: Codec<T>, value: T): number {
  const { size } = codec;
  codec.write(view, 0, value);
  return memory.copyOut(addr, bytes, size) === size ? 0 : -EFAULT;
}

/** Writes the first `length` bytes of the struct, for callers with a shorter buffer: bytes written, or -EFAULT. */
export function copyStructOutN<T>(memory: GuestMemory, addr: number, codec: Codec<T>, value: T, length: number): number {
  const n = Math.min(Math.max(length, 0), codec.size);
  codec.write(view, 0, value);
  return memory.copyOut(addr, bytes, n) === n ? n : -EFAULT;
}

/** How many elements go in one piece. One that is too large is the caller's bug, and must not make a piece of none, which would never end. */
function batchOf(size: number): number {
  if (size > CAPACITY) throw new RangeError(`a struct of ${size} bytes is larger than ${CAPACITY}`);
  return Math.floor(CAPACITY / size);
}

/**
 * Reads `count` structs from an array at `addr` into the first elements of `out` (which must hold them): 0 or -EFAULT. The copy goes
 * in pieces of a bounded size, so at a fault the elements before it are read.
 */
export function copyArrayIn<T>(memory: GuestMemory, addr: number, codec: Codec<T>, out: T[], count: number): number {
  const { size } = codec;
  const batch = batchOf(size);
  for (let done = 0; done < count; done += batch) {
    const n = Math.min(batch, count - done);
    const copied = memory.copyIn(addr + done * size, bytes, n * size);
    const whole = Math.floor(copied / size);
    for (let i = 0; i < whole; i++) out[done + i] = codec.read(view, i * size, out[done + i]!);
    if (copied !== n * size) return -EFAULT;
  }
  return 0;
}

/** Writes the first `count` elements of `values` as an array at `addr`: 0, or -EFAULT after the bytes that fit before the fault. */
export function copyArrayOut<T>(memory: GuestMemory, addr: number, codec: Codec<T>, values: readonly T[], count: number): number {
  const { size } = codec;
  const batch = batchOf(size);
  for (let done = 0; done < count; done += batch) {
    const n = Math.min(batch, count - done);
    for (let i = 0; i < n; i++) codec.write(view, i * size, values[done + i]!);
    if (memory.copyOut(addr + done * size, bytes, n * size) !== n * size) return -EFAULT;
  }
  return 0;
}

/**
 * Reads a struct whose size the caller states, as openat2(2), clone3(2) and sched_setattr(2) do, by the rules of the kernel's
 * copy_struct_from_user: a shorter one is completed with zeroes; in a longer one the bytes that we do not know must be zero.
 *
 * @param userSize size that the caller states, in bytes
 * @param minimum size of the struct's first version: anything shorter is -EINVAL
 * @returns 0; -EINVAL; -E2BIG for unknown non-zero bytes or more than a page; -EFAULT
 */
export function copyVersionedIn<T>(memory: GuestMemory, addr: number, userSize: number, codec: Codec<T>, out: T, minimum = 0): number {
  if (userSize > PAGE_SIZE) return -E2BIG;
  if (userSize < minimum) return -EINVAL;
  const { size } = codec;
  if (memory.copyIn(addr, bytes, userSize) !== userSize) return -EFAULT;
  for (let i = size; i < userSize; i++) if (bytes[i] !== 0) return -E2BIG;
  if (userSize < size) bytes.fill(0, userSize, size);
  codec.read(view, 0, out);
  return 0;
}
