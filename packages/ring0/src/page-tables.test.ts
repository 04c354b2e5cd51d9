import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { makeTables, Walker } from '../test/walker.js';
import {
  amd64,
  ChunkedTableMemory,
  FLUSH_NONE,
  FLUSH_OPTIONAL,
  FLUSH_REQUIRED,
  MAP_EXECUTE,
  MAP_GLOBAL,
  MAP_READ,
  MAP_TRACK,
  MAP_UNCACHED,
  MAP_USER,
  MAP_WRITE,
  MAP_WRITE_THROUGH,
  USE_ACCESSED,
  USE_DIRTY,
} from './index.js';

const K4 = 4096;
const M2 = 0x20_0000;
const G1 = 0x4000_0000;
const RW = MAP_READ | MAP_WRITE | MAP_USER;
const RX = MAP_READ | MAP_EXECUTE | MAP_USER;
const RO = MAP_READ | MAP_USER;
const ENOMEM = -12;

describe('map and lookup', () => {
  it('translates as the CPU does, with the rights asked for', () => {
    const { tables, walker } = makeTables(16);
    expect(tables.map(0x7fff_ffff_e000, 2 * K4, RW, 0x12_3456_7000)).toBe(FLUSH_NONE);
    expect(tables.map(0x40_0000, K4, RX, 0x5000)).toBe(FLUSH_NONE);
    expect(tables.lookup(0x7fff_ffff_efff)).toBe(0x12_3456_7fff);
    expect(tables.foundOptions).toBe(RW);
    expect(tables.foundSize).toBe(K4);
    expect(tables.lookup(0x7fff_ffff_f010)).toBe(0x12_3456_8010);
    expect(tables.lookup(0x40_0123)).toBe(0x5123);
    expect(tables.foundOptions).toBe(RX);
    expect(tables.lookup(0x40_1000)).toBe(-1);
    expect(tables.lookup(2 ** 47)).toBe(-1);
    expect(tables.lookup(-(2 ** 47) - 1)).toBe(-1);
    expect(walker.translate(tables.root, 0x7fff_ffff_e000)).toMatchObject({
      physical: 0x12_3456_7000,
      write: true,
      user: true,
      execute: false,
    });
    expect(walker.translate(tables.root, 0x40_0000)).toMatchObject({ physical: 0x5000, write: false, user: true, execute: true });
  });

  it('spells every kind of entry as the manual has it', () => {
    const { tables, walker } = makeTables(16);
    const entry = (options: number, address = 0x1000, size = K4) => {
      tables.unmap(address, size);
      tables.reclaim();
      tables.map(address, size, options, size);
      return walker.translate(tables.root, address)!.entry;
    };
    const nx = 1n << 63n;
    expect(entry(MAP_READ)).toBe(0x1021n | nx);
    expect(entry(MAP_READ | MAP_WRITE)).toBe(0x1063n | nx);
    expect(entry(MAP_READ | MAP_EXECUTE)).toBe(0x1021n);
    expect(entry(RW | MAP_GLOBAL)).toBe(0x1167n | nx);
    expect(entry(RW | MAP_TRACK)).toBe(0x1007n | nx);
    expect(entry(MAP_EXECUTE | MAP_WRITE_THROUGH)).toBe(0x1029n);
    expect(entry(MAP_READ | MAP_UNCACHED)).toBe(0x1039n | nx);
    expect(entry(MAP_READ | MAP_UNCACHED, M2, M2)).toBe(0x20_00b9n | nx);
    expect(entry(RW, G1, G1)).toBe(0x4000_00e7n | nx);
    expect(tables.lookup(G1)).toBe(G1);
    for (const options of [RW | MAP_GLOBAL, MAP_READ | MAP_UNCACHED, RX | MAP_WRITE_THROUGH]) {
      entry(options, M2, M2);
      tables.lookup(M2);
      expect(tables.foundOptions).toBe(options);
    }
  });

  it('takes physical addresses up to 52 bits, and refuses more: bits 62:52 of an entry stay clear', () => {
    const { tables, walker } = makeTables(16);
    const last = 2 ** 52 - 2 * K4;
    tables.map(0, 2 * K4, RX, last);
    expect(tables.lookup(0x1fff)).toBe(2 ** 52 - 1);
    expect(walker.translate(tables.root, K4)?.entry).toBe(0x000f_ffff_ffff_f025n);
    expect(() => tables.map(0, 2 * K4, RX, last + K4)).toThrow(RangeError);
  });

  it('carries from the low word to the high one inside a run of pages', () => {
    const { tables } = makeTables(16);
    tables.map(0x1000, 16 * K4, RW, 0xffff_c000);
    expect(tables.lookup(0x4000)).toBe(0xffff_f000);
    expect(tables.lookup(0x5000)).toBe(0x1_0000_0000);
    expect(tables.lookup(0x1_0000)).toBe(0x1_0000_b000);
  });

  it('treats a bad range as a bug of the caller', () => {
    const { tables } = makeTables(16);
    const bad: [number, number][] = [
      [1, K4],
      [0, 0],
      [0, 1],
      [0, -K4],
      [2 ** 47, K4],
      [2 ** 47 - K4, 2 * K4],
      [-K4, 2 * K4],
      [-(2 ** 47) - K4, K4],
      [K4 + 0.5, K4],
      [0, K4 + 0.5],
      [Number.NaN, K4],
      [0, Number.NaN],
      [0, Number.POSITIVE_INFINITY],
    ];
    for (const [address, length] of bad) {
      expect(() => tables.map(address, length, RW, 0)).toThrow(RangeError);
      expect(() => tables.unmap(address, length)).toThrow(RangeError);
    }
    for (const physical of [7, K4 + 0.5, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => tables.map(0, K4, RW, physical)).toThrow(RangeError);
    expect(() => tables.map(0, K4, RW, -K4)).toThrow(RangeError);
    expect(() => tables.map(-K4, K4, RW, 0)).toThrow(RangeError);
    expect(tables.countTables()).toBe(1);
  });

  it('reaches the ends of both halves', () => {
    const { tables, walker } = makeTables(32);
    for (const address of [0, 2 ** 47 - K4, -(2 ** 47), -K4]) {
      expect(tables.map(address, K4, MAP_READ, 0x7000)).toBe(FLUSH_NONE);
      expect(tables.lookup(address + 5)).toBe(0x7005);
      expect(walker.translate(tables.root, address)).toMatchObject({ physical: 0x7000, user: false });
    }
    const addresses: number[] = [];
    tables.visit((address) => addresses.push(address));
    expect(addresses).toEqual([0, 2 ** 47 - K4, -(2 ** 47), -K4]);
  });
});

describe('large pages', () => {
  it('are used whenever both alignments allow', () => {
    const { tables, walker, memory } = makeTables(64);
    const sizes = (address: number, length: number, physical: number) => {
      tables.unmap(0, 4 * G1);
      tables.map(address, length, RW, physical);
      const found: number[] = [];
      tables.visit((_address, _physical, size) => found.push(size));
      walker.check(tables, memory);
      tables.reclaim();
      return found;
    };
    expect(sizes(G1, G1, 5 * G1)).toEqual([G1]);
    expect(sizes(M2, M2, 3 * M2)).toEqual([M2]);
    expect(sizes(M2, M2, 3 * M2 + K4)).toEqual(new Array(512).fill(K4));
    expect(sizes(M2 - K4, M2 + 2 * K4, 4 * M2 - K4)).toEqual([K4, M2, K4]);
    expect(sizes(G1 - M2, G1 + 2 * M2, 3 * G1 - M2)).toEqual([M2, G1, M2]);
    expect(sizes(G1, 4 * M2, M2)).toEqual([M2, M2, M2, M2]);
  });

  it('are no larger than the CPU has', () => {
    const { tables } = makeTables(1200, G1, { largestLevel: 2 });
    tables.map(G1, G1, RW, G1);
    tables.lookup(G1);
    expect(tables.foundSize).toBe(M2);
    const small = makeTables(1200, G1, { largestLevel: 1 });
    small.tables.map(M2, M2, RW, M2);
    small.tables.lookup(M2);
    expect(small.tables.foundSize).toBe(K4);
  });

  it('are split on demand, and the rest keeps its translation', () => {
    const { tables, walker, memory } = makeTables(16);
    tables.map(G1, G1, RW, 2 * G1);
    expect(tables.unmap(G1 + 5 * M2 + 7 * K4, K4)).toBe(FLUSH_REQUIRED);
    expect(walker.check(tables, memory).size).toBe(4);
    expect(tables.lookup(G1 + 5 * M2 + 7 * K4)).toBe(-1);
    expect(tables.lookup(G1 + 5 * M2 + 6 * K4)).toBe(2 * G1 + 5 * M2 + 6 * K4);
    expect(tables.foundSize).toBe(K4);
    expect(tables.lookup(G1 + 6 * M2 + 9)).toBe(2 * G1 + 6 * M2 + 9);
    expect(tables.foundSize).toBe(M2);
    expect(tables.foundOptions).toBe(RW);
    expect(walker.translate(tables.root, G1)?.entry).toBe(BigInt(2 * G1) | 0xe7n | (1n << 63n));
    expect(walker.translate(tables.root, G1 + 5 * M2)?.entry).toBe(BigInt(2 * G1 + 5 * M2) | 0x67n | (1n << 63n));
  });

  it('replace tables, which go to the retired list until the flush', () => {
    const { tables, memory } = makeTables(16);
    tables.map(M2, M2, RW, M2 + K4);
    expect(memory.usedPages).toBe(4);
    expect(tables.map(M2, M2, RW, M2)).toBe(FLUSH_REQUIRED);
    expect(tables.retiredPages).toBe(1);
    expect(memory.usedPages).toBe(4);
    tables.reclaim();
    expect(memory.usedPages).toBe(3);
  });
});

describe('unmap, evict, protect, isEmpty', () => {
  it('says whether anything was there, and gives up tables that become empty', () => {
    const { tables, memory } = makeTables(16);
    expect(tables.unmap(0, 2 ** 47)).toBe(FLUSH_NONE);
    tables.map(0x1000, K4, RW, 0);
    tables.map(0x2000, K4, RW, 0);
    expect(tables.unmap(0x1000, K4)).toBe(FLUSH_REQUIRED);
    expect(tables.unmap(0x1000, K4)).toBe(FLUSH_NONE);
    expect(tables.retiredPages).toBe(0);
    expect(tables.unmap(0, 2 ** 47)).toBe(FLUSH_REQUIRED);
    expect(tables.retiredPages).toBe(3);
    expect(memory.usedPages).toBe(4);
    tables.reclaim();
    expect(memory.usedPages).toBe(1);
    expect(tables.countTables()).toBe(1);
  });

  it('a retired table is not handed out before reclaim', () => {
    const { tables, memory } = makeTables(4);
    tables.map(0, K4, RW, 0);
    tables.unmap(0, K4);
    expect(tables.map(0, K4, RW, 0)).toBe(ENOMEM);
    tables.reclaim();
    expect(tables.map(0, K4, RW, 0)).toBe(FLUSH_NONE);
    expect(memory.usedPages).toBe(4);
  });

  it('a mapping without access is none', () => {
    const { tables } = makeTables(16);
    tables.map(0, K4, RW, 0x1000);
    expect(tables.map(0, K4, MAP_USER, 0x1000)).toBe(FLUSH_REQUIRED);
    expect(tables.lookup(0)).toBe(-1);
    tables.map(0, K4, RW, 0x1000);
    expect(tables.protect(0, K4, MAP_USER)).toBe(FLUSH_REQUIRED);
    expect(tables.lookup(0)).toBe(-1);
  });

  it('says what the TLBs need: nothing, a spurious fault at most, or a flush', () => {
    const { tables } = makeTables(16);
    const change = (from: number, to: number, physical = 0x1000) => {
      tables.unmap(0, K4);
      tables.reclaim();
      tables.map(0, K4, from, 0x1000);
      const mapped = tables.map(0, K4, to, physical);
      if (physical !== 0x1000) return mapped;
      tables.unmap(0, K4);
      tables.map(0, K4, from, 0x1000);
      expect(tables.protect(0, K4, to)).toBe(mapped);
      tables.lookup(0);
      expect(tables.foundOptions).toBe(to | MAP_READ);
      return mapped;
    };
    expect(change(RW, RW)).toBe(FLUSH_NONE);
    expect(change(RO, RW)).toBe(FLUSH_OPTIONAL);
    expect(change(RO, RX)).toBe(FLUSH_OPTIONAL);
    expect(change(MAP_READ, RO)).toBe(FLUSH_OPTIONAL);
    expect(change(RW, RO)).toBe(FLUSH_REQUIRED);
    expect(change(RX, RO)).toBe(FLUSH_REQUIRED);
    expect(change(RX, RW)).toBe(FLUSH_REQUIRED);
    expect(change(RO, MAP_READ)).toBe(FLUSH_REQUIRED);
    expect(change(RO, RO | MAP_GLOBAL)).toBe(FLUSH_REQUIRED);
    expect(change(RO, RO | MAP_UNCACHED)).toBe(FLUSH_REQUIRED);
    expect(change(RW, RW, 0x2000)).toBe(FLUSH_REQUIRED);
  });

  it('protect splits at the edges and keeps addresses', () => {
    const { tables, walker, memory } = makeTables(16);
    tables.map(0, 4 * M2, RW, 8 * M2);
    expect(tables.protect(M2 - K4, 2 * M2 + 2 * K4, RO)).toBe(FLUSH_REQUIRED);
    walker.check(tables, memory);
    const options = (address: number) => {
      expect(tables.lookup(address)).toBe(8 * M2 + address);
      return tables.foundOptions;
    };
    expect([0, M2 - 2 * K4, 3 * M2 + K4].map(options)).toEqual([RW, RW, RW]);
    expect([M2 - K4, M2, 2 * M2, 3 * M2].map(options)).toEqual([RO, RO, RO, RO]);
    options(2 * M2);
    expect(tables.foundSize).toBe(M2);
    expect(tables.protect(8 * M2, M2, RO)).toBe(FLUSH_NONE);
  });

  it('isEmpty looks at exactly the range', () => {
    const { tables } = makeTables(16);
    tables.map(M2 + K4, K4, RW, 0);
    tables.map(G1, G1, RW, 0);
    expect(tables.isEmpty(0, M2 + K4)).toBe(true);
    expect(tables.isEmpty(M2 + 2 * K4, G1 - M2 - 2 * K4)).toBe(true);
    expect(tables.isEmpty(0, M2 + 2 * K4)).toBe(false);
    expect(tables.isEmpty(G1 + 5 * K4, K4)).toBe(false);
    expect(tables.isEmpty(2 * G1, 2 ** 47 - 2 * G1)).toBe(true);
    expect(tables.isEmpty(0, 2 ** 47)).toBe(false);
  });
});

describe('marks of use', () => {
  it('are taken where the CPU left them, and cleared atomically', () => {
    const { tables, buffer, memory, walker } = makeTables(16);
    tables.map(0, 4 * K4, RW | MAP_TRACK, 0);
    expect(tables.takeUse(0, 4 * K4, USE_ACCESSED | USE_DIRTY)).toBe(0);
    const entries = new Uint32Array(buffer);
    const level1 = entries.length - 1 - [...entries].reverse().findIndex((low) => (low & 0xfff) === 0x007);
    expect(level1).toBeGreaterThan(0);
    // Found is the low word of entry 3. The CPU reads page 1 and writes page 2.
    entries[level1 - 4]! |= 0x20;
    entries[level1 - 2]! |= 0x60;
    expect(tables.takeUse(0, 2 * K4, USE_ACCESSED)).toBe(USE_ACCESSED);
    expect(tables.takeUse(0, 2 * K4, USE_ACCESSED | USE_DIRTY)).toBe(0);
    expect(tables.takeUse(0, 4 * K4, USE_DIRTY)).toBe(USE_ACCESSED | USE_DIRTY);
    expect(tables.takeUse(0, 4 * K4, USE_DIRTY)).toBe(USE_ACCESSED);
    // A protection change keeps them; mapping the same again, too.
    expect(tables.protect(0, 4 * K4, RO)).toBe(FLUSH_REQUIRED);
    expect(tables.map(0, 4 * K4, RO, 0)).toBe(FLUSH_NONE);
    expect(tables.takeUse(0, 4 * K4, 0)).toBe(USE_ACCESSED);
    walker.check(tables, memory);
  });

  it('without MAP_TRACK are set from the start', () => {
    const { tables } = makeTables(16);
    tables.map(0, M2, RW, 0);
    tables.map(M2, K4, RO, 0);
    expect(tables.takeUse(0, M2, 0)).toBe(USE_ACCESSED | USE_DIRTY);
    expect(tables.takeUse(M2, K4, 0)).toBe(USE_ACCESSED);
  });
});

describe('the shared upper half', () => {
  it('is one for all, and changed where it is owned', () => {
    const { tables: kernel, memory, walker } = makeTables(64);
    kernel.map(amd64.KERNEL_AREA_ADDRESS, 8 * K4, MAP_READ | MAP_WRITE | MAP_GLOBAL, 0x10_0000);
    const app = amd64.PageTables.create(memory, { kernelHalf: kernel }) as amd64.PageTables;
    expect(app.lookup(amd64.KERNEL_AREA_ADDRESS + K4)).toBe(0x10_1000);
    app.map(0x1000, K4, RW, 0x5000);
    expect(kernel.lookup(0x1000)).toBe(-1);
    // A later change below an entry that is there is seen by all.
    kernel.map(amd64.KERNEL_AREA_ADDRESS + M2, K4, MAP_READ, 0x20_0000);
    expect(app.lookup(amd64.KERNEL_AREA_ADDRESS + M2)).toBe(0x20_0000);
    // Even emptied, the shared tables stay.
    kernel.unmap(amd64.KERNEL_AREA_ADDRESS, 0x8000_0000);
    kernel.reclaim();
    kernel.map(amd64.KERNEL_AREA_ADDRESS, K4, MAP_READ, 0x30_0000);
    expect(app.lookup(amd64.KERNEL_AREA_ADDRESS)).toBe(0x30_0000);
    expect(walker.translate(app.root, amd64.KERNEL_AREA_ADDRESS)?.user).toBe(false);
    expect(() => app.map(amd64.KERNEL_AREA_ADDRESS, K4, MAP_READ, 0)).toThrow(RangeError);
    expect(() => app.unmap(-K4, K4)).toThrow(RangeError);
    expect(() => kernel.map(-(2 ** 47), K4, MAP_READ, 0)).toThrow('before sharing');
    expect(walker.check(app, memory, false).size).toBe(app.countTables());

    expect(() => kernel.release()).toThrow(RangeError);
    app.release();
    kernel.release();
    expect(memory.usedPages).toBe(0);
    expect(() => app.lookup(0)).toThrow(RangeError);
    expect(() => app.map(0, K4, RW, 0)).toThrow(RangeError);
  });
});

describe('exhaustion', () => {
  it('leaves every translation as it was', () => {
    const { tables, memory, walker } = makeTables(6);
    tables.map(0, K4, RW, 0x1000);
    tables.map(G1, G1, RW, G1);
    // Needs three tables, two are left.
    expect(tables.map(2 ** 40, K4, RW, 0)).toBe(ENOMEM);
    expect(tables.map(2 ** 40 - K4, 2 * K4, RW, 0)).toBe(ENOMEM);
    expect(tables.map(M2, 40 * M2, RW, K4)).toBe(ENOMEM);
    tables.reclaim();
    expect(walker.check(tables, memory).size).toBe(4);
    expect(tables.isEmpty(2 ** 40 - K4, 2 * K4)).toBe(true);
    expect(tables.isEmpty(M2, 40 * M2)).toBe(true);
    expect(memory.usedPages).toBe(4);
    tables.map(2 * M2, K4, RW, 0);
    // Splitting the large page takes two tables, one is left: unmap refuses, evict takes the whole page.
    expect(tables.unmap(G1 + 3 * M2 + K4, K4)).toBe(ENOMEM);
    expect(tables.lookup(G1 + 3 * M2 + K4)).toBe(G1 + 3 * M2 + K4);
    expect(tables.protect(G1 + 3 * M2 + K4, K4, RO)).toBe(ENOMEM);
    expect(tables.evict(G1 + 3 * M2 + K4, K4)).toBe(FLUSH_REQUIRED);
    expect(tables.lookup(G1 + 3 * M2)).toBe(-1);
    expect(tables.lookup(G1 + 4 * M2)).toBe(G1 + 4 * M2);
    expect(tables.foundSize).toBe(M2);
    tables.evict(G1, G1);
    tables.reclaim();
    expect(walker.check(tables, memory).size).toBe(5);
  });

  it('at the far edge is noticed before anything is removed', () => {
    const { tables } = makeTables(4);
    tables.map(M2 - K4, M2 + K4, RW, 4 * M2 - K4);
    expect(tables.lookup(M2)).toBe(4 * M2);
    expect(tables.foundSize).toBe(M2);
    expect(tables.unmap(M2 - K4, 2 * K4)).toBe(ENOMEM);
    expect(tables.lookup(M2 - K4)).toBe(4 * M2 - K4);
  });

  it('of the root is an error of create', () => {
    const memory = ChunkedTableMemory.over(new ArrayBuffer(K4), 0);
    memory.allocateFrame();
    expect(amd64.PageTables.create(memory)).toBe(ENOMEM);
  });
});

describe('CR3', () => {
  it('is the root, the PCID, and bit 63 for keeping the TLB', () => {
    const { tables } = makeTables(4, 0x12_3456_7000);
    expect(tables.root).toBe(0x1234567);
    expect(tables.CR3(false, 0)).toBe(0x12_3456_7000n);
    expect(tables.CR3(true, 5)).toBe(0x8000_0012_3456_7005n);
    expect([tables.cr3Low(5), tables.cr3High(true)]).toEqual([0x3456_7005, 0x8000_0012]);
  });
});

describe('table memory', () => {
  it('spans chunks and hands out zeroed pages again', () => {
    const chunks: ArrayBuffer[] = [];
    const memory = new ChunkedTableMemory(0x10_0000, 2 * K4, (chunk) => {
      if (chunk === 3) return null;
      chunks[chunk] = new ArrayBuffer(3 * K4);
      return { buffer: chunks[chunk]!, byteOffset: K4 };
    });
    const frames = Array.from({ length: 7 }, () => memory.allocateFrame());
    expect(frames).toEqual([0x100, 0x101, 0x102, 0x103, 0x104, 0x105, -1]);
    memory.locate(0x103);
    memory.u32[2 * memory.index] = 7;
    memory.live[memory.index / 512] = 9;
    expect(new Uint32Array(chunks[1]!)[(2 * K4) / 4]).toBe(7);
    memory.freeFrame(0x103);
    expect(memory.usedPages).toBe(5);
    expect(() => memory.freeFrame(0x103)).toThrow(RangeError);
    expect(() => memory.freeFrame(0x99)).toThrow(RangeError);
    expect(() => memory.freeFrame(0x106)).toThrow(RangeError);
    expect(memory.allocateFrame()).toBe(0x103);
    expect([memory.u32[2 * memory.index], memory.live[memory.index / 512]]).toEqual([0, 0]);
  });

  it('has exactly the whole pages of a buffer', () => {
    const memory = ChunkedTableMemory.over(new ArrayBuffer(6 * K4 + 100), 0);
    expect(Array.from({ length: 8 }, () => memory.allocateFrame())).toEqual([0, 1, 2, 3, 4, 5, -1, -1]);
    expect(() => new ChunkedTableMemory(0, 3 * K4, () => null)).toThrow(RangeError);
    expect(() => new ChunkedTableMemory(5, K4, () => null)).toThrow(RangeError);
  });
});

describe('a running CPU', () => {
  it('never sees half an entry', async () => {
    const pages = 4;
    const buffer = new SharedArrayBuffer(pages * K4);
    const memory = ChunkedTableMemory.over(buffer, 0);
    const tables = amd64.PageTables.create(memory) as amd64.PageTables;
    const [a, b] = [0x000a_aaaa_5555_5000, 0x0005_5555_aaaa_a000];
    tables.map(0, K4, RW, a);
    const at = (tables.root + 3) * 512;
    const first = new Walker(buffer, 0).translate(tables.root, 0)!.entry;
    tables.map(0, K4, RX, b);
    const second = new Walker(buffer, 0).translate(tables.root, 0)!.entry;
    const reader = new Worker(
      `const { parentPort, workerData } = require('node:worker_threads');
       const { buffer, at, first, second } = workerData;
       const entries = new BigUint64Array(buffer);
       let seenFirst = 0, seenSecond = 0, seenZero = 0, torn = 0;
       parentPort.postMessage('ready');
       for (let i = 0; i < 3e6 || seenFirst === 0 || seenSecond === 0; i++) {
         const entry = Atomics.load(entries, at);
         if (entry === first) seenFirst++;
         else if (entry === second) seenSecond++;
         else if (entry === 0n) seenZero++;
         else torn++;
       }
       parentPort.postMessage({ seenFirst, seenSecond, seenZero, torn });`,
      { eval: true, workerData: { buffer, at, first, second } },
    );
    let result: { seenFirst: number; seenSecond: number; torn: number } | undefined;
    reader.on('message', (message) => {
      if (message !== 'ready') result = message;
    });
    while (result === undefined) {
      for (let i = 0; i < 20_000; i++) {
        tables.map(0, K4, RW, a);
        tables.map(0, K4, RX, b);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    await reader.terminate();
    expect(result.torn).toBe(0);
    expect(result.seenFirst).toBeGreaterThan(0);
    expect(result.seenSecond).toBeGreaterThan(0);
  });
});
