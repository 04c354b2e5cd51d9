import { CONTEXT_SIZE, ContextPage, REG } from '@sbx/platform';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Credentials } from '../../src/auth/credentials.js';
import { TASK_SIZE } from '../../src/mm/constants.js';
import type { MemoryManager } from '../../src/mm/memory-manager.js';
import { mmProcessSyscalls } from '../../src/mm/process-syscalls.js';
import { mmSyscalls } from '../../src/mm/syscalls.js';
import { ResourceLimits } from '../../src/task/resource-limits.js';
import type { Task } from '../../src/task/task.js';
import { type Blocking, TIMED_OUT } from '../../src/wait/blocking.js';
import { BytesFile } from '../loader/host-file.js';
import { TestKernel, touch } from './fixture.js';

const BASE = 0x10_0000_0000n;
const FILE_FD = 3n;
const calls = [...mmSyscalls, ...mmProcessSyscalls].filter(({ name }) => name !== 'process_madvise' && name !== 'process_mrelease');

/** Values that go wrong most: addresses around mappings, edges of ranges, sizes of all magnitudes, flags. */
const word = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 63 }).map((page) => BASE + BigInt(page) * 4096n) },
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 40 }).map((pages) => BigInt(pages) * 4096n) },
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 64 }).map(BigInt) },
  { weight: 3, arbitrary: fc.constantFrom(0x12n, 0x32n, 0x22n, 0x21n, 0x31n, 0x132n, 0x8022n, 0x2022n, 0x11n, 0x100032n) },
  { weight: 2, arbitrary: fc.constantFrom(FILE_FD, 1n, 2n, 7n) },
  { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      2n ** 47n,
      2n ** 47n - 4096n,
      2n ** 47n - 8192n,
      2n ** 53n,
      2n ** 63n,
      2n ** 64n - 4096n,
      2n ** 64n - 1n,
      BASE + 1n,
    ),
  },
);
const call = fc.record({
  which: fc.nat(calls.length - 1),
  args: fc.array(word, { minLength: 6, maxLength: 6 }),
  touched: fc.integer({ min: 0, max: 63 }),
});

/** A task with nothing but memory and one file. */
function makeTask(kernel: TestKernel, mm: MemoryManager, file: BytesFile): Task {
  const limits = new ResourceLimits().set(8, 20 * 4096, 20 * 4096);
  const tasks = new Map<number, Task>();
  const task = {
    id: 5,
    mm,
    kernel: { tasks, memory: kernel.memory, clock: { monotonic: () => 0 } },
    wait: { until: () => {}, interruptible: true },
    threadGroup: { limits },
    credentials: Credentials.forUser(1000, 1000),
    files: { getReal: (fd: number) => (fd === Number(FILE_FD) ? file : null), get: () => null },
    memoryPolicy: 0,
    memoryPolicyNodes: 0,
  } as unknown as Task;
  tasks.set(5, task);
  return task;
}

/** Runs a call that gives others their turn now and then. */
function finish(blocking: Blocking): number {
  for (;;) {
    const step = blocking.next(TIMED_OUT);
    if (step.done) return step.value;
  }
}

describe('memory system calls', () => {
  it('answer any arguments with a result, and leave everything in order', () => {
    const page = new ContextPage(new ArrayBuffer(CONTEXT_SIZE), 0, 0);
    const registers = [REG.rdi, REG.rsi, REG.rdx, REG.r10, REG.r8, REG.r9];
    fc.assert(
      fc.property(fc.array(call, { minLength: 1, maxLength: 60 }), (steps) => {
        const kernel = new TestKernel(16 * 2 ** 20);
        const mm = kernel.create();
        const file = new BytesFile(kernel.memory, new Uint8Array(10 * 4096).fill(1));
        file.flags = 2;
        const task = makeTask(kernel, mm, file);
        for (const { which, args, touched } of steps) {
          args.forEach((value, i) => {
            page.setRegPair(registers[i], Number(value & 0xffffffffn), Number(value >> 32n));
          });
          const answer = calls[which].handler(task, page);
          const result = typeof answer === 'number' ? answer : finish(answer);
          expect(typeof result).toBe('number');
          expect(result).toBeGreaterThan(-4096);
          expect(result).toBeLessThan(2 ** 47);
          touch(mm, Number(BASE) + touched * 4096, 1 + (touched % 2));
        }
        let last = 0;
        let pages = 0;
        for (const vma of mm.vmas.list) {
          expect(vma.start).toBeGreaterThanOrEqual(last);
          expect(vma.end).toBeGreaterThan(vma.start);
          expect(vma.start % 4096).toBe(0);
          expect(vma.end).toBeLessThanOrEqual(TASK_SIZE);
          last = vma.end;
          pages += (vma.end - vma.start) / 4096;
        }
        expect(mm.totalPages).toBe(pages);
        mm.decRef();
        expect(mm.commit.committed).toBe(0);
        expect([mm.totalPages, mm.dataPages, mm.stackPages, mm.execPages, mm.lockedPages, mm.rssAnonymous, mm.rssFile]).toEqual([
          0, 0, 0, 0, 0, 0, 0,
        ]);
        expect(file.references).toBe(1);
        file.decRef();
        expect(kernel.memory.totalUsage()).toBe(0);
        kernel.memory.destroy();
      }),
      { numRuns: Number(process.env.SBX_RUNS ?? 200) },
    );
  });
});
