/**
 * What a system call of an application costs until JavaScript has answered it: `pnpm --filter @sbx/kvm-platform bench`. Nanoseconds, medians and 95th
 * percentiles. The parts: KVM_RUN (guest, exits, kernel), the rest of the native loop (registers, decoding), JavaScript and Node-API (the rest).
 */
import {
  ACCESS_EXECUTE,
  ACCESS_READ,
  ACCESS_WRITE,
  EVENT_INTERRUPT,
  EVENT_SYSCALL,
  MEMORY_ANONYMOUS,
  MemoryFile,
  REG,
} from '@sbx/platform';
import { sample, summarize } from '../../../tools/native/measure.js';
import type { KvmAddressSpace } from '../src/address-space.js';
import { binding } from '../src/binding.js';
import type { KvmContext } from '../src/context.js';
import { KvmPlatform } from '../src/kvm-platform.js';

const MiB = 2 ** 20;
const CODE = 0x10000;
const AREA = 0x20000000;
const HOUR_NS = 3.6e12;

const memory = MemoryFile.create({ name: 'application', limit: 64 * MiB });
const kernelMemory = MemoryFile.create({ name: 'kernel', limit: 64 * MiB });
const platform = new KvmPlatform({ memory, kernelMemory, wake() {} });
const space = platform.newAddressSpace(null) as KvmAddressSpace;
const code = memory.allocate(4096, MEMORY_ANONYMOUS);
const data = memory.allocate(MiB, MEMORY_ANONYMOUS);
// syscall; jmp to it. At 16: mov (%rdi), %eax; syscall
memory.bytes(code, 4096).set([0x0f, 0x05, 0xeb, 0xfc]);
memory.bytes(code + 16, 16).set([0x8b, 0x07, 0x0f, 0x05]);
space.mapFile(CODE, memory, code, 4096, ACCESS_READ | ACCESS_EXECUTE, true);

function thread(): KvmContext {
  const context = platform.newContext();
  if (typeof context === 'number') throw new Error(`newContext: ${context}`);
  context.page.setReg(REG.rip, CODE);
  return context as KvmContext;
}

const rows: Record<string, { 'median ns': number; 'p95 ns': number }> = {};
function report(name: string, times: number[]): void {
  const { median, p95 } = summarize(times);
  rows[name] = { 'median ns': Math.round(median), 'p95 ns': Math.round(p95) };
}

function expectSyscall(event: number): void {
  if (event !== EVENT_SYSCALL && event !== EVENT_INTERRUPT) throw new Error(`event ${event}: ${platform.failure()}`);
}

const [a, b] = [thread(), thread()];
report(
  'system call, inline (switch)',
  sample(() => {
    expectSyscall(a.switch(space, -1, HOUR_NS));
    a.page.setResult(0);
  }),
);
const parts = new Float64Array(2);
const [native, kvm]: [number[], number[]] = [[], []];
for (let i = 0; i < 40; i++) {
  expectSyscall(binding.measure(platform.machine.id, a.id, space.id, 100, parts));
  native.push(parts[0]!);
  kvm.push(parts[1]!);
}
report('  of it in native code', native);
report('  of it in KVM_RUN', kvm);

function pooled(context: KvmContext): void {
  context.start(space);
  while (platform.poll() === null) platform.wait(HOUR_NS);
  context.page.setResult(0);
}
report(
  'system call, pooled (start, wait, poll)',
  sample(() => pooled(a)),
);
report(
  'system call, two contexts in turn on one vCPU',
  sample((i) => expectSyscall((i & 1 ? a : b).switch(space, -1, HOUR_NS))),
);
const other = platform.newAddressSpace(null) as KvmAddressSpace;
other.mapFile(CODE, memory, code, 4096, ACCESS_READ | ACCESS_EXECUTE, true);
report(
  'the same in two address spaces',
  sample((i) => expectSyscall((i & 1 ? a : b).switch(i & 1 ? space : other, -1, HOUR_NS))),
);

const fault = (i: number) => {
  a.page.setReg(REG.rip, CODE + 16);
  a.page.setReg(REG.rdi, AREA + i * 4096);
  while (a.switch(space, -1, HOUR_NS) === EVENT_INTERRUPT);
};
report('page fault, until it is known', sample(fault));
report(
  'page fault, mapping the page, touching it, system call',
  sample((i) => {
    fault(i % 256);
    space.mapFile(AREA + (i % 256) * 4096, memory, data + (i % 256) * 4096, 4096, ACCESS_READ | ACCESS_WRITE, true);
    while (a.switch(space, -1, HOUR_NS) === EVENT_INTERRUPT);
  }, 256),
);
report(
  'unmap of one touched page',
  sample((i) => space.unmap(AREA + i * 4096, 4096), 256),
);

console.log(platform.machine.mode);
console.table(rows);
platform.destroy();
