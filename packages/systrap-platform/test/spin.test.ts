import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { EVENT_SYSCALL, PAGE_SIZE, REG } from '@sbx/platform';
import { describe, expect } from 'vitest';
import { DATA, Guest } from './guest.js';
import { testWithSystrap } from './usable.js';

const CALLS = 200;

/** The CPUs that the threads of a process may use. */
function allowed(pid: number | 'self'): string[] {
  return readdirSync(`/proc/${pid}/task`).map(
    (tid) => /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync(`/proc/${pid}/task/${tid}/status`, 'latin1'))![1]!,
  );
}

const restrict = (pid: number, cpus: string): unknown => execFileSync('taskset', ['-a', '-p', '-c', cpus, `${pid}`]);

describe('waiting', () => {
  testWithSystrap('without looking: threads sleep at once, and no event is lost', async () => {
    const guest = new Guest(1, { spin: false });
    const thread = guest.thread('syscalls');
    for (let call = 1; call <= CALLS; call++) {
      expect(guest.run(thread)).toBe(EVENT_SYSCALL);
      // A sleeping run ends early while the event loop has something to do.
      await setImmediate();
      expect(thread.page.reg(REG.rbx)).toBe(call);
    }
    // The sentry may find the event there before it sleeps: on its own CPU the thread may go first.
    expect(guest.platform.counts().wake).toBeGreaterThan(0);
    guest.destroy();
  });

  // Where there is one CPU, there is nothing to move to.
  const testApart = availableParallelism() < 2 ? () => {} : testWithSystrap;

  testApart('the mapper works on the CPU of the sentry; threads that it makes may run anywhere', () => {
    const guest = new Guest(2);
    const [first, second] = [guest.thread('syscalls'), guest.thread('syscalls')];
    expect(guest.run(first)).toBe(EVENT_SYSCALL);
    guest.space.unmap(DATA, PAGE_SIZE);
    expect(guest.run(second)).toBe(EVENT_SYSCALL);
    const [all] = allowed('self');
    const stub = guest.space.process as number;
    const mapper = /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync(`/proc/${stub}/task/${stub}/status`, 'latin1'))![1]!;
    expect(mapper).toMatch(/^\d+$/);
    expect(allowed(stub).sort()).toEqual([mapper, all, all].sort());
    guest.destroy();
  });

  testApart('a thread and the sentry do not stay on one CPU, unless they are pinned to it', () => {
    const guest = new Guest(1);
    const thread = guest.thread('syscalls');
    const makeCalls = (count: number) => {
      for (let call = 0; call < count; call++) expect(guest.run(thread)).toBe(EVENT_SYSCALL);
    };
    makeCalls(1);
    const stub = guest.space.process as number;
    const [all] = allowed('self');
    const one = all!.split(/[,-]/)[0]!;
    try {
      for (const pid of [process.pid, stub]) restrict(pid, one);
      makeCalls(3 * CALLS);
      expect(guest.platform.counts().move).toBe(0);
      expect(new Set(allowed(stub))).toEqual(new Set([one]));
    } finally {
      restrict(process.pid, all!);
    }
    // Now they may part: the host does it, or we do, and the thread gets what the sentry has.
    let wakes = CALLS;
    for (let i = 0; i < 500 && wakes >= CALLS && guest.platform.counts().move === 0; i++) {
      const before = guest.platform.counts().wake;
      makeCalls(CALLS);
      wakes = guest.platform.counts().wake - before;
    }
    if (guest.platform.counts().move > 0) expect(allowed(stub)).toContain(all);
    else expect(wakes).toBeLessThan(CALLS);
    guest.destroy();
  });
});
