import { ACCESS_READ, ACCESS_WRITE } from '@sbx/platform';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { advise } from '../../src/mm/advise.js';
import { unmap } from '../../src/mm/mapping.js';
import type { MemoryManager } from '../../src/mm/memory-manager.js';
import { map, mapAhead } from '../../src/mm/mmap.js';
import { remap } from '../../src/mm/mremap.js';
import { LEAF_BYTES, PAGE_HARDWARE, PAGE_WRITABLE } from '../../src/mm/page-map.js';
import { protect } from '../../src/mm/protect.js';
import { BytesFile } from '../loader/host-file.js';
import { mapped, request, type TableSpace, TestKernel, touch } from './fixture.js';

/** The window that is played in: around the border of two leaves. */
const WINDOW = 48;
const BASE = LEAF_BYTES * 4096 * 3 - 20 * 4096;
const at = (page: number) => BASE + page * 4096;
/** More than a fork copies: it shares the pages. */
const MANY = 300 * 4096;

/** What a page should hold: cells are shared by whoever sees the same store. */
interface Cell {
  value: number;
}
interface ModelPage {
  prot: number;
  shared: boolean;
  cell: Cell;
  /** What it holds again after MADV_DONTNEED. */
  origin: () => Cell;
}
type Model = Map<number, ModelPage>;

type Step =
  | { op: 'map'; page: number; count: number; prot: number; kind: 'private' | 'shared' | 'file' | 'sharedFile'; ahead: boolean }
  | { op: 'unmap' | 'discard' | 'free'; page: number; count: number }
  | { op: 'protect'; page: number; count: number; prot: number }
  | { op: 'move' | 'prefault'; page: number; count: number; to: number }
  | { op: 'write'; page: number; value: number; kernel: boolean }
  | { op: 'fork' | 'exit' | 'reset' };

const page = fc.integer({ min: 0, max: WINDOW - 1 });
const count = fc.integer({ min: 1, max: 12 });
const prot = fc.constantFrom(0, 1, 3, 3, 3);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('map' as const),
      page,
      count,
      prot,
      kind: fc.constantFrom('private', 'shared', 'file', 'sharedFile'),
      ahead: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constantFrom('unmap' as const, 'discard' as const, 'free' as const), page, count }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('protect' as const), page, count, prot }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constantFrom('move' as const, 'prefault' as const), page, count, to: page }) },
  {
    weight: 12,
    arbitrary: fc.record({ op: fc.constant('write' as const), page, value: fc.integer({ min: 1, max: 255 }), kernel: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constantFrom('fork' as const, 'exit' as const, 'reset' as const) }) },
) as fc.Arbitrary<Step>;

/** One address space and what it should be. */
class Process {
  constructor(
    readonly mm: MemoryManager,
    readonly model: Model,
  ) {}
}

class World {
  readonly kernel = new TestKernel(32 * 2 ** 20);
  readonly fileBytes = new Uint8Array(WINDOW * 4096);
  readonly file: BytesFile;
  readonly fileCells: Cell[] = [];
  processes: Process[];
  constructor(many: boolean) {
    for (let i = 0; i < WINDOW; i++) this.fileCells.push({ value: (this.fileBytes[i * 4096] = 100 + i) });
    this.file = new BytesFile(this.kernel.memory, this.fileBytes);
    this.file.flags = 2;
    const mm = this.kernel.create();
    if (many) mm.zeroOut(mapped(mm, { addr: at(4 * WINDOW), length: MANY, flags: 0x32 }), MANY);
    this.processes = [new Process(mm, new Map())];
  }

  run(which: number, s: Step): void {
    const process = this.processes[which % this.processes.length];
    const { mm, model } = process;
    switch (s.op) {
      case 'map':
        this.map(process, s);
        return;
      case 'unmap': {
        expect(unmap(mm, at(s.page), s.count * 4096)).toBe(0);
        for (let i = 0; i < s.count; i++) model.delete(s.page + i);
        return;
      }
      case 'discard': {
        advise(mm, at(s.page), s.count * 4096, 4, false);
        for (let i = 0; i < s.count; i++) {
          const p = model.get(s.page + i);
          if (p !== undefined && !p.shared) p.cell = p.origin();
        }
        return;
      }
      case 'free':
        // Without pressure MADV_FREE keeps what is there.
        advise(mm, at(s.page), s.count * 4096, 8, false);
        return;
      case 'protect': {
        protect(mm, at(s.page), s.count * 4096, s.prot);
        for (let i = 0; i < s.count; i++) {
          const p = model.get(s.page + i);
          if (p === undefined) return;
          p.prot = s.prot;
        }
        return;
      }
      case 'move': {
        const result = remap(mm, at(s.page), s.count * 4096, s.count * 4096, 3, at(s.to));
        const overlaps = s.page < s.to + s.count && s.to < s.page + s.count;
        if (overlaps || !model.has(s.page)) {
          expect(result).toBeLessThan(0);
          return;
        }
        // What was at the new place goes before Linux finds out whether the old one is a single mapping.
        if (result < 0) {
          for (let i = 0; i < s.count; i++) model.delete(s.to + i);
          return;
        }
        const moved = [];
        for (let i = 0; i < s.count; i++) {
          moved.push(model.get(s.page + i)!);
          model.delete(s.page + i);
        }
        for (let i = 0; i < s.count; i++) model.delete(s.to + i);
        moved.forEach((p, i) => {
          model.set(s.to + i, p);
        });
        return;
      }
      case 'prefault':
        mm.prefault(at(s.page), at(s.to));
        return;
      case 'write':
        this.write(process, s.page, s.value, s.kernel);
        return;
      case 'fork': {
        if (this.processes.length >= 3) return;
        const child = mm.fork();
        if (typeof child === 'number') throw new Error(`fork: ${child}`);
        const copy: Model = new Map();
        for (const [key, p] of model) copy.set(key, { ...p, cell: p.shared ? p.cell : { value: p.cell.value } });
        this.processes.push(new Process(child, copy));
        return;
      }
      case 'exit':
        if (this.processes.length === 1) return;
        mm.decRef();
        this.processes.splice(which % this.processes.length, 1);
        return;
      case 'reset':
        mm.releaseAddressSpace();
        mm.addressSpace();
    }
  }

  private map({ mm, model }: Process, s: Extract<Step, { op: 'map' }>): void {
    const pages = Math.min(s.count, WINDOW - s.page);
    const shared = s.kind === 'shared' || s.kind === 'sharedFile';
    const file = s.kind === 'file' || s.kind === 'sharedFile';
    const asked = request({
      addr: at(s.page),
      length: pages * 4096,
      prot: s.prot,
      flags: (shared ? 1 : 2) | 0x10 | (file ? 0 : 0x20),
      file: file ? this.file : null,
      mappable: file ? this.file : 0,
      offset: s.page * 4096,
    });
    expect(map(mm, asked)).toBe(at(s.page));
    if (s.ahead) mapAhead(mm, at(s.page), asked);
    for (let i = 0; i < pages; i++) {
      const own = this.fileCells[s.page + i];
      const origin = () => (file ? { value: own.value } : { value: 0 });
      // A private page of a file shows the file's present contents until it is stored to: the model makes that simple by never changing the file first.
      model.set(s.page + i, { prot: s.prot, shared, cell: shared && file ? own : origin(), origin });
    }
  }

  private write({ mm, model }: Process, page: number, value: number, kernel: boolean): void {
    const p = model.get(page);
    const allowed = p !== undefined && (p.prot & 2) !== 0;
    // Stores to the file itself would be seen by private mappings too: those are other tests' matter.
    if (p !== undefined && this.fileCells.includes(p.cell)) return;
    if (kernel) expect(mm.copyOut(at(page), Uint8Array.of(value), 1)).toBe(allowed ? 1 : 0);
    else {
      const offset = touch(mm, at(page), ACCESS_WRITE);
      if (!allowed) expect(offset).toBe(p === undefined ? -1 : -2);
      else this.kernel.memory.bytes(offset, 1)[0] = value;
    }
    if (allowed) p.cell.value = value;
  }

  check(): void {
    for (const { mm, model } of this.processes) {
      const seen = new Uint8Array(1);
      for (let i = 0; i < WINDOW; i++) {
        const p = model.get(i);
        const readable = p !== undefined && p.prot !== 0;
        expect(mm.copyIn(at(i), seen, 1)).toBe(readable ? 1 : 0);
        if (!readable) continue;
        expect(seen[0]).toBe(p.cell.value);
        expect(this.kernel.memory.bytes(touch(mm, at(i), ACCESS_READ), 1)[0]).toBe(p.cell.value);
      }
      this.checkTable(mm);
    }
  }

  /** The platform's table is what the page map says, and no more than the mappings permit. */
  private checkTable(mm: MemoryManager): void {
    const { pages } = mm.hardware as TableSpace;
    let installed = 0;
    for (const vma of mm.vmas.list) {
      expect(vma.start).toBeLessThan(vma.end);
      for (let addr = vma.start; addr < vma.end; addr += 4096) {
        const state = mm.pages.stateAt(addr);
        const entry = pages.get(addr / 4096);
        expect(entry?.[1] ?? 0).toBe(state & PAGE_HARDWARE);
        if (entry === undefined) continue;
        installed++;
        expect(entry[0]).toBe(mm.pages.frameAt(addr) * 4096);
        expect((entry[1] & 2) === 0 || ((vma.flags & 2) !== 0 && (state & PAGE_WRITABLE) !== 0)).toBe(true);
        expect(vma.flags & 7).not.toBe(0);
      }
    }
    expect(installed).toBe(pages.size);
    for (let i = 1; i < mm.vmas.length; i++) {
      const lower = mm.vmas.list[i - 1];
      expect(lower.end).toBeLessThanOrEqual(mm.vmas.list[i].start);
      expect(lower.mergesWith(mm.vmas.list[i])).toBe(false);
    }
    const total = mm.vmas.list.reduce((sum, vma) => sum + (vma.end - vma.start) / 4096, 0);
    expect(mm.totalPages).toBe(total);
  }

  end(): void {
    for (const { mm } of this.processes) mm.decRef();
    expect(this.file.mappings.size).toBe(0);
    this.file.decRef();
    expect(this.kernel.memory.totalUsage()).toBe(0);
    this.kernel.memory.destroy();
  }
}

describe('memory manager against a model', () => {
  it('shows each process what it should see, through the kernel and through the hardware', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.array(fc.tuple(fc.nat(5), step), { minLength: 1, maxLength: 40 }), (many, steps) => {
        const world = new World(many);
        for (const [which, s] of steps) world.run(which, s);
        world.check();
        world.end();
      }),
      { numRuns: Number(process.env.SBX_RUNS ?? 300) },
    );
  });
});
