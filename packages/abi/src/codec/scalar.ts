/**
 * Codecs of C's scalar types. 64-bit integers are JavaScript numbers: exact below 2^53 in magnitude, nearest value beyond.
 * The largest values survive although they have no exact number: 2^64 stands for 2^64 - 1 in `u64` (RLIM_INFINITY, a
 * pointer of -1) and 2^63 for 2^63 - 1 in `i64`. Fields that need every bit (masks, signal sets) use {@link u64pair}.
 */
import type { Codec, ScalarKind } from './codec.js';

/** A codec whose value is a number. */
export interface ScalarCodec extends Codec<number> {
  get(view: DataView, offset: number): number;
  set(view: DataView, offset: number, value: number): void;
  /** Access to a member of this type that lies `offset` bytes into a struct. */
  member(offset: number): ScalarMember;
}

/** Access to a scalar member of a struct, given the offset of the struct. */
export interface ScalarMember {
  readonly offset: number;
  readonly size: number;
  readonly codec: ScalarCodec;
  get(view: DataView, base: number): number;
  set(view: DataView, base: number, value: number): void;
}

// The powers of two below are written out: a literal is less bytecode than a module's constant, so more calls are inlined.

/**
 * Reads an unsigned 64-bit integer: exact below 2^53, else the nearest number. @hotpath
 *
 * @example
 * import { getI64, getU64, setI64, setU64 } from '@sbx/abi';
 *
 * const view = new DataView(new ArrayBuffer(16));
 * setI64(view, 0, -2);
 * getI64(view, 0); // -2
 * getU64(view, 0) === 2 ** 64; // true: the nearest number to 2^64 - 2
 * setU64(view, 8, 2 ** 64);
 * view.getBigUint64(8, true) === 2n ** 64n - 1n; // true: all ones
 */
export function getU64(view: DataView, offset: number): number {
  return view.getUint32(offset + 4, true) * 4294967296 + view.getUint32(offset, true);
}

/** Writes the largest value, of which the nearest number is one too large. */
export function setLargest(view: DataView, offset: number, high: number): void {
  view.setInt32(offset, -1, true);
  view.setInt32(offset + 4, high, true);
}

/** Writes an unsigned 64-bit integer; negative numbers wrap as in C, 2^64 and more become all ones. @hotpath */
export function setU64(view: DataView, offset: number, value: number): void {
  // biome-ignore lint/correctness/noPrecisionLoss: exactly 2^64
  if (value >= 18446744073709551616) {
    setLargest(view, offset, -1);
    return;
  }
  view.setUint32(offset, value, true);
  view.setUint32(offset + 4, Math.floor(value / 4294967296), true);
}

/** Reads a signed 64-bit integer: exact within ±2^53, else the nearest number. @hotpath */
export function getI64(view: DataView, offset: number): number {
  return view.getInt32(offset + 4, true) * 4294967296 + view.getUint32(offset, true);
}

/** Writes a signed 64-bit integer; 2^63 (the nearest number to INT64_MAX) and more become INT64_MAX. @hotpath */
export function setI64(view: DataView, offset: number, value: number): void {
  // biome-ignore lint/correctness/noPrecisionLoss: exactly 2^63
  if (value >= 9223372036854775808) {
    setLargest(view, offset, 0x7fffffff);
    return;
  }
  view.setUint32(offset, value, true);
  view.setUint32(offset + 4, Math.floor(value / 4294967296), true);
}

/** The codec itself (`offset` 0), or a member at an offset: one class per type, so that a call of `get` or `set` can be inlined. */
abstract class Scalar implements ScalarCodec, ScalarMember {
  readonly align: number;
  readonly shape: { readonly kind: 'scalar'; readonly scalar: ScalarKind };
  readonly codec: ScalarCodec;
  constructor(
    readonly name: string,
    scalar: ScalarKind,
    readonly size: number,
    codec?: ScalarCodec,
    readonly offset = 0,
  ) {
    this.align = size;
    this.shape = { kind: 'scalar', scalar };
    this.codec = codec ?? this;
  }
  create(): number {
    return 0;
  }
  abstract get(view: DataView, offset: number): number;
  abstract set(view: DataView, offset: number, value: number): void;
  read(view: DataView, offset: number): number {
    return this.get(view, offset);
  }
  write(view: DataView, offset: number, value: number): void {
    this.set(view, offset, value);
  }
  member(offset: number): ScalarMember {
    const type = this.constructor as new (...args: ConstructorParameters<typeof Scalar>) => Scalar;
    return new type(this.name, this.shape.scalar, this.size, this, offset);
  }
}

class U8 extends Scalar {
  get(view: DataView, offset: number): number {
    return view.getUint8(offset + this.offset);
  }
  set(view: DataView, offset: number, value: number): void {
    view.setUint8(offset + this.offset, value);
  }
}
class I8 extends Scalar {
  get(view: DataView, offset: number): number {
    return view.getInt8(offset + this.offset);
  }
  set(view: DataView, offset: number, value: number): void {
    view.setInt8(offset + this.offset, value);
  }
}
class U16 extends Scalar {
  get(view: DataView, offset: number): number {
    return view.getUint16(offset + this.offset, true);
  }
  set(view: DataView, offset: number, value: number): void {
    view.setUint16(offset + this.offset, value, true);
  }
}
class I16 extends Scalar {
  get(view: DataView, offset: number): number {
    return view.getInt16(offset + this.offset, true);
  }
  set(view: DataView, offset: number, value: number): void {
    view.setInt16(offset + this.offset, value, true);
  }
}
class U32 extends Scalar {
  get(view: DataView, offset: number): number {
    return view.getUint32(offset + this.offset, true);
  }
  set(view: DataView, offset: number, value: number): void {
    view.setUint32(offset + this.offset, value, true);
  }
}
class I32 extends Scalar {
  get(view: DataView, offset: number): number {
    return view.getInt32(offset + this.offset, true);
  }
  set(view: DataView, offset: number, value: number): void {
    view.setInt32(offset + this.offset, value, true);
  }
}
class U64 extends Scalar {
  get(view: DataView, offset: number): number {
    return getU64(view, offset + this.offset);
  }
  set(view: DataView, offset: number, value: number): void {
    setU64(view, offset + this.offset, value);
  }
}
class I64 extends Scalar {
  get(view: DataView, offset: number): number {
    return getI64(view, offset + this.offset);
  }
  set(view: DataView, offset: number, value: number): void {
    setI64(view, offset + this.offset, value);
  }
}
class Be16 extends Scalar {
  get(view: DataView, offset: number): number {
    return view.getUint16(offset + this.offset, false);
  }
  set(view: DataView, offset: number, value: number): void {
    view.setUint16(offset + this.offset, value, false);
  }
}
class Be32 extends Scalar {
  get(view: DataView, offset: number): number {
    return view.getUint32(offset + this.offset, false);
  }
  set(view: DataView, offset: number, value: number): void {
    view.setUint32(offset + this.offset, value, false);
  }
}
class F32 extends Scalar {
  get(view: DataView, offset: number): number {
    return view.getFloat32(offset + this.offset, true);
  }
  set(view: DataView, offset: number, value: number): void {
    view.setFloat32(offset + this.offset, value, true);
  }
}
class F64 extends Scalar {
  get(view: DataView, offset: number): number {
    return view.getFloat64(offset + this.offset, true);
  }
  set(view: DataView, offset: number, value: number): void {
    view.setFloat64(offset + this.offset, value, true);
  }
}

export const u8: ScalarCodec = new U8('__u8', 'u8', 1);
export const i8: ScalarCodec = new I8('__s8', 'i8', 1);
export const u16: ScalarCodec = new U16('__u16', 'u16', 2);
export const i16: ScalarCodec = new I16('__s16', 'i16', 2);
export const u32: ScalarCodec = new U32('__u32', 'u32', 4);
export const i32: ScalarCodec = new I32('__s32', 'i32', 4);
/** Unsigned 64-bit; see the file's head for values from 2^53. */
export const u64: ScalarCodec = new U64('__u64', 'u64', 8);
/** Signed 64-bit; see the file's head for values from 2^53. */
export const i64: ScalarCodec = new I64('__s64', 'i64', 8);
/** 16 bits in network byte order. */
export const be16: ScalarCodec = new Be16('__be16', 'be16', 2);
/** 32 bits in network byte order. */
export const be32: ScalarCodec = new Be32('__be32', 'be32', 4);
export const f32: ScalarCodec = new F32('float', 'f32', 4);
export const f64: ScalarCodec = new F64('double', 'f64', 8);
/** `long`, `ssize_t`, `off_t`. */
export const long: ScalarCodec = i64;
/** `unsigned long`, `size_t`. */
export const ulong: ScalarCodec = u64;
/** An address. */
export const ptr: ScalarCodec = u64;

/** A 64-bit integer as two unsigned 32-bit halves. */
export interface U64Pair {
  lo: number;
  hi: number;
}

/**
 * A 64-bit integer of which every bit counts.
 *
 * @example
 * import { u64pair } from '@sbx/abi';
 *
 * const view = new DataView(new ArrayBuffer(8));
 * u64pair.write(view, 0, { lo: 1, hi: 0x80000000 });
 * view.getBigUint64(0, true) === 2n ** 63n + 1n; // true
 */
export const u64pair: Codec<U64Pair> = {
  name: '__u64',
  size: 8,
  align: 8,
  shape: { kind: 'pair' },
  create: () => ({ lo: 0, hi: 0 }),
  read(view, offset, out) {
    out.lo = view.getUint32(offset, true);
    out.hi = view.getUint32(offset + 4, true);
    return out;
  },
  write(view, offset, value) {
    view.setUint32(offset, value.lo, true);
    view.setUint32(offset + 4, value.hi, true);
  },
};
