import type { File } from './memory.js';

/**
 * The mappings of application threads, as the hardware (or the host) sees them. The kernel's memory manager decides what is mapped; an address space
 * drops nothing by itself. Only `unmap` and `writeProtect`, which cannot fail, may take more than they were asked to (the rest of a large page that
 * cannot be split): so a fault on what the kernel believes to be mapped is answered by mapping it again.
 */
export interface AddressSpace {
  /**
   * Maps `length` bytes of `file` from `offset` at `addr`, shared, with access `at` (ACCESS_* bits), replacing what was there. All page-aligned, length
   * non-zero, `at` non-zero. `precommit` is advice to make the translation at once. Where a translation was removed or weakened, it is gone from every
   * running CPU when the call returns. Returns 0 or -ENOMEM.
   */
  mapFile(addr: number, file: File, offset: number, length: number, at: number, precommit: boolean): number;
  /** Removes all translations of the page-aligned, non-empty range, on every running CPU, before it returns. */
  unmap(addr: number, length: number): void;
  /**
   * Takes ACCESS_WRITE from all existing translations of the page-aligned range (copy-on-write at fork), on every running CPU, before it returns.
   */
  writeProtect(addr: number, length: number): void;
  /** Something may be mapped in the platform's `ownRange` from now on: the platform must not have anything of its own there. Only where it has such a range. */
  claim?(): void;
  /** Gives the address space back; afterwards a new one must be acquired. */
  release(): void;
}

/**
 * Access to application memory through the address space itself, where `Platform.supportsAddressSpaceIO`. Rights are those of the application. Nothing here
 * throws for what is mapped, or blocks but for the host's own paging.
 */
export interface AddressSpaceIO {
  /** Copies `src` to `addr`; returns the bytes done, 0 … `src.length`. When fewer than asked, `lastFault` has the address of the first that is not. */
  copyOut(addr: number, src: Uint8Array): number;
  /** Copies `dst.length` bytes from `addr` to `dst`; returns the bytes done, as `copyOut`. */
  copyIn(addr: number, dst: Uint8Array): number;
  /** Zeroes `length` bytes at `addr`; returns the bytes done, as `copyOut`. */
  zeroOut(addr: number, length: number): number;
  /**
   * Stores `value` (modulo 2^32) atomically and returns the previous word, 0 … 2^32-1; -1 after a fault. An `addr` that is not a multiple of 4 is a bug of the
   * caller's: a `RangeError`.
   */
  swapUint32(addr: number, value: number): number;
  /** As `swapUint32`, but stores `value` only if the word is `old`; returns the word as it was, so `old` exactly if `value` was stored. */
  compareAndSwapUint32(addr: number, old: number, value: number): number;
  /** The fault that ended the last incomplete operation. */
  readonly lastFault: SegmentationFault | null;
}

/**
 * A bad application address met by AddressSpaceIO: nothing is mapped at `addr`, or not for this kind of access. It is kept, not thrown.
 *
 * @example
 * import { SegmentationFault } from '@sbx/platform';
 *
 * new SegmentationFault(0x1000).message; // 'segmentation fault at 0x1000'
 */
export class SegmentationFault extends Error {
  readonly code = 'ERR_SBX_SEGMENTATION_FAULT';
  constructor(readonly addr: number) {
    super(`segmentation fault at 0x${addr.toString(16)}`);
    this.name = 'SegmentationFault';
  }
}
