import { EVENT_SIGNAL, EVENT_SYSCALL, REG } from '@sbx/platform';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { DATA, Guest } from './guest.js';
import { kvmMissing, testWithKvm } from './usable.js';

const SIGILL = 4;

describe('what ring 3 may do', () => {
  let guest: Guest;
  beforeAll(() => {
    if (kvmMissing === undefined) guest = new Guest();
  });
  afterAll(() => guest?.destroy());

  testWithKvm('a hypercall changes nothing in memory', () => {
    const before = Buffer.from(guest.memory.bytes(guest.code, 4096));
    const thread = guest.thread('vmcall');
    thread.page.setReg(REG.rax, 999);
    expect([EVENT_SYSCALL, EVENT_SIGNAL]).toContain(guest.run(thread));
    expect(Buffer.from(guest.memory.bytes(guest.code, 4096)).equals(before)).toBe(true);
  });

  testWithKvm('there is no 32-bit mode', () => {
    const pointer = guest.memory.bytes(guest.data, 16);
    for (const selector of [0x23, 0x33 & ~3]) {
      pointer.set([0, 0, 0x40, 0, selector, 0]);
      const thread = guest.thread('far_jump');
      thread.page.setReg(REG.rdi, DATA);
      const event = guest.run(thread);
      // The CPU puts its own privilege level into the selector: 0x30 is 64-bit code as ever.
      if (selector === 0x30) expect(event).toBe(EVENT_SYSCALL);
      // Where ring 3 runs on the host's own descriptors the jump works, and what follows it does not.
      else expect([event, [4, 11].includes(thread.page.signo)]).toEqual([EVENT_SIGNAL, true]);
    }
  });

  testWithKvm('there are no protection keys, with which a thread could lock itself out of memory that is mapped', () => {
    const thread = guest.thread('wrpkru');
    thread.page.setReg(REG.rax, 3);
    expect([guest.run(thread), thread.page.signo]).toEqual([EVENT_SIGNAL, SIGILL]);
    thread.pullState();
    const PKRU = 1 << 1;
    expect(thread.page.xstate[513]! & PKRU).toBe(0);
    expect(guest.platform.extendedState.featuresLow & (PKRU << 8)).toBe(0);
  });

  testWithKvm('extended state that no CPU would accept is SIGSEGV, and the context can go on with another', () => {
    const thread = guest.thread('syscalls');
    expect(guest.run(thread)).toBe(EVENT_SYSCALL);
    thread.pullState();
    const good = Uint8Array.from(thread.page.xstate);
    thread.page.xstate.fill(0xff, 512, 576);
    thread.pushState();
    expect(guest.run(thread)).toBe(EVENT_SIGNAL);
    expect([thread.page.signo, thread.page.sigcode]).toEqual([11, 0x80]);
    thread.page.xstate.set(good);
    thread.pushState();
    expect(guest.run(thread)).toBe(EVENT_SYSCALL);
    expect(thread.page.reg(REG.rbx)).toBe(2);
  });

  testWithKvm('bases and selectors that are no good do not reach the CPU', () => {
    const thread = guest.thread('push');
    thread.page.setRegPair(REG.fsBase, 0, 0x8000_0000);
    thread.page.setReg(REG.gs, 0x38);
    thread.page.setReg(REG.ds, 0x10);
    thread.page.setRegPair(REG.cs, 0x10, 0);
    thread.page.setRegPair(REG.ss, 0x18, 0);
    thread.page.setRegPair(REG.rflags, 0xffff_ffff & ~0x100, 0xffff_ffff);
    thread.pushState();
    expect(guest.run(thread)).toBe(EVENT_SYSCALL);
    thread.pullState();
    const { page } = thread;
    expect([REG.fsBase, REG.gs, REG.ds, REG.cs, REG.ss].map((reg) => page.reg(reg))).toEqual([0, 0, 0, 0x33, 0x2b]);
    // CF PF AF ZF SF IF DF OF AC ID and bit 1; no IOPL, NT, VM, VIF, VIP.
    expect(page.reg(REG.rflags) & ~0x1_0000).toBe(0x24_0ed7 & ~0x100);
  });
});
