import type { FileDescription } from '../vfs/file-description.js';
import { STACK_GUARD_GAP, TASK_SIZE, VM_GROWSDOWN, VM_MAYSHARE } from './constants.js';
import type { Mappable } from './mappable.js';

/**
 * A mapping of an address range with one set of attributes: what a line of /proc/PID/maps shows. Owned by one MemoryManager; pages are in its PageMap.
 */
export class Vma {
  /** What is mapped, or null for private anonymous memory. */
  mappable: Mappable | null = null;
  /** The open file that was mapped (holds a reference), or null. */
  file: FileDescription | null = null;
  /** Byte offset in the object of the page at `start`. For private anonymous memory: the address at which it was made (it decides merging, as in Linux). */
  offset: number;
  /** Name given by prctl(PR_SET_VMA_ANON_NAME), or null. */
  anonName: string | null = null;
  /** "[vdso]", "[vvar]", or "": a mapping made by the kernel, which never merges. */
  special = '';
  /** Fault-around: the address after the last block that was faulted in, and its size; a fault there doubles the block. */
  faultNext = -1;
  faultPages = 0;
  /** Data of a program (MAP_DENYWRITE, as dynamic linkers say it): pages become private copies at their first access of any kind. */
  copyAtOnce = false;

  constructor(
    public start: number,
    /** Exclusive. */
    public end: number,
    /** VM_* bits. */
    public flags: number,
  ) {
    this.offset = start;
  }

  /** Whether stores go to pages of its own (MAP_PRIVATE). */
  get isPrivate(): boolean {
    return (this.flags & VM_MAYSHARE) === 0;
  }
  /** Offset in the object of `addr`. */
  offsetOf(addr: number): number {
    return this.offset + (addr - this.start);
  }
  /** Whether `next`, which must begin where this ends, can be one mapping with this. */
  mergesWith(next: Vma): boolean {
    return (
      this.end === next.start &&
      this.flags === next.flags &&
      this.mappable === next.mappable &&
      this.file === next.file &&
      this.offset + (this.end - this.start) === next.offset &&
      this.anonName === next.anonName &&
      this.special === '' &&
      next.special === ''
    );
  }
  /** A copy with the same attributes, without references taken. */
  clone(): Vma {
    const copy = new Vma(this.start, this.end, this.flags);
    copy.mappable = this.mappable;
    copy.file = this.file;
    copy.offset = this.offset;
    copy.anonName = this.anonName;
    copy.special = this.special;
    copy.copyAtOnce = this.copyAtOnce;
    return copy;
  }
}

/** The VMAs of an address space: sorted by address, never overlapping. */
export class VmaSet {
  readonly list: Vma[] = [];
  /** Position of the last look-up: programs fault where they faulted before. */
  #last = 0;
  /** Every gap in `[#gapFloor, base)` is smaller than `#gapSize`: where the search for free space may begin. */
  #gapFloor = TASK_SIZE;
  #gapSize = 0;
  /** The bound of the searches that the two above are about. */
  #gapBase = 0;

  get length(): number {
    return this.list.length;
  }

  /** Index of the first VMA that ends above `addr`; `length` if there is none. @hotpath */
  indexAfter(addr: number): number {
    const list = this.list;
    const last = this.#last;
    if (last < list.length && list[last].end > addr && (last === 0 || list[last - 1].end <= addr)) return last;
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (list[middle].end > addr) high = middle;
      else low = middle + 1;
    }
    this.#last = low;
    return low;
  }

  /** The VMA that holds `addr`, or null. @hotpath */
  find(addr: number): Vma | null {
    const index = this.indexAfter(addr);
    if (index === this.list.length) return null;
    const vma = this.list[index];
    return vma.start <= addr ? vma : null;
  }

  /** The first VMA that ends above `addr` (Linux's find_vma), or null. */
  findAfter(addr: number): Vma | null {
    return this.list[this.indexAfter(addr)] ?? null;
  }

  /** Whether any VMA intersects the range. */
  intersects(start: number, end: number): boolean {
    const vma = this.findAfter(start);
    return vma !== null && vma.start < end;
  }

  /** Inserts `vma` into a free range; does not merge. Returns its index. */
  insert(vma: Vma): number {
    const index = this.indexAfter(vma.start);
    this.list.splice(index, 0, vma);
    return index;
  }

  /** Removes `count` VMAs from `index` on. */
  removeAt(index: number, count: number): void {
    this.list.splice(index, count);
    this.gapsChanged();
  }

  /** Free space may have grown: the next search begins at the top again. */
  gapsChanged(): void {
    this.#gapFloor = TASK_SIZE;
    this.#gapSize = 0;
  }

  /** Splits the VMA at `index` at `addr`, inside it; the upper part is a new VMA at `index + 1` which is returned. The caller takes its references. */
  splitAt(index: number, addr: number): Vma {
    const lower = this.list[index];
    const upper = lower.clone();
    upper.start = addr;
    upper.offset = lower.offset + (addr - lower.start);
    lower.end = addr;
    this.list.splice(index + 1, 0, upper);
    return upper;
  }

  /** The lowest address that may not be mapped because of `vma`: its start, less the guard gap when it grows down. */
  static startWithGap(vma: Vma): number {
    return (vma.flags & VM_GROWSDOWN) === 0 ? vma.start : Math.max(vma.start - STACK_GUARD_GAP, 0);
  }

  /** The highest free range of `length` bytes in `[low, high)`: its start, or -1. */
  findGapDown(length: number, low: number, high: number): number {
    const list = this.list;
    const cached = high === this.#gapBase && length >= this.#gapSize && this.#gapFloor < high;
    let top = cached ? this.#gapFloor : high;
    let largest = cached ? this.#gapSize : 0;
    // The VMA at or above `top` bounds it: a stack keeps its guard gap free.
    let index = this.indexAfter(top - 1);
    if (index < list.length) top = Math.min(top, VmaSet.startWithGap(list[index]));
    while (top - length >= low) {
      const below = index > 0 ? list[index - 1].end : 0;
      const bottom = Math.max(below, low);
      if (top - bottom >= length) {
        // All gaps above `top` are smaller than what was asked for.
        this.#gapFloor = top;
        this.#gapSize = largest;
        this.#gapBase = high;
        return top - length;
      }
      if (index === 0) break;
      if (top - bottom >= largest) largest = top - bottom + 1;
      index--;
      top = Math.min(top, VmaSet.startWithGap(list[index]));
    }
    return -1;
  }

  /** The lowest free range of `length` bytes in `[low, high)`: its start, or -1. */
  findGapUp(length: number, low: number, high: number): number {
    const list = this.list;
    let bottom = low;
    for (let index = this.indexAfter(low); ; index++) {
      const top = index < list.length ? Math.min(VmaSet.startWithGap(list[index]), high) : high;
      if (top - bottom >= length) return bottom;
      if (index === list.length || list[index].start >= high) return -1;
      bottom = Math.max(bottom, list[index].end);
    }
  }
}
