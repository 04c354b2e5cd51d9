/**
 * Segment selectors and descriptors of long mode (SDM Vol. 3A 3.4.5 and 8.2.3, APM Vol. 2 4.7 and 4.8).
 *
 * The order of the GDT is what SYSCALL and SYSRET need: SYSCALL loads CS from STAR[47:32] and SS from the entry after it; SYSRET to 64-bit
 * code loads SS from STAR[63:48]+8 and CS from STAR[63:48]+16.
 */
import { highWord } from './addresses.js';

/** Index of each descriptor in the GDT. */
export const Segment = {
  Null: 0,
  Reserved: 1,
  KernelCode: 2,
  KernelData: 3,
  UserCode32: 4,
  UserData: 5,
  UserCode64: 6,
  /** The TSS descriptor is 16 bytes and takes two entries. */
  Tss: 7,
  TssHigh: 8,
} as const;

/** Selectors: index, GDT, requested privilege level. */
export const KCODE = Segment.KernelCode << 3;
export const KDATA = Segment.KernelData << 3;
export const UCODE32 = (Segment.UserCode32 << 3) | 3;
export const UDATA = (Segment.UserData << 3) | 3;
export const UCODE64 = (Segment.UserCode64 << 3) | 3;
export const TSS = Segment.Tss << 3;

/** Bits 63:32 of MSR STAR; bits 31:0 are for legacy mode and zero. */
export const STAR_HIGH = ((UCODE32 << 16) | KCODE) >>> 0;

/** Bits of a descriptor's upper word. */
export const SegmentFlags = {
  Access: 1 << 8,
  Write: 1 << 9,
  ExpandDown: 1 << 10,
  Execute: 1 << 11,
  /** The S bit: set for code and data, clear for system descriptors such as a TSS. */
  System: 1 << 12,
  Present: 1 << 15,
  Available: 1 << 20,
  Long: 1 << 21,
  Db: 1 << 22,
  Granularity: 1 << 23,
} as const;

/** The bits that {@link SegmentDescriptor.flags} gives: everything but base, limit and DPL. */
const FLAGS_MASK = 0x00f09f00;

/**
 * A view of one eight-byte descriptor in a table of 32-bit words. Two words: bits 31:0, then bits 63:32.
 *
 * @example
 * import { amd64 } from '@sbx/ring0';
 *
 * const descriptor = new amd64.SegmentDescriptor();
 * descriptor.setCode64(0, 0xffffffff, 3);
 * descriptor.high; // 0xaffb00
 * descriptor.limit(); // 0xffffffff
 * descriptor.dpl(); // 3
 * (descriptor.flags() & amd64.SegmentFlags.Long) !== 0; // true
 */
export class SegmentDescriptor {
  readonly words: Uint32Array;
  readonly #at: number;

  /** @param words the table; @param entry index of the descriptor in it (8 bytes each). */
  constructor(words: Uint32Array = new Uint32Array(2), entry = 0) {
    this.words = words;
    this.#at = entry * 2;
  }

  /** Bits 31:0 of the descriptor. */
  get low(): number {
    return this.words[this.#at]!;
  }

  /** Bits 63:32 of the descriptor. */
  get high(): number {
    return this.words[this.#at + 1]!;
  }

  /** Base address, 32 bits (a 64-bit TSS has the rest in its upper half). */
  base(): number {
    const high = this.high;
    return ((high & 0xff000000) | ((high & 0xff) << 16) | (this.low >>> 16)) >>> 0;
  }

  /** Highest offset inside the segment, in bytes: scaled where the granularity bit is set. */
  limit(): number {
    const raw = (this.low & 0xffff) | (this.high & 0xf0000);
    return this.high & SegmentFlags.Granularity ? ((raw << 12) | 0xfff) >>> 0 : raw;
  }

  /** The bits of {@link SegmentFlags} that are set. */
  flags(): number {
    return this.high & FLAGS_MASK;
  }

  /** Descriptor privilege level, 0 … 3. */
  dpl(): number {
    return (this.high >>> 13) & 3;
  }

  /** Makes it a null descriptor, whose use is a #GP. */
  setNull(): void {
    this.words[this.#at] = 0;
    this.words[this.#at + 1] = 0;
  }

  /**
   * Code and data have the Access bit from the start, which saves the CPU a locked write to the table at each load; DB is what SYSCALL and
   * SYSRET make of SS themselves.
   */
  setCode32(base: number, limit: number, dpl: number): void {
    const { Access, Db, Execute, Write, Present, System } = SegmentFlags;
    this.#set(base, limit, dpl, Access | Db | Execute | Write | Present | System);
  }

  /** Code of 64 bits; see {@link setCode32}. */
  setCode64(base: number, limit: number, dpl: number): void {
    const { Access, Long, Execute, Write, Present, System } = SegmentFlags;
    this.#set(base, limit, dpl, Access | Long | Execute | Write | Present | System);
  }

  /** Data, writable; see {@link setCode32}. */
  setData(base: number, limit: number, dpl: number): void {
    const { Access, Db, Write, Present, System } = SegmentFlags;
    this.#set(base, limit, dpl, Access | Db | Write | Present | System);
  }

  /** The lower half of an available 64-bit TSS: type 9, S clear. The upper half is the next entry: {@link setHi}. */
  setTss(base: number, limit: number): void {
    const { Access, Execute, Present } = SegmentFlags;
    this.#set(base >>> 0, limit, 0, Access | Execute | Present);
  }

  /** The upper half of a 16-byte system descriptor: bits 63:32 of the base, as a sign-extended address. */
  setHi(base: number): void {
    this.words[this.#at] = highWord(base);
    this.words[this.#at + 1] = 0;
  }

  #set(base: number, limit: number, dpl: number, flags: number): void {
    let scaled = limit;
    let bits = flags;
    if (limit > 0xfff) {
      scaled = limit >>> 12;
      bits |= SegmentFlags.Granularity;
    }
    this.words[this.#at] = (base << 16) | (scaled & 0xffff);
    this.words[this.#at + 1] = (base & 0xff000000) | ((base >>> 16) & 0xff) | (scaled & 0xf0000) | bits | (dpl << 13);
  }
}

/** Entries of the per-CPU GDT; more than the nine in use, so that a selector of a guest finds null descriptors and not other data. */
export const GDT_ENTRIES = 32;

/**
 * Fills a GDT of {@link GDT_ENTRIES} entries.
 *
 * @param words the table as 32-bit words, starting at entry 0.
 * @param tssAddress linear address of the TSS.
 * @param tssLimit size of the TSS with its I/O map, less one.
 */
export function writeGdt(words: Uint32Array, tssAddress: number, tssLimit: number): void {
  const entry = (index: number) => new SegmentDescriptor(words, index);
  words.fill(0, 0, GDT_ENTRIES * 2);
  entry(Segment.KernelCode).setCode64(0, 0xffffffff, 0);
  entry(Segment.KernelData).setData(0, 0xffffffff, 0);
  entry(Segment.UserCode32).setCode32(0, 0xffffffff, 3);
  entry(Segment.UserData).setData(0, 0xffffffff, 3);
  entry(Segment.UserCode64).setCode64(0, 0xffffffff, 3);
  entry(Segment.Tss).setTss(tssAddress, tssLimit);
  entry(Segment.TssHigh).setHi(tssAddress);
}
