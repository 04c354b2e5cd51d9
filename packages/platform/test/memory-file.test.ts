import { expect, test } from 'vitest';
import {
  allocateAndFill,
  copyFromMemory,
  copyToMemory,
  MEMORY_ANONYMOUS,
  MEMORY_MAPPED,
  MEMORY_PAGE_CACHE,
  MEMORY_SYSTEM,
  MemoryFile,
  zeroMemory,
} from '../src/index.js';

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
  expect(memory.committedBytes()).toBe(MiB);
  memory.decRef(a, 64 * 1024);
  expect(memory.allocate(4096, MEMORY_SYSTEM)).toBeGreaterThanOrEqual(0);
  memory.destroy();
});

test('decommit gives memory back, reads as zeroes, and is seen by the figures', () => {
  const memory = make();
  const a = memory.allocate(MiB, MEMORY_ANONYMOUS);
  memory.bytes(a, MiB).fill(1);
  const before = memory.committedBytes();
  memory.decommit(a, MiB / 2);
  expect(memory.committedBytes()).toBe(before - MiB / 2);
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

test('misuse is an error with a stable code, and destroyed memory has no bytes', () => {
  const memory = make();
  const a = memory.allocate(8192, MEMORY_ANONYMOUS);
  const view = memory.bytes(a, 8192);
  for (const wrong of [
    () => memory.allocate(0, MEMORY_ANONYMOUS),
    () => memory.allocate(100, MEMORY_ANONYMOUS),
    () => memory.allocate(memory.chunkSize + 4096, MEMORY_ANONYMOUS),
    () => memory.incRef(a + 8192, 4096),
    () => memory.decRef(a + 8192, 4096),
    () => memory.decRef(a + 1, 4096),
    () => memory.decRef(memory.reserved, 4096),
    () => memory.decommit(a + 8192, 4096),
    () => memory.bytes(memory.chunkSize - 4096, 8192),
    () => memory.bytes(-4096, 4096),
  ]) {
    expect(wrong).toThrow(expect.objectContaining({ code: 'ERR_SBX_MEMORY_MISUSE' }));
  }
  memory.destroy();
  memory.destroy();
  expect(view.length).toBe(0);
  expect(() => memory.bytes(a, 1)).toThrow();
  expect(() => memory.copy(0, 0, 1)).toThrow();
});

test('a file that the host cannot give is refused with a reason', () => {
  expect(() => MemoryFile.create({ name: 'huge', limit: 2 ** 42 })).toThrow(expect.objectContaining({ code: 'ERR_SBX_MEMORY_FILE' }));
  expect(() => MemoryFile.create({ name: 'huge', limit: 2 ** 50 })).toThrow(expect.objectContaining({ code: 'ERR_SBX_MEMORY_FILE' }));
  expect(() => MemoryFile.create({ name: 'none', limit: 0 })).toThrow(expect.objectContaining({ code: 'ERR_SBX_MEMORY_FILE' }));
  expect(() => MemoryFile.create({ name: 'odd', limit: MiB, chunkSize: 3 * MiB })).toThrow(/chunk size/);
});

test('copies move bytes across chunk boundaries', () => {
  const memory = MemoryFile.create({ name: 'test', limit: 64 * MiB, chunkSize: 2 * MiB });
  const a = memory.allocate(2 * MiB, MEMORY_ANONYMOUS);
  const b = memory.allocate(2 * MiB, MEMORY_ANONYMOUS);
  const low = Math.min(a, b);
  expect(Math.abs(a - b)).toBe(2 * MiB);
  const data = Uint8Array.from({ length: 10_000 }, (_, i) => i % 251);
  const at = low + 2 * MiB - 5000;
  copyToMemory(memory, at, data, 0, data.length);
  expect(memory.views[low / memory.chunkSize][2 * MiB - 1]).toBe(data[4999]);
  const back = new Uint8Array(10_002);
  copyFromMemory(memory, at, back, 1, 10_000);
  expect(back.subarray(1, 10_001)).toEqual(data);
  memory.copy(at + 3, at, 10_000);
  copyFromMemory(memory, at + 3, back, 0, 10_000);
  expect(back.subarray(0, 10_000)).toEqual(data);
  zeroMemory(memory, at, 10_003);
  copyFromMemory(memory, at - 1, back, 0, 10_002);
  expect(back.every((x) => x === 0)).toBe(true);
  expect(() => copyToMemory(memory, at, data, 1, 10_000)).toThrow(RangeError);
  memory.destroy();
});

test('allocateAndFill keeps whole pages and frees the rest', () => {
  const memory = make();
  const pieces = [3000, 3000, 3000, -5];
  const short = allocateAndFill(memory, 16384, MEMORY_PAGE_CACHE, (dst) => {
    const n = pieces.shift()!;
    if (n > 0) dst.fill(7, 0, n);
    return n;
  });
  expect(short).toMatchObject({ length: 8192, read: 9000, error: -5 });
  expect(memory.usage(MEMORY_PAGE_CACHE)).toBe(8192);
  expect(memory.bytes(short.offset, 8192).every((x) => x === 7)).toBe(true);
  const full = allocateAndFill(memory, 8192, MEMORY_PAGE_CACHE, (dst) => dst.length);
  expect(full).toMatchObject({ length: 8192, read: 8192, error: 0 });
  expect(memory.bytes(full.offset, 8192).every((x) => x === 0)).toBe(true);
  expect(allocateAndFill(memory, 4096, MEMORY_PAGE_CACHE, () => 0)).toMatchObject({ length: 0, read: 0, error: 0 });
  const before = memory.usage(MEMORY_PAGE_CACHE);
  const broken = () => {
    throw new Error('broken');
  };
  expect(() => allocateAndFill(memory, 4096, MEMORY_PAGE_CACHE, broken)).toThrow('broken');
  for (const count of [5000, Number.NaN]) expect(() => allocateAndFill(memory, 4096, MEMORY_PAGE_CACHE, () => count)).toThrow(RangeError);
  expect(memory.usage(MEMORY_PAGE_CACHE)).toBe(before);
  memory.destroy();
});
