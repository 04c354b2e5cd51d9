// The page-fault path of a memory file: allocate and free. Run with: pnpm --filter @sbx/platform bench
import { MEMORY_ANONYMOUS, MemoryFile, PAGE_SIZE } from '../src/index.js';

const MiB = 2 ** 20;
const ROUNDS = 25;

/** Runs `body` (which does `operations` operations) and returns ns per operation: median and 95th percentile over rounds. */
function measure(operations: number, body: () => void): { median: number; p95: number } {
  const samples: number[] = [];
  for (let round = 0; round < ROUNDS + 5; round++) {
    const start = process.hrtime.bigint();
    body();
    if (round >= 5) samples.push(Number(process.hrtime.bigint() - start) / operations);
  }
  samples.sort((a, b) => a - b);
  return { median: samples[ROUNDS >> 1], p95: samples[Math.floor(ROUNDS * 0.95)] };
}

const rows: Record<string, { 'ns (median)': number; 'ns (p95)': number; 'ns per 4 KiB': number }> = {};
function report(name: string, pages: number, { median, p95 }: { median: number; p95: number }): void {
  rows[name] = { 'ns (median)': Math.round(median), 'ns (p95)': Math.round(p95), 'ns per 4 KiB': Math.round(median / pages) };
}

const offsets = new Float64Array(4096);
function cycle(memory: MemoryFile, count: number, length: number): void {
  for (let i = 0; i < count; i++) offsets[i] = memory.allocate(length, MEMORY_ANONYMOUS);
  for (let i = 0; i < count; i++) memory.decRef(offsets[i], length);
}

for (const [pages, count] of [
  [1, 4096],
  [16, 256],
  [512, 8],
]) {
  const length = pages * PAGE_SIZE;
  const warm = MemoryFile.create({ name: 'bench', limit: 512 * MiB, retain: 64 * MiB });
  report(
    `allocate + free, ${pages} pages, reused (zeroed by us)`,
    pages,
    measure(count, () => cycle(warm, count, length)),
  );
  warm.destroy();
  const cold = MemoryFile.create({ name: 'bench', limit: 512 * MiB, retain: 0 });
  report(
    `allocate + free, ${pages} pages, new (host memory each time)`,
    pages,
    measure(count, () => {
      cycle(cold, count, length);
      cold.trim();
    }),
  );
  cold.destroy();
}

const memory = MemoryFile.create({ name: 'bench', limit: 512 * MiB, retain: 64 * MiB });
const page = memory.allocate(PAGE_SIZE, MEMORY_ANONYMOUS);
const other = memory.allocate(PAGE_SIZE, MEMORY_ANONYMOUS);
report(
  'incRef + decRef, 1 page',
  1,
  measure(100_000, () => {
    for (let i = 0; i < 100_000; i++) {
      memory.incRef(page, PAGE_SIZE);
      memory.decRef(page, PAGE_SIZE);
    }
  }),
);
report(
  'copy, 1 page (copy-on-write)',
  1,
  measure(100_000, () => {
    for (let i = 0; i < 100_000; i++) memory.copy(other, page, PAGE_SIZE);
  }),
);

// The bookkeeping alone, and what it leaves for the garbage collector.
const small = measure(100_000, () => {
  for (let i = 0; i < 100_000; i++) memory.decRef(memory.allocate(PAGE_SIZE, MEMORY_ANONYMOUS), PAGE_SIZE);
});
report('allocate + free, 1 page, the same again', 1, small);
globalThis.gc?.();
const before = process.memoryUsage().heapUsed;
for (let i = 0; i < 1_000_000; i++) memory.decRef(memory.allocate(PAGE_SIZE, MEMORY_ANONYMOUS), PAGE_SIZE);
const grown = process.memoryUsage().heapUsed - before;
console.table(rows);
console.log(`heap growth over 1,000,000 allocations: ${(grown / 1e6).toFixed(3)} bytes each`);
memory.destroy();
