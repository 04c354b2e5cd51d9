import { EVENT_INTERRUPT, EVENT_SYSCALL, REG } from '@sbx/platform';
import { describe, expect, test } from 'vitest';
import { HANG_NS, type Machine, type MakePlatform, type Thread, useMachine } from './harness.js';
import { DATA } from './layout.js';

/** Starts the threads and runs all of them until each has made a system call. */
export function runAll(machine: Machine, threads: readonly Thread[]): void {
  const running = new Map(threads.map((thread) => [thread.context, thread]));
  for (const thread of threads) thread.start();
  while (running.size > 0) {
    const context = machine.next();
    const thread = running.get(context);
    if (thread === undefined) throw new Error('an event of a context that was not started');
    if (context.page.event === EVENT_INTERRUPT) {
      thread.start();
      continue;
    }
    expect({ event: context.page.event, signo: context.page.event === EVENT_SYSCALL ? 0 : context.page.signo }).toEqual({
      event: EVENT_SYSCALL,
      signo: 0,
    });
    running.delete(context);
  }
}

/** Threads of one address space run at the same time and share its memory. */
export function parallelSuite(make: MakePlatform): void {
  describe('parallel threads', () => {
    const machine = useMachine(make, { concurrency: 2 });

    test('two threads hand a word back and forth: both really run', async ({ skip }) => {
      if (machine().platform.concurrency < 2) skip('the platform runs one thread at a time');
      const { as, data } = await machine().space(2);
      const threads = [0, 1].map((i) => {
        const thread = machine().thread(as, 'ping_pong', i);
        thread.set(REG.rdi, DATA);
        thread.set(REG.rsi, i);
        // Where there are fewer CPUs than want to run, each turn may cost a time slice.
        thread.set(REG.rdx, 1000);
        return thread;
      });
      runAll(machine(), threads);
      expect(data.i32[0]).toBe(2000);
    });

    test('locked additions of two threads are all there', async () => {
      const { as, data } = await machine().space(2);
      const threads = [0, 1].map((i) => {
        const thread = machine().thread(as, 'add_many', i);
        thread.set(REG.rdi, DATA);
        thread.set(REG.rdx, 500_000);
        return thread;
      });
      runAll(machine(), threads);
      expect(data.i32[0]).toBe(1_000_000);
    });

    test('a thread and the kernel see each other’s stores', async () => {
      const { as, data } = await machine().space();
      const thread = machine().thread(as, 'ping_pong');
      thread.set(REG.rdi, DATA);
      thread.set(REG.rsi, 0);
      thread.set(REG.rdx, 200);
      thread.start();
      const deadline = performance.now() + HANG_NS / 1e6;
      for (let value = 1; value < 400; value += 2) {
        while (Atomics.load(data.i32, 0) !== value && performance.now() < deadline);
        expect(Atomics.load(data.i32, 0)).toBe(value);
        Atomics.store(data.i32, 0, value + 1);
      }
      expect(machine().next()).toBe(thread.context);
      expect(thread.page.event).toBe(EVENT_SYSCALL);
    });

    test('more threads than can run at once all come to their end', async () => {
      const { as, data } = await machine().space(16);
      const threads = Array.from({ length: 16 }, (_, i) => {
        const thread = machine().thread(as, 'add_many', i);
        thread.set(REG.rdi, DATA);
        thread.set(REG.rdx, 10_000);
        return thread;
      });
      for (let round = 1; round <= 5; round++) {
        for (const thread of threads) {
          thread.goto('add_many');
          thread.set(REG.rdx, 10_000);
        }
        runAll(machine(), threads);
        expect(data.i32[0]).toBe(round * 160_000);
      }
    });

    test('threads in different address spaces run at the same time and share only what both map', async () => {
      const shared = machine().pages();
      const spaces = [await machine().space(), await machine().space()];
      const threads = spaces.map(({ as }, i) => {
        machine().map(as, 0x6000_0000, shared, 3);
        const thread = machine().thread(as, 'add_many');
        thread.set(REG.rdi, i === 0 ? 0x6000_0000 : 0x6000_0000);
        thread.set(REG.rdx, 100_000);
        return thread;
      });
      runAll(machine(), threads);
      expect(shared.i32[0]).toBe(200_000);
      for (const thread of threads) {
        thread.goto('add_many');
        thread.set(REG.rdi, DATA);
        thread.set(REG.rdx, 1000);
      }
      runAll(machine(), threads);
      expect(spaces.map(({ data }) => data.i32[0])).toEqual([1000, 1000]);
    });
  });
}
