/**
 * What can be mapped besides anonymous memory: the page cache of a file, a shared-memory object, a device. Implemented by file systems; used by the
 * memory manager. Offsets and lengths are bytes, page-aligned.
 */
export interface Mappable {
  /**
   * The pages that back `[offset, offset + length)` of the object, read in where needed: returns the offset in application memory of the first, and
   * sets `resolvedLength` to how many bytes (whole pages, at least one, at most `length`) are contiguous there. The caller takes its own
   * reference (`memory.incRef`) for what it maps. `write`: the caller will let the program write to them (MAP_SHARED).
   * Errors: -EFAULT for offsets past the last page of the object (the program gets SIGBUS), -ENOMEM, -EIO.
   */
  resolvePages(offset: number, length: number, write: boolean): number;
  readonly resolvedLength: number;
  /** A mapping was made: the object must tell it of pages that go away (truncation, invalidation). */
  addMapping(mapping: Mapping): void;
  removeMapping(mapping: Mapping): void;
  /** Writes what programs stored through shared mappings of the range back to where it belongs (msync, munmap, exit). 0 or -errno. */
  writeBack(offset: number, length: number): number;
  /**
   * True: pages that are not in memory are worth bringing in around a fault, since they are read from somewhere. Otherwise only those that `isResident` are
   * mapped around it, so that looking at a hole costs no more than a page.
   */
  readonly readsAhead?: boolean;
  /** What /proc/PID/maps shows instead of the name of the file. */
  readonly mappingName?: string;
  /** A mapping can't be made larger by mremap(2) (VM_DONTEXPAND). */
  readonly fixedSize?: boolean;
  /** Whether the page at `offset` is in memory (mincore(2)). Without it, only pages that are mapped count as present. */
  isResident?(offset: number): boolean;
  /** madvise(MADV_REMOVE): makes the range a hole. 0 or -errno. Without it: -EOPNOTSUPP. */
  punchHole?(offset: number, length: number): number;
}

/** One mapping of a `Mappable`, as the object sees it. */
export interface Mapping {
  /**
   * The object's pages in `[offset, offset + length)` (page-aligned; `length` may be Infinity) are no longer what must be mapped: translations are removed
   * and references dropped before it returns; the next access asks again. `evenCopies`: private copies go too (truncation, not the punching of holes).
   */
  invalidate(offset: number, length: number, evenCopies?: boolean): void;
  /**
   * Takes write access to the object's pages in the range away, before it returns: the next store asks `resolvePages` again. For objects that must know which
   * pages are stored to.
   */
  writeProtect(offset: number, length: number): void;
  /** Whether programs may store to the object through this mapping (F_SEAL_WRITE is refused then). */
  isSharedWritable?(): boolean;
}

/**
 * What the /dev/zero device gives as its mappable: a private mapping of it is anonymous memory, a shared one is shared anonymous memory. Never asked for
 * pages.
 */
export const ZERO_MAPPING: Mappable = {
  resolvePages: () => -14,
  resolvedLength: 0,
  addMapping: () => {},
  removeMapping: () => {},
  writeBack: () => 0,
};
