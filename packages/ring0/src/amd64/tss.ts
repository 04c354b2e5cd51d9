/** The 64-bit task-state segment: stacks that the CPU loads on entry to ring 0 (SDM Vol. 3A 8.7, figure 8-11). */
import { highWord, lowWord } from './addresses.js';

/** Bytes of a TSS without an I/O permission map. */
export const TSS_SIZE = 104;
/** Byte offset of RSP0; RSP1 and RSP2 follow. */
export const TSS_RSP0 = 4;
/** Byte offset of IST1; IST2 … IST7 follow. */
export const TSS_IST1 = 36;
/** Byte offset of the 16-bit offset of the I/O permission map. */
export const TSS_IO_MAP = 102;

/**
 * A view of one TSS in memory, at a byte offset that is a multiple of 4.
 *
 * @example
 * import { amd64 } from '@sbx/ring0';
 *
 * const words = new Uint32Array(amd64.TSS_SIZE / 4);
 * const tss = new amd64.Tss64(words);
 * tss.reset();
 * tss.setRsp(0, -0x1000);
 * tss.setIst(1, -0x2000);
 * words[amd64.TSS_RSP0 / 4]; // 0xfffff000
 * words[amd64.TSS_IST1 / 4]; // 0xffffe000
 */
export class Tss64 {
  readonly #words: Uint32Array;
  readonly #at: number;

  constructor(words: Uint32Array, byteOffset = 0) {
    this.#words = words;
    this.#at = byteOffset / 4;
  }

  /** Clears everything, and puts the I/O map beyond the limit: every IN and OUT of ring 3 is a #GP. */
  reset(): void {
    this.#words.fill(0, this.#at, this.#at + TSS_SIZE / 4);
    this.#words[this.#at + 25] = TSS_SIZE << 16;
  }

  /** Stack of ring `ring`, 0 … 2: the linear address of its top. */
  setRsp(ring: number, top: number): void {
    this.#setPointer(TSS_RSP0 + ring * 8, top);
  }

  /** Interrupt stack `index`, 1 … 7: the linear address of its top, 16-byte aligned. */
  setIst(index: number, top: number): void {
    this.#setPointer(TSS_IST1 + (index - 1) * 8, top);
  }

  #setPointer(offset: number, address: number): void {
    this.#words[this.#at + offset / 4] = lowWord(address);
    this.#words[this.#at + offset / 4 + 1] = highWord(address);
  }
}
