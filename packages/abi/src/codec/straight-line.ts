/**
 * Straight-line code for structs. `tools/generate.ts` writes, for each struct of this package, functions that name every
 * member once and contain no loop over members: several times as fast as the interpreter in `composite.ts`, and free of
 * `eval`. They are found by a struct's name and a hash of its layout, so a definition that has changed since the last run of
 * the generator (and any struct defined elsewhere) is interpreted, never read or written by stale code.
 */
import type { Member, Shape } from './codec.js';

/** Generated functions of one struct. */
export interface StraightLine {
  readonly create: () => unknown;
  readonly read: (view: DataView, offset: number, out: unknown) => unknown;
  readonly write: (view: DataView, offset: number, value: unknown) => void;
}

/** Text that determines how a value of a shape is laid out and what its members are called. */
function describeShape(shape: Shape, size: number): string {
  switch (shape.kind) {
    case 'scalar':
      return shape.scalar;
    case 'array':
      return `${describeShape(shape.element.shape, shape.element.size)}[${shape.length}]`;
    case 'struct':
      return describeMembers(shape.members, size);
    default:
      return `${shape.kind}${size}`;
  }
}

function describeMembers(members: readonly Member[], size: number): string {
  let text = '{';
  for (const m of members) text += `${m.name}@${m.offset}:${describeShape(m.codec.shape, m.codec.size)},`;
  return `${text}}${size}`;
}

/** The key of a struct: its name and 32 bits of FNV-1a over its layout. */
export function layoutKey(name: string, members: readonly Member[], size: number): string {
  const text = describeMembers(members, size);
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
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
