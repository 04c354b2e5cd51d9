import { expect, test } from 'vitest';
import { MEMORY_ANONYMOUS, MEMORY_MAPPED, MEMORY_SYSTEM, MemoryFile } from '../src/index.js';

const MiB = 2 ** 20;

function make(limit = 64 * MiB, retain?: number): MemoryFile {
  return MemoryFile.create({ name: 'test', limit, retain });
}

test('allocates zeroed pages, frees with the last reference, and zeroes a reused page', () => {
  const memory = make();
  const a = memory.allocate(4096, MEMORY_ANONYMOUS);
  memory.bytes(a, 4096).fill(0xaa);
  memory.incRef(a, 4096);
  expect(memory.refCount(a)).toBe(2);
  memory.decRef(a, 4096);
  expect(memory.bytes(a, 4096)[17]).toBe(0xaa);
  memory.decRef(a, 4096);
  expect(memory.refCount(a)).toBe(0);
  expect(memory.totalUsage()).toBe(0);
  const b = memory.allocate(4096, MEMORY_SYSTEM);
  expect(b).toBe(a);
  expect(memory.bytes(b, 4096).every((x) => x === 0)).toBe(true);
  memory.destroy();
});

test('accounts by kind, leaves mapped memory out of the total, and honours the limit', () => {
  const memory = make(1 * MiB);
  expect(memory.allocate(MiB + 4096, MEMORY_ANONYMOUS)).toBe(-12);
  const a = memory.allocate(64 * 1024, MEMORY_ANONYMOUS);
  memory.allocate(4096, MEMORY_MAPPED);
  expect(memory.usage(MEMORY_ANONYMOUS)).toBe(64 * 1024);
  expect(memory.totalUsage()).toBe(64 * 1024);
  let pages = 0;
  while (memory.allocate(4096, MEMORY_SYSTEM) >= 0) pages++;
  expect(pages).toBe(256 - 17);
  expect(memory.hostBytes()).toBe(MiB);
  memory.decRef(a, 64 * 1024);
  expect(memory.allocate(4096, MEMORY_SYSTEM)).toBeGreaterThanOrEqual(0);
  memory.destroy();
});

test('decommit gives memory back, reads as zeroes, and is seen by the figures', () => {
  const memory = make();
  const a = memory.allocate(MiB, MEMORY_ANONYMOUS);
  memory.bytes(a, MiB).fill(1);
  const before = memory.hostBytes();
  memory.decommit(a, MiB / 2);
  expect(memory.hostBytes()).toBe(before - MiB / 2);
  expect(memory.usage(MEMORY_ANONYMOUS)).toBe(MiB / 2);
  memory.views[0][a + 5] = 9; // as application code would
  memory.updateUsage();
  expect(memory.usage(MEMORY_ANONYMOUS)).toBe(MiB / 2 + 4096);
  const bytes = memory.bytes(a, MiB);
  expect(bytes[5]).toBe(9);
  expect(bytes[6]).toBe(0);
  expect(bytes[MiB / 2]).toBe(1);
  expect(memory.usage(MEMORY_ANONYMOUS)).toBe(MiB);
  memory.decRef(a, MiB);
  expect(memory.totalUsage()).toBe(0);
  memory.destroy();
});

test('gives more than the retained memory back to the host', () => {
  const memory = make(64 * MiB, MiB);
  const runs: number[] = [];
  for (let i = 0; i < 512; i++) runs.push(memory.allocate(64 * 1024, MEMORY_ANONYMOUS));
  expect(memory.hostBytes()).toBeGreaterThanOrEqual(32 * MiB);
  for (const run of runs) memory.decRef(run, 64 * 1024);
  expect(memory.hostBytes()).toBeLessThanOrEqual(5 * MiB);
  memory.trim();
  expect(memory.hostBytes()).toBe(0);
  expect(memory.committedBytes()).toBe(0);
  memory.destroy();
});

test('large requests are aligned to 2 MiB and no request crosses a chunk', () => {
  const memory = make(1024 * MiB);
  memory.allocate(4096, MEMORY_ANONYMOUS);
  for (const length of [2 * MiB, 3 * MiB, 5 * MiB, 20 * MiB, 256 * MiB]) {
    const offset = memory.allocate(length, MEMORY_ANONYMOUS);
    expect(offset % (2 * MiB)).toBe(0);
    expect(Math.floor(offset / memory.chunkSize)).toBe(Math.floor((offset + length - 1) / memory.chunkSize));
    expect(memory.bytes(offset, length).length).toBe(length);
  }
  memory.destroy();
});
