import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as defaults from './index.js';
import { type AtomicBitOps, addressOf, implementation, implementations, previousHalves, type WordArray } from './index.js';

const bitOps = { and: (a: bigint, b: bigint) => a & b, or: (a: bigint, b: bigint) => a | b, xor: (a: bigint, b: bigint) => a ^ b };
type Op = keyof typeof bitOps;
const opName = fc.constantFrom<Op>('and', 'or', 'xor');

const uint32 = fc.oneof(fc.integer({ min: 0, max: 0xffffffff }), fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff));
const uint64 = fc.oneof(
  fc.bigInt(0n, 2n ** 64n - 1n),
  fc.constantFrom(0n, 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n),
);
/** Any number that Atomics would take: negative and above 2^32 count modulo 2^32. */
const operand32 = fc.oneof(uint32, fc.integer({ min: -(2 ** 31), max: -1 }), fc.integer({ min: 2 ** 32, max: 2 ** 40 }));
const operand64 = fc.oneof(uint64, fc.bigInt(-(2n ** 63n), -1n), fc.bigInt(2n ** 64n, 2n ** 80n));

const words = 8;
/** An array of each type over 64 random bytes, shared or not, and the byte where the word under test starts. */
const memory = (width: 4 | 8) =>
  fc
    .record({
      bytes: fc.uint8Array({ minLength: words * 8, maxLength: words * 8 }),
      shared: fc.boolean(),
      ArrayType: fc.constantFrom(
        Int8Array,
        Uint8Array,
        Uint8ClampedArray,
        Int16Array,
        Uint16Array,
        Int32Array,
        Uint32Array,
        Float32Array,
        Float64Array,
        BigInt64Array,
        BigUint64Array,
      ),
      word: fc.nat(words - 2),
      skip: fc.boolean(),
    })
    .map(({ bytes, shared, ArrayType, word, skip }) => {
      const buffer = shared ? new SharedArrayBuffer(bytes.length) : new ArrayBuffer(bytes.length);
      new Uint8Array(buffer).set(bytes);
      const start = skip ? 8 : 0;
      // A word of 4 bytes can't start in the middle of an element of 8.
      const unit = Math.max(width, ArrayType.BYTES_PER_ELEMENT);
      const byte = word * unit < bytes.length - start ? word * unit : 0;
      const array = new ArrayType(buffer as ArrayBuffer, start) as WordArray;
      return { buffer, array, index: byte / ArrayType.BYTES_PER_ELEMENT, byte: start + byte };
    });

const everything: [string, AtomicBitOps][] = [...(Object.entries(implementations) as [string, AtomicBitOps][]), ['default', defaults]];

test('all three implementations are there where a native part is built', () => {
  expect(Object.keys(implementations)).toEqual(['assembly', 'portable', 'javascript']);
  expect(implementation).toBe('assembly');
});

describe.each(everything)('%s', (name, ops) => {
  const byAddress = name === 'javascript' ? fc.constant(false) : fc.boolean();

  test('and, or, xor on 32 bits follow the model', () => {
    fc.assert(
      fc.property(memory(4), opName, operand32, byAddress, ({ buffer, array, index, byte }, op, value, address) => {
        const expected = Buffer.from(new Uint8Array(buffer));
        const before = expected.readUInt32LE(byte);
        expected.writeUInt32LE(Number(BigInt.asUintN(32, bitOps[op](BigInt(before), BigInt(value)))), byte);
        const call = ops[`${op}Uint32`];
        expect(address ? call(addressOf(array, index), value) : call(array, index, value)).toBe(before);
        expect(Buffer.from(new Uint8Array(buffer))).toEqual(expected);
      }),
    );
  });

  test('and, or, xor on 64 bits follow the model, as BigInt and as halves', () => {
    fc.assert(
      fc.property(memory(8), opName, operand64, byAddress, ({ buffer, array, index, byte }, op, value, address) => {
        const original = new Uint8Array(buffer).slice();
        const expected = Buffer.from(original);
        const before = expected.readBigUInt64LE(byte);
        expected.writeBigUInt64LE(BigInt.asUintN(64, bitOps[op](before, value)), byte);
        const call = ops[`${op}Uint64`];
        expect(address ? call(addressOf(array, index), value) : call(array, index, value)).toBe(before);
        expect(Buffer.from(new Uint8Array(buffer))).toEqual(expected);

        new Uint8Array(buffer).set(original);
        const [low, high] = halves(value);
        const callHalves = ops[`${op}Uint64Halves`];
        if (address) callHalves(addressOf(array, index), low, high);
        else callHalves(array, index, low, high);
        expect([...previousHalves]).toEqual(halves(before));
        expect(Buffer.from(new Uint8Array(buffer))).toEqual(expected);
      }),
    );
  });

  test('compare-and-swap on 32 bits stores exactly if it returns the expected value', () => {
    fc.assert(
      fc.property(memory(4), fc.option(operand32), operand32, byAddress, ({ buffer, array, index, byte }, other, desired, address) => {
        const expectedBytes = Buffer.from(new Uint8Array(buffer));
        const before = expectedBytes.readUInt32LE(byte);
        const expected = other ?? before;
        if (Number(BigInt.asUintN(32, BigInt(expected))) === before) {
          expectedBytes.writeUInt32LE(Number(BigInt.asUintN(32, BigInt(desired))), byte);
        }
        const found = address
          ? ops.compareAndSwapUint32(addressOf(array, index), expected, desired)
          : ops.compareAndSwapUint32(array, index, expected, desired);
        expect(found).toBe(before);
        expect(Buffer.from(new Uint8Array(buffer))).toEqual(expectedBytes);
      }),
    );
  });

  test('compare-and-swap on 64 bits stores exactly if it returns the expected value', () => {
    fc.assert(
      fc.property(memory(8), fc.option(uint64), operand64, byAddress, ({ buffer, array, index, byte }, other, desired, address) => {
        const original = new Uint8Array(buffer).slice();
        const expectedBytes = Buffer.from(original);
        const before = expectedBytes.readBigUInt64LE(byte);
        const expected = other ?? before;
        if (expected === before) expectedBytes.writeBigUInt64LE(BigInt.asUintN(64, desired), byte);
        const found = address
          ? ops.compareAndSwapUint64(addressOf(array, index), expected, desired)
          : ops.compareAndSwapUint64(array, index, expected, desired);
        expect(found).toBe(before);
        expect(Buffer.from(new Uint8Array(buffer))).toEqual(expectedBytes);

        new Uint8Array(buffer).set(original);
        if (address) ops.compareAndSwapUint64Halves(addressOf(array, index), ...halves(expected), ...halves(desired));
        else ops.compareAndSwapUint64Halves(array, index, ...halves(expected), ...halves(desired));
        expect([...previousHalves]).toEqual(halves(before));
        expect(Buffer.from(new Uint8Array(buffer))).toEqual(expectedBytes);
      }),
    );
  });
});

function halves(value: bigint): [number, number] {
  return [Number(BigInt.asUintN(32, value)), Number(BigInt.asUintN(32, value >> 32n))];
}
