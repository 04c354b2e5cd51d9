import { EFAULT } from '@sbx/abi';
import { ACCESS_READ, ACCESS_WRITE, type Memory } from '@sbx/platform';

/** The part of a memory manager that transfers need: from a guest address to bytes of application memory. */
export interface AddressTranslator {
  readonly memory: Memory;
  /**
   * Makes `[addr, …)` accessible with `access` (ACCESS_*), faulting pages in as an access of the program would, and returns the offset in application
   * memory of the byte at `addr`, or -EFAULT. `resolvedLength` is then the number of bytes, at most `length` and at least 1, that are contiguous there and
   * lie in one chunk. The offset is valid until the next operation on the address space.
   * @hotpath
   */
  resolve(addr: number, length: number, access: number): number;
  readonly resolvedLength: number;
}

/**
 * One end of a transfer: a list of guest buffers (read, writev, …) or a kernel buffer (execve, sendfile). Consumers move bytes with `put`, `get`, `fill`,
 * or let native code work on `segment`. Reused: a task has one for its current system call.
 *
 * A fault ends the transfer early: `faulted` is set, and the caller reports the bytes done, or -EFAULT when there are none.
 *
 * @example
 * import { IoBuffer } from '@sbx/kernel';
 *
 * // What a file of one's own does with what a program writes.
 * const io = new IoBuffer().setKernel(Buffer.from('hello'));
 * const bytes = Buffer.alloc(3);
 * io.get(bytes, 0, 3); // 3
 * bytes.toString(); // 'hel'
 * io.remaining; // 2
 * io.done; // 3
 */
export class IoBuffer {
  /** Bytes that are still to be moved. */
  remaining = 0;
  /** Bytes moved so far. */
  done = 0;
  /** True after an access to guest memory failed. */
  faulted = false;
  /** After `segment` > 0: where the bytes lie in application memory (`translator.memory`), or, for a kernel buffer, in `kernelBytes`. */
  segmentOffset = 0;
  /** The kernel buffer, or null when the buffers are the guest's. */
  kernelBytes: Uint8Array | null = null;
  translator: AddressTranslator | null = null;
  /** After `gather`: bytes in its pieces. */
  gathered = 0;

  #addresses = new Float64Array(8);
  #lengths = new Float64Array(8);
  #count = 0;
  #index = 0;
  #position = 0;

  /** A single guest buffer. @hotpath */
  setUser(translator: AddressTranslator, addr: number, length: number): this {
    this.reset(translator);
    this.push(addr, length);
    return this;
  }

  /** Prepares for a list of guest buffers, which `push` adds. */
  reset(translator: AddressTranslator): void {
    this.translator = translator;
    this.kernelBytes = null;
    this.remaining = 0;
    this.done = 0;
    this.faulted = false;
    this.#count = 0;
    this.#index = 0;
    this.#position = 0;
  }

  /** Adds a guest buffer. */
  push(addr: number, length: number): void {
    if (this.#count === this.#addresses.length) {
      const addresses = new Float64Array(this.#count * 2);
      const lengths = new Float64Array(this.#count * 2);
      addresses.set(this.#addresses);
      lengths.set(this.#lengths);
      this.#addresses = addresses;
      this.#lengths = lengths;
    }
    this.#addresses[this.#count] = addr;
    this.#lengths[this.#count++] = length;
    this.remaining += length;
  }

  /** A buffer of the kernel's own. */
  setKernel(bytes: Uint8Array): this {
    this.translator = null;
    this.kernelBytes = bytes;
    this.remaining = bytes.length;
    this.done = 0;
    this.faulted = false;
    this.#position = 0;
    return this;
  }

  /** Shortens the transfer to at most `length` further bytes. */
  limit(length: number): void {
    if (length < this.remaining) this.remaining = length;
  }

  /**
   * The next contiguous piece, at most `max` bytes: its length, 0 when nothing remains or after a fault. `access` is ACCESS_WRITE to fill the buffer,
   * ACCESS_READ to take from it. Move the bytes, then `advance`.
   * @hotpath
   */
  segment(max: number, access: number): number {
    const want = Math.min(max, this.remaining);
    if (want <= 0 || this.faulted) return 0;
    if (this.kernelBytes !== null) {
      this.segmentOffset = this.#position;
      return want;
    }
    while (this.#position === this.#lengths[this.#index]) {
      this.#index++;
      this.#position = 0;
    }
    const left = Math.min(want, this.#lengths[this.#index] - this.#position);
    const addr = this.#addresses[this.#index];
    const translator = this.translator!;
    const offset = addr < 0 ? -EFAULT : translator.resolve(addr + this.#position, left, access);
    if (offset < 0) {
      this.faulted = true;
      return 0;
    }
    this.segmentOffset = offset;
    return translator.resolvedLength;
  }

  /** Says that `length` bytes of the last segment were moved. @hotpath */
  advance(length: number): void {
    this.#position += length;
    this.remaining -= length;
    this.done += length;
  }

  /**
   * As `segment`, for host calls that take a list: the next contiguous pieces, at most `max` bytes and as many as fit into the arrays, with their offsets in
   * application memory. Returns how many there are (0 when nothing remains or after a fault); `gathered` is their sum. Moves nothing: `skip` the bytes that
   * the call moved. Not for a kernel buffer.
   * @hotpath
   */
  gather(offsets: Float64Array, lengths: Float64Array, max: number, access: number): number {
    let want = Math.min(max, this.remaining);
    let index = this.#index;
    let position = this.#position;
    let count = 0;
    this.gathered = 0;
    if (this.faulted) return 0;
    const translator = this.translator!;
    while (want > 0 && count < offsets.length) {
      if (position === this.#lengths[index]) {
        index++;
        position = 0;
        continue;
      }
      const addr = this.#addresses[index];
      const offset = addr < 0 ? -EFAULT : translator.resolve(addr + position, Math.min(want, this.#lengths[index] - position), access);
      if (offset < 0) {
        // What comes before the fault is moved first; the next call finds the fault at its beginning.
        if (count === 0) this.faulted = true;
        break;
      }
      const n = translator.resolvedLength;
      offsets[count] = offset;
      lengths[count++] = n;
      this.gathered += n;
      position += n;
      want -= n;
    }
    return count;
  }
  /** Says that `length` bytes were moved, across buffers. @hotpath */
  skip(length: number): void {
    this.remaining -= length;
    this.done += length;
    let left = length;
    for (;;) {
      const rest = this.#lengths[this.#index] - this.#position;
      if (left <= rest) {
        this.#position += left;
        return;
      }
      left -= rest;
      this.#index++;
      this.#position = 0;
    }
  }

  /** Takes back the last `length` bytes: the operation will be tried again. */
  rewind(length: number): void {
    this.remaining += length;
    this.done -= length;
    let left = length;
    while (left > this.#position) {
      left -= this.#position;
      this.#position = this.#lengths[--this.#index];
    }
    this.#position -= left;
  }

  /** The bytes of the last segment, as a view. */
  segmentBytes(length: number): Uint8Array {
    if (this.kernelBytes !== null) return this.kernelBytes.subarray(this.segmentOffset, this.segmentOffset + length);
    return this.translator!.memory.bytes(this.segmentOffset, length);
  }

  /** Copies `src[offset, offset + length)` into the buffer; returns the bytes moved (fewer at the end of the buffer or at a fault). */
  put(src: Uint8Array, offset: number, length: number): number {
    let moved = 0;
    while (moved < length) {
      const n = this.segment(length - moved, ACCESS_WRITE);
      if (n === 0) break;
      this.segmentBytes(n).set(src.subarray(offset + moved, offset + moved + n));
      this.advance(n);
      moved += n;
    }
    return moved;
  }

  /** Copies from the buffer to `dst[offset, offset + length)`; returns the bytes moved. */
  get(dst: Uint8Array, offset: number, length: number): number {
    let moved = 0;
    while (moved < length) {
      const n = this.segment(length - moved, ACCESS_READ);
      if (n === 0) break;
      dst.set(this.segmentBytes(n), offset + moved);
      this.advance(n);
      moved += n;
    }
    return moved;
  }

  /** Fills `length` bytes of the buffer with zeroes; returns the bytes done. */
  zero(length: number): number {
    let moved = 0;
    while (moved < length) {
      const n = this.segment(length - moved, ACCESS_WRITE);
      if (n === 0) break;
      this.segmentBytes(n).fill(0);
      this.advance(n);
      moved += n;
    }
    return moved;
  }

  /** Copies `length` bytes at `offset` of application memory (in one chunk) into the buffer; returns the bytes moved. @hotpath */
  putMemory(memory: Memory, offset: number, length: number): number {
    let moved = 0;
    while (moved < length) {
      const n = this.segment(length - moved, ACCESS_WRITE);
      if (n === 0) break;
      if (this.kernelBytes === null) memory.copy(this.segmentOffset, offset + moved, n);
      else this.kernelBytes.set(memory.bytes(offset + moved, n), this.segmentOffset);
      this.advance(n);
      moved += n;
    }
    return moved;
  }

  /** Copies `length` bytes from the buffer to `offset` of application memory (in one chunk); returns the bytes moved. @hotpath */
  getMemory(memory: Memory, offset: number, length: number): number {
    let moved = 0;
    while (moved < length) {
      const n = this.segment(length - moved, ACCESS_READ);
      if (n === 0) break;
      if (this.kernelBytes === null) memory.copy(offset + moved, this.segmentOffset, n);
      else memory.bytes(offset + moved, n).set(this.kernelBytes.subarray(this.segmentOffset, this.segmentOffset + n));
      this.advance(n);
      moved += n;
    }
    return moved;
  }

  /** What a system call returns after a transfer: the bytes done, or -EFAULT when a fault came before the first. */
  get result(): number {
    return this.done === 0 && this.faulted ? -EFAULT : this.done;
  }
}
