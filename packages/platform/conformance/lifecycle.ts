import { readdirSync } from 'node:fs';
import { ENOMEM } from '@sbx/abi';
import { type AddressSpace, type Context, EVENT_SYSCALL, PAGE_SIZE, REG } from '@sbx/platform';
import { describe, expect, test } from 'vitest';
import { get64, Machine, type MakePlatform, MiB, Random, RW, set64, useMachine } from './harness.js';
import { runAll } from './parallel.js';

const entries = (folder: string) => readdirSync(folder).length;

/** Contexts, address spaces and platforms come, go and run out without harm. */
export function lifecycleSuite(make: MakePlatform): void {
  describe('lifecycle', () => {
    const machine = useMachine(make);

    test('200 contexts, in any order, each with its own registers', async () => {
      const { as } = await machine().space(200);
      const random = new Random(1);
      const threads = Array.from({ length: 200 }, (_, i) => {
        const thread = machine().thread(as, 'syscall_loop', i);
        thread.set(REG.r15, i * 7);
        return thread;
      });
      const counts = threads.map(() => 0);
      for (let i = 0; i < 1000; i++) {
        const index = random.below(200);
        const thread = threads[index];
        thread.runToSyscall();
        expect([thread.get(REG.rbx), thread.get(REG.r15)]).toEqual([++counts[index], index * 7]);
      }
      runAll(machine(), threads);
      threads.forEach((thread, i) => {
        expect([thread.get(REG.rbx), thread.get(REG.r15)]).toEqual([counts[i] + 1, i * 7]);
      });
    });

    test('contexts are released and made again, thousands of times', async () => {
      const { as } = await machine().space();
      const before = machine().kernelMemory.totalUsage();
      for (let i = 0; i < 2000; i++) {
        const thread = machine().thread(as, 'one_syscall');
        if (i % 20 === 0) thread.runToSyscall();
        machine().releaseContext(thread.context);
      }
      expect(machine().kernelMemory.totalUsage() - before).toBeLessThan(MiB);
    });

    test('address spaces give all their memory back', async () => {
      const pages = machine().pages();
      const round = async () => {
        const as = await machine().emptySpace();
        for (let i = 0; i < 50; i++)
          expect(as.mapFile(0x1_0000_0000 * (i + 1), machine().memory, pages.offset, PAGE_SIZE, RW, true)).toBe(0);
        machine().releaseSpace(as);
      };
      await round();
      const before = machine().kernelMemory.totalUsage();
      for (let i = 0; i < 50; i++) await round();
      expect(machine().kernelMemory.totalUsage() - before).toBeLessThan(MiB);
    });

    test('newContext says -ENOMEM when memory is out, and works again after a release', async () => {
      const small = new Machine(make, { kernelLimit: 16 * MiB });
      try {
        const { as } = await small.space();
        const contexts: Context[] = [];
        let last: Context | number = 0;
        while (contexts.length < 20_000) {
          last = small.platform.newContext();
          if (typeof last === 'number') break;
          contexts.push(last);
        }
        if (typeof last === 'number') expect(last).toBe(-ENOMEM);
        contexts.pop()?.release();
        const thread = small.thread(as, 'one_syscall');
        thread.runToSyscall();
        for (const context of contexts) context.release();
      } finally {
        small.destroy();
      }
    });

    test('mapFile says -ENOMEM when memory is out, and what is mapped keeps working', async () => {
      const small = new Machine(make, { kernelLimit: 16 * MiB });
      try {
        const { as } = await small.space();
        const thread = small.thread(as, 'one_syscall');
        const pages = small.pages();
        const greedy: AddressSpace = await small.emptySpace();
        let result = 0;
        for (let i = 1; result === 0 && i < 20_000; i++) {
          result = greedy.mapFile(i * 0x4000_0000, small.memory, pages.offset, PAGE_SIZE, RW, true);
        }
        if (result !== 0) expect(result).toBe(-ENOMEM);
        thread.runToSyscall();
        small.releaseSpace(greedy);
        const again = await small.space();
        thread.as = again.as;
        thread.goto('one_syscall');
        thread.runToSyscall();
      } finally {
        small.destroy();
      }
    });

    test('newAddressSpace gives a promise when memory is out, which the next release settles', async () => {
      const small = new Machine(make, { kernelLimit: 16 * MiB });
      try {
        const { as } = await small.space();
        const thread = small.thread(as, 'one_syscall');
        const spaces: AddressSpace[] = [];
        let waiting: Promise<void> | null = null;
        while (waiting === null && spaces.length < 20_000) {
          const space = small.platform.newAddressSpace(null);
          if (space instanceof Promise) waiting = space;
          else spaces.push(space);
        }
        if (waiting !== null) {
          let settled = false;
          waiting.then(() => {
            settled = true;
          });
          await new Promise((resolve) => setTimeout(resolve, 10));
          expect(settled).toBe(false);
          thread.runToSyscall();
          for (let i = 0; i < 20; i++) spaces.pop()?.release();
          await waiting;
        }
        thread.as = (await small.space()).as;
        thread.goto('one_syscall');
        thread.runToSyscall();
        for (const space of spaces) space.release();
      } finally {
        small.destroy();
      }
    });

    test('two platforms in one process do not know of each other', async () => {
      const other = new Machine(make);
      try {
        const random = new Random(7);
        const threads = [
          machine().thread((await machine().space()).as, 'not_syscall'),
          other.thread((await other.space()).as, 'not_syscall'),
        ];
        for (let i = 0; i < 50; i++) {
          const thread = threads[i & 1];
          const value = random.u64();
          thread.goto('not_syscall');
          set64(thread.page, REG.rbx, value);
          thread.set(REG.rdi, i);
          expect(thread.run()).toBe(EVENT_SYSCALL);
          expect(get64(thread.page, REG.rbx)).toBe(value ^ 0xffff_ffff_ffff_ffffn);
        }
      } finally {
        other.destroy();
      }
    });

    test('destroy leaves no thread, no descriptor and no mapping', async () => {
      const round = async () => {
        const temporary = new Machine(make);
        const { as } = await temporary.space(2);
        runAll(temporary, [temporary.thread(as, 'one_syscall', 0), temporary.thread(as, 'one_syscall', 1)]);
        temporary.thread(as, 'one_syscall').runToSyscall();
        temporary.destroy();
      };
      await round();
      const settle = () => new Promise((resolve) => setTimeout(resolve, 50));
      await settle();
      const before = [entries('/proc/self/task'), entries('/proc/self/fd')];
      for (let i = 0; i < 5; i++) await round();
      await settle();
      const after = [entries('/proc/self/task'), entries('/proc/self/fd')];
      expect(after[0]).toBeLessThanOrEqual(before[0]);
      expect(after[1]).toBeLessThanOrEqual(before[1]);
    });

    test('what it says of itself is consistent', () => {
      const { platform } = machine();
      expect(platform.name).toMatch(/^[a-z][a-z0-9-]*$/);
      expect(platform.concurrency).toBeGreaterThanOrEqual(1);
      expect(platform.mapUnit === 0 || Number.isInteger(Math.log2(platform.mapUnit / PAGE_SIZE))).toBe(true);
      expect(platform.memory).toBe(machine().memory);
      if (!platform.detectsCPUPreemption) expect(() => platform.preemptAllCPUs()).toThrow();
      for (const { name, args } of platform.syscallFilters()) {
        expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
        for (const { index, value } of args ?? []) {
          expect(index >= 0 && index < 6 && Number.isInteger(index)).toBe(true);
          expect(Number.isSafeInteger(value)).toBe(true);
        }
      }
    });
  });
}
