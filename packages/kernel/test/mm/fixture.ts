import { ACCESS_WRITE, type AddressSpace, type File, MemoryFile, type Platform } from '@sbx/platform';
import { type MemoryKernel, MemoryManager } from '../../src/mm/memory-manager.js';
import { type MapRequest, map } from '../../src/mm/mmap.js';

/** An address space that is a table: what the hardware would translate. */
export class TableSpace implements AddressSpace {
  /** Page number → [offset in memory, access]. */
  readonly pages = new Map<number, readonly [number, number]>();
  maps = 0;
  released = false;
  mapFile(addr: number, _file: File, offset: number, length: number, at: number): number {
    if (addr % 4096 !== 0 || offset % 4096 !== 0 || !(length > 0) || length % 4096 !== 0 || at === 0)
      throw new Error('mapFile: bad arguments');
    this.maps++;
    for (let i = 0; i < length; i += 4096) this.pages.set((addr + i) / 4096, [offset + i, at]);
    return 0;
  }
  unmap(addr: number, length: number): void {
    if (addr % 4096 !== 0 || !(length > 0)) throw new Error('unmap: bad arguments');
    for (const page of this.pages.keys()) if (page >= addr / 4096 && page < (addr + length) / 4096) this.pages.delete(page);
  }
  writeProtect(addr: number, length: number): void {
    for (const [page, [offset, at]] of this.pages)
      if (page >= addr / 4096 && page < (addr + length) / 4096) this.pages.set(page, [offset, at & ~ACCESS_WRITE]);
  }
  release(): void {
    this.released = true;
    this.pages.clear();
  }
}

/** A kernel with nothing but memory. */
export class TestKernel implements MemoryKernel {
  readonly memory: MemoryFile;
  readonly limits: { readonly memory: number };
  readonly platform: Platform;
  readonly spaces: TableSpace[] = [];
  #seed = 1;
  constructor(limit = 64 * 2 ** 20) {
    this.memory = MemoryFile.create({ name: 'test', limit });
    this.limits = { memory: limit };
    this.platform = {
      memory: this.memory,
      minUserAddress: 0,
      maxUserAddress: 2 ** 47 - 4096,
      newAddressSpace: () => {
        const space = new TableSpace();
        this.spaces.push(space);
        return space;
      },
    } as unknown as Platform;
  }
  random(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) {
      this.#seed = (Math.imul(this.#seed, 1103515245) + 12345) & 0x7fffffff;
      bytes[i] = this.#seed >>> 16;
    }
  }
  create(): MemoryManager {
    const mm = MemoryManager.create(this);
    if (typeof mm === 'number') throw new Error(`create: ${mm}`);
    return mm;
  }
}

export function request(options: Partial<MapRequest>): MapRequest {
  return {
    addr: 0,
    length: 4096,
    prot: 3,
    flags: 0x22,
    file: null,
    mappable: -19,
    offset: 0,
    noExec: false,
    rawIo: false,
    ...options,
  };
}

/** mmap, failing the test on an error. */
export function mapped(mm: MemoryManager, options: Partial<MapRequest>): number {
  const addr = map(mm, request(options));
  if (addr < 0) throw new Error(`mmap: ${addr}`);
  return addr;
}

/** An access of the program's own: through the table, faulting like the hardware would. Returns the memory offset, or -(fault result). */
export function touch(mm: MemoryManager, addr: number, access: number): number {
  const space = mm.addressSpace() as TableSpace;
  for (let tries = 0; tries < 3; tries++) {
    const entry = space.pages.get(Math.floor(addr / 4096));
    if (entry !== undefined && (entry[1] & access) === access) return entry[0] + (addr % 4096);
    const result = mm.handleFault(addr, access);
    if (result !== 0) return -result;
  }
  throw new Error(`the fault at 0x${addr.toString(16)} does not get resolved`);
}
