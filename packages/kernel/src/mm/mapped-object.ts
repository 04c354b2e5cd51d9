import { VM_SHARED } from './constants.js';
import type { Mappable, Mapping } from './mappable.js';
import type { MemoryManager } from './memory-manager.js';
import { DROP_ALL, DROP_OBJECT, dropPages, protectObjectPages } from './pages.js';

/** An object that an address space maps, in one or more VMAs: what the object calls when its pages go away. */
export class MappedObject implements Mapping {
  /** VMAs that map it. */
  count = 0;

  constructor(
    readonly mm: MemoryManager,
    readonly object: Mappable,
  ) {}

  isSharedWritable(): boolean {
    for (const vma of this.mm.vmas.list) if (vma.mappable === this.object && (vma.flags & VM_SHARED) !== 0) return true;
    return false;
  }

  invalidate(offset: number, length: number, evenCopies = false): void {
    this.#forEach(offset, length, (start, end) => dropPages(this.mm, start, end, evenCopies ? DROP_ALL : DROP_OBJECT));
  }

  writeProtect(offset: number, length: number): void {
    this.#forEach(offset, length, (start, end) => protectObjectPages(this.mm, start, end));
  }

  /** Calls `act` for the address range that maps each part of `[offset, offset + length)`. */
  #forEach(offset: number, length: number, act: (start: number, end: number) => void): void {
    const end = offset + length;
    for (const vma of this.mm.vmas.list) {
      if (vma.mappable !== this.object) continue;
      const from = Math.max(offset, vma.offset);
      const to = Math.min(end, vma.offset + (vma.end - vma.start));
      if (from < to) act(vma.start + (from - vma.offset), vma.start + (to - vma.offset));
    }
  }
}
