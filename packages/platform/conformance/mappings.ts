import { ACCESS_EXECUTE, ACCESS_READ, ACCESS_WRITE, EVENT_INTERRUPT, EVENT_SIGNAL, PAGE_SIZE, REG } from '@sbx/platform';
import { describe, expect, test } from 'vitest';
import { CPU_IS_EMULATED } from './faults.js';
import { at, busy, HANG_NS, type Machine, type MakePlatform, MiB, Random, RW, RX, type Thread, useMachine } from './harness.js';
import { CODE } from './layout.js';

const AREA = 0x6000_0000;

/** Waits until the word has changed: the guest is at it. */
function waitForChange(word: Int32Array): void {
  const before = Atomics.load(word, 0);
  const deadline = performance.now() + HANG_NS / 1e6;
  while (Atomics.load(word, 0) === before && performance.now() < deadline);
  expect(Atomics.load(word, 0)).not.toBe(before);
}

/** The event of a started thread, after which nothing of it runs any more. */
function eventOf(machine: Machine, thread: Thread): void {
  while (machine.next().page.event === EVENT_INTERRUPT) thread.start();
}

/** Changes of an address space are seen by the threads that use it, running ones included. */
export function mappingsSuite(make: MakePlatform): void {
  describe('mappings', () => {
    const machine = useMachine(make);

    const load = (thread: Thread, address: number): number => {
      thread.goto('load_loop');
      thread.set(REG.rdi, address);
      thread.runToSyscall();
      return thread.page.sysno;
    };
    const faults = (thread: Thread, entry: 'load_rdi' | 'store_rdi', address: number): boolean => {
      thread.goto(entry);
      thread.set(REG.rdi, address);
      const event = thread.run();
      if (event !== EVENT_SIGNAL) return false;
      expect([thread.page.signo, thread.page.faultAddress]).toEqual([11, address]);
      return true;
    };

    test('demand paging: each first touch is a fault, and goes on after mapFile', async () => {
      const { as } = await machine().space();
      const pages = machine().pages(300);
      const thread = machine().thread(as, 'touch_pages');
      thread.set(REG.rdi, AREA);
      thread.set(REG.rdx, 300);
      for (let i = 0; i < 300; i++) {
        // The first access of a read-modify-write; QEMU's processor looks at the read first.
        thread.runToFault(AREA + i * PAGE_SIZE, CPU_IS_EMULATED ? ACCESS_READ : ACCESS_WRITE);
        const offset = pages.offset + i * PAGE_SIZE;
        expect(as.mapFile(AREA + i * PAGE_SIZE, machine().memory, offset, PAGE_SIZE, RW, i % 2 === 0)).toBe(0);
      }
      thread.runToSyscall();
      for (let i = 0; i < 300; i++) expect(pages.i32[i * 1024]).toBe(1);
    });

    test('a mapping replaces what was there, also for a running thread', async () => {
      const { as } = await machine().space();
      const [first, second] = [machine().pages(), machine().pages()];
      second.i32[0] = 2;
      machine().map(as, AREA, first, RW);
      const thread = machine().thread(as, 'wait_value');
      for (let i = 0; i < 20; i++) {
        thread.goto('wait_value');
        thread.set(REG.rdi, AREA);
        thread.set(REG.rsi, i % 2 === 0 ? 2 : 0);
        thread.start();
        busy(0.2);
        machine().map(as, AREA, i % 2 === 0 ? second : first, RW);
        eventOf(machine(), thread);
        expect(thread.page.event).toBe(1);
      }
    });

    test('unmap: once it has returned, a running thread reaches the page no more', async () => {
      const { as } = await machine().space();
      const pages = machine().pages();
      const thread = machine().thread(as, 'count_loop');
      for (let i = 0; i < 30; i++) {
        machine().map(as, AREA, pages, RW);
        thread.goto('count_loop');
        thread.set(REG.rdi, AREA);
        thread.start();
        waitForChange(pages.i32);
        as.unmap(AREA, PAGE_SIZE);
        const count = Atomics.load(pages.i32, 0);
        busy(0.3);
        expect(Atomics.load(pages.i32, 0)).toBe(count);
        eventOf(machine(), thread);
        expect([thread.page.event, thread.page.signo, thread.page.faultAddress]).toEqual([EVENT_SIGNAL, 11, AREA]);
        expect(thread.page.access & ACCESS_WRITE).toBe(ACCESS_WRITE);
      }
    });

    test('writeProtect: running threads write no more, and still read', async () => {
      const { as } = await machine().space(2);
      const pages = machine().pages();
      const threads = [machine().thread(as, 'count_loop', 0), machine().thread(as, 'count_loop', 1)];
      for (let i = 0; i < 20; i++) {
        machine().map(as, AREA, pages, RW);
        for (const thread of threads) {
          thread.goto('count_loop');
          thread.set(REG.rdi, AREA);
          thread.start();
        }
        waitForChange(pages.i32);
        as.writeProtect(AREA, PAGE_SIZE);
        const count = Atomics.load(pages.i32, 0);
        busy(0.3);
        expect(Atomics.load(pages.i32, 0)).toBe(count);
        for (let left = 2; left > 0; ) {
          const context = machine().next();
          if (context.page.event === EVENT_INTERRUPT) threads.find((thread) => thread.context === context)!.start();
          else {
            expect([context.page.event, context.page.signo, context.page.faultAddress, context.page.access]).toEqual([
              2,
              11,
              AREA,
              ACCESS_WRITE,
            ]);
            left--;
          }
        }
        expect(load(threads[0], AREA)).toBe(count);
      }
    });

    test('writeProtect leaves code executable and what is unmapped unmapped', async () => {
      const { as } = await machine().space();
      const pages = machine().pages(3);
      expect(as.mapFile(AREA, machine().memory, pages.offset, PAGE_SIZE, RW, false)).toBe(0);
      as.writeProtect(CODE, PAGE_SIZE);
      as.writeProtect(AREA, 16 * PAGE_SIZE);
      const thread = machine().thread(as, 'one_syscall');
      thread.runToSyscall();
      expect(faults(thread, 'load_rdi', AREA)).toBe(false);
      expect(faults(thread, 'store_rdi', AREA)).toBe(true);
      expect(faults(thread, 'load_rdi', AREA + PAGE_SIZE)).toBe(true);
    });

    test('access can be taken away and given back by mapping again', async () => {
      const { as } = await machine().space();
      const pages = machine().pages();
      const thread = machine().thread(as, 'load_rdi');
      for (let i = 0; i < 10; i++) {
        machine().map(as, AREA, pages, RW);
        expect(faults(thread, 'store_rdi', AREA)).toBe(false);
        machine().map(as, AREA, pages, ACCESS_READ);
        expect(faults(thread, 'store_rdi', AREA)).toBe(true);
        expect(faults(thread, 'load_rdi', AREA)).toBe(false);
        machine().map(as, AREA, pages, RX);
        thread.set(REG.rip, AREA); // zero bytes: add %al,(%rax)
        thread.set(REG.rax, AREA);
        thread.runToFault(AREA, ACCESS_WRITE);
        expect(thread.get(REG.rip)).toBe(AREA);
        machine().map(as, AREA, pages, RW);
        thread.set(REG.rip, AREA);
        thread.runToFault(AREA, ACCESS_EXECUTE);
      }
    });

    test('a part of a large mapping can be unmapped, protected and replaced', async () => {
      const { as } = await machine().space();
      const large = machine().pages((4 * MiB) / PAGE_SIZE);
      const other = machine().pages();
      other.i32[0] = 77;
      for (let i = 0; i < 1024; i++) large.i32[i * 1024] = i;
      const thread = machine().thread(as, 'load_rdi');
      machine().map(as, AREA, large, RW);
      expect(load(thread, AREA + 700 * PAGE_SIZE)).toBe(700);
      as.unmap(AREA + 100 * PAGE_SIZE, PAGE_SIZE);
      as.writeProtect(AREA + 600 * PAGE_SIZE, 2 * PAGE_SIZE);
      machine().map(as, AREA + 300 * PAGE_SIZE, other, ACCESS_READ);
      for (const i of [0, 99, 101, 299, 301, 511, 512, 599, 602, 1023]) {
        // A neighbour may have lost access together with what was asked for, and is then mapped again.
        const address = AREA + i * PAGE_SIZE;
        if (faults(thread, 'store_rdi', address + 8)) {
          expect(as.mapFile(address, machine().memory, large.offset + i * PAGE_SIZE, PAGE_SIZE, RW, false)).toBe(0);
        }
        expect(load(thread, address)).toBe(i);
        expect(faults(thread, 'store_rdi', address + 8)).toBe(false);
      }
      expect(faults(thread, 'load_rdi', AREA + 100 * PAGE_SIZE)).toBe(true);
      expect(load(thread, AREA + 300 * PAGE_SIZE)).toBe(77);
      for (const i of [600, 601]) {
        expect(load(thread, AREA + i * PAGE_SIZE)).toBe(i);
        expect(faults(thread, 'store_rdi', AREA + i * PAGE_SIZE)).toBe(true);
      }
      as.unmap(AREA, 4 * MiB);
      for (const i of [0, 100, 300, 601, 1023]) expect(faults(thread, 'load_rdi', AREA + i * PAGE_SIZE)).toBe(true);
      as.unmap(AREA, 4 * MiB); // nothing is there: fine
    });

    test('random changes agree with a model', async () => {
      const { as } = await machine().space();
      const pages = machine().pages(64);
      for (let i = 0; i < 64; i++) pages.i32[i * 1024] = 1000 + i;
      const thread = machine().thread(as, 'load_rdi');
      const random = new Random(9);
      const model = new Map<number, { page: number; write: boolean }>();
      for (let round = 0; round < 300; round++) {
        const first = random.below(64);
        const count = 1 + random.below(Math.min(16, 64 - first));
        const action = random.below(3);
        if (action === 0) {
          const page = random.below(64 - count + 1);
          const write = random.below(2) === 0;
          const access = write ? RW : ACCESS_READ;
          const length = count * PAGE_SIZE;
          expect(
            as.mapFile(AREA + first * PAGE_SIZE, machine().memory, pages.offset + page * PAGE_SIZE, length, access, random.below(2) === 0),
          ).toBe(0);
          for (let i = 0; i < count; i++) model.set(first + i, { page: page + i, write });
        } else if (action === 1) {
          as.unmap(AREA + first * PAGE_SIZE, count * PAGE_SIZE);
          for (let i = 0; i < count; i++) model.delete(first + i);
        } else {
          as.writeProtect(AREA + first * PAGE_SIZE, count * PAGE_SIZE);
          for (let i = 0; i < count; i++) {
            const entry = model.get(first + i);
            if (entry) entry.write = false;
          }
        }
        for (let probe = 0; probe < 6; probe++) {
          const i = random.below(64);
          const expected = model.get(i);
          const address = AREA + i * PAGE_SIZE;
          if (expected === undefined) expect(faults(thread, 'load_rdi', address)).toBe(true);
          else {
            expect(load(thread, address)).toBe(1000 + expected.page);
            expect(faults(thread, 'store_rdi', address + 16)).toBe(!expected.write);
          }
        }
      }
    });

    test('address spaces are apart: the same address, other pages', async () => {
      const spaces = [await machine().space(), await machine().space(), await machine().space()];
      spaces.forEach(({ data }, i) => {
        data.i32[0] = 100 + i;
      });
      const thread = machine().thread(spaces[0].as, 'load_loop');
      const random = new Random(3);
      for (let i = 0; i < 100; i++) {
        const index = random.below(3);
        thread.as = spaces[index].as;
        expect(load(thread, 0x2000_0000)).toBe(100 + index);
      }
    });

    test('a released address space leaves nothing behind for the next', async () => {
      const pages = machine().pages();
      for (let i = 0; i < 100; i++) {
        const { as } = await machine().space();
        const thread = machine().thread(as, 'load_rdi');
        expect(faults(thread, 'load_rdi', AREA)).toBe(true);
        pages.i32[0] = i;
        machine().map(as, AREA, pages, RW);
        expect(load(thread, AREA)).toBe(i);
        machine().releaseContext(thread.context);
        machine().releaseSpace(as);
      }
    });

    test('two requests with the same mappingsId mean the same mappings', async () => {
      const id = {};
      const as = await machine().emptySpace(id);
      const code = (await machine().space()).code;
      const pages = machine().pages();
      pages.i32[0] = 5;
      const prepare = (space: typeof as) => {
        machine().map(space, CODE, code, RX);
        machine().map(space, AREA, pages, RW);
      };
      prepare(as);
      expect(load(machine().thread(as, 'load_loop'), AREA)).toBe(5);
      machine().releaseSpace(as);
      const again = await machine().emptySpace(id);
      const thread = machine().thread(again, 'load_loop');
      thread.set(REG.rdi, AREA);
      // What was mapped may still be, or not; it is never something else.
      if (thread.run() === EVENT_SIGNAL) {
        prepare(again);
        expect(load(thread, AREA)).toBe(5);
      } else expect(thread.page.sysno).toBe(5);
    });

    test('the bounds that the platform names can be mapped and run', async () => {
      const { platform } = machine();
      expect(platform.minUserAddress).toBeLessThanOrEqual(0x1_0000);
      expect(platform.maxUserAddress % PAGE_SIZE).toBe(0);
      expect(platform.maxUserAddress).toBeLessThanOrEqual(2 ** 47);
      const { as, code } = await machine().space();
      const low = Math.max(platform.minUserAddress, PAGE_SIZE);
      const high = platform.maxUserAddress - PAGE_SIZE;
      const thread = machine().thread(as, 'one_syscall');
      for (const base of [low, high]) {
        machine().map(as, base, code, RX);
        thread.set(REG.rip, base + at('one_syscall') - CODE);
        thread.runToSyscall();
        expect(thread.get(REG.rip)).toBe(base + at('one_syscall_end') - CODE);
      }
      // A system call at the very end of user space: the way back leads to an address that nobody can have mapped.
      const last = machine().pages();
      last.bytes.set([0x0f, 0x05], PAGE_SIZE - 2);
      machine().map(as, high, last, RX);
      thread.set(REG.rip, platform.maxUserAddress - 2);
      thread.runToSyscall();
      thread.page.setResult(0);
      expect(thread.run()).toBe(EVENT_SIGNAL);
      expect(thread.page.signo).toBe(11);
    });

    test('code that the kernel changes is the code that runs', async () => {
      const { as, code } = await machine().space();
      const copy = machine().pages();
      machine().map(as, AREA, copy, RX);
      const thread = machine().thread(as, 'tiny');
      const tiny = at('tiny') - CODE;
      for (let i = 0; i < 50; i++) {
        copy.bytes.set([0xb8, i, 0, 0, 0]); // mov $i, %eax
        copy.bytes.set(code.bytes.subarray(tiny, tiny + 2), 5); // syscall
        thread.set(REG.rip, AREA);
        thread.runToSyscall();
        expect(thread.page.sysno).toBe(i);
      }
    });
  });
}
