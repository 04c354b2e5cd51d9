// Handlers of file system calls on host directories, without platform and dispatch, beside the same calls made directly to the host.
// Run with: node --expose-gc --import tsx --conditions=@sbx/source bench/host-files.ts
import fs from 'node:fs';
import type { SyscallName } from '@sbx/abi';
import { REG } from '@sbx/platform';
import { HostFileSystem } from '../src/fs/host/host-file-system.js';
import { hostFile } from '../src/fs/hostfd/host-fd.js';
import { OverlayFileSystem } from '../src/fs/overlay/overlay-file-system.js';
import { TmpfsSuperBlock } from '../src/fs/tmpfs/tmpfs.js';
import { hostAddress, hostCall, hostNumber, hostWords, MISC_AT } from '../src/host/host.js';
import type { Task } from '../src/task/task.js';
import { HostSystem, HostTree } from '../test/host/fixture.js';

const ROUNDS = 25;
const OPERATIONS = 2_000;
const ARGUMENTS = [REG.rdi, REG.rsi, REG.rdx, REG.r10];

const tree = new HostTree();
fs.mkdirSync(tree.path('usr', 'lib', 'bench'), { recursive: true });
fs.writeFileSync(tree.path('usr', 'lib', 'bench', 'file.txt'), Buffer.alloc(2 ** 20, 1));
const system = new HostSystem();
const task = system.task();
const guest = task as unknown as Task;

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
const buffer = task.alloc(65536);
const stat = task.alloc(256);
task.mm.zeroOut(buffer, 65536);

const cases: Record<string, () => number> = {};
const HOST = (name: SyscallName, ...args: number[]) => {
  const number = hostNumber(name);
  return () => hostCall(number, args[0] ?? 0, args[1] ?? 0, args[2] ?? 0, args[3] ?? 0);
};
const direct = fs.openSync(tree.path('usr', 'lib', 'bench', 'file.txt'), 'r+');
cases['the host call itself: getppid'] = HOST('getppid');
cases['the host call itself: fstat'] = HOST('fstat', direct, hostAddress + MISC_AT);
cases['the host call itself: pread 4k'] = HOST('pread64', direct, hostAddress + 65536, 4096, 0);
cases['the host call itself: pread 64k'] = HOST('pread64', direct, hostAddress + 65536, 65536, 0);

const mounts: Record<string, (fd: number) => HostFileSystem | OverlayFileSystem | number> = {
  'hostfs, every name asked': (fd) => HostFileSystem.create(system.kernel, { directoryFd: fd }),
  'hostfs, names cached': (fd) => HostFileSystem.create(system.kernel, { directoryFd: fd, readOnly: true, cacheMs: 60_000 }),
  'overlay over hostfs': (fd) => {
    const lower = HostFileSystem.create(system.kernel, { directoryFd: fd, readOnly: true });
    if (typeof lower === 'number') return lower;
    const upper = new TmpfsSuperBlock(system.kernel, system.vfs.allocateDevice(), { mode: 0o755 });
    return OverlayFileSystem.create(system.kernel, { lowers: [lower], upper });
  },
};
for (const [name, make] of Object.entries(mounts)) {
  const mounted = make(tree.open());
  if (typeof mounted === 'number') throw new Error(`${name}: ${mounted}`);
  const at = `/${name.replaceAll(/[ ,]+/g, '-')}`;
  system.vfs.mkdirAll(system.vfs.kernelCaller, at, 0o755);
  system.vfs.mountAt(system.vfs.kernelCaller, at, mounted, name);
  const path = task.put(`${at}/usr/lib/bench/file.txt`);
  const absent = task.put(`${at}/usr/lib/bench/absent`);
  const file = open(path, 0);
  cases[`${name}: open + close`] = () => close(open(path, 0));
  cases[`${name}: stat`] = () => sysStat(path, stat);
  cases[`${name}: stat, absent`] = () => sysStat(absent, stat) + 2;
  cases[`${name}: fstat`] = () => fstat(file, stat);
  cases[`${name}: pread 4k`] = () => pread(file, buffer, 4096, 0);
  cases[`${name}: pread 64k`] = () => pread(file, buffer, 65536, 0);
  if (name.includes('every')) {
    const writable = open(path, 2);
    cases[`${name}: pwrite 4k`] = () => pwrite(writable, buffer, 4096, 0);
  }
}

hostCall(hostNumber('pipe2'), hostAddress + MISC_AT, 0);
const ends = [hostWords[MISC_AT / 4], hostWords[MISC_AT / 4 + 1]].map((fd) => {
  const file = hostFile(system.kernel, fd);
  if (typeof file === 'number') throw new Error(`hostFile: ${file}`);
  return task.files.install(file, false, 1024);
});
cases['hostfd pipe: write + read 4k'] = () => write(ends[1], buffer, 4096) + read(ends[0], buffer, 4096);

const rows: Record<string, unknown> = {};
for (const [name, body] of Object.entries(cases)) {
  const first = body();
  if (first < 0) throw new Error(`${name} fails: ${first}`);
  const samples: number[] = [];
  let heap = 0;
  for (let round = 0; round < ROUNDS + 10; round++) {
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    const start = process.hrtime.bigint();
    for (let i = 0; i < OPERATIONS; i++) body();
    const elapsed = Number(process.hrtime.bigint() - start);
    if (round < 10) continue;
    heap = (process.memoryUsage().heapUsed - before) / OPERATIONS;
    samples.push(elapsed / OPERATIONS);
  }
  samples.sort((a, b) => a - b);
  rows[name] = {
    'ns (best)': Math.round(samples[0]),
    'ns (median)': Math.round(samples[ROUNDS >> 1]),
    'ns (p95)': Math.round(samples[Math.floor(ROUNDS * 0.95)]),
    'heap bytes': Math.round(heap),
  };
}
console.table(rows);
tree.dispose();
process.exit(0);
