/** Random values through every exported struct: the generated code, the interpreter and C's layout rules agree. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Codec, ScalarKind } from '../src/codec/codec.js';
import { interpreter, type StructCodec } from '../src/codec/composite.js';
import { layoutKey } from '../src/codec/straight-line.js';
import { straightLine } from '../src/generated/straight-line.js';
import * as abi from '../src/index.js';
import { generated } from '../tools/generate.js';

// biome-ignore lint/suspicious/noExplicitAny: any struct
type AnyStruct = StructCodec<any>;

const structs = [abi, abi.amd64, abi.arm64]
  .flatMap((module) => Object.entries(module as Record<string, unknown>))
  .filter((e): e is [string, AnyStruct] => (e[1] as AnyStruct | null)?.shape?.kind === 'struct');

const integer = (bits: number) => fc.integer({ min: 0, max: 2 ** bits - 1 });
const signed = (bits: number) => fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 });
const scalars: Readonly<Record<ScalarKind, fc.Arbitrary<number>>> = {
  u8: integer(8),
  i8: signed(8),
  u16: integer(16),
  i16: signed(16),
  u32: integer(32),
  i32: signed(32),
  u64: fc.oneof(fc.maxSafeNat(), fc.constantFrom(2 ** 53, 2 ** 63, 2 ** 64 - 2 ** 11, 2 ** 64)),
  i64: fc.oneof(fc.maxSafeInteger(), fc.constantFrom(-(2 ** 63), 2 ** 63 - 2 ** 10, 2 ** 63)),
  be16: integer(16),
  be32: integer(32),
  f32: fc.float({ noNaN: true }),
  f64: fc.double({ noNaN: true }),
};
const pair = fc.record({ lo: integer(32), hi: integer(32) }, { noNullPrototype: true });

/** Any value that the codec can hold exactly. */
function arbitrary(codec: Codec<unknown>): fc.Arbitrary<unknown> {
  const { shape } = codec;
  switch (shape.kind) {
    case 'scalar':
      return scalars[shape.scalar];
    case 'pair':
      return pair;
    case 'bytes':
      return fc.uint8Array({ minLength: codec.size, maxLength: codec.size });
    case 'string':
      return fc.array(fc.integer({ min: 1, max: 255 }), { maxLength: codec.size - 1 }).map((a) => String.fromCharCode(...a));
    case 'array':
      return fc.array(arbitrary(shape.element), { minLength: shape.length, maxLength: shape.length });
    case 'union':
      return fc.oneof(...Object.entries(shape.members).map(([name, member]) => arbitrary(member).map((value) => ({ [name]: value }))));
    case 'struct':
      return fc.record(
        Object.fromEntries(shape.members.filter((m) => m.codec.shape.kind !== 'pad').map((m) => [m.name, arbitrary(m.codec)])),
        { noNullPrototype: true },
      );
    default:
      throw new Error(shape.kind);
  }
}

/** Marks the bytes that belong to values; the others are padding. */
function mark(codec: Codec<unknown>, at: number, used: Uint8Array): void {
  const { shape } = codec;
  if (shape.kind === 'pad') return;
  if (shape.kind === 'struct') for (const m of shape.members) mark(m.codec, at + m.offset, used);
  else if (shape.kind === 'array') for (let i = 0; i < shape.length; i++) mark(shape.element, at + i * shape.element.size, used);
  else used.fill(1, at, at + codec.size);
}

const BEFORE = 3;

describe('every exported struct', () => {
  it.each(structs)('%s reads what it wrote, zeroes its padding, and stays inside its bytes', (_name, codec) => {
    const slow = interpreter(codec.shape.members, codec.size);
    const used = new Uint8Array(codec.size);
    mark(codec, 0, used);
    const buffer = new Uint8Array(BEFORE + codec.size + 5);
    const other = new Uint8Array(buffer.length);
    const view = new DataView(buffer.buffer);
    const out = codec.create();
    fc.assert(
      fc.property(arbitrary(codec), (value) => {
        buffer.fill(0xaa);
        other.fill(0xaa);
        codec.write(view, BEFORE, value as never);
        slow.write(new DataView(other.buffer), BEFORE, value);
        if (Buffer.compare(buffer, other) !== 0) expect(buffer).toEqual(other);
        for (let i = 0; i < codec.size; i++) if (used[i] === 0 && buffer[BEFORE + i] !== 0) throw new Error(`padding at ${i}`);
        for (const i of [0, 1, 2, 3, 4, 5, 6, 7]) if (buffer[i < BEFORE ? i : codec.size + i] !== 0xaa) throw new Error('wrote outside');
        expect(codec.read(view, BEFORE, out)).toMatchObject(value as object);
        expect(slow.read(view, BEFORE, slow.create())).toEqual(out);
      }),
      { numRuns: 40 },
    );
  });

  it.each(structs)('%s reads any bytes, and settles after writing them once', (_name, codec) => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: codec.size, maxLength: codec.size }), (bytes) => {
        const once = new Uint8Array(codec.size);
        const twice = new Uint8Array(codec.size);
        const through = (from: Uint8Array, to: Uint8Array): void => {
          const value = codec.read(new DataView(from.buffer, from.byteOffset, from.length), 0, codec.create());
          codec.write(new DataView(to.buffer), 0, value);
        };
        through(bytes, once);
        through(once, twice);
        if (Buffer.compare(twice, once) !== 0) expect(twice).toEqual(once);
      }),
      { numRuns: 10 },
    );
  });
});

describe('the generated code', () => {
  it.each(Object.entries(generated))('in %s is what the generator writes now', (name, text) => {
    expect(readFileSync(new URL(`../src/generated/${name}`, import.meta.url), 'utf8')).toBe(text());
  });

  it('covers every struct without a union', () => {
    const missing = structs
      .filter(([, codec]) => !(layoutKey(codec.name, codec.shape.members, codec.size) in straightLine))
      .map(([name]) => name);
    expect(missing).toEqual(['Ifreq']);
  });
});
