/**
 * What editing page tables costs, per 4 KiB page: `pnpm --filter @sbx/ring0 bench`. Medians and 95th percentiles of many rounds, and what the
 * JavaScript heap grew by, which has to be next to nothing.
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { amd64, ChunkedTableMemory, MAP_READ, MAP_USER, MAP_WRITE } from '../src/index.js';

const K4 = 4096;
const RW = MAP_READ | MAP_WRITE | MAP_USER;
const BASE = 0x7f00_0000_0000;
const ROUNDS = 60;

const memory = ChunkedTableMemory.over(new SharedArrayBuffer(16 * 2 ** 20), 2 ** 30);
const tables = amd64.PageTables.create(memory) as amd64.PageTables;
// As in life: a page beside those that come and go keeps the tables.
tables.map(BASE + 255 * 2 ** 21, K4, RW, 0);

/** Name, pages that a round handles, and the round. */
const cases: [name: string, pages: number, round: () => void][] = [
  [
    'map one page, next to others (a page fault)',
    20_000,
    () => {
      for (let i = 0; i < 20_000; i++) tables.map(BASE + i * K4, K4, RW, i * K4 + 0x1000);
    },
  ],
  [
    'look up one page',
    20_000,
    () => {
      for (let i = 0; i < 20_000; i++) if (tables.lookup(BASE + i * K4) < 0) throw new Error('not mapped');
    },
  ],
  [
    'unmap one page',
    20_000,
    () => {
      for (let i = 0; i < 20_000; i++) tables.unmap(BASE + i * K4, K4);
      tables.reclaim();
    },
  ],
  [
    'map + unmap the same page, its tables with it',
    20_000,
    () => {
      for (let i = 0; i < 20_000; i++) {
        tables.map(0x1000, K4, RW, 0x1000);
        tables.unmap(0x1000, K4);
        tables.reclaim();
      }
    },
  ],
  [
    'map + unmap 64 KiB',
    16_000,
    () => {
      for (let i = 0; i < 1000; i++) {
        tables.map(BASE + i * 16 * K4, 16 * K4, RW, 0x1000);
        tables.unmap(BASE + i * 16 * K4, 16 * K4);
      }
      tables.reclaim();
    },
  ],
  [
    'map + unmap 64 MiB of 4 KiB pages',
    16_384,
    () => {
      tables.map(BASE, 2 ** 26, RW, 0x1000);
      tables.unmap(BASE, 2 ** 26);
      tables.reclaim();
    },
  ],
  [
    'map + protect + unmap 64 MiB of 2 MiB pages',
    32 * 100,
    () => {
      for (let i = 0; i < 100; i++) {
        tables.map(BASE, 2 ** 26, RW, 2 ** 30);
        tables.protect(BASE, 2 ** 26, MAP_READ | MAP_USER);
        tables.unmap(BASE, 2 ** 26);
      }
    },
  ],
];

let collections = 0;
const observer = new PerformanceObserver((list) => {
  collections += list.getEntries().length;
});
observer.observe({ entryTypes: ['gc'] });
const settle = () => new Promise((resolve) => setTimeout(resolve, 20));

const rows: Record<string, Record<string, string | number>> = {};
const times = cases.map(() => new Float64Array(ROUNDS));
for (let warm = 0; warm < 40; warm++) for (const [, , round] of cases) round();
globalThis.gc?.();
await settle();
collections = 0;
const before = process.memoryUsage().heapUsed;
for (let n = 0; n < ROUNDS; n++) {
  for (let c = 0; c < cases.length; c++) {
    const start = performance.now();
    cases[c]![2]();
    times[c]![n] = performance.now() - start;
  }
}
const grown = process.memoryUsage().heapUsed - before;
await settle();
for (const [c, [name, pages]] of cases.entries()) {
  const sorted = times[c]!.sort();
  const nanoseconds = (at: number) => Math.round((sorted[Math.floor(at * (ROUNDS - 1))]! / pages) * 1e7) / 10;
  rows[name] = { 'median ns/page': nanoseconds(0.5), 'p95 ns/page': nanoseconds(0.95) };
}
console.table(rows);
const edits = cases.reduce((sum, [, pages]) => sum + pages, 0) * ROUNDS;
console.log(
  `heap: ${(grown / 1024).toFixed(0)} KiB for ${edits} pages, ${(grown / edits).toFixed(2)} bytes each; ${collections} garbage collections`,
);
observer.disconnect();
