/** Page tables of amd64, and the value of CR3 that selects them. */
import { ENOMEM } from '@sbx/abi';
import { FourLevelTables } from '../page-tables.js';
import type { MemoryAllocator } from '../table-memory.js';
import type { PageTablesOptions } from '../table-tree.js';
import { CR3_NO_FLUSH_HIGH, CR3_PCID_MASK } from './control.js';
import { amd64Entries } from './entries.js';

/**
 * Page tables of amd64: {@link FourLevelTables} with the value of CR3 that selects them (SDM Vol. 3A 4.5, table 4-12).
 *
 * @example
 * import { amd64, ChunkedTableMemory } from '@sbx/ring0';
 *
 * const tables = amd64.PageTables.create(ChunkedTableMemory.over(new SharedArrayBuffer(0x10000), 0x100000));
 * if (typeof tables === 'number') throw new Error('no memory for a root');
 * tables.cr3Low(5); // 0x100005
 * tables.CR3(true, 5) === (1n << 63n) + 0x100005n; // true
 */
export class PageTables extends FourLevelTables {
  /** New, empty tables (with the upper half of `options.kernelHalf`), or -ENOMEM. */
  static create(memory: MemoryAllocator, options: PageTablesOptions = {}): PageTables | number {
    const root = memory.allocateFrame();
    return root < 0 ? -ENOMEM : new PageTables(amd64Entries, memory, root, options);
  }

  /** Bits 31:0 of CR3. `pcid` is 0 … 4095, and 0 where CR4.PCIDE is clear. @hotpath */
  cr3Low(pcid: number): number {
    return ((this.root << 12) | (pcid & CR3_PCID_MASK)) >>> 0;
  }

  /** Bits 63:32 of CR3. `noFlush` keeps what the TLB holds for the PCID; it needs CR4.PCIDE. @hotpath */
  cr3High(noFlush: boolean): number {
    return (Math.floor(this.root / 0x100000) | (noFlush ? CR3_NO_FLUSH_HIGH : 0)) >>> 0;
  }

  /** The whole of CR3, for cold paths. */
  CR3(noFlush: boolean, pcid: number): bigint {
    return (BigInt(this.cr3High(noFlush)) << 32n) | BigInt(this.cr3Low(pcid));
  }
}
