import { ACCESS_READ, ACCESS_WRITE } from '@sbx/platform';
import type { IoBuffer } from '../../../io/io-buffer.js';

/** A bounded queue of bytes: one direction of a terminal line. */
export class ByteRing {
  readonly #bytes: Uint8Array;
  readonly #mask: number;
  #head = 0;
  #length = 0;

  /** @param capacity - bytes it holds at most, a power of two */
  constructor(readonly capacity: number) {
    this.#bytes = new Uint8Array(capacity);
    this.#mask = capacity - 1;
  }

  get length(): number {
    return this.#length;
  }
  get free(): number {
    return this.capacity - this.#length;
  }

  /** Adds a byte; the caller has seen that there is room. */
  push(byte: number): void {
    this.#bytes[(this.#head + this.#length++) & this.#mask] = byte;
  }
  /** Takes the oldest byte; there is one. */
  shift(): number {
    const byte = this.#bytes[this.#head];
    this.drop(1);
    return byte;
  }
  /** Forgets the oldest `count` bytes. */
  drop(count: number): void {
    this.#head = (this.#head + count) & this.#mask;
    this.#length -= count;
  }
  /** Keeps the oldest `count` bytes and forgets the others. */
  truncate(count: number): void {
    if (this.#length > count) this.#length = count;
  }

  /** Adds as many of `source[offset, offset + length)` as there is room for; returns how many. */
  write(source: Uint8Array, offset: number, length: number): number {
    const count = Math.min(length, this.free);
    const at = (this.#head + this.#length) & this.#mask;
    const first = Math.min(count, this.capacity - at);
    this.#bytes.set(source.subarray(offset, offset + first), at);
    if (first < count) this.#bytes.set(source.subarray(offset + first, offset + count), 0);
    this.#length += count;
    return count;
  }

  /** Takes up to `length` of the oldest bytes into `target`; returns how many. */
  read(target: Uint8Array, offset: number, length: number): number {
    const count = Math.min(length, this.#length);
    const first = Math.min(count, this.capacity - this.#head);
    target.set(this.#bytes.subarray(this.#head, this.#head + first), offset);
    if (first < count) target.set(this.#bytes.subarray(0, count - first), offset + first);
    this.drop(count);
    return count;
  }

  /** Moves bytes to a transfer until it is full, a fault ends it, or the ring is empty; returns how many. */
  moveTo(io: IoBuffer): number {
    let moved = 0;
    while (this.#length > 0) {
      const n = io.segment(Math.min(this.#length, this.capacity - this.#head), ACCESS_WRITE);
      if (n === 0) break;
      io.segmentBytes(n).set(this.#bytes.subarray(this.#head, this.#head + n));
      io.advance(n);
      this.drop(n);
      moved += n;
    }
    return moved;
  }

  /** Fills the ring from a transfer; returns how many bytes it took. */
  moveFrom(io: IoBuffer): number {
    let moved = 0;
    while (this.#length < this.capacity) {
      const at = (this.#head + this.#length) & this.#mask;
      const n = io.segment(Math.min(this.free, this.capacity - at), ACCESS_READ);
      if (n === 0) break;
      this.#bytes.set(io.segmentBytes(n), at);
      io.advance(n);
      this.#length += n;
      moved += n;
    }
    return moved;
  }
}
