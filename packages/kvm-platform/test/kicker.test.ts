import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { EVENT_INTERRUPT, EVENT_SYSCALL } from '@sbx/platform';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { Guest } from './guest.js';
import { kvmMissing, testWithKvm } from './usable.js';

/** Only a hang takes longer, also in an emulated machine. */
const SOON_MS = 5000;
const NEVER_NS = 1e15;
const turn = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('an inline run ends for the event loop', () => {
  let guest: Guest;
  beforeAll(() => {
    if (kvmMissing === undefined) guest = new Guest();
  });
  afterAll(() => guest?.destroy());

  function switchMs(): number {
    const start = performance.now();
    expect(guest.thread('spin').switch(guest.space, -1, NEVER_NS)).toBe(EVENT_INTERRUPT);
    return performance.now() - start;
  }

  testWithKvm('when a timer is due', async () => {
    await turn(1);
    let fired = false;
    setTimeout(() => {
      fired = true;
    }, 30);
    const elapsed = switchMs();
    expect(elapsed).toBeLessThan(30 + SOON_MS);
    while (!fired) await turn(1);
  });

  testWithKvm('when the thread pool has finished something', async () => {
    await turn(1);
    const read = readFile('/proc/self/status');
    expect(switchMs()).toBeLessThan(SOON_MS);
    // Each step of the read needs a turn of the loop, and each ends a run.
    await read;
  });

  testWithKvm('when a context of the pool has an event and a wake-up was asked for', async () => {
    await turn(1);
    const other = guest.thread('syscalls');
    other.start(guest.space);
    if (guest.platform.arm()) expect(switchMs()).toBeLessThan(SOON_MS);
    expect(guest.platform.wait(1e9)).toBe(true);
    expect(guest.platform.poll()).toBe(other);
    expect(other.page.event).toBe(EVENT_SYSCALL);
    await turn(1);
  });

  testWithKvm('and not before, while it has none', async () => {
    let longest = 0;
    for (let attempt = 0; attempt < 10 && longest < 20; attempt++) {
      await turn(1);
      const start = performance.now();
      expect(guest.thread('spin').switch(guest.space, -1, 30e6)).toBe(EVENT_INTERRUPT);
      longest = Math.max(longest, performance.now() - start);
    }
    expect(longest).toBeGreaterThan(20);
  });

  testWithKvm('no thread is awake while nothing runs', async () => {
    const idle = new Guest();
    idle.platform.prepare();
    const thread = idle.thread('syscalls');
    for (let i = 0; i < 20; i++) idle.run(thread);
    thread.start(idle.space);
    while (idle.platform.poll() === null) idle.platform.wait(1e9);
    const switches = (): number => {
      let sum = 0;
      for (const tid of readdirSync('/proc/self/task')) {
        if (Number(tid) === process.pid) continue;
        const status = readFileSync(`/proc/self/task/${tid}/status`, 'latin1');
        sum += Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(status)?.[1]);
      }
      return sum;
    };
    // The machine falls asleep within some milliseconds; then nothing happens but what vitest does.
    let calmest = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 20 && calmest > 20; i++) {
      const before = switches();
      await turn(100);
      calmest = Math.min(calmest, switches() - before);
    }
    idle.destroy();
    expect(calmest).toBeLessThanOrEqual(20);
  });

  testWithKvm('stray kicks change nothing', async () => {
    const thread = guest.thread('syscalls');
    // SIGRTMIN + 8, in the numbering of the C library.
    const kick = () => process.kill(process.pid, 42);
    for (let i = 1; i <= 50; i++) {
      kick();
      expect(guest.run(thread)).toBe(EVENT_SYSCALL);
      expect(thread.page.reg(5)).toBe(i);
    }
    await turn(5);
  });
});
