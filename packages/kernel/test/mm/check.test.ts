import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } from '@sbx/abi';
import { describe, expect, it } from 'vitest';
import { checkKernel } from '../../src/kcov/check.js';
import type { Kernel } from '../../src/kernel.js';
import type { MemoryManager } from '../../src/mm/memory-manager.js';
import { type MapRequest, map } from '../../src/mm/mmap.js';
import { protect } from '../../src/mm/protect.js';
import { TestKernel } from './fixture.js';

const PAGE = 4096;
const AT = 0x10000000;

/** A kernel with one task whose memory has two mappings, with a page each. */
function fixture(): { problems: () => string[]; mm: MemoryManager } {
  const test = new TestKernel(32 * 2 ** 20);
  const mm = test.create();
  const request: MapRequest = {
    addr: AT,
    length: 4 * PAGE,
    prot: PROT_READ | PROT_WRITE,
    flags: MAP_PRIVATE | MAP_ANONYMOUS,
    file: null,
    mappable: 0,
    offset: 0,
    noExec: false,
    rawIo: false,
  };
  expect(map(mm, request)).toBe(AT);
  expect(protect(mm, AT + 2 * PAGE, 2 * PAGE, PROT_READ)).toBe(0);
  expect(mm.copyOut(AT, new Uint8Array(8), 8)).toBe(8);
  expect(mm.copyIn(AT + 2 * PAGE, new Uint8Array(8), 8)).toBe(8);
  const kernel = { tasks: new Map([[1, { state: 0, mm }]]), memory: mm.memory, processes: new Map() } as unknown as Kernel;
  return {
    mm,
    problems: () =>
      checkKernel(kernel)
        .split('\n')
        .filter((line) => line.startsWith('problem: ')),
  };
}

describe('/sys/kernel/debug/check', () => {
  it('finds nothing wrong where nothing is', () => {
    const { problems } = fixture();
    expect(problems()).toEqual([]);
  });

  it.each<[string, RegExp, (mm: MemoryManager) => void]>([
    ['mappings that overlap', /overlaps/, (mm) => void (mm.vmas.list[0].end += PAGE)],
    ['an empty mapping', /is empty/, (mm) => void (mm.vmas.list[0].end = mm.vmas.list[0].start)],
    ['an address in the middle of a page', /not aligned/, (mm) => void (mm.vmas.list[1].end -= 8)],
    ['mappings that could be one', /not merged/, (mm) => void (mm.vmas.list[1].flags = mm.vmas.list[0].flags)],
    ['a count of pages', /counts \d+ pages \(total\)/, (mm) => void mm.totalPages++],
    ['a count of present pages', /anonymous pages, there are/, (mm) => void mm.rssAnonymous--],
    ['a page in no mapping', /in no mapping/, (mm) => void mm.vmas.removeAt(1, 1)],
    ['committed pages', /are committed/, (mm) => mm.commit.uncharge(1)],
    ['a page that is free', /free memory/, (mm) => mm.memory.decRef(mm.pages.frameAt(AT) * PAGE, PAGE)],
  ])('finds %s', (_, problem, breakIt) => {
    const { problems, mm } = fixture();
    breakIt(mm);
    expect(problems().join('\n')).toMatch(problem);
  });
});
