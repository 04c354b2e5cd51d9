/** A system call while it is decoded: its arguments, the guest's memory, and its result once it has one. */
import type { Codec } from '../codec/codec.js';
import type { GuestMemory } from '../codec/guest-memory.js';
import type { Arch } from '../host.js';

/** How an argument becomes text. */
export type Kind = (call: Call, index: number) => string;

/** Longest string or buffer that is printed whole. */
export const STRING_LIMIT = 32;
const PATH_LIMIT = 4096;

export class Call {
  /**
   * @param words the six arguments as pairs of 32-bit halves, low half first
   * @param memory where pointers point to; without it they are printed as addresses
   * @param result the result, if the call has returned: then what the kernel wrote is shown as well
   */
  constructor(
    readonly arch: Arch,
    readonly words: ArrayLike<number>,
    readonly memory: GuestMemory | undefined,
    readonly result: number | undefined,
  ) {}

  /** Has the call returned without an error? */
  get succeeded(): boolean {
    return this.result !== undefined && this.result >= 0;
  }
  i32(i: number): number {
    return this.words[2 * i]! | 0;
  }
  u32(i: number): number {
    return this.words[2 * i]! >>> 0;
  }
  /** Unsigned; above 2^53 the nearest number. */
  u64(i: number): number {
    return (this.words[2 * i + 1]! >>> 0) * 2 ** 32 + this.u32(i);
  }
  /** Signed; beyond 2^53 the nearest number. */
  i64(i: number): number {
    return (this.words[2 * i + 1]! | 0) * 2 ** 32 + this.u32(i);
  }
  /** All 64 bits in hexadecimal, NULL for 0. */
  hex(i: number): string {
    const n = (BigInt(this.words[2 * i + 1]! >>> 0) << 32n) | BigInt(this.u32(i));
    return n === 0n ? 'NULL' : `0x${n.toString(16)}`;
  }

  /** Bytes at an address, fewer if memory ends before; undefined if there are none. */
  bytes(addr: number, length: number): Uint8Array | undefined {
    if (this.memory === undefined || addr === 0 || addr >= 2 ** 53) return undefined;
    const bytes = new Uint8Array(length);
    const n = this.memory.copyIn(addr, bytes, length);
    return n > 0 || length === 0 ? bytes.subarray(0, Math.max(n, 0)) : undefined;
  }
  /** A NUL-terminated string without its NUL; undefined if its first byte can't be read. */
  cstring(addr: number, limit = PATH_LIMIT): Uint8Array | undefined {
    const parts: number[] = [];
    while (parts.length < limit) {
      // Pieces end at multiples of 64, so that a string just before unmapped memory is read whole.
      const part = this.bytes(addr + parts.length, 64 - ((addr + parts.length) % 64));
      if (part === undefined) return parts.length > 0 ? Uint8Array.from(parts) : undefined;
      for (const c of part) {
        if (c === 0) return Uint8Array.from(parts);
        parts.push(c);
      }
      if (part.length === 0) break;
    }
    return Uint8Array.from(parts);
  }
  /** A struct at an address; undefined if it can't be read. */
  struct<T>(addr: number, codec: Codec<T>): T | undefined {
    const bytes = this.bytes(addr, codec.size);
    if (bytes === undefined || bytes.length < codec.size) return undefined;
    return codec.read(new DataView(bytes.buffer, bytes.byteOffset, codec.size), 0, codec.create());
  }
}
