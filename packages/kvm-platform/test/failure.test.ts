import { ACCESS_READ, EVENT_FAILED, EVENT_INTERRUPT, EVENT_SIGNAL, EVENT_SYSCALL, MEMORY_SYSTEM, REG } from '@sbx/platform';
import { amd64, MAP_READ, MAP_USER, MAP_WRITE } from '@sbx/ring0';
import { afterEach, beforeEach, describe, expect } from 'vitest';
import { binding } from '../src/binding.js';
import type { KvmContext } from '../src/context.js';
import { DATA, Guest, HANG_NS } from './guest.js';
import { kvmMissing, testWithKvm } from './usable.js';

const HOLE = 0x10_0000_0000;
const UNBACKED_PHYSICAL = 0x30_0000_0000;

describe('vCPUs that die', () => {
  let guest: Guest;
  beforeEach(() => {
    if (kvmMissing === undefined) guest = new Guest();
  });
  afterEach(() => guest?.destroy());

  /** Zeroes the IDT: the next exception has no handler, nor has the one that this causes. */
  function breakIdt(): void {
    const { kernelMemory } = guest;
    const words = new Uint32Array(kernelMemory.chunks[0]!);
    const text = binding.textSize / 4;
    // The kernel area is the first allocation after the first chunk of page tables.
    for (let page = 0; page < words.length; page += 1024) {
      if (words[page] !== 0xf4 || words[page + text]! >>> 16 !== amd64.KCODE) continue;
      words.fill(0, page + text, page + text + amd64.IDT_SIZE / 4);
      return;
    }
    throw new Error('no kernel area found');
  }

  /** Runs in a space that the native part alone knows. */
  function run(thread: KvmContext, space: number): number {
    for (;;) {
      const event = binding.switch(guest.platform.machine.id, thread.id, space, HANG_NS);
      if (event !== EVENT_INTERRUPT) return event;
    }
  }

  testWithKvm('a triple fault is a failure with a report, and the process and other machines live', () => {
    const other = new Guest();
    const thread = guest.thread('undefined');
    expect(guest.run(thread)).toBe(EVENT_SIGNAL);
    breakIdt();
    expect(guest.run(thread)).toBe(EVENT_FAILED);
    expect(guest.platform.failure()).toMatch(/shut down|KVM internal error/);
    expect(guest.platform.failure()).toMatch(/rip [0-9a-f]{16}/);
    // From now on nothing of this machine runs.
    expect(thread.switch(guest.space, -1, HANG_NS)).toBe(EVENT_FAILED);
    const pooled = guest.thread('syscalls');
    pooled.start(guest.space);
    expect(guest.platform.wait(HANG_NS)).toBe(true);
    expect(guest.platform.poll()).toBe(pooled);
    expect(pooled.page.event).toBe(EVENT_FAILED);
    expect(other.run(other.thread('syscalls'))).toBe(EVENT_SYSCALL);
    expect(other.platform.failure()).toBeNull();
    other.destroy();
  });

  testWithKvm('a failure on a pool thread ends the other vCPUs’ runs, too', () => {
    const [spinner, failing] = [guest.thread('spin'), guest.thread('undefined')];
    breakIdt();
    spinner.start(guest.space);
    failing.start(guest.space);
    const events = new Map();
    const deadline = performance.now() + HANG_NS / 1e6;
    while (events.size < 2 && performance.now() < deadline) {
      guest.platform.wait(1e6);
      for (let context = guest.platform.poll(); context !== null; context = guest.platform.poll()) events.set(context, context.page.event);
    }
    expect([events.get(spinner), events.get(failing)]).toEqual([EVENT_FAILED, EVENT_FAILED]);
  });

  testWithKvm('guest-physical memory that is not there', () => {
    const { machine } = guest.platform;
    const tables = amd64.PageTables.create(machine.tables, { kernelHalf: machine.kernelHalf }) as amd64.PageTables;
    tables.map(HOLE, 4096, MAP_READ | MAP_WRITE | MAP_USER, UNBACKED_PHYSICAL);
    tables.map(0x400000, 4096, MAP_READ | MAP_USER | 4, 2 ** 32 + guest.code);
    const id = binding.newSpace(machine.id, tables.cr3High(false) * 2 ** 32 + tables.cr3Low(0));
    const thread = guest.thread('load');
    thread.page.setReg(REG.rdi, HOLE);
    expect(run(thread, id)).toBe(EVENT_FAILED);
    expect(guest.platform.failure()).toMatch(/guest-physical 0x3000000000|internal error/);
    binding.releaseSpace(machine.id, id);
    tables.release();
  });

  testWithKvm('memory that the host refuses is SIGBUS for the application, and nothing else', () => {
    const { machine } = guest.platform;
    // A slot over addresses where this process has nothing: page 0 can't be mapped by anybody.
    const offset = guest.kernelMemory.allocate(4096, MEMORY_SYSTEM);
    const hole = findHole();
    expect(binding.addSlot(machine.id, UNBACKED_PHYSICAL, hole, 4096)).toBe(0);
    const tables = amd64.PageTables.create(machine.tables, { kernelHalf: machine.kernelHalf }) as amd64.PageTables;
    tables.map(HOLE, 4096, MAP_READ | MAP_WRITE | MAP_USER, UNBACKED_PHYSICAL);
    tables.map(0x400000, 4096, MAP_READ | MAP_USER | 4, 2 ** 32 + guest.code);
    const id = binding.newSpace(machine.id, tables.cr3High(false) * 2 ** 32 + tables.cr3Low(0));
    const thread = guest.thread('load');
    thread.page.setReg(REG.rdi, HOLE);
    expect(run(thread, id)).toBe(EVENT_SIGNAL);
    expect([thread.page.signo, thread.page.sigcode]).toEqual([7, 2]);
    expect(thread.page.reg(REG.rdi)).toBe(HOLE);
    // The vCPU goes on with others.
    expect(guest.run(guest.thread('syscalls'))).toBe(EVENT_SYSCALL);
    expect(guest.platform.failure()).toBeNull();
    binding.releaseSpace(machine.id, id);
    tables.release();
    guest.kernelMemory.decRef(offset, 4096);
  });

  /** An address, in this process, of 64 KiB at which nothing is mapped. */
  function findHole(): number {
    return 0x7000_0000;
  }

  testWithKvm('wrong arguments throw, and touch nothing', () => {
    const { id } = guest.platform.machine;
    const thread = guest.thread('syscalls');
    expect(() => binding.switch(99, 0, 0, 0)).toThrow(/not a machine/);
    expect(() => binding.switch(id, 99, guest.space.id, 0)).toThrow(/not a context/);
    expect(() => binding.switch(id, thread.id, 99, 0)).toThrow(/not an address space/);
    expect(() => binding.switch(id, -1, -1, 0)).toThrow(TypeError);
    expect(() => binding.writeProtect(id, guest.space.id, 1, 4096)).toThrow(/range/);
    expect(() => binding.newContext(id, 12)).toThrow(/page/);
    expect(() => guest.space.mapFile(2 ** 47, guest.memory, 0, 4096, ACCESS_READ, false)).toThrow(RangeError);
    expect(() => guest.space.mapFile(DATA, guest.kernelMemory, 0, 4096, ACCESS_READ, false)).toThrow(/not the memory/);
    thread.start(guest.space);
    expect(() => thread.switch(guest.space, -1, 0)).toThrow(/runs/);
    expect(() => thread.start(guest.space)).toThrow(/runs/);
    expect(guest.platform.wait(HANG_NS)).toBe(true);
    expect(guest.platform.poll()).toBe(thread);
    expect(guest.run(thread)).toBe(EVENT_SYSCALL);
    thread.release();
    expect(() => thread.switch(guest.space, -1, 0)).toThrow(/not a context/);
  });
});
