import { EVENT_SYSCALL, REG } from '@sbx/platform';
import { describe, expect } from 'vitest';
import { Guest } from './guest.js';
import { testWithSystrap } from './usable.js';

const CALLS = 200;

describe('waiting', () => {
  testWithSystrap('without looking: each side sleeps, and no event is lost', () => {
    const guest = new Guest(1, { spin: false });
    const thread = guest.thread('syscalls');
    for (let call = 1; call <= CALLS; call++) {
      expect(guest.run(thread)).toBe(EVENT_SYSCALL);
      expect(thread.page.reg(REG.rbx)).toBe(call);
    }
    const { sleep, wake } = guest.platform.counts();
    expect(sleep).toBeGreaterThan(0);
    expect(wake).toBeGreaterThan(0);
    guest.destroy();
  });
});
