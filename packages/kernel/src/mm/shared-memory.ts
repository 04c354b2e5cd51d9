import { EFAULT, ENOMEM } from '@sbx/abi';
import type { Memory, MemoryKind } from '@sbx/platform';
import { PAGE_SIZE, pageUp } from './constants.js';
import type { Mappable, Mapping } from './mappable.js';

/** Pages allocated together. */
const BLOCK_PAGES = 16;
/** Pages of one table of offsets. */
const TABLE_PAGES = 512;

let lastIno = 0;

/**
 * Memory that address spaces share: what mmap(MAP_SHARED | MAP_ANONYMOUS) makes (Linux's shmem, shown as "/dev/zero (deleted)"), and SysV segments. Pages
 * are made at their first use and live as long as the object: until the last mapping and the last `hold` are gone.
 */
export class SharedMemory implements Mappable {
  /** Inode number, as shown in maps. */
  readonly ino = ++lastIno;
  readonly mappingName: string = '/dev/zero (deleted)';
  resolvedLength = 0;
  readonly #mappings = new Set<Mapping>();
  /** Frame + 1 of each page, in tables; 0: absent. */
  readonly #tables = new Map<number, Int32Array>();
  #holds = 0;
  #pages = 0;
  readonly #size: number;

  constructor(
    readonly memory: Memory,
    /** Bytes; rounded up to whole pages. An access past it is a SIGBUS. */
    size: number,
    readonly kind: MemoryKind,
  ) {
    this.#size = pageUp(size);
  }

  get size(): number {
    return this.#size;
  }
  /** Bytes that have pages. */
  get residentBytes(): number {
    return this.#pages * PAGE_SIZE;
  }

  resolvePages(offset: number, length: number, _write: boolean): number {
    if (offset < 0 || offset >= this.#size) return -EFAULT;
    const first = offset / PAGE_SIZE;
    const end = Math.min(first + length / PAGE_SIZE, this.#size / PAGE_SIZE);
    const frame = this.#frame(first) ?? this.#add(first, end);
    if (frame < 0) return -ENOMEM;
    let n = 1;
    while (first + n < end && this.#frame(first + n) === frame + n) n++;
    this.resolvedLength = n * PAGE_SIZE;
    return frame * PAGE_SIZE;
  }

  isResident(offset: number): boolean {
    return this.#frame(offset / PAGE_SIZE) !== undefined;
  }

  /** Frees the pages of the range; later accesses find zeroes. */
  punchHole(offset: number, length: number): number {
    for (const mapping of this.#mappings) mapping.invalidate(offset, length);
    const end = (offset + length) / PAGE_SIZE;
    for (const [index, table] of this.#tables) {
      for (let i = Math.max(0, offset / PAGE_SIZE - index * TABLE_PAGES); i < Math.min(TABLE_PAGES, end - index * TABLE_PAGES); i++)
        this.#drop(table, i);
    }
    return 0;
  }

  addMapping(mapping: Mapping): void {
    this.#mappings.add(mapping);
  }
  removeMapping(mapping: Mapping): void {
    this.#mappings.delete(mapping);
    this.#freeUnused();
  }
  writeBack(): number {
    return 0;
  }
  /** Keeps the object alive without a mapping (a SysV segment that exists). */
  hold(): void {
    this.#holds++;
  }
  unhold(): void {
    this.#holds--;
    this.#freeUnused();
  }

  #frame(page: number): number | undefined {
    const entry = this.#tables.get(Math.floor(page / TABLE_PAGES))?.[page % TABLE_PAGES];
    return entry === undefined || entry === 0 ? undefined : entry - 1;
  }

  /** Makes pages from `page` on, up to a block and below `end`: the first one's frame, or -ENOMEM. */
  #add(page: number, end: number): number {
    const most = Math.min(end, (Math.floor(page / BLOCK_PAGES) + 1) * BLOCK_PAGES);
    let count = 1;
    while (page + count < most && this.#frame(page + count) === undefined) count++;
    let offset = this.memory.allocate(count * PAGE_SIZE, this.kind);
    if (offset < 0) {
      count = 1;
      offset = this.memory.allocate(PAGE_SIZE, this.kind);
      if (offset < 0) return offset;
    }
    const index = Math.floor(page / TABLE_PAGES);
    let table = this.#tables.get(index);
    if (table === undefined) this.#tables.set(index, (table = new Int32Array(TABLE_PAGES)));
    for (let i = 0; i < count; i++) table[(page % TABLE_PAGES) + i] = offset / PAGE_SIZE + i + 1;
    this.#pages += count;
    return offset / PAGE_SIZE;
  }

  #drop(table: Int32Array, i: number): void {
    if (table[i] === 0) return;
    this.memory.decRef((table[i] - 1) * PAGE_SIZE, PAGE_SIZE);
    table[i] = 0;
    this.#pages--;
  }

  #freeUnused(): void {
    if (this.#holds > 0 || this.#mappings.size > 0) return;
    for (const table of this.#tables.values()) for (let i = 0; i < TABLE_PAGES; i++) this.#drop(table, i);
    this.#tables.clear();
  }
}
