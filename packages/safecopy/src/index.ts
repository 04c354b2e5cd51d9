import { type NativeBinding, native } from './binding.js';
import { AlignmentError, BusError, NativeUnavailableError, SegvError } from './errors.js';
import type { ByteArray } from './types.js';

export { AlignmentError, BusError, NativeUnavailableError, SegvError } from './errors.js';
export type { ByteArray } from './types.js';

const SIGBUS = 7;
const SIGSEGV = 11;
const EINVAL = 22;

const binding = native.binding ?? unavailable(native.reason);

/** Stands in for a missing native part: importing works, and every use says what is missing. */
function unavailable(reason: string): NativeBinding {
  const fail = (what: string) => () => {
    throw new NativeUnavailableError(what, reason);
  };
  return {
    copyIn: fail('copyIn'),
    copyOut: fail('copyOut'),
    copy: fail('copy'),
    zeroOut: fail('zeroOut'),
    loadUint32: fail('loadUint32'),
    swapUint32: fail('swapUint32'),
    compareAndSwapUint32: fail('compareAndSwapUint32'),
    swapUint64: fail('swapUint64'),
    swapUint64Halves: fail('swapUint64Halves'),
    addressOf: fail('addressOf'),
    install: fail('install'),
    status: new Float64Array(3),
    previousHalves: new Uint32Array(2),
  };
}

const { status } = binding;

/**
 * Copies `length` bytes (all of `dst` from `offset` if not given) from address `src` into `dst`, and returns how many were
 * copied. Fewer than asked: the byte after them can't be read, and {@link lastFault} says why; nothing after them in `dst` has
 * changed. Never throws for what is or is not at `src`. A range outside of `dst`, or an address that is not an integer from 0
 * to 2^53-1, is a `RangeError` (`ERR_OUT_OF_RANGE`), another type a `TypeError` (`ERR_INVALID_ARG_TYPE`); without the native part
 * this and everything else here throws {@link NativeUnavailableError}. Overlapping ranges are copied in an unspecified order. May
 * block as any memory access may (a page read from a file). `@hotpath`
 *
 * @example
 * import { addressOf, copyIn, lastFault } from '@sbx/safecopy';
 *
 * const bytes = new Uint8Array(16);
 * const source = new Uint8Array(16).fill(7);
 * copyIn(bytes, addressOf(source)); // 16
 * bytes[15]; // 7
 * copyIn(bytes, 64); // 0: nothing is mapped there
 * String(lastFault()); // 'SegvError: SIGSEGV at 0x40'
 */
export function copyIn(dst: ByteArray, src: number, length?: number, offset = 0): number {
  return binding.copyIn(dst, src, length === undefined ? dst.byteLength - offset : length, offset);
}

/**
 * Copies `length` bytes (all from `offset` if not given) of `src` to address `dst`, and returns how many were copied. Like
 * {@link copyIn}, with the sides exchanged. What the bytes at `dst` are used for is the caller's responsibility. `@hotpath`
 *
 * @example
 * import { addressOf, copyOut } from '@sbx/safecopy';
 *
 * const memory = new Uint8Array(8);
 * copyOut(addressOf(memory) + 2, Buffer.from('hello'), 3, 1); // 3
 * memory.join(); // '0,0,101,108,108,0,0,0'
 * copyOut(64, memory); // 0: nothing is mapped there
 */
export function copyOut(dst: number, src: ByteArray, length?: number, offset = 0): number {
  return binding.copyOut(dst, src, length === undefined ? src.byteLength - offset : length, offset);
}

/**
 * Copies `length` bytes from address `src` to address `dst`, and returns how many. Like {@link copyIn}. `@hotpath`
 *
 * @example
 * import { addressOf, copy, zeroOut } from '@sbx/safecopy';
 *
 * const from = new Uint8Array(4).fill(1);
 * const to = new Uint8Array(4);
 * copy(addressOf(to), addressOf(from), 3); // 3
 * zeroOut(addressOf(to) + 1, 1); // 1
 * to.join(); // '1,0,1,0'
 */
export const copy: (dst: number, src: number, length: number) => number = binding.copy;

/** Writes `length` zero bytes at address `dst`, and returns how many were written. Like {@link copyOut}. `@hotpath` */
export const zeroOut: (dst: number, length: number) => number = binding.zeroOut;

/**
 * Loads the 32-bit word at `address`, atomically (sequentially consistent, as all operations on words here). Returns it, 0 to
 * 2^32-1, or -14 (-EFAULT) if it can't be accessed, or -22 (-EINVAL) if the address is not a multiple of 4, which is checked
 * before memory is touched; {@link lastFault} says more. `@hotpath`
 *
 * @example
 * import { addressOf, compareAndSwapUint32, loadUint32, swapUint32 } from '@sbx/safecopy';
 *
 * const words = new Uint32Array([5]);
 * const word = addressOf(words);
 * loadUint32(word); // 5
 * swapUint32(word, -1); // 5: as it was
 * compareAndSwapUint32(word, 0xffffffff, 7); // 0xffffffff: as it was, so 7 is there now
 * words[0]; // 7
 * loadUint32(word + 1); // -22
 * loadUint32(64); // -14
 */
export const loadUint32: (address: number) => number = binding.loadUint32;

/** Stores `value` (modulo 2^32) in the 32-bit word at `address` and returns the word as it was. Errors as {@link loadUint32}. `@hotpath` */
export const swapUint32: (address: number, value: number) => number = binding.swapUint32;

/**
 * Stores `desired` in the 32-bit word at `address` if the word is `expected`, and returns the word as it was: `expected` exactly
 * if `desired` was stored. Errors as {@link loadUint32}; a word that can't be written is one also when it differs. `@hotpath`
 */
export const compareAndSwapUint32: (address: number, expected: number, desired: number) => number = binding.compareAndSwapUint32;

/**
 * Stores `value` (modulo 2^64) in the 64-bit word at `address`, atomically, and returns the word as it was, 0 to 2^64-1, or -14n (-EFAULT) or
 * -22n (-EINVAL: not a multiple of 8); {@link lastFault} says more. The BigInt is allocated: on hot paths use {@link swapUint64Halves}.
 */
export const swapUint64: (address: number, value: bigint) => bigint = binding.swapUint64;

/**
 * {@link swapUint64} without BigInt: returns 0, -14 or -22; the word as it was is in {@link previousHalves}. `@hotpath`
 *
 * @example
 * import { addressOf, previousHalves, swapUint64, swapUint64Halves } from '@sbx/safecopy';
 *
 * const words = new BigUint64Array(1);
 * const word = addressOf(words);
 * swapUint64Halves(word, 1, 2); // 0: done
 * swapUint64Halves(word, 3, 4); // 0: done
 * previousHalves.join(); // '1,2'
 * swapUint64(word, 5n) === 0x4_0000_0003n; // true
 * words[0] === 5n; // true
 */
export const swapUint64Halves: (address: number, low: number, high: number) => number = binding.swapUint64Halves;

/** `[low, high]` of the word that {@link swapUint64Halves} replaced, until its next call on this thread. */
export const previousHalves: Uint32Array = binding.previousHalves;

/** The address of the first byte of `array`, valid while its buffer is referenced and not detached. What is no typed array is a `TypeError`. */
export const addressOf: (array: ByteArray) => number = binding.addressOf;

/**
 * Why the last call on this thread ended early, as an error to be thrown or shown; undefined if it did all that was asked. Each operation here,
 * whether it ends early or not, replaces what was known of the one before.
 *
 * @example
 * import { lastFault, lastFaultAddress, lastFaultSignal, loadUint32 } from '@sbx/safecopy';
 *
 * loadUint32(64); // -14
 * lastFault()?.code; // 'ERR_SBX_SEGV'
 * lastFaultSignal(); // 11
 * lastFaultAddress(); // 64
 */
export function lastFault(): SegvError | BusError | AlignmentError | undefined {
  const address = status[1] as number;
  switch (status[0]) {
    case SIGSEGV:
      return new SegvError(address);
    case SIGBUS:
      return new BusError(address);
    case -EINVAL:
      return new AlignmentError(address, status[2] as number);
    default:
      return undefined;
  }
}

/** {@link lastFault} for hot paths: 11 (SIGSEGV), 7 (SIGBUS), -22 (-EINVAL: misaligned) or 0 (no fault). `@hotpath` */
export function lastFaultSignal(): number {
  return status[0] as number;
}

/** The address of {@link lastFault}, if {@link lastFaultSignal} is not 0. `@hotpath` */
export function lastFaultAddress(): number {
  return status[1] as number;
}

/**
 * Puts this package's handlers of SIGSEGV and SIGBUS in front of all others; loading the package has done it once. Needed
 * again only after native code installed a handler that does not call the one before it (`process.on('SIGSEGV')` is looked
 * after); that one then gets every signal that is not ours. At most 16 times for each signal.
 * @throws Error with `code` ERR_SBX_SIGNALS, and `errno`: 28 (ENOSPC) after 16 times, or that of sigaction(2)
 *
 * @example
 * import { copyIn, installHandlers } from '@sbx/safecopy';
 *
 * // After a library has been loaded that took SIGSEGV for itself:
 * installHandlers();
 * copyIn(new Uint8Array(1), 64); // 0: still no crash
 */
export function installHandlers(): void {
  const result = binding.install();
  if (result < 0) {
    throw Object.assign(new Error(`the signal handlers can't be installed: errno ${-result}`), { code: 'ERR_SBX_SIGNALS', errno: -result });
  }
}

/*
 * Node's own handler for `process.on('SIGSEGV')` does not call the one before it: a copy that faults would fault for ever. When
 * the last listener goes, libuv restores the default action. Both events come after Node has done its part.
 */
if (native.binding) {
  const reinstall = (event: string | symbol) => {
    if (event === 'SIGSEGV' || event === 'SIGBUS') binding.install();
  };
  process.on('newListener', reinstall);
  process.on('removeListener', reinstall);
}
