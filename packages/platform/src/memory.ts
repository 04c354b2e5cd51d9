import type { Readable, Writable } from 'node:stream';

/** What allocated memory is used for: the kinds that `Memory` accounts for. */
export const MEMORY_SYSTEM = 0;
export const MEMORY_ANONYMOUS = 1;
export const MEMORY_PAGE_CACHE = 2;
export const MEMORY_TMPFS = 3;
export const MEMORY_RAMDISKFS = 4;
export const MEMORY_MAPPED = 5;
export const MEMORY_KINDS = 6;
/** Any of the kinds above. */
export type MemoryKind = 0 | 1 | 2 | 3 | 4 | 5;

/**
 * Memory that can be mapped into address spaces. Offsets and lengths are bytes. Every page that is in use has a reference count;
 * a page is freed with its last reference.
 */
export interface File {
  /** A short name for messages. */
  readonly name: string;
  /**
   * A view of `[offset, offset + length)` in this process, valid while the caller holds a reference. The range must be allocated and must not
   * cross a multiple of `chunkSize`.
   */
  bytes(offset: number, length: number): Uint8Array;
  /** Adds one reference to each page of the page-aligned range. */
  incRef(offset: number, length: number): void;
  /** Drops one reference from each page of the page-aligned range; pages without references are freed. */
  decRef(offset: number, length: number): void;
}

/** A `File` that can be allocated from. */
export interface Memory extends File {
  /** Allocations never cross a multiple of this (a power of two): such a range is one typed array. */
  readonly chunkSize: number;
  /**
   * One ArrayBuffer for each chunk that exists so far, in order (external memory; grows as memory is allocated). `chunks[i]` starts at offset
   * `i * chunkSize` and may be shorter than `chunkSize`.
   */
  readonly chunks: readonly ArrayBuffer[];
  /** A byte view of each chunk, in order. */
  readonly views: readonly Uint8Array[];
  /**
   * Allocates a zeroed, page-aligned, contiguous range. `length` is a non-zero multiple of the page size, at most `chunkSize`. The caller owns the one
   * reference of each page. Returns the offset, or -ENOMEM.
   */
  allocate(length: number, kind: MemoryKind): number;
  /** The number of references of the page at `offset`. */
  refCount(offset: number): number;
  /**
   * Gives the memory of a page-aligned range back to the host; later reads give zeroes. The range stays allocated. A later touch makes the host back the
   * page again, and dies with SIGBUS if it cannot: `bytes` and `commit` make sure of it first.
   */
  decommit(offset: number, length: number): void;
  /** Makes sure that all pages of an allocated range (any alignment) have host memory, after `decommit`. Returns 0 or -ENOMEM. */
  commit(offset: number, length: number): number;
  /** Copies inside this memory, also across chunks and between overlapping ranges. Both ranges must be allocated. @hotpath */
  copy(to: number, from: number, length: number): void;
  /** The address, in this process, of the byte at `offset`: for the native parts of other packages. */
  address(offset: number): number;
  /** Brings the usage figures up to date with the host's. */
  updateUsage(): void;
  /** Bytes allocated, of all kinds but mapped. Cheap. */
  totalUsage(): number;
  /** Bytes allocated of one kind. */
  usage(kind: MemoryKind): number;
  /** Size in bytes of the backing file. */
  totalSize(): number;
  /**
   * Writes what is allocated (offsets, kinds, reference counts, contents but for holes and zero pages) to `stream`, which stays open. The memory must not
   * change before the promise settles.
   */
  saveTo(stream: Writable): Promise<void>;
  /**
   * Restores what `saveTo` wrote into this memory, which must be empty and have the same chunk size; reads no further than the image. Rejects with a
   * `PlatformError` when the image is damaged or does not fit the limit; the memory is empty then.
   */
  loadFrom(stream: Readable): Promise<void>;
  /** Frees everything. No view may be used afterwards. */
  destroy(): void;
}
