/** An array whose bytes can be copied: any typed array (a Buffer is one), over an ArrayBuffer or a SharedArrayBuffer. */
export type ByteArray =
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
