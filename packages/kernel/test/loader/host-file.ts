import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { EFAULT, ENOENT } from '@sbx/abi';
import { MEMORY_PAGE_CACHE, type Memory } from '@sbx/platform';
import type { Mappable, Mapping } from '../../src/mm/mappable.js';
import type { Task } from '../../src/task/task.js';
import { FileDescription } from '../../src/vfs/file-description.js';

/** Bytes as a file with a page cache: what the loader maps. */
export class BytesFile extends FileDescription implements Mappable {
  resolvedLength = 0;
  readonly mappings = new Set<Mapping>();
  readonly #pages = new Map<number, number>();
  constructor(
    readonly memory: Memory,
    readonly bytes: Uint8Array,
  ) {
    super(0);
  }
  override mappable(): Mappable {
    return this;
  }
  override readKernel(_task: Task, into: Uint8Array, offset: number): number {
    const piece = this.bytes.subarray(offset, offset + into.length);
    into.set(piece);
    return piece.length;
  }
  resolvePages(offset: number): number {
    if (offset >= this.bytes.length) return -EFAULT;
    let page = this.#pages.get(offset);
    if (page === undefined) {
      page = this.memory.allocate(4096, MEMORY_PAGE_CACHE);
      if (page < 0) return page;
      this.memory.bytes(page, 4096).set(this.bytes.subarray(offset, offset + 4096));
      this.#pages.set(offset, page);
    }
    this.resolvedLength = 4096;
    return page;
  }
  isResident(offset: number): boolean {
    return this.#pages.has(offset);
  }
  addMapping(mapping: Mapping): void {
    this.mappings.add(mapping);
  }
  removeMapping(mapping: Mapping): void {
    this.mappings.delete(mapping);
  }
  writeBack(): number {
    return 0;
  }
  protected override release(): void {
    for (const page of this.#pages.values()) this.memory.decRef(page, 4096);
    this.#pages.clear();
  }
}

export function hostFile(memory: Memory, path: string): BytesFile | number {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return -ENOENT;
  }
  const bytes = new Uint8Array(fstatSync(fd).size);
  readSync(fd, bytes);
  closeSync(fd);
  return new BytesFile(memory, bytes);
}
