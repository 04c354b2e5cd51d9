import { EFAULT } from '@sbx/abi';
import { MEMORY_SYSTEM, type Memory } from '@sbx/platform';
import { PAGE_SIZE, pageUp, VM_DONTDUMP, VM_EXEC, VM_MAYEXEC, VM_MAYREAD, VM_MAYWRITE, VM_READ } from '../mm/constants.js';
import type { Mappable } from '../mm/mappable.js';
import type { MemoryManager } from '../mm/memory-manager.js';
import { MemoryViews } from '../mm/memory-views.js';
import { chooseAddress, place } from '../mm/mmap.js';
import { Vma } from '../mm/vma.js';
import type { Clock } from '../time/clock.js';
import { VDSO_AMD64 } from './image.js';
import { VdsoTime } from './vdso-time.js';

/** Pages that exist once for the whole sandbox, and that every program may map. */
class FixedPages implements Mappable {
  resolvedLength = 0;
  constructor(
    /** In application memory. */
    readonly offset: number,
    readonly size: number,
  ) {}
  resolvePages(offset: number, length: number): number {
    if (offset < 0 || offset >= this.size) return -EFAULT;
    this.resolvedLength = Math.min(length, this.size - offset);
    return this.offset + offset;
  }
  addMapping(): void {}
  removeMapping(): void {}
  writeBack(): number {
    return 0;
  }
}

/**
 * The vDSO: a small shared library that the kernel maps into every program ("[vdso]"), which reads the clock without a system call, and the page of
 * parameters that it reads ("[vvar]"), just below it (vdso(7)).
 */
export class Vdso {
  readonly time: VdsoTime;
  readonly #parameters: FixedPages;
  readonly #image: FixedPages;

  private constructor(memory: Memory, offset: number, image: Uint8Array, clock: Clock) {
    const size = pageUp(image.length);
    this.#parameters = new FixedPages(offset, PAGE_SIZE);
    this.#image = new FixedPages(offset + PAGE_SIZE, size);
    memory.bytes(offset + PAGE_SIZE, image.length).set(image);
    const views = MemoryViews.of(memory);
    const start = views.within(offset) / 4;
    this.time = new VdsoTime(views.words(offset).subarray(start, start + PAGE_SIZE / 4), clock);
  }

  /** Makes the pages; null if there is no memory for them. */
  static create(memory: Memory, clock: Clock): Vdso | null {
    const image = Buffer.from(VDSO_AMD64, 'base64');
    const offset = memory.allocate(PAGE_SIZE + pageUp(image.length), MEMORY_SYSTEM);
    return offset < 0 ? null : new Vdso(memory, offset, image, clock);
  }

  /** Maps it into a new program's address space, above the stack where there is room; sets `layout.vdso`. */
  mapInto(mm: MemoryManager): void {
    const size = this.#image.size;
    const start = chooseAddress(mm, mm.layout.stackTop, PAGE_SIZE + size, 0, false);
    if (start < 0) return;
    const parameters = new Vma(start, start + PAGE_SIZE, VM_READ | VM_MAYREAD | VM_DONTDUMP);
    parameters.mappable = this.#parameters;
    parameters.offset = 0;
    parameters.special = '[vvar]';
    const image = new Vma(start + PAGE_SIZE, start + PAGE_SIZE + size, VM_READ | VM_EXEC | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC);
    image.mappable = this.#image;
    image.offset = 0;
    image.special = '[vdso]';
    if (place(mm, parameters) < 0 || place(mm, image) < 0) return;
    mm.layout.vdso = start + PAGE_SIZE;
  }
}
