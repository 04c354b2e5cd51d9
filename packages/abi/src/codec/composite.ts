/**
 * Codecs of arrays, character arrays, padding, unions and structs. Layout follows the System V ABI, which both
 * architectures share: a member lies at the next multiple of its alignment, a struct's size is a multiple of its own.
 */
import { straightLine } from '../generated/straight-line.js';
import type { Codec, Member, Value } from './codec.js';
import type { ScalarCodec } from './scalar.js';
import { layoutKey, readCString, type StraightLine, writeCString, zero } from './straight-line.js';

const alignUp = (n: number, align: number): number => Math.ceil(n / align) * align;

/** Named filler: always written as zeroes, ignored when read, no part of the value. */
export interface PadCodec extends Codec<never> {
  readonly shape: { readonly kind: 'pad' };
}

/** `length` bytes of filler with an alignment. */
export function pad(length: number, align = 1): PadCodec {
  return {
    name: 'char',
    size: length,
    align,
    shape: { kind: 'pad' },
    create: () => undefined as never,
    read: () => undefined as never,
    write: (view, offset) => zero(view, offset, length),
  };
}

/** `unsigned char[length]` as a `Uint8Array`; a shorter value is completed with zeroes, a longer one cut. */
export function bytes(length: number): Codec<Uint8Array> {
  return {
    name: 'unsigned char',
    size: length,
    align: 1,
    shape: { kind: 'bytes' },
    create: () => new Uint8Array(length),
    read(view, offset, out) {
      for (let i = 0; i < length; i++) out[i] = view.getUint8(offset + i);
      return out;
    },
    write(view, offset, value) {
      for (let i = 0; i < length; i++) view.setUint8(offset + i, value[i] ?? 0);
    },
  };
}

/**
 * `char[length]` as a byte string (one char 0..255 per byte), read up to the first NUL; the last byte stays NUL when written.
 *
 * @example
 * import { array, bytes, cstring, i16, pad, struct } from '@sbx/abi';
 *
 * const Packet = struct('struct packet', { tag: bytes(2), fill: pad(2), name: cstring(6), scores: array(i16, 2) });
 * Packet.size; // 14
 * const view = new DataView(new ArrayBuffer(Packet.size));
 * Packet.write(view, 0, { tag: Uint8Array.of(7), name: 'too long', scores: [1, -1] });
 * const packet = Packet.read(view, 0, Packet.create());
 * packet.name; // 'too l': the last byte stays NUL
 * packet.tag.join(); // '7,0'
 * packet.scores.join(); // '1,-1'
 */
export function cstring(length: number): Codec<string> {
  return {
    name: 'char',
    size: length,
    align: 1,
    shape: { kind: 'string' },
    create: () => '',
    read: (view, offset) => readCString(view, offset, length),
    write: (view, offset, value) => writeCString(view, offset, length, value),
  };
}

/** `element[length]`. */
export function array<T>(element: Codec<T>, length: number): Codec<T[]> {
  const { size } = element;
  return {
    name: element.name,
    size: size * length,
    align: element.align,
    shape: { kind: 'array', element: element as Codec<unknown>, length },
    create: () => Array.from({ length }, () => element.create()),
    read(view, offset, out) {
      for (let i = 0; i < length; i++) out[i] = element.read(view, offset + i * size, out[i]!);
      return out;
    },
    write(view, offset, value) {
      for (let i = 0; i < length; i++) element.write(view, offset + i * size, value[i]!);
    },
  };
}

/** Value of a union: reading gives every interpretation of the bytes; writing takes the first member that is there. */
export type UnionValue<M extends Record<string, Codec<unknown>>> = { -readonly [K in keyof M]?: Value<M[K]> };

/**
 * A union. Its size is that of the largest member, rounded to the largest alignment; bytes past the member written are zeroes.
 *
 * @example
 * import { i32, u8, union } from '@sbx/abi';
 *
 * const Word = union('union word', { number: i32, first: u8 });
 * const view = new DataView(new ArrayBuffer(4));
 * Word.write(view, 0, { number: 0x0102 });
 * Word.read(view, 0, Word.create()).first; // 2
 */
export function union<M extends Record<string, Codec<unknown>>>(name: string, members: M): Codec<UnionValue<M>> {
  const entries = Object.entries(members);
  const align = Math.max(...entries.map(([, c]) => c.align));
  const size = alignUp(Math.max(...entries.map(([, c]) => c.size)), align);
  return {
    name,
    size,
    align,
    shape: { kind: 'union', members },
    create: () => Object.fromEntries(entries.map(([key, c]) => [key, c.create()])) as UnionValue<M>,
    read(view, offset, out) {
      const o = out as Record<string, unknown>;
      for (const [key, c] of entries) o[key] = c.read(view, offset, o[key] === undefined ? c.create() : o[key]);
      return out;
    },
    write(view, offset, value) {
      const v = value as Record<string, unknown>;
      zero(view, offset, size);
      for (const [key, c] of entries) {
        if (v[key] === undefined) continue;
        c.write(view, offset, v[key]);
        return;
      }
    },
  };
}

type Fields = Record<string, Codec<unknown>>;

/** The value of a struct: its members without the filler. */
export type StructValue<F extends Fields> = { -readonly [K in keyof F as F[K] extends PadCodec ? never : K]: Value<F[K]> };

/** Access to one member, given the offset of the struct (not of the member). */
export interface FieldAccess<T> {
  readonly offset: number;
  readonly size: number;
  readonly codec: Codec<T>;
  /** Reads the member of the struct at `base`; a composite value is a new object each time. */
  get(view: DataView, base: number): T;
  /** Writes the member, and nothing else of the struct at `base`. */
  set(view: DataView, base: number, value: T): void;
}

/** The codec of a C struct. */
export interface StructCodec<F extends Fields, T = StructValue<F>> extends Codec<T> {
  readonly shape: { readonly kind: 'struct'; readonly members: readonly Member[] };
  /** offsetof each member. */
  readonly offsets: { readonly [K in keyof T]: number };
  /** One member at a time: `Stat.fields.st_size.get(view, base)`. */
  readonly fields: { readonly [K in keyof T]: FieldAccess<T[K]> };
  /** Writes the first `length` bytes (all, if it is more than `size`); returns the bytes written. */
  writeN(view: DataView, offset: number, value: T, length: number): number;
}

class CompositeField implements FieldAccess<unknown> {
  readonly size: number;
  constructor(
    readonly offset: number,
    readonly codec: Codec<unknown>,
  ) {
    this.size = codec.size;
  }
  get(view: DataView, base: number): unknown {
    return this.codec.read(view, base + this.offset, this.codec.create());
  }
  set(view: DataView, base: number, value: unknown): void {
    this.codec.write(view, base + this.offset, value);
  }
}

function fieldAccess(member: Member): FieldAccess<unknown> {
  if (member.codec.shape.kind === 'scalar') return (member.codec as ScalarCodec).member(member.offset);
  return new CompositeField(member.offset, member.codec);
}

/** Reads and writes a struct by going through its members: for structs that have no generated code. */
export function interpreter(members: readonly Member[], size: number): StraightLine {
  const values = members.filter((m) => m.codec.shape.kind !== 'pad');
  const gaps: number[] = []; // offset, length, offset, length, …
  let end = 0;
  for (const m of members) {
    if (m.offset > end) gaps.push(end, m.offset - end);
    end = m.offset + m.codec.size;
  }
  if (size > end) gaps.push(end, size - end);
  return {
    create() {
      const value: Record<string, unknown> = {};
      for (const m of values) value[m.name] = m.codec.create();
      return value;
    },
    read(view, offset, out) {
      const o = out as Record<string, unknown>;
      for (let i = 0; i < values.length; i++) {
        const m = values[i]!;
        o[m.name] = m.codec.read(view, offset + m.offset, o[m.name]);
      }
      return out;
    },
    write(view, offset, value) {
      const v = value as Record<string, unknown>;
      for (let i = 0; i < members.length; i++) {
        const m = members[i]!;
        m.codec.write(view, offset + m.offset, v[m.name]);
      }
      for (let i = 0; i < gaps.length; i += 2) zero(view, offset + gaps[i]!, gaps[i + 1]!);
    },
  };
}

/** How a struct departs from the natural layout. */
export interface StructOptions {
  /** `__attribute__((packed))`: no alignment, no padding. */
  readonly packed?: boolean;
  /** `__attribute__((aligned(n)))`. */
  readonly align?: number;
}

/** The struct codec. What only some structs need (offsets, access to members) is made at first use, which keeps start-up short. */
class Struct implements StructCodec<Fields, unknown> {
  readonly shape: { readonly kind: 'struct'; readonly members: readonly Member[] };
  // Own properties, not methods: a call of a codec's `write` is a call of its own generated function, which V8 can inline.
  readonly create: () => unknown;
  readonly read: (view: DataView, offset: number, out: unknown) => unknown;
  readonly write: (view: DataView, offset: number, value: unknown) => void;
  #offsets: Record<string, number> | undefined;
  #fields: Record<string, FieldAccess<unknown>> | undefined;
  #scratch: DataView | undefined;

  constructor(
    readonly name: string,
    members: readonly Member[],
    readonly size: number,
    readonly align: number,
  ) {
    this.shape = { kind: 'struct', members };
    const code = straightLine[layoutKey(name, members, size)] ?? interpreter(members, size);
    this.create = code.create;
    this.read = code.read;
    this.write = code.write;
  }

  get offsets(): never {
    this.#offsets ??= Object.fromEntries(this.shape.members.map((m) => [m.name, m.offset]));
    return this.#offsets as never;
  }

  get fields(): never {
    this.#fields ??= Object.fromEntries(this.shape.members.map((m) => [m.name, fieldAccess(m)]));
    return this.#fields as never;
  }

  writeN(view: DataView, offset: number, value: unknown, length: number): number {
    if (length >= this.size) {
      this.write(view, offset, value);
      return this.size;
    }
    this.#scratch ??= new DataView(new ArrayBuffer(this.size));
    this.write(this.#scratch, 0, value);
    for (let i = 0; i < length; i++) view.setUint8(offset + i, this.#scratch.getUint8(i));
    return Math.max(length, 0);
  }
}

/**
 * Defines a struct once: size, alignment, offsets and in-place `read` and `write` follow from the members in order.
 *
 * @example
 * import { i64, struct } from '@sbx/abi';
 *
 * const Timespec = struct('struct timespec', { tv_sec: i64, tv_nsec: i64 });
 * const view = new DataView(new ArrayBuffer(4096));
 * Timespec.write(view, 64, { tv_sec: 1, tv_nsec: 500_000_000 });
 * Timespec.offsets.tv_nsec; // 8
 * Timespec.fields.tv_nsec.get(view, 64); // 500_000_000
 */
export function struct<F extends Fields>(name: string, fields: F, options: StructOptions = {}): StructCodec<F> {
  const members: Member[] = [];
  const { packed = false } = options;
  let end = 0;
  let align = options.align ?? 1;
  for (const key in fields) {
    const codec = fields[key]!;
    const offset = packed ? end : alignUp(end, codec.align);
    members.push({ name: key, offset, codec });
    end = offset + codec.size;
    if (!packed && codec.align > align) align = codec.align;
  }
  return new Struct(name, members, alignUp(end, align), align) as unknown as StructCodec<F>;
}
