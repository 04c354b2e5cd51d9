/**
 * Straight-line code for structs. `tools/generate.ts` writes, for each struct of this package, functions that name every
 * member once and contain no loop over members: several times as fast as the interpreter in `composite.ts`, and free of
 * `eval`. They are found by a struct's name and a hash of its layout; a struct defined elsewhere, or changed since the last run of the
 * generator, is interpreted. That the file is the generator's latest output is a test.
 */
import type { Member } from './codec.js';

/** Generated functions of one struct. */
export interface StraightLine {
  readonly create: () => unknown;
  readonly read: (view: DataView, offset: number, out: unknown) => unknown;
  readonly write: (view: DataView, offset: number, value: unknown) => void;
}

const mix = (hash: number, n: number): number => Math.imul(hash ^ n, 0x01000193);

/**
 * The key of a struct: its name, and 32 bits of FNV-1a over offset, size, sign or kind, and name of each member. It is computed
 * for every struct whenever the package is loaded, so of a name it takes the length and the two ends only.
 */
export function layoutKey(name: string, members: readonly Member[], size: number): string {
  let hash = mix(0x811c9dc5, size);
  for (const m of members) {
    const { shape } = m.codec;
    const kind = shape.kind === 'scalar' ? shape.scalar : shape.kind;
    hash = mix(mix(hash, m.offset), m.codec.size + 65536 * kind.charCodeAt(0));
    hash = mix(hash, m.name.length + 256 * m.name.charCodeAt(0) + 65536 * m.name.charCodeAt(m.name.length - 1));
  }
  return `${name}#${(hash >>> 0).toString(16)}`;
}

/** Zeroes `length` bytes. */
export function zero(view: DataView, offset: number, length: number): void {
  let i = 0;
  for (; i + 8 <= length; i += 8) view.setFloat64(offset + i, 0);
  for (; i < length; i++) view.setUint8(offset + i, 0);
}

/** Reads a byte string up to its first NUL, at most `length` bytes. */
export function readCString(view: DataView, offset: number, length: number): string {
  let s = '';
  for (let i = 0; i < length; i++) {
    const c = view.getUint8(offset + i);
    if (c === 0) break;
    s += String.fromCharCode(c);
  }
  return s;
}

/** Writes a byte string into `length` bytes, the last of which stays NUL. */
export function writeCString(view: DataView, offset: number, length: number, value: string): void {
  const n = Math.min(value.length, length - 1);
  for (let i = 0; i < n; i++) view.setUint8(offset + i, value.charCodeAt(i));
  zero(view, offset + n, length - n);
}
