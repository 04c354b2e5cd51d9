/**
 * Runs the program `argv[2]` (getppid.c) in a kernel on the real platform and prints what its counted system calls left on this process's heap: `argv[3]`
 * calls to warm up, `argv[4]` that count. A process of its own, so that nothing else allocates in it. Needs --expose-gc.
 */
import { PerformanceObserver, performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { boot, Capture } from '../support/boot.js';

const [, , binary, warmUp, counted] = process.argv;
const collect = globalThis.gc!;

/** What the heap was, and when, at each of the program's two marks; between them nothing is forced. */
const marks: { start: number; end: number; heap: number }[] = [];

class Marks extends Capture {
  override write(): number {
    const start = performance.now();
    collect();
    const { used_heap_size: heap } = getHeapStatistics();
    marks.push({ start, end: performance.now(), heap });
    return 1;
  }
}

const collections: { startTime: number; duration: number }[] = [];
new PerformanceObserver((list) => collections.push(...list.getEntries())).observe({ entryTypes: ['gc'] });

const booted = boot();
booted.put('/bin/getppid', binary);
const { status, stderr } = await booted.run(['/bin/getppid', warmUp, counted], [], { stdout: new Marks(1) });
// Entries of collections come later.
await new Promise((resolve) => setTimeout(resolve, 100));
booted.shutdown();
const [before, after] = marks;
const unforced = collections.filter(({ startTime }) => startTime > before.end && startTime < after.start);
console.log(
  JSON.stringify({
    status,
    stderr,
    marks: marks.length,
    forced: collections.length - unforced.length,
    collections: unforced.length,
    growth: after.heap - before.heap,
    nsPerCall: Math.round(((after.start - before.end) * 1e6) / Number(counted)),
  }),
);
