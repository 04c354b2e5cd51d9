import { ACCESS_READ, EVENT_SYSCALL, MEMORY_ANONYMOUS, MEMORY_SYSTEM, PAGE_SIZE } from '@sbx/platform';
import { afterEach, beforeEach, describe, expect } from 'vitest';
import { binding } from '../src/binding.js';
import { Guest } from './guest.js';
import { kvmMissing, testWithKvm } from './usable.js';

const ENOMEM = 12;
const MiB = 2 ** 20;
/** What one table of the lowest level maps. */
const TABLE_SPAN = 2 * MiB;
const AREA = 0x10_0000_0000;

describe('page tables', () => {
  let guest: Guest;
  beforeEach(() => {
    if (kvmMissing === undefined) guest = new Guest();
  });
  afterEach(() => guest?.destroy());

  testWithKvm('a map that fails takes nothing from others', () => {
    const { memory, kernelMemory, platform } = guest;
    const { tables } = platform.machine;
    const [greedy, modest] = [guest.newSpace(), guest.newSpace()];
    // There are only the table pages that exist already; four are left.
    for (const size of [MiB, PAGE_SIZE]) while (kernelMemory.allocate(size, MEMORY_SYSTEM) >= 0);
    const large = memory.allocate(8 * TABLE_SPAN, MEMORY_ANONYMOUS);
    for (let at = AREA; tables.size / PAGE_SIZE - tables.usedPages > 4; at += TABLE_SPAN) {
      expect(greedy.mapFile(at, memory, large, PAGE_SIZE, ACCESS_READ, true)).toBe(0);
    }
    const used = tables.usedPages;
    // One page off, so that no large page fits: eight tables and more.
    expect(greedy.mapFile(2 * AREA + PAGE_SIZE, memory, large, 8 * TABLE_SPAN, ACCESS_READ, true)).toBe(-ENOMEM);
    expect(tables.usedPages).toBe(used);
    expect(modest.mapFile(AREA, memory, large, PAGE_SIZE, ACCESS_READ, true)).toBe(0);
  });

  testWithKvm('any number of flushes between two runs makes the next one load CR3 anew', () => {
    const { platform, space } = guest;
    const { machine } = platform;
    // Where KVM shadows page tables it flushes by itself; here it is as if it did not.
    machine.setMode({ ...machine.mode, shadow: false });
    const thread = guest.thread('syscalls');
    const loads = () => (machine.mode.bare ? platform.counts().specialRegisters : platform.counts().flushEntry);
    const loadsAfter = (flushes: number) => {
      expect(guest.run(thread)).toBe(EVENT_SYSCALL);
      const before = loads();
      for (let i = 0; i < flushes; i++) binding.flush(machine.id, space.id);
      expect(guest.run(thread)).toBe(EVENT_SYSCALL);
      return loads() - before;
    };
    for (let flushes = 1; flushes <= 4; flushes++) expect(loadsAfter(flushes)).toBeGreaterThan(0);
    // A vCPU that is stopped on its way in or out loads CR3 for certain: without a flush it may load it, and mostly does not.
    const withoutFlush = Array.from({ length: 100 }, () => loadsAfter(0));
    expect(withoutFlush.filter((count) => count === 0).length).toBeGreaterThan(50);
  });
});
