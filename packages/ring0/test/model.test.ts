/** Random operations on page tables against a plain map from page to entry, and against a walker that shares no code with them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  amd64,
  ChunkedTableMemory,
  FLUSH_NONE,
  FLUSH_OPTIONAL,
  FLUSH_REQUIRED,
  MAP_ACCESS,
  MAP_EXECUTE,
  MAP_GLOBAL,
  MAP_READ,
  MAP_TYPE_MASK,
  MAP_USER,
  MAP_WRITE,
} from '../src/index.js';
import { makeTables, type Walker } from './walker.js';

const K4 = 4096;
const ENOMEM = -12;
/** Pages of the part of the space that the plain map covers: six large pages. */
const WINDOW = 6 * 512;
/** Windows that lie across the borders of tables of each level, and at the ends of both halves. */
const WINDOWS = [
  0,
  2 ** 30 - 3 * 2 ** 21,
  2 ** 39 - 3 * 2 ** 21,
  2 ** 47 - 6 * 2 ** 21,
  -(2 ** 47),
  -(2 ** 39) - 3 * 2 ** 21,
  -6 * 2 ** 21,
];

interface Entry {
  physical: number;
  options: number;
}

/** What a CPU may do with an entry: reading is always allowed, and nothing is writable or executable without being readable. */
function canonical(options: number): number {
  return options | MAP_READ;
}

/** What a change of one page asks of the TLBs, from first principles. */
function flushOf(before: Entry | undefined, after: Entry | undefined): number {
  if (before === undefined) return FLUSH_NONE;
  if (after === undefined || before.physical !== after.physical) return FLUSH_REQUIRED;
  if (before.options === after.options) return FLUSH_NONE;
  const rights = MAP_WRITE | MAP_EXECUTE | MAP_USER;
  const lost = before.options & ~after.options & rights;
  const other = (before.options ^ after.options) & (MAP_GLOBAL | MAP_TYPE_MASK);
  return lost || other ? FLUSH_REQUIRED : FLUSH_OPTIONAL;
}

const options = (user: boolean) =>
  fc
    .tuple(fc.constantFrom(1, 1, 3, 3, 5, 7, 2, 4, 0), fc.boolean(), fc.boolean(), fc.constantFrom(0, 0, 0, MAP_TYPE_MASK))
    .map(([access, forUser, global, type]) => access | (forUser && user ? MAP_USER : 0) | (global ? MAP_GLOBAL : 0) | type);

/** Ranges of every size, often with large pages' alignment. */
const range = fc
  .oneof(
    fc.tuple(fc.nat(WINDOW - 1), fc.integer({ min: 1, max: 4 })),
    fc.tuple(fc.nat(WINDOW - 1), fc.integer({ min: 1, max: WINDOW })),
    fc.tuple(fc.nat(5), fc.integer({ min: 1, max: 6 })).map(([start, count]): [number, number] => [start * 512, count * 512]),
    fc.tuple(fc.nat(5), fc.integer({ min: 1, max: 1100 })).map(([start, count]): [number, number] => [start * 512, count]),
  )
  .map(([start, count]) => ({ start, count: Math.min(count, WINDOW - start) }));

const operation = (user: boolean) =>
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('map' as const),
        range,
        options: options(user),
        // Aligned with the range (the same large pages again and again), or anywhere, up to where frames are no small integers any more.
        shift: fc.constantFrom(0, 0, 512, 2 ** 18, 1, 7, 2 ** 20 - 700, 2 ** 31 + 5, 2 ** 39),
      }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('unmap' as const, 'evict' as const), range }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('protect' as const), range, options: options(user) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('reclaim' as const) }) },
  );

type Operation = ReturnType<typeof operation> extends fc.Arbitrary<infer T> ? T : never;

/** Applies an operation to the map; returns the greatest flush that a page asks for. */
function apply(model: Map<number, Entry>, op: Exclude<Operation, { kind: 'reclaim' }>): number {
  let flush = FLUSH_NONE;
  for (let page = op.range.start; page < op.range.start + op.range.count; page++) {
    const before = model.get(page);
    let after: Entry | undefined;
    if (op.kind === 'map' && op.options & MAP_ACCESS) after = { physical: (page + op.shift) * K4, options: canonical(op.options) };
    if (op.kind === 'protect' && op.options & MAP_ACCESS && before) after = { ...before, options: canonical(op.options) };
    flush = Math.max(flush, flushOf(before, after));
    if (after) model.set(page, after);
    else model.delete(page);
  }
  return flush;
}

function run(tables: amd64.PageTables, base: number, op: Exclude<Operation, { kind: 'reclaim' }>): number {
  const address = base + op.range.start * K4;
  const length = op.range.count * K4;
  if (op.kind === 'map') return tables.map(address, length, op.options, (op.range.start + op.shift) * K4);
  if (op.kind === 'protect') return tables.protect(address, length, op.options);
  return op.kind === 'unmap' ? tables.unmap(address, length) : tables.evict(address, length);
}

/** Everything mapped, page by page; and the sizes of the pages. */
function contents(tables: amd64.PageTables, base: number): { pages: Map<number, Entry>; sizes: Map<number, number> } {
  const pages = new Map<number, Entry>();
  const sizes = new Map<number, number>();
  tables.visit((address, physical, size, found) => {
    for (let at = 0; at < size; at += K4) {
      const page = (address + at - base) / K4;
      pages.set(page, { physical: physical + at, options: found });
      sizes.set(page, size);
    }
  });
  return { pages, sizes };
}

function sameTranslations(model: Map<number, Entry>, found: Map<number, Entry>): void {
  if (found.size !== model.size) throw new Error(`${found.size} pages are mapped, not ${model.size}`);
  for (const [page, entry] of model) {
    const other = found.get(page);
    if (other?.physical !== entry.physical || other.options !== entry.options) {
      throw new Error(`page ${page} is ${JSON.stringify(other)}, not ${JSON.stringify(entry)}`);
    }
  }
}

/** The CPU's view of one page against the model's. */
function sameAsCpu(walker: Walker, root: number, base: number, page: number, entry: Entry | undefined): void {
  const seen = walker.translate(root, base + page * K4);
  if (entry === undefined) {
    if (seen !== null) throw new Error(`page ${page} should not be present`);
    return;
  }
  expect(seen).toMatchObject({
    physical: entry.physical,
    write: (entry.options & MAP_WRITE) !== 0,
    execute: (entry.options & MAP_EXECUTE) !== 0,
    user: (entry.options & MAP_USER) !== 0,
    global: (entry.options & MAP_GLOBAL) !== 0,
  });
}

describe('page tables and a plain map', () => {
  it.each(WINDOWS)('agree after every operation (window at %d)', (base) => {
    fc.assert(
      fc.property(
        fc.array(operation(base >= 0), { maxLength: 25, size: 'max' }),
        fc.array(fc.nat(WINDOW - 1), { maxLength: 8 }),
        (ops, samples) => {
          const { tables, memory, walker } = makeTables(64);
          const model = new Map<number, Entry>();
          for (const op of ops) {
            if (op.kind === 'reclaim') {
              tables.reclaim();
              expect(memory.usedPages).toBe(tables.countTables());
              continue;
            }
            if (op.kind === 'evict') {
              // evict takes more than was asked where a large page straddles: grow the range to what is really removed.
              const { sizes } = contents(tables, base);
              const before = (page: number) => ((sizes.get(page) ?? K4) === K4 ? page : Math.floor(page / 512) * 512);
              const end = before(op.range.start + op.range.count - 1) + (sizes.get(op.range.start + op.range.count - 1) ?? K4) / K4;
              const wide = { ...op, range: { start: before(op.range.start), count: end - before(op.range.start) } };
              expect(run(tables, base, op)).toBe(apply(model, wide));
            } else {
              const sizes = contents(tables, base).sizes;
              if (memory.usedPages > 48) tables.reclaim();
              const flush = apply(model, op);
              const result = run(tables, base, op);
              const resized = [...contents(tables, base).sizes].some(([page, size]) => size !== (sizes.get(page) ?? size));
              // A page that only changed its size needs a flush, too.
              if (resized) expect(result).toBeGreaterThanOrEqual(flush);
              else expect(result).toBe(flush);
            }
            sameTranslations(model, contents(tables, base).pages);
            expect(memory.usedPages).toBe(walker.check(tables, memory).size + tables.retiredPages);
            for (const page of samples) {
              sameAsCpu(walker, tables.root, base, page, model.get(page));
              expect(tables.lookup(base + page * K4 + 17)).toBe(model.has(page) ? model.get(page)!.physical + 17 : -1);
              const count = Math.min(40, WINDOW - page);
              const empty = !Array.from({ length: count }, (_, i) => model.has(page + i)).includes(true);
              expect(tables.isEmpty(base + page * K4, count * K4)).toBe(empty);
            }
          }
          tables.release();
          expect(memory.usedPages).toBe(0);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('agree when table memory runs out: such an operation has done nothing', () => {
    let failures = 0;
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.constantFrom(...WINDOWS),
        fc.array(operation(false), { maxLength: 25, size: 'max' }),
        (pages, base, ops) => {
          const { tables, memory, walker } = makeTables(pages);
          const model = new Map<number, Entry>();
          for (const op of ops) {
            if (op.kind === 'evict') continue;
            if (op.kind === 'reclaim') {
              tables.reclaim();
              continue;
            }
            const before = new Map(model);
            const flush = apply(model, op);
            const result = run(tables, base, op);
            if (result === ENOMEM) {
              failures++;
              model.clear();
              for (const [page, entry] of before) model.set(page, entry);
            } else {
              expect(result).toBeGreaterThanOrEqual(flush);
            }
            sameTranslations(model, contents(tables, base).pages);
            expect(memory.usedPages).toBe(walker.check(tables, memory).size + tables.retiredPages);
          }
        },
      ),
      { numRuns: 150 },
    );
    expect(failures).toBeGreaterThan(100);
  });
});

describe('trackChanges', () => {
  it('names every table in which a present entry changed, and no other', () => {
    const base = WINDOWS[1]!;
    fc.assert(
      fc.property(fc.array(operation(true), { maxLength: 15, size: 'max' }), (ops) => {
        const { tables, memory, buffer, walker } = makeTables(24, 0x4000_0000, { trackChanges: true });
        const now = new BigUint64Array(buffer);
        for (const op of ops) {
          tables.reclaim();
          if (op.kind === 'reclaim') continue;
          const frames = new Set<number>();
          const before = now.slice();
          const linked = walker.check(tables, memory);
          tables.changed.length = 0;
          const retired = tables.retiredPages;
          run(tables, base, op);
          for (let at = 0; at < now.length; at++) if (before[at]! & 1n && before[at] !== now[at]) frames.add(0x4_0000 + (at >> 9));
          for (const frame of frames) if (!linked.has(frame)) frames.delete(frame);
          const changed = new Set(tables.changed);
          for (const frame of frames) expect(changed).toContain(frame);
          // Besides, tables are named that the operation itself made, and those that it dropped whole.
          const others = [...changed].filter((frame) => !frames.has(frame) && linked.has(frame));
          if (tables.retiredPages === retired) expect(others).toEqual([]);
          expect(changed.size).toBeGreaterThanOrEqual(tables.retiredPages);
        }
        tables.changed.length = 0;
        const count = tables.countTables();
        tables.release();
        expect(new Set(tables.changed).size).toBeGreaterThanOrEqual(count);
        expect(memory.usedPages).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('is off unless asked for', () => {
    const { tables } = makeTables(8);
    tables.map(0, K4, MAP_READ, 0);
    tables.unmap(0, K4);
    expect(tables.changed).toEqual([]);
  });
});

describe('the whole lower half', () => {
  /** Operations on ranges of every size from a page to 600 GiB; the model is the history: the last operation on a page decides. */
  const G1 = 2 ** 30;
  const edge = fc
    .tuple(fc.nat(700), fc.constantFrom(0, 0, 1, 511, 37), fc.constantFrom(0, 0, 1, 511, 200))
    .map(([g, m, k]) => g * G1 + m * 2 ** 21 + k * K4);
  const step = fc.record({
    kind: fc.constantFrom('map' as const, 'map' as const, 'unmap' as const),
    edges: fc.tuple(edge, edge).filter(([a, b]) => a !== b),
    options: fc.constantFrom(MAP_READ | MAP_USER, MAP_READ | MAP_WRITE | MAP_USER),
    shift: fc.constantFrom(0, G1, 2 ** 21 * 3),
  });

  it('translates as the last operation on each address says', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), fc.array(edge), (steps, samples) => {
        const memory = ChunkedTableMemory.over(new ArrayBuffer(8 * 2 ** 20), G1);
        const tables = amd64.PageTables.create(memory) as amd64.PageTables;
        const history: { from: number; to: number; physical: number }[] = [];
        for (const { kind, edges, options: wanted, shift } of steps) {
          const from = Math.min(...edges);
          const to = Math.max(...edges);
          const result = kind === 'map' ? tables.map(from, to - from, wanted, from + shift) : tables.unmap(from, to - from);
          tables.reclaim();
          if (result === ENOMEM) continue;
          history.push({ from, to, physical: kind === 'map' ? from + shift : -1 });
          const addresses = [...samples, ...history.flatMap((h) => [h.from - K4, h.from, h.to - K4, h.to])].filter((a) => a >= 0);
          for (const address of addresses) {
            const last = history.findLast((h) => h.from <= address && address < h.to);
            const physical = last === undefined || last.physical < 0 ? -1 : last.physical + (address - last.from);
            expect(tables.lookup(address)).toBe(physical);
          }
        }
        tables.release();
        expect(memory.usedPages).toBe(0);
      }),
      { numRuns: 40 },
    );
  });
});
