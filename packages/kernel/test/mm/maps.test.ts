import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { countResident, flagsText, mappingName, permissionText } from '../../src/mm/maps.js';
import type { MemoryManager } from '../../src/mm/memory-manager.js';
import { setBrk } from '../../src/mm/mmap.js';
import { protect } from '../../src/mm/protect.js';
import { mapped, TestKernel } from './fixture.js';

let kernel: TestKernel;
let mm: MemoryManager;
beforeEach(() => {
  kernel = new TestKernel();
  mm = kernel.create();
});
afterEach(() => {
  mm.decRef();
  kernel.memory.destroy();
});

const lines = (): string[] =>
  mm.vmas.list.map((vma) => `${(vma.end - vma.start) / 4096} ${permissionText(vma)} ${mappingName(mm, vma)} ${flagsText(vma)}`);

describe('maps', () => {
  it('splits and merges as Linux does', () => {
    const addr = mapped(mm, { length: 4 * 4096 });
    expect(lines()).toEqual(['4 rw-p  rd wr mr mw me ac']);
    protect(mm, addr + 4096, 4096, 1);
    expect(lines()).toEqual(['1 rw-p  rd wr mr mw me ac', '1 r--p  rd mr mw me ac', '2 rw-p  rd wr mr mw me ac']);
    protect(mm, addr + 4096, 4096, 3);
    expect(lines()).toEqual(['4 rw-p  rd wr mr mw me ac']);
    // A neighbour of the same kind becomes part of it; what was never writable does not, since it is not accounted.
    expect(mapped(mm, { length: 4096 })).toBe(addr - 4096);
    mapped(mm, { length: 4096, prot: 1 });
    expect(lines()).toEqual(['1 r--p  rd mr mw me', '5 rw-p  rd wr mr mw me ac']);
  });

  it('names heap, stack and shared memory', () => {
    mm.layout.chooseBrk(kernel, 0x600000);
    setBrk(mm, mm.layout.startBrk + 8192);
    const stack = mapped(mm, { length: 8192, flags: 0x122 });
    mm.layout.startStack = stack + 4096;
    mapped(mm, { length: 4096, flags: 0x21 });
    expect(lines().map((line) => line.split(' ').slice(1, 4).join(' '))).toEqual([
      'rw-p [heap] rd',
      'rw-s /dev/zero (deleted)',
      'rw-p [stack] rd',
    ]);
  });

  it('counts pages that are there, and whose they are', () => {
    // More than what a fork copies.
    const addr = mapped(mm, { length: 4 << 20 });
    mm.zeroOut(addr, 2 << 20);
    const out = { resident: 0, anonymous: 0, shared: 0 };
    expect(countResident(mm, mm.vmas.find(addr)!, out)).toEqual({ resident: mm.rssAnonymous, anonymous: mm.rssAnonymous, shared: 0 });
    const child = mm.fork() as MemoryManager;
    expect(countResident(mm, mm.vmas.find(addr)!, out).shared).toBe(mm.rssAnonymous);
    child.decRef();
  });
});
