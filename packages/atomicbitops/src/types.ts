/** An array whose memory can hold words: any typed array, over an ArrayBuffer or a SharedArrayBuffer. */
export type WordArray =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;

/** Reads a 32-bit word, stores the word combined with `value` (taken modulo 2^32), and returns what was read: 0 … 2^32-1. */
export interface BitOp32 {
  (array: WordArray, index: number, value: number): number;
  (address: number, value: number): number;
}

/** The same on a 64-bit word; `value` is taken modulo 2^64. */
export interface BitOp64 {
  (array: WordArray, index: number, value: bigint): bigint;
  (address: number, value: bigint): bigint;
}

/** The same on a 64-bit word without BigInt: the value is two 32-bit halves, and what was read goes to `previousHalves`. */
export interface BitOp64Halves {
  (array: WordArray, index: number, low: number, high: number): void;
  (address: number, low: number, high: number): void;
}

/** Stores `desired` if the word is `expected`, and returns what the word was: `expected` exactly if `desired` was stored. */
export interface CompareAndSwap32 {
  (array: WordArray, index: number, expected: number, desired: number): number;
  (address: number, expected: number, desired: number): number;
}

/** The same on a 64-bit word. */
export interface CompareAndSwap64 {
  (array: WordArray, index: number, expected: bigint, desired: bigint): bigint;
  (address: number, expected: bigint, desired: bigint): bigint;
}

/** The same on a 64-bit word without BigInt; what the word was goes to `previousHalves`. */
export interface CompareAndSwap64Halves {
  (array: WordArray, index: number, expectedLow: number, expectedHigh: number, desiredLow: number, desiredHigh: number): void;
  (address: number, expectedLow: number, expectedHigh: number, desiredLow: number, desiredHigh: number): void;
}

/** One implementation of all operations. */
export interface AtomicBitOps {
  andUint32: BitOp32;
  orUint32: BitOp32;
  xorUint32: BitOp32;
  compareAndSwapUint32: CompareAndSwap32;
  andUint64: BitOp64;
  orUint64: BitOp64;
  xorUint64: BitOp64;
  compareAndSwapUint64: CompareAndSwap64;
  andUint64Halves: BitOp64Halves;
  orUint64Halves: BitOp64Halves;
  xorUint64Halves: BitOp64Halves;
  compareAndSwapUint64Halves: CompareAndSwap64Halves;
}
