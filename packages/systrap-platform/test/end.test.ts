import { EVENT_SYSCALL, REG } from '@sbx/platform';
import { describe, expect } from 'vitest';
import { Guest } from './guest.js';
import { slotAddress } from './hostile/layout.js';
import { testWithSystrap } from './usable.js';

const ROUNDS = 100;
/** Long enough for a thread that still runs to be seen. */
const LOOKS = 20_000;

describe('the end of a process', () => {
  testWithSystrap('no thread writes to memory any more when its address space is released', () => {
    const guest = new Guest();
    const counter = new Int32Array(guest.memory.bytes(guest.data, 4).buffer, guest.memory.bytes(guest.data, 4).byteOffset, 1);
    let ran = 0;
    let late = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const space = guest.newSpace();
      const [hidden, accomplice] = [guest.thread('spin'), guest.thread('store')];
      hidden.start(space);
      // The other thread publishes an event in its name: to the sentry it has stopped.
      accomplice.page.setReg(REG.rdi, Number(slotAddress(0)));
      accomplice.page.setReg(REG.rsi, 1);
      expect(guest.run(accomplice, space)).toBe(EVENT_SYSCALL);
      expect(guest.next()).toBe(hidden);
      const before = Atomics.load(counter, 0);
      for (let i = 0; i < LOOKS && Atomics.load(counter, 0) === before; i++);
      if (Atomics.load(counter, 0) !== before) ran++;
      space.release();
      const after = Atomics.load(counter, 0);
      for (let i = 0; i < LOOKS; i++) {
        if (Atomics.load(counter, 0) === after) continue;
        late++;
        break;
      }
      hidden.release();
      accomplice.release();
    }
    guest.destroy();
    expect(ran).toBeGreaterThan(0);
    expect(late).toBe(0);
  });
});
