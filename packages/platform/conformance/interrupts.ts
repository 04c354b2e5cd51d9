import { EVENT_INTERRUPT, EVENT_SIGNAL, EVENT_SYSCALL, REG } from '@sbx/platform';
import { describe, expect, test } from 'vitest';
import { SIGTRAP, TRAP_FLAG } from './faults.js';
import { at, busy, HANG_NS, type MakePlatform, Random, useMachine } from './harness.js';
import { DATA } from './layout.js';

/** `interrupt()` may be called at any moment, and is reported exactly when it has to be. */
export function interruptsSuite(make: MakePlatform): void {
  describe('interrupts', () => {
    const machine = useMachine(make);

    test('before a switch: the next one ends so, and only that one', async () => {
      const { as } = await machine().space();
      const thread = machine().thread(as, 'syscall_loop');
      for (let i = 1; i <= 20; i++) {
        thread.context.interrupt();
        thread.context.interrupt();
        expect(thread.context.switch(as, -1, HANG_NS)).toBe(EVENT_INTERRUPT);
        thread.runToSyscall();
        expect(thread.get(REG.rbx)).toBe(i);
      }
    });

    test('before a start: likewise', async () => {
      const { as } = await machine().space();
      const thread = machine().thread(as, 'syscall_loop');
      for (let i = 1; i <= 20; i++) {
        thread.context.interrupt();
        thread.start();
        expect(machine().next()).toBe(thread.context);
        expect(thread.page.event).toBe(EVENT_INTERRUPT);
        do thread.start();
        while (machine().next().page.event === EVENT_INTERRUPT);
        expect([thread.page.event, thread.get(REG.rbx)]).toEqual([EVENT_SYSCALL, i]);
      }
    });

    test('a thread that never makes a system call is stopped, with all its registers', async () => {
      const { as } = await machine().space();
      const thread = machine().thread(as, 'not_spin');
      const random = new Random(1);
      const registers = [
        REG.rax,
        REG.rbx,
        REG.rcx,
        REG.rdx,
        REG.rsi,
        REG.rdi,
        REG.rbp,
        REG.rsp,
        REG.r8,
        REG.r9,
        REG.r10,
        REG.r11,
        REG.r12,
        REG.r15,
      ];
      for (let round = 0; round < 20; round++) {
        const values = registers.map((reg) => {
          const value = random.u32() * 2 ** 20;
          thread.set(reg, value);
          return value;
        });
        thread.goto('not_spin');
        thread.start();
        busy(2);
        thread.context.interrupt();
        expect(machine().next()).toBe(thread.context);
        expect(thread.page.event).toBe(EVENT_INTERRUPT);
        if (thread.get(REG.rip) !== at('not_spin_loop')) continue; // it had not come so far
        registers.forEach((reg, i) => {
          const low = ~(values[i] % 2 ** 32) >>> 0;
          const high = ~Math.floor(values[i] / 2 ** 32) >>> 0;
          expect([thread.page.regLow(reg), thread.page.regHigh(reg)]).toEqual([low, high]);
        });
      }
    });

    test('a thread that keeps interrupts off, as far as ring 3 can, is stopped all the same', async () => {
      const { as } = await machine().space();
      const thread = machine().thread(as, 'shadow_loop');
      for (let round = 0; round < 20; round++) {
        thread.start();
        busy(1);
        thread.context.interrupt();
        expect(machine().next()).toBe(thread.context);
        expect(thread.page.event).toBe(EVENT_INTERRUPT);
      }
      // So is one that steps singly, unless the trap of a step comes first.
      thread.set(REG.rflags, 0x202 | TRAP_FLAG);
      for (let round = 0; round < 200; round++) {
        thread.start();
        busy(round / 20_000);
        thread.context.interrupt();
        expect(machine().next()).toBe(thread.context);
        if (thread.page.event !== EVENT_INTERRUPT) expect([thread.page.event, thread.page.signo]).toEqual([EVENT_SIGNAL, SIGTRAP]);
      }
      thread.set(REG.rflags, 0x202);
      thread.goto('one_syscall');
      thread.runToSyscall();
    });

    test('a switch ends when its time is over', async () => {
      const { as } = await machine().space();
      const thread = machine().thread(as, 'spin');
      for (const ms of [5, 40]) {
        // An interrupt may be spurious (the event loop may have work), but not each time.
        let longest = 0;
        for (let i = 0; i < 100 && longest < ms * 0.5; i++) {
          await new Promise((resolve) => setTimeout(resolve, 1));
          const start = performance.now();
          expect(thread.context.switch(as, -1, ms * 1e6)).toBe(EVENT_INTERRUPT);
          longest = performance.now() - start;
          expect(thread.get(REG.rip)).toBe(at('spin'));
        }
        expect(longest).toBeGreaterThan(ms * 0.5);
      }
      thread.goto('one_syscall');
      thread.runToSyscall();
    });

    test('a switch with no time at all still ends', async () => {
      const { as } = await machine().space();
      const thread = machine().thread(as, 'spin');
      for (let i = 0; i < 20; i++) expect(thread.context.switch(as, -1, 0)).toBe(EVENT_INTERRUPT);
    });

    test('at random moments of a thread that makes system calls: none is lost, and no system call is lost or doubled', async () => {
      const { as } = await machine().space();
      const thread = machine().thread(as, 'syscall_slow_loop');
      const random = new Random(2);
      thread.set(REG.rdi, 2000);
      let calls = 0;
      let interrupts = 0;
      let owed = 0; // events since an interrupt() that has not been reported
      for (let round = 0; round < 1500; round++) {
        thread.start();
        if (random.below(4) !== 0) {
          busy(random.below(60) / 1000);
          thread.context.interrupt();
          owed = Math.max(owed, 1);
        }
        expect(machine().next()).toBe(thread.context);
        if (thread.page.event === EVENT_INTERRUPT) {
          interrupts++;
          owed = 0;
          continue;
        }
        expect(thread.page.event).toBe(EVENT_SYSCALL);
        expect(thread.get(REG.rbx)).toBe(++calls);
        expect(thread.page.sysno).toBe(calls);
        if (owed > 0) expect(owed++).toBeLessThan(3);
      }
      expect(calls).toBeGreaterThan(0);
      expect(interrupts).toBeGreaterThan(0);
    });

    test('no trap is lost to an interrupt that comes at the same moment', async () => {
      const { as } = await machine().space();
      const thread = machine().thread(as, 'breakpoint');
      const random = new Random(3);
      let traps = 0;
      for (let round = 0; round < 3000; round++) {
        thread.goto('breakpoint');
        thread.start();
        if (random.below(3) !== 0) {
          busy(random.below(40) / 1000);
          thread.context.interrupt();
        }
        expect(machine().next()).toBe(thread.context);
        // Either the instruction has not been executed, or its trap is the event.
        const { event } = thread.page;
        expect([event, thread.get(REG.rip)]).toEqual([event, at(event === EVENT_INTERRUPT ? 'breakpoint' : 'breakpoint_end')]);
        if (event !== EVENT_INTERRUPT) {
          expect([event, thread.page.signo]).toEqual([EVENT_SIGNAL, SIGTRAP]);
          traps++;
        }
      }
      expect(traps).toBeGreaterThan(0);
    });

    test('an interrupt of one thread leaves another running', async () => {
      const { as, data } = await machine().space(2);
      const [a, b] = [machine().thread(as, 'spin', 0), machine().thread(as, 'count_loop', 1)];
      b.set(REG.rdi, DATA);
      a.start();
      b.start();
      for (let i = 0; i < 20; i++) {
        busy(1);
        a.context.interrupt();
        let context = machine().next();
        while (context === b.context) {
          b.start(); // spurious
          context = machine().next();
        }
        const before = Atomics.load(data.i32, 0);
        const deadline = performance.now() + HANG_NS / 1e6;
        while (Atomics.load(data.i32, 0) === before && performance.now() < deadline) machine().platform.wait(1e5);
        expect(Atomics.load(data.i32, 0)).not.toBe(before);
        a.start();
      }
    });
  });
}
