import { ACCESS_EXECUTE, ACCESS_READ, ACCESS_WRITE, type AddressSpace, type File, PAGE_SIZE } from '@sbx/platform';
import { amd64, FLUSH_REQUIRED, MAP_EXECUTE, MAP_READ, MAP_USER, MAP_WRITE } from '@sbx/ring0';
import { binding } from './binding.js';
import { MEMORY_PHYSICAL } from './layout.js';
import type { Machine } from './machine.js';
import { PageTableIO } from './page-table-io.js';

const ENOMEM = 12;
/** The smallest of the large pages. */
const LARGE_PAGE = 2 ** 21;

/** MAP_* of each ACCESS_* set. What may be written or executed may be read: the CPU has no other way. */
const OPTIONS = Array.from({ length: 8 }, (_, at) => {
  if (at === 0) return 0;
  return MAP_READ | MAP_USER | (at & ACCESS_WRITE ? MAP_WRITE : 0) | (at & ACCESS_EXECUTE ? MAP_EXECUTE : 0);
});
const ACCESS_ANY = ACCESS_READ | ACCESS_WRITE | ACCESS_EXECUTE;

/** Page tables of one application, and their number in the native part. */
export class KvmAddressSpace extends PageTableIO implements AddressSpace {
  /** The native part's number; -1 after release. */
  id: number;
  readonly #machine: Machine;

  readonly #released: (space: KvmAddressSpace) => void;

  private constructor(machine: Machine, tables: amd64.PageTables, id: number, released: (space: KvmAddressSpace) => void) {
    super(tables, machine.memory);
    this.#released = released;
    this.#machine = machine;
    this.id = id;
  }

  /** A new, empty address space, or -ENOMEM. */
  static create(machine: Machine, released: (space: KvmAddressSpace) => void): KvmAddressSpace | number {
    const tables = amd64.PageTables.create(machine.tables, { kernelHalf: machine.kernelHalf, largestLevel: machine.largestLevel });
    if (typeof tables === 'number') return tables;
    const id = binding.newSpace(machine.id, tables.cr3High(false) * 2 ** 32 + tables.cr3Low(0));
    if (id >= 0) return new KvmAddressSpace(machine, tables, id, released);
    tables.release();
    return -ENOMEM;
  }

  /** @hotpath */
  mapFile(addr: number, file: File, offset: number, length: number, at: number, _precommit: boolean): number {
    const machine = this.#machine;
    if (file !== machine.memory) throw new RangeError(`${file.name} is not the memory of this platform`);
    if (!(addr >= 0 && length > 0 && addr + length <= 2 ** 47)) throw new RangeError('not a range of application addresses');
    if (machine.cover(offset + length) < 0) return -ENOMEM;
    const result = this.tables.map(addr, length, OPTIONS[at & ACCESS_ANY]!, MEMORY_PHYSICAL + offset);
    // A map that failed has given up the tables that it had made: others may have them once no CPU can walk them.
    if (result === FLUSH_REQUIRED || this.tables.retiredPages > 0) this.#flush(addr, length);
    return result < 0 ? result : 0;
  }

  /** @hotpath */
  unmap(addr: number, length: number): void {
    let result = this.tables.unmap(addr, length);
    // No page for splitting a large one: then the whole large page goes, and page faults bring the rest of it back.
    if (result < 0) result = this.tables.evict(addr, length);
    if (result === FLUSH_REQUIRED) this.#flush(addr, length);
  }

  writeProtect(addr: number, length: number): void {
    this.#splitAt(addr);
    this.#splitAt(addr + length);
    this.#machine.writeProtect(this.id, addr, length);
  }

  release(): void {
    if (this.id < 0) return;
    binding.releaseSpace(this.#machine.id, this.id);
    this.id = -1;
    this.tables.release();
    this.#machine.flush(-1, 0, 0);
    this.#released(this);
  }

  /** Splits the large page that straddles `addr`, if memory allows; else all of it will lose what a part of it is to lose. */
  #splitAt(addr: number): void {
    if (addr % LARGE_PAGE === 0 || addr >= 2 ** 47 || this.tables.lookup(addr) < 0) return;
    if (this.tables.foundSize > PAGE_SIZE) this.tables.protect(addr, PAGE_SIZE, this.tables.foundOptions);
  }

  #flush(addr: number, length: number): void {
    // Collects the pages that left the tables; the machine reuses them only once no CPU can walk them.
    this.tables.reclaim();
    this.#machine.flush(this.id, addr, length);
  }
}
