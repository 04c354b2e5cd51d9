import { EVENT_INTERRUPT, EVENT_SYSCALL, REG } from '@sbx/platform';
import { describe, expect, test } from 'vitest';
import { HANG_NS, type MakePlatform, useMachine } from './harness.js';

const turn = () => new Promise((resolve) => setTimeout(resolve, 5));

/** How the kernel's run loop learns of events: poll, wait, and wake from the event loop. */
export function eventsSuite(make: MakePlatform): void {
  describe('events', () => {
    const machine = useMachine(make);

    test('without started contexts there is nothing: poll is null and wait times out', () => {
      const { platform } = machine();
      expect(platform.poll()).toBeNull();
      const start = performance.now();
      expect(platform.wait(10e6)).toBe(false);
      expect(performance.now() - start).toBeGreaterThan(8);
      expect(platform.wait(0)).toBe(false);
    });

    test('each started context is reported once', async () => {
      const { as } = await machine().space(8);
      const { platform } = machine();
      const threads = Array.from({ length: 8 }, (_, i) => machine().thread(as, 'syscall_loop', i));
      const counts = new Map(threads.map((thread) => [thread.context, 0]));
      for (const thread of threads) thread.start();
      for (let events = 0; events < 800; ) {
        expect(platform.wait(HANG_NS)).toBe(true);
        for (let context = platform.poll(); context !== null; context = platform.poll()) {
          if (context.page.event === EVENT_SYSCALL) {
            events++;
            counts.set(context, counts.get(context)! + 1);
            expect(context.page.reg(REG.rbx)).toBe(counts.get(context));
          } else expect(context.page.event).toBe(EVENT_INTERRUPT);
          if (counts.get(context)! < 100) context.start(as);
        }
      }
      expect([...counts.values()]).toEqual(threads.map(() => 100));
      expect(platform.poll()).toBeNull();
      expect(platform.wait(1e6)).toBe(false);
    });

    test('no thread is forgotten while another makes system calls all the time', async () => {
      const { as } = await machine().space(4);
      const threads = Array.from({ length: 4 }, (_, i) => machine().thread(as, 'syscall_loop', i));
      const counts = new Map(threads.map((thread) => [thread.context, 0]));
      for (const thread of threads) thread.start();
      // On a busy machine a thread may wait long for a CPU.
      for (let i = 0; i < 100_000 && Math.min(...counts.values()) <= 50; i++) {
        const context = machine().next();
        counts.set(context, counts.get(context)! + 1);
        context.start(as);
      }
      for (let i = 0; i < 4; i++) machine().next();
      expect(Math.min(...counts.values())).toBeGreaterThan(50);
    });

    test('arm asks for one call of wake, when there is something', async () => {
      const { as } = await machine().space(2);
      const { platform } = machine();
      const threads = [machine().thread(as, 'spin', 0), machine().thread(as, 'spin', 1)];
      for (const thread of threads) thread.start();
      // A spurious interrupt of a thread wakes, too: begin again then.
      let before = 0;
      for (let quiet = false, i = 0; !quiet && i < 100; i++) {
        for (let context = platform.poll(); context !== null; context = platform.poll()) context.start(as);
        before = machine().wakes;
        if (!platform.arm()) continue;
        await turn();
        quiet = machine().wakes === before;
      }
      expect(machine().wakes).toBe(before);
      for (const thread of threads) thread.context.interrupt();
      const deadline = Date.now() + HANG_NS / 1e6;
      while (machine().wakes === before && Date.now() < deadline) await turn();
      await turn();
      expect(machine().wakes).toBe(before + 1);
      for (let i = 0; i < 2; i++) expect(machine().next().page.event).toBe(EVENT_INTERRUPT);
      await turn();
      expect(machine().wakes).toBe(before + 1);
    });

    test('arm says no when there is something already, and wake is not called', async () => {
      const { as } = await machine().space();
      const { platform } = machine();
      const thread = machine().thread(as, 'one_syscall');
      thread.start();
      expect(platform.wait(HANG_NS)).toBe(true);
      const before = machine().wakes;
      expect(platform.arm()).toBe(false);
      await turn();
      expect(machine().wakes).toBe(before);
      expect(platform.poll()).toBe(thread.context);
    });

    test('wake comes every time it is asked for', async () => {
      const { as } = await machine().space();
      const { platform } = machine();
      const thread = machine().thread(as, 'syscall_slow_loop');
      thread.set(REG.rdi, 100_000);
      for (let i = 0; i < 100; i++) {
        thread.start();
        const before = machine().wakes;
        if (platform.arm()) {
          const deadline = Date.now() + HANG_NS / 1e6;
          while (machine().wakes === before && Date.now() < deadline) await new Promise((resolve) => setImmediate(resolve));
          expect(machine().wakes).toBe(before + 1);
        }
        expect(platform.poll()).toBe(thread.context);
      }
    });
  });
}
