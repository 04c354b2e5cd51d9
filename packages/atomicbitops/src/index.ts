import { native } from './binding.js';
import { NativeUnavailableError, rangeError, typeError } from './errors.js';
import { javascriptImplementation } from './javascript.js';
import type { AtomicBitOps, BitOp32, BitOp64, CompareAndSwap32, CompareAndSwap64, WordArray } from './types.js';

export { NativeUnavailableError } from './errors.js';
export type * from './types.js';

/**
 * Where the functions named `...Halves` leave the previous value: `[low, high]`, valid until the next such call on this thread.
 */
export const previousHalves: Uint32Array = native.binding?.previousHalves ?? new Uint32Array(2);

const reason = native.binding ? 'this is its pure JavaScript implementation' : native.reason;
const javascript = javascriptImplementation(previousHalves, reason);

/**
 * Every implementation that this machine has. All behave alike, except that `javascript` takes no addresses:
 * `assembly` (amd64, arm64), `portable` (compare-and-swap loops in C), `javascript` (on `Atomics`).
 */
export const implementations: { readonly assembly?: AtomicBitOps; readonly portable?: AtomicBitOps; readonly javascript: AtomicBitOps } = {
  ...(native.binding?.assembly && { assembly: native.binding.assembly }),
  ...(native.binding && { portable: native.binding.portable }),
  javascript,
};

/** The name of the implementation behind this module's functions: the first of assembly, portable, javascript that there is. */
export const implementation: keyof typeof implementations = implementations.assembly
  ? 'assembly'
  : implementations.portable
    ? 'portable'
    : 'javascript';

const best = implementations[implementation] as AtomicBitOps;

/*
 * A word that is an element of its array (32 bits in an Int32Array or Uint32Array, 64 in a BigInt64Array or BigUint64Array)
 * is left to `Atomics` whatever the implementation: V8 compiles it inline to the same instructions, where a call into native
 * code costs a hundred nanoseconds.
 */
function is32(target: unknown): target is Uint32Array | Int32Array {
  return target instanceof Uint32Array || target instanceof Int32Array;
}

function is64(target: unknown): target is BigUint64Array | BigInt64Array {
  return target instanceof BigUint64Array || target instanceof BigInt64Array;
}

/** Range and type checks as the native part makes them: `Atomics` would convert operands and truncate an index. */
function check32(array: Uint32Array | Int32Array, index: number, operand: number): void {
  checkIndex(array.length, index);
  if (typeof operand !== 'number') throw typeError('operands must be numbers');
}

function check64(array: BigUint64Array | BigInt64Array, index: number, operand: bigint): void {
  checkIndex(array.length, index);
  if (typeof operand !== 'bigint') throw typeError('operands must be BigInts');
}

function checkIndex(length: number, index: number): void {
  if (typeof index !== 'number') throw typeError('the target must be a typed array and an index, or an address');
  if (!Number.isInteger(index) || index < 0 || index >= length) {
    throw rangeError(`index ${index} is out of range for an array of ${length} elements`);
  }
}

/**
 * Replaces the 32-bit word at the target by `word & value`, atomically, and returns the word as it was.
 *
 * The target is `array, index` (the word starts at that element; its address must be a multiple of 4) or an address from
 * another @sbx package. Sequentially consistent with `Atomics`. A misaligned or out-of-range target is a `RangeError`
 * (`ERR_OUT_OF_RANGE`), a wrong type a `TypeError` (`ERR_INVALID_ARG_TYPE`), and nothing is written; an address must be mapped and
 * writable, and is a {@link NativeUnavailableError} without the native part. Never blocks. `@hotpath`
 *
 * @example
 * import { andUint32, orUint32 } from '@sbx/atomicbitops';
 *
 * const flags = new Uint32Array(new SharedArrayBuffer(64));
 * orUint32(flags, 3, 0b110); // 0: as it was
 * andUint32(flags, 3, ~0b010); // 0b110: as it was
 * flags[3]; // 0b100
 */
export const andUint32 = ((target: WordArray | number, a: number, b: number): number => {
  if (!is32(target)) return best.andUint32(target as WordArray, a, b);
  check32(target, a, b);
  return Atomics.and(target, a, b) >>> 0;
}) as BitOp32;

/** Like {@link andUint32}, with `word | value`. `@hotpath` */
export const orUint32 = ((target: WordArray | number, a: number, b: number): number => {
  if (!is32(target)) return best.orUint32(target as WordArray, a, b);
  check32(target, a, b);
  return Atomics.or(target, a, b) >>> 0;
}) as BitOp32;

/** Like {@link andUint32}, with `word ^ value`. `@hotpath` */
export const xorUint32 = ((target: WordArray | number, a: number, b: number): number => {
  if (!is32(target)) return best.xorUint32(target as WordArray, a, b);
  check32(target, a, b);
  return Atomics.xor(target, a, b) >>> 0;
}) as BitOp32;

/**
 * Stores `desired` in the 32-bit word at the target if the word is `expected`, atomically, and returns the word as it was:
 * `expected` exactly if `desired` was stored (both modulo 2^32). Targets and errors as {@link andUint32}. `@hotpath`
 *
 * @example
 * import { compareAndSwapUint32 } from '@sbx/atomicbitops';
 *
 * // The first who finds 0 has the lock.
 * const lock = new Int32Array(new SharedArrayBuffer(4));
 * compareAndSwapUint32(lock, 0, 0, 1); // 0: it was free and is ours
 * compareAndSwapUint32(lock, 0, 0, 1); // 1: it is taken
 */
export const compareAndSwapUint32 = ((target: WordArray | number, a: number, b: number, c: number): number => {
  if (!is32(target)) return best.compareAndSwapUint32(target as WordArray, a, b, c);
  check32(target, a, b);
  check32(target, a, c);
  return Atomics.compareExchange(target, a, b, c) >>> 0;
}) as CompareAndSwap32;

/**
 * Like {@link andUint32} on a 64-bit word, whose address must be a multiple of 8. BigInts are allocated unless V8 can optimise
 * them away: on hot paths use {@link andUint64Halves}.
 *
 * @example
 * import { andUint64, orUint64, xorUint64 } from '@sbx/atomicbitops';
 *
 * const bytes = new Uint8Array(16);
 * orUint64(bytes, 8, 0xff00_0000_0000_0001n) === 0n; // true
 * xorUint64(bytes, 8, 0x0f00_0000_0000_0000n) === 0xff00_0000_0000_0001n; // true
 * andUint64(bytes, 8, ~1n) === 0xf000_0000_0000_0001n; // true
 * bytes[15]; // 0xf0
 */
export const andUint64 = ((target: WordArray | number, a: number, b: bigint): bigint => {
  if (!is64(target)) return best.andUint64(target as WordArray, a, b);
  check64(target, a, b);
  return BigInt.asUintN(64, Atomics.and(target, a, b));
}) as BitOp64;

/** Like {@link andUint64}, with `word | value`. */
export const orUint64 = ((target: WordArray | number, a: number, b: bigint): bigint => {
  if (!is64(target)) return best.orUint64(target as WordArray, a, b);
  check64(target, a, b);
  return BigInt.asUintN(64, Atomics.or(target, a, b));
}) as BitOp64;

/** Like {@link andUint64}, with `word ^ value`. */
export const xorUint64 = ((target: WordArray | number, a: number, b: bigint): bigint => {
  if (!is64(target)) return best.xorUint64(target as WordArray, a, b);
  check64(target, a, b);
  return BigInt.asUintN(64, Atomics.xor(target, a, b));
}) as BitOp64;

/** Like {@link compareAndSwapUint32} on a 64-bit word, whose address must be a multiple of 8. */
export const compareAndSwapUint64 = ((target: WordArray | number, a: number, b: bigint, c: bigint): bigint => {
  if (!is64(target)) return best.compareAndSwapUint64(target as WordArray, a, b, c);
  check64(target, a, b);
  check64(target, a, c);
  return BigInt.asUintN(64, Atomics.compareExchange(target, a, b, c));
}) as CompareAndSwap64;

/**
 * {@link andUint64} without allocation: the value is `low, high`, the previous word goes to {@link previousHalves}. `@hotpath`
 *
 * @example
 * import { andUint64Halves, orUint64Halves, previousHalves } from '@sbx/atomicbitops';
 *
 * const words = new Uint32Array(2);
 * orUint64Halves(words, 0, 0b11, 0x80000000);
 * andUint64Halves(words, 0, 0b01, 0);
 * previousHalves.join(); // '3,2147483648'
 * words.join(); // '1,0'
 */
export const andUint64Halves = best.andUint64Halves;
/** Like {@link andUint64Halves}, with `word | value`. `@hotpath` */
export const orUint64Halves = best.orUint64Halves;
/** Like {@link andUint64Halves}, with `word ^ value`. `@hotpath` */
export const xorUint64Halves = best.xorUint64Halves;
/** {@link compareAndSwapUint64} without allocation: `expectedLow, expectedHigh, desiredLow, desiredHigh`. `@hotpath` */
export const compareAndSwapUint64Halves = best.compareAndSwapUint64Halves;

/**
 * The address of element `index` of `array`, to be used as a target while the array's buffer lives and is not detached.
 * A loop on one word is three times faster on its address than on `array, index` where the native part does the work.
 * @throws NativeUnavailableError without the native part; RangeError and TypeError as {@link andUint32}
 *
 * @example
 * import { addressOf, orUint32 } from '@sbx/atomicbitops';
 *
 * const words = new Uint32Array(4);
 * const second = addressOf(words, 1);
 * orUint32(second, 0b1); // 0
 * orUint32(second + 4, 0b1); // 0: the next word
 * words.join(); // '0,1,1,0'
 */
export function addressOf(array: WordArray, index = 0): number {
  if (!native.binding) throw new NativeUnavailableError('addressOf', native.reason);
  return native.binding.addressOf(array, index);
}
