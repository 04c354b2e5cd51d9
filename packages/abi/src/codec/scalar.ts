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
}

const TWO_32 = 2 ** 32;
const TWO_63 = 2 ** 63;
const TWO_64 = 2 ** 64;

/** @hotpath Reads an unsigned 64-bit integer. */
export function getU64(view: DataView, offset: number): number {
  return view.getUint32(offset + 4, true) * TWO_32 + view.getUint32(offset, true);
}

/** @hotpath Writes an unsigned 64-bit integer; negative numbers wrap as in C, 2^64 and more become all ones. */
export function setU64(view: DataView, offset: number, value: number): void {
  if (value >= TWO_64) {
    view.setInt32(offset, -1, true);
    view.setInt32(offset + 4, -1, true);
    return;
  }
  view.setUint32(offset, value, true);
  view.setUint32(offset + 4, Math.floor(value / TWO_32), true);
}

/** @hotpath Reads a signed 64-bit integer. */
export function getI64(view: DataView, offset: number): number {
  return view.getInt32(offset + 4, true) * TWO_32 + view.getUint32(offset, true);
}

/** @hotpath Writes a signed 64-bit integer; 2^63 (the nearest number to INT64_MAX) becomes INT64_MAX. */
export function setI64(view: DataView, offset: number, value: number): void {
  if (value === TWO_63) {
    view.setInt32(offset, -1, true);
    view.setInt32(offset + 4, 0x7fffffff, true);
    return;
  }
  setU64(view, offset, value);
}

abstract class Scalar implements ScalarCodec {
  readonly align: number;
  readonly shape: { readonly kind: 'scalar'; readonly scalar: ScalarKind };
  constructor(
    readonly name: string,
    readonly size: number,
    scalar: ScalarKind,
  ) {
    this.align = size;
    this.shape = { kind: 'scalar', scalar };
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
}

class U8 extends Scalar {
  get(view: DataView, offset: number): number {
    return view.getUint8(offset);
  }
  set(view: DataView, offset: number, value: number): void {
    view.setUint8(offset, value);
  }
}
class I8 extends Scalar {
  get(view: DataView, offset: number): number {
    return view.getInt8(offset);
  }
  set(view: DataView, offset: number, value: number): void {
    view.setInt8(offset, value);
  }
}
class U16 extends Scalar {
  get(view: DataView, offset: number): number {
    return view.getUint16(offset, true);
  }
  set(view: DataView, offset: number, value: number): void {
    view.setUint16(offset, value, true);
  }
}
class I16 extends Scalar {
  get(view: DataView, offset: number): number {
    return view.getInt16(offset, true);
  }
  set(view: DataView, offset: number, value: number): void {
    view.setInt16(offset, value, true);
  }
}
class U32 extends Scalar {
  get(view: DataView, offset: number): number {
    return view.getUint32(offset, true);
  }
  set(view: DataView, offset: number, value: number): void {
    view.setUint32(offset, value, true);
  }
}
class I32 extends Scalar {
  get(view: DataView, offset: number): number {
    return view.getInt32(offset, true);
  }
  set(view: DataView, offset: number, value: number): void {
    view.setInt32(offset, value, true);
  }
}
class U64 extends Scalar {
  get(view: DataView, offset: number): number {
    return getU64(view, offset);
  }
  set(view: DataView, offset: number, value: number): void {
    setU64(view, offset, value);
  }
}
class I64 extends Scalar {
  get(view: DataView, offset: number): number {
    return getI64(view, offset);
  }
  set(view: DataView, offset: number, value: number): void {
    setI64(view, offset, value);
  }
}
class Be16 extends Scalar {
  get(view: DataView, offset: number): number {
    return view.getUint16(offset, false);
  }
  set(view: DataView, offset: number, value: number): void {
    view.setUint16(offset, value, false);
  }
}
class Be32 extends Scalar {
  get(view: DataView, offset: number): number {
    return view.getUint32(offset, false);
  }
  set(view: DataView, offset: number, value: number): void {
    view.setUint32(offset, value, false);
  }
}
class F32 extends Scalar {
  get(view: DataView, offset: number): number {
    return view.getFloat32(offset, true);
  }
  set(view: DataView, offset: number, value: number): void {
    view.setFloat32(offset, value, true);
  }
}
class F64 extends Scalar {
  get(view: DataView, offset: number): number {
    return view.getFloat64(offset, true);
  }
  set(view: DataView, offset: number, value: number): void {
    view.setFloat64(offset, value, true);
  }
}

export const u8: ScalarCodec = new U8('__u8', 1, 'u8');
export const i8: ScalarCodec = new I8('__s8', 1, 'i8');
export const u16: ScalarCodec = new U16('__u16', 2, 'u16');
export const i16: ScalarCodec = new I16('__s16', 2, 'i16');
export const u32: ScalarCodec = new U32('__u32', 4, 'u32');
export const i32: ScalarCodec = new I32('__s32', 4, 'i32');
/** Unsigned 64-bit; see the file's head for values from 2^53. */
export const u64: ScalarCodec = new U64('__u64', 8, 'u64');
/** Signed 64-bit; see the file's head for values from 2^53. */
export const i64: ScalarCodec = new I64('__s64', 8, 'i64');
/** 16 bits in network byte order. */
export const be16: ScalarCodec = new Be16('__be16', 2, 'be16');
/** 32 bits in network byte order. */
export const be32: ScalarCodec = new Be32('__be32', 4, 'be32');
export const f32: ScalarCodec = new F32('float', 4, 'f32');
export const f64: ScalarCodec = new F64('double', 8, 'f64');
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

/** A 64-bit integer of which every bit counts. */
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
