/**
 * What every codec of a C type offers. A codec reads and writes in place, in a `DataView` at a byte offset, little-endian,
 * at any alignment, without allocating. What would lie outside of the view is a `RangeError` of the view's; bytes before that may be written.
 */
export interface Codec<T> {
  /** C type name, for people and for the proof against the headers. */
  readonly name: string;
  /** sizeof. */
  readonly size: number;
  /** alignof. */
  readonly align: number;
  /** How it is built; drives the generator of straight-line code. */
  readonly shape: Shape;
  /** A value with all bits zero, to be reused as `out`. */
  create(): T;
  /** Reads; a composite value goes into `out`, which is also returned. */
  read(view: DataView, offset: number, out: T): T;
  /** Writes all of `size` bytes, padding as zeroes. */
  write(view: DataView, offset: number, value: T): void;
}

/** The JavaScript type that a codec reads and writes. */
export type Value<C> = C extends Codec<infer T> ? T : never;

/** Structure of a codec as data. */
export type Shape =
  | { readonly kind: 'scalar'; readonly scalar: ScalarKind }
  | { readonly kind: 'pair' }
  | { readonly kind: 'pad' }
  | { readonly kind: 'bytes' }
  | { readonly kind: 'string' }
  | { readonly kind: 'array'; readonly element: Codec<unknown>; readonly length: number }
  | { readonly kind: 'union'; readonly members: Readonly<Record<string, Codec<unknown>>> }
  | { readonly kind: 'struct'; readonly members: readonly Member[] };

/** One member of a struct, with its place. */
export interface Member {
  readonly name: string;
  readonly offset: number;
  readonly codec: Codec<unknown>;
}

/** Names of the scalar codecs: bits and signedness, `be` for network byte order, `f` for floating point. */
export type ScalarKind = 'u8' | 'i8' | 'u16' | 'i16' | 'u32' | 'i32' | 'u64' | 'i64' | 'be16' | 'be32' | 'f32' | 'f64';
