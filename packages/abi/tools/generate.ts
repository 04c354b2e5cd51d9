/**
 * Writes `src/generated/`: straight-line code from the struct definitions, and the tables of `flag-tables.ts` as literals. Run it after a
 * change of either: `pnpm --filter @sbx/abi generate`. A test compares the files with what this would write.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Codec, Member, ScalarKind } from '../src/codec/codec.js';
import { layoutKey } from '../src/codec/straight-line.js';
import type { FlagSet } from '../src/decode/flags.js';
import type { Arch } from '../src/host.js';
import * as abi from '../src/index.js';
import * as flagTables from './flag-tables.js';

const folder = new URL('../src/generated/', import.meta.url);

const getters: Readonly<Record<ScalarKind, (at: string) => string>> = {
  u8: (at) => `v.getUint8(${at})`,
  i8: (at) => `v.getInt8(${at})`,
  u16: (at) => `v.getUint16(${at}, true)`,
  i16: (at) => `v.getInt16(${at}, true)`,
  u32: (at) => `v.getUint32(${at}, true)`,
  i32: (at) => `v.getInt32(${at}, true)`,
  u64: (at) => `v.getUint32(${add(at, 4)}, true) * 4294967296 + v.getUint32(${at}, true)`,
  i64: (at) => `v.getInt32(${add(at, 4)}, true) * 4294967296 + v.getUint32(${at}, true)`,
  be16: (at) => `v.getUint16(${at})`,
  be32: (at) => `v.getUint32(${at})`,
  f32: (at) => `v.getFloat32(${at}, true)`,
  f64: (at) => `v.getFloat64(${at}, true)`,
};
const setters: Readonly<Record<ScalarKind, (at: string, value: string) => string>> = {
  u8: (at, x) => `v.setUint8(${at}, ${x});`,
  i8: (at, x) => `v.setInt8(${at}, ${x});`,
  u16: (at, x) => `v.setUint16(${at}, ${x}, true);`,
  i16: (at, x) => `v.setInt16(${at}, ${x}, true);`,
  u32: (at, x) => `v.setUint32(${at}, ${x}, true);`,
  i32: (at, x) => `v.setInt32(${at}, ${x}, true);`,
  u64: (at, x) => set64(at, x, 2 ** 64, -1),
  i64: (at, x) => set64(at, x, 2 ** 63, 0x7fffffff),
  be16: (at, x) => `v.setUint16(${at}, ${x});`,
  be32: (at, x) => `v.setUint32(${at}, ${x});`,
  f32: (at, x) => `v.setFloat32(${at}, ${x}, true);`,
  f64: (at, x) => `v.setFloat64(${at}, ${x}, true);`,
};

/**
 * The body of setU64 or setI64, in place: calls of them would be inlined only until V8's budget for one function (920 bytes of
 * bytecode) is used up, which a struct stat exceeds.
 */
function set64(at: string, x: string, limit: number, high: number): string {
  return [
    `n = ${x};`,
    `if (n >= ${limit}) setLargest(v, ${at}, ${high});`,
    `else { v.setUint32(${at}, n, true); v.setUint32(${add(at, 4)}, Math.floor(n / 4294967296), true); }`,
  ].join(' ');
}

/** `o + 8`; at the start of the struct just `o`. */
const place = (base: string, offset: number): string => (offset === 0 ? base : `${base} + ${offset}`);

/** Unrolled up to this many elements. */
const UNROLL = 4;

function createExpression(codec: Codec<unknown>): string {
  const { shape } = codec;
  switch (shape.kind) {
    case 'scalar':
      return '0';
    case 'pair':
      return '{ lo: 0, hi: 0 }';
    case 'bytes':
      return `new Uint8Array(${codec.size})`;
    case 'string':
      return "''";
    case 'array': {
      const element = createExpression(shape.element);
      if (shape.length <= UNROLL) return `[${Array(shape.length).fill(element).join(', ')}]`;
      return `Array.from({ length: ${shape.length} }, () => (${element}))`;
    }
    case 'struct':
      return `{ ${shape.members
        .filter((m) => m.codec.shape.kind !== 'pad')
        .map((m) => `${m.name}: ${createExpression(m.codec)}`)
        .join(', ')} }`;
    default:
      throw new Error(`no literal for ${shape.kind}`);
  }
}

/** Statements that read a value of `codec` at `at` into the place `x`. */
function reads(codec: Codec<unknown>, at: string, x: string, depth: number): string[] {
  const { shape } = codec;
  switch (shape.kind) {
    case 'scalar':
      return [`${x} = ${getters[shape.scalar](at)};`];
    case 'pair':
      return [`${x}.lo = v.getUint32(${at}, true);`, `${x}.hi = v.getUint32(${add(at, 4)}, true);`];
    case 'pad':
      return [];
    case 'bytes':
      return codec.size === 0 ? [] : [`for (let i = 0; i < ${codec.size}; i++) ${x}[i] = v.getUint8(${at} + i);`];
    case 'string':
      return [`${x} = readCString(v, ${at}, ${codec.size});`];
    case 'array':
      return each(shape.element, shape.length, at, x, depth, reads);
    case 'struct':
      return shape.members.flatMap((m) => reads(m.codec, add(at, m.offset), `${x}.${m.name}`, depth));
    default:
      throw new Error(`no code for ${shape.kind}`);
  }
}

/** Statements that write the value `x` at `at`. */
function writes(codec: Codec<unknown>, at: string, x: string, depth: number): string[] {
  const { shape } = codec;
  switch (shape.kind) {
    case 'scalar':
      return [setters[shape.scalar](at, x)];
    case 'pair':
      return [`v.setUint32(${at}, ${x}.lo, true);`, `v.setUint32(${add(at, 4)}, ${x}.hi, true);`];
    case 'pad':
      return zeroes(at, codec.size);
    case 'bytes':
      return codec.size === 0 ? [] : [`for (let i = 0; i < ${codec.size}; i++) v.setUint8(${at} + i, ${x}[i]);`];
    case 'string':
      return [`writeCString(v, ${at}, ${codec.size}, ${x});`];
    case 'array':
      return each(shape.element, shape.length, at, x, depth, writes);
    case 'struct': {
      const out: string[] = [];
      let end = 0;
      for (const m of shape.members) {
        out.push(...zeroes(add(at, end), m.offset - end), ...writes(m.codec, add(at, m.offset), `${x}.${m.name}`, depth));
        end = m.offset + m.codec.size;
      }
      return [...out, ...zeroes(add(at, end), codec.size - end)];
    }
    default:
      throw new Error(`no code for ${shape.kind}`);
  }
}

/** Adds a constant to a place, folding it into one that is already there. */
function add(at: string, n: number): string {
  const match = /^(.*) \+ (\d+)$/.exec(at);
  return match ? place(match[1]!, Number(match[2]) + n) : place(at, n);
}

function zeroes(at: string, length: number): string[] {
  if (length > 64) return [`zero(v, ${at}, ${length});`];
  const out: string[] = [];
  let done = 0;
  for (const [size, method] of [
    [8, 'setFloat64'],
    [4, 'setUint32'],
    [2, 'setUint16'],
    [1, 'setUint8'],
  ] as const) {
    for (; done + size <= length; done += size) out.push(`v.${method}(${add(at, done)}, 0);`);
  }
  return out;
}

function each(element: Codec<unknown>, length: number, at: string, x: string, depth: number, body: typeof reads): string[] {
  if (length <= UNROLL) {
    return Array.from({ length }, (_, i) => body(element, add(at, i * element.size), `${x}[${i}]`, depth)).flat();
  }
  const i = 'ijkl'[depth]!;
  const inner = body(element, `${at} + ${i} * ${element.size}`, `${x}[${i}]`, depth + 1);
  return [`for (let ${i} = 0; ${i} < ${length}; ${i}++) {`, ...inner.map((line) => `  ${line}`), '}'];
}

/** Declares the temporary of {@link set64} where it is used. */
const declared = (lines: string[]): string[] => (lines.some((line) => line.includes('n = x')) ? ['let n = 0;', ...lines] : lines);

/** A struct as it is exported. */
interface Struct extends Codec<unknown> {
  readonly shape: { readonly kind: 'struct'; readonly members: readonly Member[] };
}

const hasUnion = (codec: Codec<unknown>): boolean =>
  codec.shape.kind === 'union' ||
  (codec.shape.kind === 'struct' && codec.shape.members.some((m) => hasUnion(m.codec))) ||
  (codec.shape.kind === 'array' && hasUnion(codec.shape.element));

/** Every struct that the package exports, once per layout. */
function structs(): Map<string, Struct> {
  const found = new Map<string, Struct>();
  for (const module of [abi, abi.amd64, abi.arm64]) {
    for (const value of Object.values(module as Record<string, unknown>)) {
      const codec = value as Struct | null;
      if (codec?.shape?.kind !== 'struct' || hasUnion(codec)) continue;
      found.set(layoutKey(codec.name, codec.shape.members, codec.size), codec);
    }
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The text of `straight-line.ts`. */
function straightLineFile(): string {
  const out = [
    '// biome-ignore-all format: generated',
    '// biome-ignore-all lint: generated',
    '// Generated by tools/generate.ts from the struct definitions. Do not edit.',
    "import { setLargest } from '../codec/scalar.js';",
    "import { readCString, type StraightLine, writeCString, zero } from '../codec/straight-line.js';",
    '',
    'export const straightLine: Readonly<Record<string, StraightLine>> = {',
  ];
  for (const [key, codec] of structs()) {
    out.push(
      `  '${key}': {`,
      `    create: () => (${createExpression(codec)}),`,
      '    read(v: DataView, o: number, x: any) {',
      ...reads(codec, 'o', 'x', 0).map((line) => `      ${line}`),
      '      return x;',
      '    },',
      '    write(v: DataView, o: number, x: any) {',
      ...declared(writes(codec, 'o', 'x', 0)).map((line) => `      ${line}`),
      '    },',
      '  },',
    );
  }
  out.push('};', '');
  return out.join('\n');
}

const isFlagSet = (value: object): value is FlagSet => 'bits' in value && typeof value.bits === 'object';
const isPerArch = (value: object): value is Readonly<Record<Arch, FlagSet>> => 'amd64' in value;
const literal = (names: Readonly<Record<string, number>>): string =>
  `{ ${Object.entries(names)
    .map(([name, value]) => `${name}: ${value}`)
    .join(', ')} }`;

function flagSetLiteral({ bits, fields }: FlagSet): string {
  const parts = fields?.map(({ mask, values }) => `{ mask: ${mask}, values: ${literal(values)} }`);
  return parts ? `{ fields: [${parts.join(', ')}], bits: ${literal(bits)} }` : `{ bits: ${literal(bits)} }`;
}

/** The text of `flag-sets.ts`: a function for each table, which makes it at its first call. */
function flagSetsFile(): string {
  const out = [
    '// biome-ignore-all format: generated',
    '// biome-ignore-all lint: generated',
    '// Generated by tools/generate.ts from tools/flag-tables.ts. Do not edit.',
    "import type { FlagSet } from '../decode/flags.js';",
    "import type { Arch } from '../host.js';",
    '',
    'type Names = Readonly<Record<string, number>>;',
    'const made: Record<string, FlagSet | Names> = {};',
    '',
    '/**',
    ' * Each function here gives the names of one kind of flag word, or of the values of one enumeration, for `flagsToString` and `enumToString`. It makes them at',
    ' * its first call.',
    ' *',
    ' * @example',
    " * import { flagSets } from '@sbx/abi';",
    ' *',
    ' * flagSets.accessAtFlags().bits.AT_EACCESS; // 0x200',
    ' * flagSets.clocks().CLOCK_MONOTONIC; // 1',
    ' */',
  ];
  for (const [name, table] of Object.entries(flagTables).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (isPerArch(table)) {
      const [amd64, arm64] = [flagSetLiteral(table.amd64), flagSetLiteral(table.arm64)];
      out.push(`const ${name}Amd64 = (): FlagSet => (made.${name}Amd64 ??= ${amd64}) as FlagSet;`);
      out.push(`const ${name}Arm64 = (): FlagSet => (made.${name}Arm64 ??= ${arm64}) as FlagSet;`);
      out.push(`export const ${name} = (arch: Arch): FlagSet => (arch === 'arm64' ? ${name}Arm64() : ${name}Amd64());`);
    } else if (isFlagSet(table)) {
      out.push(`export const ${name} = (): FlagSet => (made.${name} ??= ${flagSetLiteral(table)}) as FlagSet;`);
    } else {
      out.push(`export const ${name} = (): Names => (made.${name} ??= ${literal(table as Record<string, number>)}) as Names;`);
    }
  }
  return `${out.join('\n')}\n`;
}

/** Generated files by name. */
export const generated: Readonly<Record<string, () => string>> = { 'straight-line.ts': straightLineFile, 'flag-sets.ts': flagSetsFile };

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, text] of Object.entries(generated)) writeFileSync(new URL(name, folder), text());
}
