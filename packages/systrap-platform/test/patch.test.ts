import {
  ACCESS_EXECUTE,
  ACCESS_READ,
  ACCESS_WRITE,
  type Context,
  EVENT_INTERRUPT,
  EVENT_SIGNAL,
  EVENT_SYSCALL,
  MEMORY_ANONYMOUS,
  PAGE_SIZE,
  REG,
} from '@sbx/platform';
import { describe, expect } from 'vitest';
import { CODE, entry, Guest, STACK_TOP } from './guest.js';
import { testWithSystrap } from './usable.js';

const SIGTRAP = 5;
const TRAP_FLAG = 0x100;
/** Where the table of rewritten sites is (native/layout.h). */
const TABLE = 0x050f0000;
const MOV = entry('calls') + 3;
const SYSCALL = MOV + 5;
const RX = ACCESS_READ | ACCESS_EXECUTE;

/** A thread that has made so many calls that its call site is rewritten. */
function warm(guest: Guest, calls = 100): Context {
  const thread = guest.thread('calls');
  for (let i = 1; i <= calls; i++) expectCall(guest, thread, i);
  expect(guest.platform.counts().site).toBe(1);
  return thread;
}

function expectCall(guest: Guest, thread: Context, count: number, space = guest.space): void {
  expect(guest.run(thread, space)).toBe(EVENT_SYSCALL);
  const { page } = thread;
  expect([page.sysno, page.reg(REG.rbx), page.reg(REG.rip), page.reg(REG.rcx), page.reg(REG.rsp)]).toEqual([
    39,
    count,
    SYSCALL + 2,
    SYSCALL + 2,
    STACK_TOP,
  ]);
  page.setResult(count);
}

describe('rewritten call sites', () => {
  testWithSystrap('make calls without signals', () => {
    const guest = new Guest();
    const thread = warm(guest);
    const before = guest.platform.counts().call;
    for (let i = 101; i <= 300; i++) expectCall(guest, thread, i);
    expect(guest.platform.counts().call - before).toBe(200);
    // The kernel, and whoever reads through it, sees what the program has.
    expect([...guest.memory.bytes(guest.code + MOV - CODE, 7)]).toEqual([0xb8, 39, 0, 0, 0, 0x0f, 0x05]);
    guest.destroy();
  });

  testWithSystrap('give the result, and RCX and R11 as SYSCALL leaves them', () => {
    const guest = new Guest();
    const thread = guest.thread('results');
    const { page } = thread;
    const carry = 0x203;
    for (let i = 0, sum = 0; i < 200; i++) {
      page.setReg(REG.rflags, i % 3 === 0 ? carry : 0x202);
      const flags = page.reg(REG.rflags);
      expect([guest.run(thread), page.sysno, page.reg(REG.r12)]).toEqual([EVENT_SYSCALL, 39, sum]);
      if (i > 0) expect(page.reg(REG.r13)).toBe(entry('results') + 7);
      if (i > 0 && i % 3 !== 0) expect(page.reg(REG.r14) & ~0x8d5).toBe(flags & ~0x8d5);
      page.setResult(i);
      sum += i;
    }
    expect(guest.platform.counts().call).toBeGreaterThan(150);
    guest.destroy();
  });

  testWithSystrap('go on with the registers that the kernel has changed, each of them', () => {
    const guest = new Guest();
    const thread = warm(guest);
    const { page } = thread;
    const names = ['r15', 'r14', 'r13', 'r12', 'rbp', 'r10', 'r9', 'r8', 'rdx', 'rsi', 'rdi', 'rsp'] as const;
    const before = guest.platform.counts().call;
    for (const [i, name] of names.entries()) {
      const others = names.filter((other) => other !== name).map((other) => page.reg(REG[other]));
      page.setReg(REG[name], 0x700000 + i);
      // With the changed one, and then without a further change.
      for (let k = 0; k < 2; k++) {
        expect([guest.run(thread), page.reg(REG[name])]).toEqual([EVENT_SYSCALL, 0x700000 + i]);
        expect(names.filter((other) => other !== name).map((other) => page.reg(REG[other]))).toEqual(others);
        page.setResult(0);
      }
    }
    page.setReg(REG.rbx, 5000);
    expect([guest.run(thread), page.reg(REG.rbx)]).toEqual([EVENT_SYSCALL, 5001]);
    page.setReg(REG.rflags, 0x203);
    expect([guest.run(thread), page.reg(REG.rbx), page.reg(REG.rflags) & 1]).toEqual([EVENT_SYSCALL, 5002, 1]);
    page.setReg(REG.rip, MOV);
    expect([guest.run(thread), page.reg(REG.rbx)]).toEqual([EVENT_SYSCALL, 5002]);
    expect(guest.platform.counts().call - before).toBe(2 * names.length + 3);
    guest.destroy();
  });

  testWithSystrap('are not made where they are not wanted', () => {
    const guest = new Guest(2, { rewriteCallSites: false });
    const thread = guest.thread('calls');
    for (let i = 1; i <= 100; i++) expectCall(guest, thread, i);
    expect(guest.platform.counts()).toMatchObject({ site: 0, call: 0 });
    guest.destroy();
  });

  testWithSystrap('keep flags and vector registers, also of threads that are interrupted at any moment, and show them', () => {
    const guest = new Guest();
    const threads = [guest.thread('keep'), guest.thread('keep')];
    threads.forEach((thread, i) => {
      thread.pullState();
      thread.page.xstate[160] = i + 1;
      thread.page.xstate[512] = 3;
      thread.pushState();
      thread.page.setReg(REG.r12, i + 1);
      thread.page.setReg(REG.rsi, 1 + i * 300);
    });
    let calls = 0;
    for (let i = 0; i < 6000; i++) {
      const thread = threads[i & 1]!;
      if (i % 7 === 0) thread.start(guest.space);
      if (i % 7 === 0 && i % 3 !== 0) thread.interrupt();
      const event = i % 7 === 0 ? guest.next().page.event : thread.switch(guest.space, -1, i % 5 === 0 ? 0 : 1e9);
      expect([EVENT_SYSCALL, EVENT_INTERRUPT]).toContain(event);
      if (event === EVENT_SYSCALL) calls++;
      if (i % 11 === 0) {
        thread.pullState();
        expect([thread.page.xstate[160], thread.page.reg(REG.gsBase)]).toEqual([(i & 1) + 1, 0]);
        if (i % 2 === 0) thread.pushState();
      }
    }
    expect(threads.reduce((sum, { page }) => sum + page.reg(REG.rbx), 0)).toBeGreaterThanOrEqual(calls - 2);
    expect(guest.platform.counts().call).toBeGreaterThan(500);
    guest.destroy();
  });

  testWithSystrap('see new code that the kernel writes there', () => {
    const guest = new Guest();
    const thread = warm(guest);
    guest.memory.bytes(guest.code + MOV - CODE, 5).set([0xb8, 40, 0, 0, 0]);
    expect([guest.run(thread), thread.page.sysno]).toEqual([EVENT_SYSCALL, 40]);
    guest.destroy();
  });

  testWithSystrap('see code that the program itself writes: who gets write access sees the original', () => {
    const guest = new Guest();
    const thread = warm(guest);
    const other = guest.newSpace();
    other.mapFile(CODE, guest.memory, guest.code, PAGE_SIZE, ACCESS_READ | ACCESS_WRITE | ACCESS_EXECUTE, true);
    const before = guest.platform.counts().call;
    for (let i = 101; i <= 110; i++) expectCall(guest, thread, i);
    expect(guest.platform.counts().call).toBe(before);
    guest.destroy();
  });

  testWithSystrap('go with their page, and come back', () => {
    const guest = new Guest();
    const thread = warm(guest);
    guest.space.unmap(CODE, PAGE_SIZE);
    expect([guest.run(thread), thread.page.signo]).toEqual([EVENT_SIGNAL, 11]);
    guest.space.mapFile(CODE, guest.memory, guest.code, PAGE_SIZE, RX, true);
    for (let i = 101; i <= 200; i++) expectCall(guest, thread, i);
    expect(guest.platform.counts().site).toBe(2);
    guest.destroy();
  });

  testWithSystrap('leave their table to a program that wants its place', () => {
    const guest = new Guest();
    const thread = warm(guest);
    const page = guest.memory.allocate(PAGE_SIZE, MEMORY_ANONYMOUS);
    guest.memory.bytes(page, 4).set([7, 0, 0, 0]);
    guest.space.mapFile(TABLE, guest.memory, page, PAGE_SIZE, ACCESS_READ, true);
    const before = guest.platform.counts().call;
    for (let i = 101; i <= 200; i++) expectCall(guest, thread, i);
    expect(guest.platform.counts().call).toBe(before);
    const reader = guest.thread('load');
    reader.page.setReg(REG.rdi, TABLE);
    expect([guest.run(reader), reader.page.sysno]).toEqual([EVENT_SYSCALL, 7]);
    guest.destroy();
  });

  testWithSystrap('leave their table where the kernel says that something may be, before it is', () => {
    const guest = new Guest();
    const thread = warm(guest);
    guest.space.claim();
    const before = guest.platform.counts().call;
    for (let i = 101; i <= 200; i++) expectCall(guest, thread, i);
    expect(guest.platform.counts().call).toBe(before);
    const reader = guest.thread('load');
    reader.page.setReg(REG.rdi, TABLE);
    expect([guest.run(reader), reader.page.signo, reader.page.faultAddress]).toEqual([EVENT_SIGNAL, 11, TABLE]);
    guest.destroy();
  });

  testWithSystrap('are left alone by a program that uses GS itself', () => {
    const guest = new Guest();
    const thread = warm(guest);
    thread.pullState();
    thread.page.setReg(REG.gsBase, 0x1234000);
    thread.pushState();
    for (let i = 101; i <= 120; i++) expectCall(guest, thread, i);
    thread.pullState();
    expect(thread.page.reg(REG.gsBase)).toBe(0x1234000);
    guest.destroy();
  });

  testWithSystrap('are single-stepped as what they were', () => {
    const guest = new Guest();
    const thread = warm(guest);
    thread.page.setReg(REG.rflags, 0x202 | TRAP_FLAG);
    const seen: number[] = [];
    for (let i = 0; i < 4; i++) {
      expect([guest.run(thread), thread.page.signo]).toEqual([EVENT_SIGNAL, SIGTRAP]);
      seen.push(thread.page.reg(REG.rip) - entry('calls'));
      if (seen.at(-1) === SYSCALL - entry('calls')) expect(guest.run(thread)).toBe(EVENT_SYSCALL);
    }
    // jmp; inc; mov; then the system call, and the trap after what follows it.
    expect(seen).toEqual([0, 3, 8, 0]);
    guest.destroy();
  });

  testWithSystrap('many threads come through one', () => {
    const guest = new Guest();
    const threads = Array.from({ length: 12 }, () => guest.thread('calls'));
    const counts = new Map(threads.map((thread) => [thread, 0]));
    for (const thread of threads) thread.start(guest.space);
    for (let i = 0; i < 6000; i++) {
      const thread = guest.next();
      if (thread.page.event === EVENT_SYSCALL) {
        counts.set(thread, counts.get(thread)! + 1);
        expect(thread.page.reg(REG.rbx)).toBe(counts.get(thread));
      } else expect(thread.page.event).toBe(EVENT_INTERRUPT);
      thread.start(guest.space);
    }
    for (let i = 0; i < threads.length; i++) guest.next();
    expect(guest.platform.counts().call).toBeGreaterThan(1000);
    guest.destroy();
  });
});
