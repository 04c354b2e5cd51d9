import { ENOMEM } from '@sbx/abi';
import type { Memory, MemoryKind } from '@sbx/platform';

const PAGE = 4096;
const CHUNK = 2 ** 24;

/** `Memory` over plain ArrayBuffers, for tests without native parts. Checks that references are given back exactly once. */
export class ArrayMemory implements Memory {
  readonly name = 'array';
  readonly chunkSize = CHUNK;
  readonly chunks: ArrayBuffer[] = [];
  readonly views: Uint8Array[] = [];
  readonly #refs: number[] = [];
  readonly #kinds: number[] = [];
  #free: number[] = [];

  /** @param limit - bytes that may be allocated */
  constructor(private readonly limit = 2 ** 30) {}

  allocate(length: number, kind: MemoryKind): number {
    if (this.totalUsage() + length > this.limit) return -ENOMEM;
    const pages = length / PAGE;
    let first = pages === 1 ? (this.#free.pop() ?? -1) : -1;
    if (first < 0) {
      first = this.#refs.length;
      const left = CHUNK / PAGE - (first % (CHUNK / PAGE));
      if (pages > left) {
        for (let i = 0; i < left; i++) this.#free.push(first + i);
        this.#extend(left);
        first += left;
      }
      this.#extend(pages);
      while (this.chunks.length * CHUNK < this.#refs.length * PAGE) {
        this.chunks.push(new ArrayBuffer(CHUNK));
        this.views.push(new Uint8Array(this.chunks[this.chunks.length - 1]));
      }
    }
    for (let i = 0; i < pages; i++) {
      this.#refs[first + i] = 1;
      this.#kinds[first + i] = kind;
    }
    this.bytes(first * PAGE, length).fill(0);
    return first * PAGE;
  }
  #extend(pages: number): void {
    for (let i = 0; i < pages; i++) {
      this.#refs.push(0);
      this.#kinds.push(0);
    }
  }
  bytes(offset: number, length: number): Uint8Array {
    const chunk = Math.floor(offset / CHUNK);
    if (offset < 0 || Math.floor((offset + Math.max(length, 1) - 1) / CHUNK) !== chunk) throw new Error(`bytes(${offset}, ${length})`);
    return this.views[chunk].subarray(offset % CHUNK, (offset % CHUNK) + length);
  }
  incRef(offset: number, length: number): void {
    for (let p = offset / PAGE; p < (offset + length) / PAGE; p++) {
      if (!(this.#refs[p] > 0)) throw new Error(`incRef of the free page ${p}`);
      this.#refs[p]++;
    }
  }
  decRef(offset: number, length: number): void {
    for (let p = offset / PAGE; p < (offset + length) / PAGE; p++) {
      if (!(this.#refs[p] > 0)) throw new Error(`decRef of the free page ${p}`);
      if (--this.#refs[p] === 0) this.#free.push(p);
    }
  }
  refCount(offset: number): number {
    return this.#refs[Math.floor(offset / PAGE)];
  }
  commit(): number {
    return 0;
  }
  decommit(offset: number, length: number): void {
    this.bytes(offset, length).fill(0);
  }
  copy(to: number, from: number, length: number): void {
    while (length > 0) {
      const n = Math.min(length, CHUNK - (to % CHUNK), CHUNK - (from % CHUNK));
      this.bytes(to, n).set(this.bytes(from, n));
      to += n;
      from += n;
      length -= n;
    }
  }
  address(offset: number): number {
    return offset;
  }
  updateUsage(): void {}
  totalUsage(): number {
    let pages = 0;
    for (const refs of this.#refs) if (refs > 0) pages++;
    return pages * PAGE;
  }
  usage(kind: MemoryKind): number {
    let pages = 0;
    for (let p = 0; p < this.#refs.length; p++) if (this.#refs[p] > 0 && this.#kinds[p] === kind) pages++;
    return pages * PAGE;
  }
  totalSize(): number {
    return this.chunks.length * CHUNK;
  }
  async saveTo(): Promise<void> {}
  async loadFrom(): Promise<void> {}
  destroy(): void {}
}
