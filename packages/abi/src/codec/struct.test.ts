import { describe, expect, it } from 'vitest';
import { E2BIG, EFAULT, EINVAL } from '../errno.js';
import { OpenHow } from '../structs/file.js';
import { array, bytes, cstring, pad, struct, union } from './composite.js';
import {
  copyArrayIn,
  copyArrayOut,
  copyStructIn,
  copyStructOut,
  copyStructOutN,
  copyVersionedIn,
  type GuestMemory,
} from './guest-memory.js';
import { be16, i32, i64, u8, u16, u32, u64, u64pair } from './scalar.js';

const Inner = struct('struct inner', { a: u8, b: u64 });
const Outer = struct('struct outer', {
  tag: u8,
  inner: Inner,
  list: array(u16, 3),
  name: cstring(5),
  filler: pad(2),
  raw: bytes(3),
  wide: u64pair,
  port: be16,
});

const fresh = (size: number) => new DataView(new Uint8Array(size).fill(0xaa).buffer);

describe('struct', () => {
  it('lays members out by the System V ABI', () => {
    expect(Inner.offsets).toEqual({ a: 0, b: 8 });
    expect(Inner.size).toBe(16);
    expect(Outer.offsets).toMatchObject({ tag: 0, inner: 8, list: 24, name: 30, raw: 37, wide: 40, port: 48 });
    expect([Outer.size, Outer.align]).toEqual([56, 8]);
    expect(struct('packed', { a: u8, b: u64 }, { packed: true })).toMatchObject({ size: 9, align: 1, offsets: { a: 0, b: 1 } });
    expect(struct('aligned', { a: u8 }, { align: 32 })).toMatchObject({ size: 32, align: 32 });
  });

  it('reads what it wrote and writes padding as zeroes', () => {
    const view = fresh(64);
    const value = {
      tag: 7,
      inner: { a: 1, b: 2 ** 40 + 3 },
      list: [1, 2, 65535],
      name: 'abc',
      raw: Uint8Array.of(9, 8, 7),
      wide: { lo: 0xffffffff, hi: 0x80000000 },
      port: 443,
    };
    Outer.write(view, 4, value);
    expect(Outer.read(view, 4, Outer.create())).toEqual(value);
    const written = new Uint8Array(view.buffer);
    expect(written.slice(5, 12)).toEqual(new Uint8Array(7));
    expect(written.slice(13, 20)).toEqual(new Uint8Array(7));
    expect(written.slice(39, 41)).toEqual(new Uint8Array(2));
    expect(written.slice(54, 60)).toEqual(new Uint8Array(6));
    expect([written[3], written[60]]).toEqual([0xaa, 0xaa]);
    expect([written[52], written[53]]).toEqual([1, 0xbb]);
  });

  it('gives members one at a time, by the offset of the struct', () => {
    const view = fresh(64);
    Outer.fields.port.set(view, 8, 80);
    expect(view.getUint16(56)).toBe(80);
    expect(Outer.fields.port.get(view, 8)).toBe(80);
    expect(Outer.fields.list.get(view, 0)).toEqual([0xaaaa, 0xaaaa, 0xaaaa]);
  });

  it('cuts strings so that a NUL remains', () => {
    const view = fresh(64);
    cstring(5).write(view, 0, 'abcdefgh');
    expect(cstring(5).read(view, 0, '')).toBe('abcd');
    expect(view.getUint8(4)).toBe(0);
  });

  it('writes a prefix with writeN', () => {
    const view = fresh(16);
    const S = struct('s', { a: u32, b: u32 });
    expect(S.writeN(view, 0, { a: 1, b: 2 }, 6)).toBe(6);
    expect([...new Uint8Array(view.buffer, 0, 7)]).toEqual([1, 0, 0, 0, 2, 0, 0xaa]);
    expect(S.writeN(view, 0, { a: 1, b: 2 }, 100)).toBe(8);
    expect(S.writeN(view, 0, { a: 9, b: 2 }, 0)).toBe(0);
    expect(view.getUint8(0)).toBe(1);
  });

  it('reads a union in every way and writes one', () => {
    const U = union('u', { small: u8, big: u64, s: struct('s', { x: i32 }) });
    const view = fresh(8);
    U.write(view, 0, { s: { x: -2 } });
    expect(U.read(view, 0, U.create())).toEqual({ small: 0xfe, big: 0xfffffffe, s: { x: -2 } });
    expect([U.size, U.align]).toEqual([8, 8]);
  });
});

describe('64-bit numbers', () => {
  const view = fresh(8);
  it.each([0, 1, 2 ** 31, 2 ** 32, 2 ** 52 + 1, 2 ** 53 - 1, 2 ** 63])('u64 keeps %d', (n) => {
    u64.set(view, 0, n);
    expect(u64.get(view, 0)).toBe(n);
    expect(view.getBigUint64(0, true)).toBe(BigInt(n));
  });
  it.each([0, -1, -(2 ** 31), -(2 ** 32) - 1, 2 ** 53 - 1, -(2 ** 53) + 1, -(2 ** 63)])('i64 keeps %d', (n) => {
    i64.set(view, 0, n);
    expect(i64.get(view, 0)).toBe(n);
    expect(view.getBigInt64(0, true)).toBe(BigInt(n));
  });
  it('keeps the largest values', () => {
    view.setBigUint64(0, 2n ** 64n - 1n, true);
    const infinity = u64.get(view, 0);
    expect(infinity).toBe(2 ** 64);
    u64.set(view, 0, infinity);
    expect(view.getBigUint64(0, true)).toBe(2n ** 64n - 1n);
    view.setBigInt64(0, 2n ** 63n - 1n, true);
    i64.set(view, 0, i64.get(view, 0));
    expect(view.getBigInt64(0, true)).toBe(2n ** 63n - 1n);
  });
});

/** Guest memory of `size` bytes at address 0x1000; everything else faults. */
class Memory implements GuestMemory {
  readonly data: Uint8Array;
  constructor(size: number) {
    this.data = new Uint8Array(size);
  }
  #done(addr: number, length: number): number {
    return addr < 0x1000 ? 0 : Math.max(0, Math.min(length, 0x1000 + this.data.length - addr));
  }
  copyIn(addr: number, dst: Uint8Array, length: number): number {
    const n = this.#done(addr, length);
    dst.set(this.data.subarray(addr - 0x1000, addr - 0x1000 + n));
    return n;
  }
  copyOut(addr: number, src: Uint8Array, length: number): number {
    const n = this.#done(addr, length);
    this.data.set(src.subarray(0, n), addr - 0x1000);
    return n;
  }
}

describe('guest memory', () => {
  const P = struct('p', { x: u32, y: u32 });

  it('copies structs, exactly up to a fault', () => {
    const memory = new Memory(12);
    expect(copyStructOut(memory, 0x1000, P, { x: 1, y: 2 })).toBe(0);
    const out = P.create();
    expect(copyStructIn(memory, 0x1000, P, out)).toBe(0);
    expect(out).toEqual({ x: 1, y: 2 });
    expect(copyStructOut(memory, 0x1008, P, { x: 3, y: 4 })).toBe(-EFAULT);
    expect(memory.data[8]).toBe(3);
    expect(copyStructIn(memory, 0x1008, P, out)).toBe(-EFAULT);
    expect(out).toEqual({ x: 1, y: 2 });
    expect(copyStructIn(memory, 0, P, out)).toBe(-EFAULT);
    expect(copyStructOutN(memory, 0x1000, P, { x: 5, y: 6 }, 4)).toBe(4);
    expect(memory.data.slice(0, 8)).toEqual(Uint8Array.of(5, 0, 0, 0, 2, 0, 0, 0));
  });

  it('copies arrays longer than one piece', () => {
    const count = 3000;
    const memory = new Memory(count * 8);
    const values = Array.from({ length: count }, (_, i) => ({ x: i, y: count - i }));
    expect(copyArrayOut(memory, 0x1000, P, values, count)).toBe(0);
    const out = values.map(() => P.create());
    expect(copyArrayIn(memory, 0x1000, P, out, count)).toBe(0);
    expect(out).toEqual(values);
    expect(copyArrayIn(memory, 0x1000 + 8, P, out, count)).toBe(-EFAULT);
    expect(out[count - 2]).toEqual(values[count - 1]);
  });

  it('refuses arrays of what is larger than a piece', () => {
    const memory = new Memory(3 * 8193);
    const large = array(u8, 8193);
    expect(() => copyArrayOut(memory, 0x1000, large, [large.create()], 1)).toThrow(RangeError);
    expect(() => copyArrayIn(memory, 0x1000, large, [large.create()], 1)).toThrow(RangeError);
  });

  it('follows the rules of size-versioned structs', () => {
    const memory = new Memory(5000);
    const how = { flags: 1, mode: 2, resolve: 3 };
    copyStructOut(memory, 0x1000, OpenHow, how);
    const out = OpenHow.create();
    expect(copyVersionedIn(memory, 0x1000, 24, OpenHow, out, 24)).toBe(0);
    expect(out).toEqual(how);
    expect(copyVersionedIn(memory, 0x1000, 32, OpenHow, out, 24)).toBe(0);
    expect(copyVersionedIn(memory, 0x1000, 23, OpenHow, out, 24)).toBe(-EINVAL);
    expect(copyVersionedIn(memory, 0x1000, 4097, OpenHow, out, 24)).toBe(-E2BIG);
    expect(copyVersionedIn(memory, 0x1000, 16, OpenHow, out)).toBe(0);
    expect(out).toEqual({ ...how, resolve: 0 });
    memory.data[31] = 1;
    expect(copyVersionedIn(memory, 0x1000, 32, OpenHow, out, 24)).toBe(-E2BIG);
    expect(copyVersionedIn(memory, 0x9000, 24, OpenHow, out, 24)).toBe(-EFAULT);
  });
});
