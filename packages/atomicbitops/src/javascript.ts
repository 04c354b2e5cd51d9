import { NativeUnavailableError, rangeError, typeError } from './errors.js';
import type { AtomicBitOps, BitOp32, BitOp64, BitOp64Halves, WordArray } from './types.js';

type Operation = 'and' | 'or' | 'xor';

/**
 * All operations on `Atomics` alone, for machines without a native part. Targets in arrays work as everywhere; an address
 * throws `NativeUnavailableError` with `reason`.
 */
export function javascriptImplementation(previousHalves: Uint32Array, reason: string): AtomicBitOps {
  /** A one-word view of the target. A new view each time: this is the slow path, and the array may be of any type. */
  function view32(target: WordArray | number, index: number): Uint32Array {
    const array = checkedArray(target, index, 4, reason);
    return new Uint32Array(array.buffer as ArrayBuffer, array.byteOffset + index * array.BYTES_PER_ELEMENT, 1);
  }
  function view64(target: WordArray | number, index: number): BigUint64Array {
    const array = checkedArray(target, index, 8, reason);
    return new BigUint64Array(array.buffer as ArrayBuffer, array.byteOffset + index * array.BYTES_PER_ELEMENT, 1);
  }
  const bitOp32 = (operation: Operation) =>
    ((target: WordArray, index: number, value: number) =>
      Atomics[operation](view32(target, index), 0, checked(value, 'number'))) as BitOp32;
  const bitOp64 = (operation: Operation) =>
    ((target: WordArray, index: number, value: bigint) =>
      Atomics[operation](view64(target, index), 0, checked(value, 'bigint'))) as BitOp64;
  const bitOp64Halves = (operation: Operation) =>
    ((target: WordArray, index: number, low: number, high: number) => {
      keepHalves(previousHalves, Atomics[operation](view64(target, index), 0, joinHalves(low, high)));
    }) as BitOp64Halves;

  return {
    andUint32: bitOp32('and'),
    orUint32: bitOp32('or'),
    xorUint32: bitOp32('xor'),
    compareAndSwapUint32: ((target: WordArray, index: number, expected: number, desired: number) =>
      Atomics.compareExchange(
        view32(target, index),
        0,
        checked(expected, 'number'),
        checked(desired, 'number'),
      )) as AtomicBitOps['compareAndSwapUint32'],
    andUint64: bitOp64('and'),
    orUint64: bitOp64('or'),
    xorUint64: bitOp64('xor'),
    compareAndSwapUint64: ((target: WordArray, index: number, expected: bigint, desired: bigint) =>
      Atomics.compareExchange(
        view64(target, index),
        0,
        checked(expected, 'bigint'),
        checked(desired, 'bigint'),
      )) as AtomicBitOps['compareAndSwapUint64'],
    andUint64Halves: bitOp64Halves('and'),
    orUint64Halves: bitOp64Halves('or'),
    xorUint64Halves: bitOp64Halves('xor'),
    compareAndSwapUint64Halves: ((target: WordArray, index: number, el: number, eh: number, dl: number, dh: number) => {
      const previous = Atomics.compareExchange(view64(target, index), 0, joinHalves(el, eh), joinHalves(dl, dh));
      keepHalves(previousHalves, previous);
    }) as AtomicBitOps['compareAndSwapUint64Halves'],
  };
}

/** The array, after the same checks as in native/binding.c: bounds, then alignment. */
function checkedArray(target: WordArray | number, index: number, width: number, reason: string): WordArray {
  if (typeof target === 'number') throw new NativeUnavailableError('an address as target', reason);
  if (!ArrayBuffer.isView(target) || target instanceof DataView || typeof index !== 'number') {
    throw typeError('the target must be a typed array and an index, or an address');
  }
  const { length, BYTES_PER_ELEMENT: size } = target;
  if (!Number.isInteger(index) || index < 0 || index >= length || (length - index) * size < width) {
    throw rangeError(`index ${index} is out of range for an array of ${length} elements`);
  }
  if ((target.byteOffset + index * size) % width !== 0) {
    throw rangeError(`byte ${target.byteOffset + index * size} is misaligned: the word needs a multiple of ${width}`);
  }
  return target;
}

function checked<T extends number | bigint>(operand: T, type: 'number' | 'bigint'): T {
  if (typeof operand !== type) throw typeError(type === 'bigint' ? 'operands must be BigInts' : 'operands must be numbers');
  return operand;
}

function joinHalves(low: number, high: number): bigint {
  return (BigInt(checked(high, 'number') >>> 0) << 32n) | BigInt(checked(low, 'number') >>> 0);
}

function keepHalves(halves: Uint32Array, value: bigint): void {
  halves[0] = Number(value & 0xffffffffn);
  halves[1] = Number(value >> 32n);
}
