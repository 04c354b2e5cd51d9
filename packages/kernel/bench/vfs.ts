// Handlers of file system calls on tmpfs, without platform and dispatch; also what they leave on the heap.
// Run with: node --expose-gc --import tsx --conditions=@sbx/source bench/vfs.ts
import { MemoryFile, REG } from '@sbx/platform';
import { pipeSyscalls } from '../src/fs/pipe/syscalls.js';
import type { Task } from '../src/task/task.js';
import { vfsSyscalls } from '../src/vfs/syscalls.js';
import { TestSystem } from '../test/support/system.js';

const ROUNDS = 25;
const OPERATIONS = 20_000;
const ARGUMENTS = [REG.rdi, REG.rsi, REG.rdx, REG.r10];

const memory = MemoryFile.create({ name: 'bench', limit: 256 * 2 ** 20 });
const system = new TestSystem({ entries: [...vfsSyscalls, ...pipeSyscalls], memory });
const task = system.task();
const guest = task as unknown as Task;
system.vfs.mkdirAll(system.vfs.kernelCaller, '/usr/lib/bench', 0o755);
const path = task.put('/usr/lib/bench/file.txt');
const buffer = task.alloc(65536);
const stat = task.alloc(256);
const file = task.sys('open', '/usr/lib/bench/file.txt', 0o102, 0o644);
for (let i = 0; i < 32; i++) task.sys('write', file, buffer, 4096);
const ends = task.alloc(8);
task.sys('pipe2', ends, 0);
const [reader, writer] = [task.get(ends, 8).readInt32LE(0), task.get(ends, 8).readInt32LE(4)];

const call = (name: string) => {
  const handler = system.handler(name);
  return (a = 0, b = 0, c = 0, d = 0): number => {
    const { page } = task;
    page.setReg(ARGUMENTS[0], a);
    page.setReg(ARGUMENTS[1], b);
    page.setReg(ARGUMENTS[2], c);
    page.setReg(ARGUMENTS[3], d);
    return handler(guest, page) as number;
  };
};
const [open, close, sysStat, fstat, pread, pwrite, read, write] = [
  'open',
  'close',
  'stat',
  'fstat',
  'pread64',
  'pwrite64',
  'read',
  'write',
].map(call);

const cases: Record<string, () => number> = {
  'open + close': () => close(open(path, 0)),
  stat: () => sysStat(path, stat),
  fstat: () => fstat(file, stat),
  'pread 1': () => pread(file, buffer, 1, 0),
  'pread 4k': () => pread(file, buffer, 4096, 0),
  'pread 64k': () => pread(file, buffer, 65536, 0),
  'pwrite 4k': () => pwrite(file, buffer, 4096, 0),
  'pipe write + read 1': () => write(writer, buffer, 1) + read(reader, buffer, 1),
  'pipe write + read 4k': () => write(writer, buffer, 4096) + read(reader, buffer, 4096),
};

const rows: Record<string, unknown> = {};
for (const [name, body] of Object.entries(cases)) {
  if (body() < 0) throw new Error(`${name} fails`);
  const samples: number[] = [];
  let heap = 0;
  for (let round = 0; round < ROUNDS + 10; round++) {
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    const start = process.hrtime.bigint();
    for (let i = 0; i < OPERATIONS; i++) body();
    const elapsed = Number(process.hrtime.bigint() - start);
    if (round < 10) continue;
    samples.push(elapsed / OPERATIONS);
    heap = Math.max(heap, (process.memoryUsage().heapUsed - before) / OPERATIONS);
  }
  samples.sort((a, b) => a - b);
  rows[name] = {
    'ns (median)': Math.round(samples[ROUNDS >> 1]),
    'ns (p95)': Math.round(samples[Math.floor(ROUNDS * 0.95)]),
    'bytes of heap': Math.round(heap),
  };
}
console.table(rows);
