import { type AddressSpaceIO, type Memory, SegmentationFault } from '@sbx/platform';
import { type amd64, MAP_READ, MAP_WRITE } from '@sbx/ring0';
import * as safecopy from '@sbx/safecopy';
import { MEMORY_PHYSICAL } from './layout.js';

/**
 * Access to application memory by way of its page tables: the bytes that ring 3 sees, with the rights that it has. What is not mapped is a fault; the
 * caller's memory manager maps it and asks again. Memory that the host cannot back is a fault, too, and not the end of the process.
 */
export class PageTableIO implements AddressSpaceIO {
  lastFault: SegmentationFault | null = null;
  protected readonly tables: amd64.PageTables;
  readonly #memory: Memory;
  /** Bytes from where the last `#locate` found, to the end of its page, or of the chunk of memory. */
  #run = 0;

  constructor(tables: amd64.PageTables, memory: Memory) {
    this.tables = tables;
    this.#memory = memory;
  }

  copyOut(addr: number, src: Uint8Array): number {
    let done = 0;
    while (done < src.length) {
      const to = this.#locate(addr + done, MAP_WRITE);
      if (to < 0) return done;
      const step = Math.min(this.#run, src.length - done);
      const copied = safecopy.copyOut(to, src, step, done);
      done += copied;
      if (copied < step) return this.#faultAfter(addr, done);
    }
    return done;
  }

  copyIn(addr: number, dst: Uint8Array): number {
    let done = 0;
    while (done < dst.length) {
      const from = this.#locate(addr + done, MAP_READ);
      if (from < 0) return done;
      const step = Math.min(this.#run, dst.length - done);
      const copied = safecopy.copyIn(dst, from, step, done);
      done += copied;
      if (copied < step) return this.#faultAfter(addr, done);
    }
    return done;
  }

  zeroOut(addr: number, length: number): number {
    let done = 0;
    while (done < length) {
      const to = this.#locate(addr + done, MAP_WRITE);
      if (to < 0) return done;
      const step = Math.min(this.#run, length - done);
      const zeroed = safecopy.zeroOut(to, step);
      done += zeroed;
      if (zeroed < step) return this.#faultAfter(addr, done);
    }
    return done;
  }

  swapUint32(addr: number, value: number): number {
    const word = this.#word(addr);
    return word < 0 ? -1 : this.#orFault(addr, safecopy.swapUint32(word, value));
  }

  compareAndSwapUint32(addr: number, old: number, value: number): number {
    const word = this.#word(addr);
    return word < 0 ? -1 : this.#orFault(addr, safecopy.compareAndSwapUint32(word, old, value));
  }

  /** The address, in this process, of the application's byte at `addr`, of which it has `right`; or -1 with the fault. */
  #locate(addr: number, right: number): number {
    const physical = addr >= 0 && addr < 2 ** 47 ? this.tables.lookup(addr) : -1;
    if (physical < 0 || (this.tables.foundOptions & right) === 0) {
      this.lastFault = new SegmentationFault(addr);
      return -1;
    }
    const { foundSize } = this.tables;
    const offset = physical - MEMORY_PHYSICAL;
    const { chunkSize } = this.#memory;
    this.#run = Math.min(foundSize - (addr % foundSize), chunkSize - (offset % chunkSize));
    return this.#memory.address(offset);
  }

  #word(addr: number): number {
    if (addr % 4 !== 0) throw new RangeError(`0x${addr.toString(16)} is not 4-byte aligned`);
    return this.#locate(addr, MAP_WRITE);
  }

  #orFault(addr: number, result: number): number {
    if (result >= 0) return result;
    this.lastFault = new SegmentationFault(addr);
    return -1;
  }

  #faultAfter(addr: number, done: number): number {
    this.lastFault = new SegmentationFault(addr + done);
    return done;
  }
}
