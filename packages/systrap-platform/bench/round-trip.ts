/**
 * What system calls, page faults and mappings of an application cost until JavaScript has answered them: `pnpm --filter @sbx/systrap-platform bench`.
 * Nanoseconds, medians and 95th percentiles. The times depend on a free CPU for the application's thread; `sleeps` says how often the sentry had to sleep.
 */
import {
  ACCESS_EXECUTE,
  ACCESS_READ,
  ACCESS_WRITE,
  type AddressSpace,
  type Context,
  EVENT_INTERRUPT,
  EVENT_SYSCALL,
  MEMORY_ANONYMOUS,
  MemoryFile,
  REG,
} from '@sbx/platform';
import { sample, summarize } from '../../../tools/native/measure.js';
import { SystrapPlatform } from '../src/index.js';

const MiB = 2 ** 20;
const CODE = 0x10000;
const AREA = 0x20000000;
const ROUNDS = 4000;
const BATCH = 50;
const HOUR_NS = 3.6e12;

const memory = MemoryFile.create({ name: 'application', limit: 64 * MiB });
const kernelMemory = MemoryFile.create({ name: 'kernel', limit: 64 * MiB });
const platform = new SystrapPlatform({ memory, kernelMemory, wake() {} });
const code = memory.allocate(4096, MEMORY_ANONYMOUS);
const data = memory.allocate(16 * MiB, MEMORY_ANONYMOUS);
/** Programs at their offsets of the code page. */
const PLAIN = 0; // syscall; jmp to it
const TOUCH = 16; // mov (%rdi), %eax; syscall
const WRAPPER = 32; // mov $39, %eax; syscall; jmp to it
memory.bytes(code, 4096).set([0x0f, 0x05, 0xeb, 0xfc], PLAIN);
memory.bytes(code, 4096).set([0x8b, 0x07, 0x0f, 0x05], TOUCH);
memory.bytes(code, 4096).set([0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7], WRAPPER);

function newSpace(): AddressSpace {
  const space = platform.newAddressSpace(null);
  if (space instanceof Promise) throw new Error('no address space');
  space.mapFile(CODE, memory, code, 4096, ACCESS_READ | ACCESS_EXECUTE, true);
  return space;
}

function thread(offset: number): Context {
  const context = platform.newContext();
  if (typeof context === 'number') throw new Error(`newContext: ${context}`);
  context.page.setReg(REG.rip, CODE + offset);
  return context;
}

const rows: Record<string, { 'median ns': number; 'p95 ns': number; sleeps: number }> = {};
function report(name: string, measure: () => number[]): void {
  const before = platform.counts().sleep;
  const { median, p95 } = summarize(measure());
  rows[name] = { 'median ns': Math.round(median), 'p95 ns': Math.round(p95), sleeps: platform.counts().sleep - before };
}

function toSyscall(context: Context, space: AddressSpace): void {
  let event: number;
  do event = context.switch(space, -1, HOUR_NS);
  while (event === EVENT_INTERRUPT);
  if (event !== EVENT_SYSCALL) throw new Error(`event ${event}: ${platform.failure()}`);
  context.page.setResult(0);
}

const space = newSpace();
const [wrapper, plain, toucher] = [thread(WRAPPER), thread(PLAIN), thread(TOUCH)];
report('system call, rewritten site', () => sample(() => toSyscall(wrapper, space), ROUNDS, BATCH));
report('system call, by signal', () => sample(() => toSyscall(plain, space), ROUNDS, BATCH));
report('system call, by signal, pooled (start, wait, poll)', () =>
  sample(() => {
    plain.start(space);
    while (platform.poll() === null) platform.wait(HOUR_NS);
    plain.page.setResult(0);
  }),
);
const other = newSpace();
const elsewhere = thread(PLAIN);
report('system call, two address spaces in turn', () => sample((i) => toSyscall(i & 1 ? plain : elsewhere, i & 1 ? space : other)));

const fault = (address: number) => {
  toucher.page.setReg(REG.rip, CODE + TOUCH);
  toucher.page.setReg(REG.rdi, address);
  while (toucher.switch(space, -1, HOUR_NS) === EVENT_INTERRUPT);
};
report('page fault, until it is known', () => sample((i) => fault(AREA + i * 4096)));
for (const [name, length, count] of [
  ['4 KiB', 4096, 1024],
  ['64 KiB', 65536, 256],
] as const) {
  report(`page fault, mapping ${name}, touching it, system call`, () =>
    sample((i) => {
      fault(AREA + i * length);
      space.mapFile(AREA + i * length, memory, data + i * length, length, ACCESS_READ | ACCESS_WRITE, true);
      toSyscall(toucher, space);
    }, count),
  );
  report(`unmap of ${name}`, () => sample((i) => space.unmap(AREA + i * length, length), count));
}
report('16 mappings in one batch, system call', () =>
  sample((i) => {
    for (let k = 0; k < 16; k++) {
      space.mapFile(AREA + (i * 16 + k) * 8192, memory, data + k * 4096, 4096, ACCESS_READ | ACCESS_WRITE, false);
    }
    toSyscall(plain, space);
  }, 200),
);
report('write protection of these 16', () => sample((i) => space.writeProtect(AREA + i * 16 * 8192, 16 * 8192), 200));
report('address space: make and release', () => sample(() => newSpace().release(), 200));

console.table(rows);
platform.destroy();
memory.destroy();
kernelMemory.destroy();
