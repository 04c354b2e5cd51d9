import { setImmediate } from 'node:timers/promises';
import { EVENT_SYSCALL, REG } from '@sbx/platform';
import { describe, expect } from 'vitest';
import { Guest } from './guest.js';
import { testWithSystrap } from './usable.js';

const CALLS = 200;

describe('waiting', () => {
  testWithSystrap('without looking: each side sleeps, and no event is lost', async () => {
    const guest = new Guest(1, { spin: false });
    const thread = guest.thread('syscalls');
    for (let call = 1; call <= CALLS; call++) {
      expect(guest.run(thread)).toBe(EVENT_SYSCALL);
      // A sleeping run ends early while the event loop has something to do.
      await setImmediate();
      expect(thread.page.reg(REG.rbx)).toBe(call);
    }
    const { sleep, wake } = guest.platform.counts();
    expect(sleep).toBeGreaterThan(0);
    expect(wake).toBeGreaterThan(0);
    guest.destroy();
  });
});
