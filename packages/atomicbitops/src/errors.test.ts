import { describe, expect, test } from 'vitest';
import * as defaults from './index.js';
import { type AtomicBitOps, addressOf, implementations, type WordArray } from './index.js';
import { javascriptImplementation } from './javascript.js';

const everything: [string, AtomicBitOps][] = [...(Object.entries(implementations) as [string, AtomicBitOps][]), ['default', defaults]];
const outOfRange = expect.objectContaining({ name: 'RangeError', code: 'ERR_OUT_OF_RANGE' });
const wrongType = expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });

/** What `body` throws. */
function thrown(body: () => unknown): unknown {
  try {
    body();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe.each(everything)('%s', (_name, ops) => {
  const all32 = (array: WordArray, index: number) => [
    () => ops.andUint32(array, index, 0),
    () => ops.orUint32(array, index, 0xffffffff),
    () => ops.xorUint32(array, index, 0xffffffff),
    () => ops.compareAndSwapUint32(array, index, 0, 1),
  ];
  const all64 = (array: WordArray, index: number) => [
    () => ops.andUint64(array, index, 0n),
    () => ops.orUint64(array, index, 1n),
    () => ops.xorUint64(array, index, 1n),
    () => ops.compareAndSwapUint64(array, index, 0n, 1n),
    () => ops.andUint64Halves(array, index, 0, 0),
    () => ops.orUint64Halves(array, index, 1, 1),
    () => ops.xorUint64Halves(array, index, 1, 1),
    () => ops.compareAndSwapUint64Halves(array, index, 0, 0, 1, 1),
  ];

  test.each([-1, 4, 4.5, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 32, 2 ** 53])('index %d of 4 words is a RangeError', (index) => {
    const array = new Uint32Array(4);
    for (const body of [...all32(array, index), ...all64(array, index)]) expect(thrown(body)).toEqual(outOfRange);
    expect([...array]).toEqual([0, 0, 0, 0]);
  });

  test('a word that starts inside and ends outside is a RangeError', () => {
    const bytes = new Uint8Array(new ArrayBuffer(16), 0, 14);
    for (const body of [...all32(bytes, 12), ...all64(bytes, 8)]) expect(thrown(body)).toEqual(outOfRange);
    expect(bytes.every((byte) => byte === 0)).toBe(true);
  });

  test('a misaligned word is a RangeError', () => {
    const bytes = new Uint8Array(32);
    for (const offset of [1, 2, 3, 5, 6, 7]) for (const body of all32(bytes, offset)) expect(thrown(body)).toEqual(outOfRange);
    for (const offset of [1, 2, 3, 4, 5, 6, 7, 12]) for (const body of all64(bytes, offset)) expect(thrown(body)).toEqual(outOfRange);
    for (const body of all64(new Uint32Array(bytes.buffer, 4), 0)) expect(thrown(body)).toEqual(outOfRange);
    expect(bytes.every((byte) => byte === 0)).toBe(true);
  });

  test('a detached array is a RangeError', () => {
    const array = new Uint32Array(4);
    structuredClone(array.buffer, { transfer: [array.buffer] });
    for (const body of [...all32(array, 0), ...all64(array, 0)]) expect(thrown(body)).toEqual(outOfRange);
  });

  test('targets and operands of a wrong type are TypeErrors', () => {
    const array = new Uint32Array(4);
    const loose = ops as unknown as Record<string, (...args: unknown[]) => unknown>;
    const calls: [string, unknown[]][] = [
      ['andUint32', []],
      ['andUint32', [null, 0, 1]],
      ['andUint32', ['0', 0, 1]],
      ['andUint32', [[0], 0, 1]],
      ['andUint32', [new DataView(array.buffer), 0, 1]],
      ['orUint32', [array, 0]],
      ['orUint32', [array, 0, 1n]],
      ['orUint32', [array, 0, '1']],
      ['compareAndSwapUint32', [array, 0, 0, undefined]],
      ['compareAndSwapUint32', [array, 0, 0, 1n]],
      ['orUint64', [array, 0, 1]],
      ['orUint64', [array, 0, undefined]],
      ['compareAndSwapUint64', [array, 0, 0n, 1]],
      ['orUint64Halves', [array, 0, 1]],
      ['orUint64Halves', [array, 0, 1n, 1n]],
      ['compareAndSwapUint64Halves', [array, 0, 0, 0, 1, '1']],
    ];
    for (const [name, args] of calls) expect(thrown(() => loose[name]?.(...args))).toEqual(wrongType);
    expect([...array]).toEqual([0, 0, 0, 0]);
  });
});

test.each([
  ['assembly', implementations.assembly],
  ['portable', implementations.portable],
])('%s: an address that is none, or is misaligned, is a RangeError', (_name, ops) => {
  for (const address of [-8, 0, 8, 4088, 4096.5, Number.NaN, 2 ** 48, 2 ** 48 - 4, 2 ** 53, Number.POSITIVE_INFINITY]) {
    expect(thrown(() => ops?.orUint64(address, 1n))).toEqual(outOfRange);
  }
  const array = new Uint32Array(4);
  for (const offset of [1, 2, 3]) expect(thrown(() => ops?.orUint32(addressOf(array) + offset, 1))).toEqual(outOfRange);
  expect(thrown(() => ops?.orUint64(addressOf(array) + 4, 1n))).toEqual(outOfRange);
  expect([...array]).toEqual([0, 0, 0, 0]);
});

test('without a native part an address is refused with the reason', () => {
  const ops = javascriptImplementation(new Uint32Array(2), 'no prebuild for plan9');
  expect(thrown(() => ops.orUint32(4096, 1))).toEqual(
    expect.objectContaining({ name: 'NativeUnavailableError', code: 'ERR_SBX_NATIVE_UNAVAILABLE', reason: 'no prebuild for plan9' }),
  );
});

test('addressOf points at the element', () => {
  const array = new Uint16Array(new SharedArrayBuffer(16), 4);
  expect(addressOf(array, 3) - addressOf(array)).toBe(6);
  expect(addressOf(array) - addressOf(new Uint8Array(array.buffer))).toBe(4);
  expect(thrown(() => addressOf(array, 6))).toEqual(outOfRange);
  expect(thrown(() => addressOf([] as unknown as WordArray))).toEqual(wrongType);
});
