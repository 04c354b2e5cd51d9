import { describe, expect, test } from 'vitest';
import {
  AlignmentError,
  addressOf,
  BusError,
  type ByteArray,
  compareAndSwapUint32,
  copy,
  copyIn,
  copyOut,
  lastFault,
  lastFaultAddress,
  lastFaultSignal,
  loadUint32,
  SegvError,
  swapUint32,
  swapUint64,
  swapUint64Halves,
  zeroOut,
} from './index.js';

const outOfRange = expect.objectContaining({ name: 'RangeError', code: 'ERR_OUT_OF_RANGE' });
const wrongType = expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });

function thrown(body: () => unknown): unknown {
  try {
    body();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('copies between arrays and addresses', () => {
  test.each([
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
  ])('%o counts bytes', (ArrayType) => {
    const source = new Uint8Array(80).map((_, i) => i + 1);
    for (const buffer of [new ArrayBuffer(80), new SharedArrayBuffer(80)]) {
      const array = new ArrayType(buffer as ArrayBuffer, 8, 64 / ArrayType.BYTES_PER_ELEMENT) as ByteArray;
      const bytes = new Uint8Array(buffer);
      expect(copyIn(array, addressOf(source))).toBe(64);
      expect([...bytes]).toEqual([...new Array(8).fill(0), ...source.subarray(0, 64), ...new Array(8).fill(0)]);
      expect(copyIn(array, addressOf(source), 3, 61)).toBe(3);
      expect([...bytes.subarray(68, 73)]).toEqual([61, 1, 2, 3, 0]);
      expect(copyIn(array, addressOf(source), undefined, 60)).toBe(4);
      const target = new Uint8Array(70);
      expect(copyOut(addressOf(target), array, 5, 1)).toBe(5);
      expect([...target.subarray(0, 6)]).toEqual([2, 3, 4, 5, 6, 0]);
      expect(copyOut(addressOf(target), array)).toBe(64);
      expect([...target]).toEqual([...bytes.subarray(8, 72), ...new Array(6).fill(0)]);
    }
  });

  test('small arrays, which V8 may keep inside of its heap', () => {
    const four = new Uint8Array(4);
    expect(copyIn(four, addressOf(new Uint8Array([1, 2, 3, 4])))).toBe(4);
    expect([...four]).toEqual([1, 2, 3, 4]);
  });

  test('nothing at all', () => {
    expect(copyIn(new Uint8Array(0), 0)).toBe(0);
    expect(lastFault()).toBeUndefined();
    expect(copyIn(new Uint8Array(5), 0, 0)).toBe(0);
    expect(copyOut(0, new Uint8Array(5), 0, 5)).toBe(0);
    expect(copy(0, 0, 0)).toBe(0);
    expect(zeroOut(0, 0)).toBe(0);
    expect(lastFaultSignal()).toBe(0);
  });

  test('copy and zeroOut work on addresses', () => {
    const from = new Uint8Array(100).fill(7);
    const to = new Uint8Array(100).fill(1);
    expect(copy(addressOf(to) + 10, addressOf(from), 50)).toBe(50);
    expect(zeroOut(addressOf(to) + 90, 5)).toBe(5);
    expect([...to]).toEqual([...Array(10).fill(1), ...Array(50).fill(7), ...Array(30).fill(1), ...Array(5).fill(0), ...Array(5).fill(1)]);
  });

  test('addresses that no process has are faults, not exceptions', () => {
    for (const address of [0, 1, 4095, 2 ** 47, 2 ** 48, 2 ** 53 - 4096]) {
      const buffer = new Uint8Array(100).fill(3);
      expect(copyIn(buffer, address)).toBe(0);
      expect(lastFault()).toEqual(new SegvError(address));
      expect(lastFaultAddress()).toBe(address);
      expect(buffer.every((byte) => byte === 3)).toBe(true);
      expect(copyOut(address, buffer)).toBe(0);
      expect(zeroOut(address, 100)).toBe(0);
    }
  });
});

describe('errors', () => {
  test('have a stable code, the address and a message', () => {
    expect(new SegvError(0x1234)).toMatchObject({ name: 'SegvError', code: 'ERR_SBX_SEGV', addr: 0x1234, message: 'SIGSEGV at 0x1234' });
    expect(new BusError(0x1234)).toMatchObject({ name: 'BusError', code: 'ERR_SBX_BUS', addr: 0x1234, message: 'SIGBUS at 0x1234' });
    expect(new AlignmentError(6, 4)).toMatchObject({ name: 'AlignmentError', code: 'ERR_SBX_ALIGNMENT', addr: 6, alignment: 4 });
  });

  test('alignment is checked before memory is touched', () => {
    for (const address of [1, 2, 3, 5]) {
      for (const operation of [() => loadUint32(address), () => swapUint32(address, 1), () => compareAndSwapUint32(address, 0, 1)]) {
        expect(operation()).toBe(-22);
        expect(lastFault()).toEqual(new AlignmentError(address, 4));
      }
    }
    expect(swapUint64(4, 1n)).toBe(-22n);
    expect(lastFault()).toEqual(new AlignmentError(4, 8));
    expect(swapUint64Halves(12, 1, 0)).toBe(-22);
    expect(lastFault()).toEqual(new AlignmentError(12, 8));
    expect(loadUint32(8)).toBe(-14);
    expect(lastFault()).toEqual(new SegvError(8));
  });

  test('a range outside of the array is a RangeError', () => {
    const array = new Uint16Array(4);
    const address = addressOf(new Uint8Array(100).fill(9));
    for (const [length, offset] of [
      [9, 0],
      [1, 8],
      [8, 1],
      [0, 9],
      [-1, 0],
      [1, -1],
      [1.5, 0],
      [1, 0.5],
      [Number.NaN, 0],
      [2 ** 53, 0],
      [1, 2 ** 53 - 1],
      [Number.POSITIVE_INFINITY, 0],
    ] as const) {
      expect(thrown(() => copyIn(array, address, length, offset))).toEqual(outOfRange);
      expect(thrown(() => copyOut(address, array, length, offset))).toEqual(outOfRange);
    }
    expect(thrown(() => copyIn(array, address, undefined, 9))).toEqual(outOfRange);
    expect([...array]).toEqual([0, 0, 0, 0]);
    structuredClone(array.buffer, { transfer: [array.buffer] });
    expect(thrown(() => copyIn(array, address, 1))).toEqual(outOfRange);
  });

  test('an address that is no address is a RangeError, other types are TypeErrors', () => {
    const array = new Uint8Array(4);
    for (const address of [-1, 0.5, Number.NaN, 2 ** 53, Number.NEGATIVE_INFINITY]) {
      expect(thrown(() => copyIn(array, address))).toEqual(outOfRange);
      expect(thrown(() => copyOut(address, array))).toEqual(outOfRange);
      expect(thrown(() => copy(address, 0, 0))).toEqual(outOfRange);
      expect(thrown(() => copy(0, address, 0))).toEqual(outOfRange);
      expect(thrown(() => zeroOut(address, 0))).toEqual(outOfRange);
      expect(thrown(() => zeroOut(0, address))).toEqual(outOfRange);
      expect(thrown(() => loadUint32(address))).toEqual(outOfRange);
      expect(thrown(() => swapUint64(address, 1n))).toEqual(outOfRange);
    }
    const any = (value: unknown) => value as never;
    expect(thrown(() => copyIn(any([1, 2]), 0, 0))).toEqual(wrongType);
    expect(thrown(() => copyIn(any(new DataView(array.buffer)), 0, 0))).toEqual(wrongType);
    expect(thrown(() => copyIn(array, any('0')))).toEqual(wrongType);
    expect(thrown(() => copyIn(array, any(0n)))).toEqual(wrongType);
    expect(thrown(() => copyOut(0, any(null), 0))).toEqual(wrongType);
    expect(thrown(() => swapUint32(0, any('1')))).toEqual(wrongType);
    expect(thrown(() => swapUint64(0, any(1)))).toEqual(wrongType);
    expect(thrown(() => swapUint64Halves(0, 1, any(undefined)))).toEqual(wrongType);
    expect(thrown(() => compareAndSwapUint32(0, 1, any(undefined)))).toEqual(wrongType);
  });
});

describe('words', () => {
  test('are swapped, compared and loaded', () => {
    const words = new Uint32Array(4);
    const address = addressOf(words);
    expect(swapUint32(address, -1)).toBe(0);
    expect(swapUint32(address, 2 ** 32 + 5)).toBe(0xffffffff);
    expect(loadUint32(address)).toBe(5);
    expect(compareAndSwapUint32(address, 5, 0xfffffffe)).toBe(5);
    expect(compareAndSwapUint32(address, 5, 6)).toBe(0xfffffffe);
    expect(loadUint32(address)).toBe(0xfffffffe);
    expect(swapUint64(address + 8, 2n ** 64n - 1n)).toBe(0n);
    expect(swapUint64(address + 8, -2n)).toBe(2n ** 64n - 1n);
    expect(swapUint64Halves(address + 8, 1, 2)).toBe(0);
    expect([...words]).toEqual([0xfffffffe, 0, 1, 2]);
  });
});
