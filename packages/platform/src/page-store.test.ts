import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MEMORY_ANONYMOUS, MEMORY_MAPPED, type MemoryKind } from './memory.js';
import { type PageBacking, PageStore } from './page-store.js';

/** A host whose memory is one byte per page: -1 a hole, 0 zero, else contents. It can run out. */
class ModelBacking implements PageBacking {
  readonly pages: number[] = [];
  available = Number.POSITIVE_INFINITY;
  refusePunch = false;
  get used(): number {
    return this.pages.filter((page) => page >= 0).length;
  }
  addChunk(page: number, count: number): void {
    for (let p = this.pages.length; p < page + count; p++) this.pages.push(-1);
  }
  commit(page: number, count: number): boolean {
    for (let p = page; p < page + count; p++) {
      if (this.pages[p] >= 0) continue;
      if (this.used >= this.available) return false;
      this.pages[p] = 0;
    }
    return true;
  }
  punch(page: number, count: number): boolean {
    if (this.refusePunch) return false;
    this.pages.fill(-1, page, page + count);
    return true;
  }
  zero(page: number, count: number): void {
    for (let p = page; p < page + count; p++) if (this.pages[p] < 0) throw new Error(`zeroed the hole ${p}`);
    this.pages.fill(0, page, page + count);
  }
}

const LIMIT = 600;
const RETAIN = 64;

function make(): { backing: ModelBacking; store: PageStore } {
  const backing = new ModelBacking();
  const store = new PageStore(backing, { chunkOrder: 8, firstChunkPages: 96, maxPages: 6 * 256, limitPages: LIMIT, retainPages: RETAIN });
  return { backing, store };
}

type Command =
  | { type: 'allocate'; count: number; kind: MemoryKind }
  | { type: 'incRef' | 'decRef' | 'decommit' | 'commit' | 'touch'; pick: number; from: number; count: number }
  | { type: 'trim'; keep: number }
  | { type: 'available'; pages: number }
  | { type: 'refusePunch'; refuse: boolean };

const range = (type: 'incRef' | 'decRef' | 'decommit' | 'commit' | 'touch', weight: number) => ({
  weight,
  arbitrary: fc.record({ type: fc.constant(type), pick: fc.nat(1000), from: fc.nat(300), count: fc.integer({ min: 1, max: 300 }) }),
});
const commands: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('allocate' as const),
      count: fc.oneof(fc.constant(1), fc.constant(16), fc.integer({ min: 1, max: 256 })),
      kind: fc.integer({ min: 0, max: 5 }) as fc.Arbitrary<MemoryKind>,
    }),
  },
  range('incRef', 1),
  range('decRef', 6),
  range('decommit', 1),
  range('commit', 1),
  range('touch', 1),
  { weight: 1, arbitrary: fc.record({ type: fc.constant('trim' as const), keep: fc.nat(100) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('available' as const), pages: fc.oneof(fc.constant(1e9), fc.nat(500)) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('refusePunch' as const), refuse: fc.boolean() }) },
);

/** Runs commands against the store and a model of it: a map from page to references, kind and what was written. */
function run(list: readonly Command[]): void {
  const { backing, store } = make();
  const model = new Map<number, { refs: number; kind: MemoryKind; value: number; hole: boolean }>();
  let stamp = 0;

  const stretch = (pick: number, from: number, count: number): number[] => {
    const pages = [...model.keys()].sort((a, b) => a - b);
    if (pages.length === 0) return [];
    const first = pages[(pick + from) % pages.length];
    const result: number[] = [];
    for (let p = first; p < first + count && model.has(p); p++) result.push(p);
    return result;
  };

  for (const command of list) {
    if (command.type === 'allocate') {
      const page = store.allocate(command.count, command.kind);
      if (page < 0) {
        expect(page).toBe(-12);
        // Refused only for the limit, for the host, or because no run is left.
        const fits = model.size + command.count <= LIMIT && backing.available > 1e6 && !backing.refusePunch;
        if (fits) expect(command.count).toBeGreaterThan(1);
        continue;
      }
      expect(Math.floor(page / 256)).toBe(Math.floor((page + command.count - 1) / 256));
      expect(page >= 256 || page + command.count <= 96).toBe(true);
      for (let p = page; p < page + command.count; p++) {
        expect(model.has(p)).toBe(false);
        expect(backing.pages[p]).toBe(0);
        backing.pages[p] = ++stamp;
        model.set(p, { refs: 1, kind: command.kind, value: stamp, hole: false });
      }
    } else if (command.type === 'trim') {
      store.trim(command.keep);
      if (!backing.refusePunch) expect(store.idle).toBeLessThanOrEqual(command.keep);
    } else if (command.type === 'available') backing.available = command.pages;
    else if (command.type === 'refusePunch') backing.refusePunch = command.refuse;
    else {
      const pages = stretch(command.pick, command.from, command.count);
      if (pages.length === 0) continue;
      const [first, end] = [pages[0], pages[pages.length - 1] + 1];
      if (command.type === 'incRef') {
        expect(store.incRef(first, end)).toBe(true);
        for (const p of pages) model.get(p)!.refs++;
      } else if (command.type === 'decRef') {
        expect(store.decRef(first, end)).toBe(true);
        for (const p of pages) if (--model.get(p)!.refs === 0) model.delete(p);
      } else if (command.type === 'decommit') {
        const done = store.decommit(first, end);
        expect(done).toBe(!backing.refusePunch);
        if (done) for (const p of pages) Object.assign(model.get(p)!, { value: 0, hole: true });
      } else if (command.type === 'commit') {
        if (store.commit(first, end) === 0) for (const p of pages) model.get(p)!.hole = false;
        else for (const p of pages) model.get(p)!.hole = backing.pages[p] < 0;
      } else {
        // Application code writes to pages, also to holes; the host backs them.
        for (const p of pages) {
          const page = model.get(p)!;
          if (backing.pages[p] < 0) backing.pages[p] = 0;
          page.value = backing.pages[p] = ++stamp;
        }
        store.touched(first, end);
        for (const p of pages) model.get(p)!.hole = false;
      }
    }
    // Accounting.
    const usage = new Array(6).fill(0);
    for (const page of model.values()) if (!page.hole) usage[page.kind]++;
    for (let kind = 0; kind < 6; kind++) expect(store.usage(kind as MemoryKind)).toBe(usage[kind]);
    expect(store.totalUsage()).toBe(usage.reduce((a, b) => a + b) - usage[MEMORY_MAPPED]);
    expect(store.allocated).toBe(model.size);
    expect(store.allocated).toBeLessThanOrEqual(LIMIT);
    // Contents and references; the store counts no less than the host does, and never loses a page.
    for (const [p, page] of model) {
      expect(store.refs(p)).toBe(page.refs);
      expect(Math.max(0, backing.pages[p])).toBe(page.value);
      if (!page.hole) expect(backing.pages[p]).toBeGreaterThanOrEqual(0);
    }
    if (!backing.refusePunch) expect(store.committed).toBeGreaterThanOrEqual(backing.used - strays(list));
  }
  // After everything is freed, all memory goes back.
  backing.refusePunch = false;
  for (const [p, page] of [...model]) for (let i = 0; i < page.refs; i++) expect(store.decRef(p, p + 1)).toBe(true);
  store.trim(0);
  expect([store.allocated, store.decommitted, store.totalUsage(), store.idle, store.committed]).toEqual([0, 0, 0, 0, 0]);
  if (!list.some((c) => c.type === 'refusePunch')) expect(backing.used).toBe(0);
}

/** Pages that a failed commit left in the host because punching them was refused: only where the list refuses punches at all. */
function strays(list: readonly Command[]): number {
  return list.some((c) => c.type === 'refusePunch') ? Number.POSITIVE_INFINITY : 0;
}

test('agrees with a model for any sequence of operations', () => {
  fc.assert(
    fc.property(fc.array(commands, { maxLength: 60 }), (list) => run(list)),
    { numRuns: 100 },
  );
});

test('many small allocations, freed in any order, leave one free run again', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 20 }), fc.nat()), { minLength: 1, maxLength: 60 }), (list) => {
      const { store } = make();
      const runs = list
        .map(([count, order]) => ({ page: store.allocate(count, MEMORY_ANONYMOUS), count, order }))
        .filter((r) => r.page >= 0);
      for (const { page, count } of runs.sort((a, b) => a.order - b.order)) store.decRef(page, page + count);
      let blocks = 0;
      store.allocator.eachFreeBlock(() => {
        blocks++;
        return true;
      });
      // The first chunk is 96 = 64 + 32 pages; each other chunk is one block.
      expect(blocks).toBe(store.pages <= 96 ? 2 : 2 + Math.ceil(store.pages / 256) - 1);
    }),
    { numRuns: 200 },
  );
});

test('memory committed ahead never exceeds the limit, and idle memory makes room', () => {
  const { backing, store } = make();
  const pages: number[] = [];
  for (let i = 0; i < LIMIT; i++) pages.push(store.allocate(1, MEMORY_ANONYMOUS));
  expect(store.allocate(1, MEMORY_ANONYMOUS)).toBe(-12);
  expect(backing.used).toBe(LIMIT);
  for (const page of pages.slice(0, 300)) store.decRef(page, page + 1);
  for (let i = 0; i < 3; i++) expect(store.allocate(90, MEMORY_ANONYMOUS)).toBeGreaterThanOrEqual(0);
  expect(backing.used).toBeLessThanOrEqual(LIMIT);
});

test('a host without memory is -ENOMEM, and what was tried is given back', () => {
  const { backing, store } = make();
  backing.available = 40;
  const first = store.allocate(30, MEMORY_ANONYMOUS);
  expect(first).toBeGreaterThanOrEqual(0);
  expect(store.allocate(20, MEMORY_ANONYMOUS)).toBe(-12);
  expect(backing.used).toBe(30);
  expect(store.allocate(10, MEMORY_ANONYMOUS)).toBeGreaterThanOrEqual(0);
  store.decRef(first, first + 30);
  // Too much for the memory that is left, but not for that and what was just freed.
  expect(store.allocate(28, MEMORY_ANONYMOUS)).toBeGreaterThanOrEqual(0);
});

test('a decommitted page that is freed while the host punches no holes is given memory again before it is zeroed', () => {
  const { backing, store } = make();
  const page = store.allocate(16, MEMORY_ANONYMOUS);
  expect(store.decommit(page, page + 1)).toBe(true);
  backing.refusePunch = true;
  store.decRef(page, page + 16);
  expect(store.allocate(16, MEMORY_ANONYMOUS)).toBe(page);
  expect(backing.pages.slice(page, page + 16)).toEqual(new Array(16).fill(0));
});
