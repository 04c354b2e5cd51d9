import type { Readable, Writable } from 'node:stream';
import { binding, type MappingHandle } from './binding.js';
import { PlatformError } from './error.js';
import { MEMORY_KINDS, type Memory, type MemoryKind } from './memory.js';
import { IMAGE_COMMITTED, type ImageGeometry, type ImageRun, type ImageTarget, readImage, writeImage } from './memory-image.js';
import { PAGE_SIZE } from './page-size.js';
import { COMMITTED, KIND_MASK, PageStore } from './page-store.js';

// V8 counts an external ArrayBuffer as memory that a garbage collection could free, and collects once for every 64 MiB (6 ms with a heap of 30 MB, on
// Node 20 to 26 alike). Chunks are therefore large, so that a collection comes once in 256 MiB; but the first one is small, so that two memory files
// together cause none when a sandbox starts. The address space between the first chunk's end and the second chunk is never used.
const CHUNK_SIZE = 256 * 2 ** 20;
const FIRST_CHUNK = 24 * 2 ** 20;
const MIN_CHUNK_SIZE = 2 * 2 ** 20;
const MAX_CHUNK_SIZE = 2 ** 30;
const RETAIN = 32 * 2 ** 20;

/** How `MemoryFile.create` makes a memory file. Sizes are bytes. */
export interface MemoryFileOptions {
  /** Name for messages and for the memfd. */
  readonly name: string;
  /** The most that may be allocated at one time; the host's memory in use by this file stays at or below it too. */
  readonly limit: number;
  /** Free memory that is kept for reuse instead of being given back to the host. Default 32 MiB. */
  readonly retain?: number;
  /** Power of two from 2 MiB to 1 GiB: the greatest allocation. Default: the smaller of 256 MiB and the power of two that holds the limit. */
  readonly chunkSize?: number;
  /** Address space to reserve; more than `limit`, so that fragmentation does not end it early. Default: twice the limit. */
  readonly reserve?: number;
}

/**
 * A `Memory` over a memfd (memfd_create(2)), mapped once into this process and shown to JavaScript as one ArrayBuffer for each chunk of
 * `chunkSize` bytes (the first chunk's is shorter). How pages are managed: page-store.ts. Owned by one JavaScript thread. Wrong use (a range that is not whole
 * pages, a page that is free) is a `PlatformError` with `code` ERR_SBX_MEMORY_MISUSE; that the limit or the host's memory is exhausted is a negative errno.
 *
 * @example
 * import { MEMORY_ANONYMOUS, MemoryFile } from '@sbx/platform';
 *
 * const memory = MemoryFile.create({ name: 'example', limit: 2 ** 20 });
 * const offset = memory.allocate(8192, MEMORY_ANONYMOUS);
 * memory.bytes(offset, 5).set(Buffer.from('hello'));
 * memory.incRef(offset, 4096);
 * memory.decRef(offset, 8192); // the second page is free now
 * memory.refCount(offset); // 1
 * memory.totalUsage(); // 4096
 * memory.usage(MEMORY_ANONYMOUS); // 4096
 * memory.allocate(2 ** 20, MEMORY_ANONYMOUS); // -12: -ENOMEM
 * memory.destroy();
 */
export class MemoryFile implements Memory {
  readonly name: string;
  readonly chunkSize: number;
  readonly chunks: ArrayBuffer[] = [];
  readonly views: Uint8Array[] = [];
  /** The address, in this process, of offset 0: a multiple of `chunkSize`. */
  readonly base: number;
  /** The memfd: sealed against any change of size. Owned by this object. */
  readonly fd: number;
  /** The size of the reserved address space and of the (sparse) memfd: offsets are below it for ever. */
  readonly reserved: number;
  /** In bytes. */
  readonly limit: number;

  readonly #handle: MappingHandle;
  readonly #pages: PageStore;
  readonly #geometry: ImageGeometry;
  #destroyed = false;

  /**
   * Makes an empty memory file. Throws a `PlatformError`: ERR_SBX_MEMORY_FILE for sizes that are not possible and when the host refuses the descriptor or
   * the address space, ERR_SBX_NATIVE_UNAVAILABLE without the native part.
   */
  static create(options: MemoryFileOptions): MemoryFile {
    return new MemoryFile(options);
  }

  private constructor(options: MemoryFileOptions) {
    const fail = (why: string): never => {
      throw new PlatformError('ERR_SBX_MEMORY_FILE', `${options.name}: ${why}`);
    };
    this.name = options.name;
    this.limit = Math.floor(options.limit / PAGE_SIZE) * PAGE_SIZE;
    if (!(this.limit > 0)) fail(`a limit of ${options.limit} bytes is not possible`);
    this.chunkSize = options.chunkSize ?? Math.max(MIN_CHUNK_SIZE, Math.min(CHUNK_SIZE, 2 ** Math.ceil(Math.log2(this.limit))));
    const chunkOrder = Math.log2(this.chunkSize / PAGE_SIZE);
    if (!(this.chunkSize >= MIN_CHUNK_SIZE && this.chunkSize <= MAX_CHUNK_SIZE && Number.isInteger(chunkOrder))) {
      fail(`a chunk size of ${this.chunkSize} bytes is not possible`);
    }
    const reserve = Math.max(options.reserve ?? this.limit * 2, this.limit);
    this.reserved = (1 + Math.ceil(reserve / this.chunkSize)) * this.chunkSize;
    const maxPages = this.reserved / PAGE_SIZE;
    if (!(maxPages < 2 ** 31)) fail(`${this.reserved} bytes of address space are not possible`);
    const firstChunkPages = Math.min(FIRST_CHUNK, this.chunkSize) / PAGE_SIZE;
    this.#geometry = { chunkSize: this.chunkSize, firstChunkPages };
    this.#pages = new PageStore(this.#backing(), {
      chunkOrder,
      firstChunkPages,
      maxPages,
      limitPages: this.limit / PAGE_SIZE,
      retainPages: Math.floor((options.retain ?? RETAIN) / PAGE_SIZE),
    });
    const handle = binding.create(this.name, this.reserved, this.chunkSize);
    if (typeof handle === 'number') fail(`the host refused a memfd of ${this.reserved} bytes of address space (errno ${-handle})`);
    this.#handle = handle as MappingHandle;
    this.base = binding.base(this.#handle);
    this.fd = binding.fd(this.#handle);
  }

  /** @hotpath */
  allocate(length: number, kind: MemoryKind): number {
    const count = length / PAGE_SIZE;
    if (!(count > 0 && Number.isInteger(count) && length <= this.chunkSize)) this.#misuse(`allocate(${length})`);
    const page = this.#pages.allocate(count, kind);
    return page < 0 ? page : page * PAGE_SIZE;
  }

  /** @hotpath */
  incRef(offset: number, length: number): void {
    const first = this.#firstPage(offset, length);
    if (!this.#pages.incRef(first, first + length / PAGE_SIZE)) this.#misuse(`incRef of a free page in 0x${offset.toString(16)}+${length}`);
  }

  /** @hotpath */
  decRef(offset: number, length: number): void {
    const first = this.#firstPage(offset, length);
    if (!this.#pages.decRef(first, first + length / PAGE_SIZE)) this.#misuse(`decRef of a free page in 0x${offset.toString(16)}+${length}`);
  }

  refCount(offset: number): number {
    return this.#pages.refs(Math.floor(offset / PAGE_SIZE));
  }

  bytes(offset: number, length: number): Uint8Array {
    const chunk = Math.floor(offset / this.chunkSize);
    const start = offset - chunk * this.chunkSize;
    if (!(offset >= 0 && length >= 0 && chunk < this.chunks.length && start + length <= this.chunks[chunk].byteLength)) {
      this.#misuse(`bytes(0x${offset.toString(16)}, ${length})`);
    }
    if (this.#pages.decommitted > 0 && this.commit(offset, length) < 0) {
      throw new PlatformError('ERR_SBX_MEMORY_FILE', `${this.name}: the host has no memory for decommitted pages`);
    }
    return new Uint8Array(this.chunks[chunk], start, length);
  }

  /** @hotpath */
  address(offset: number): number {
    return this.base + offset;
  }

  commit(offset: number, length: number): number {
    return this.#pages.commit(Math.floor(offset / PAGE_SIZE), Math.ceil((offset + length) / PAGE_SIZE));
  }

  decommit(offset: number, length: number): void {
    const first = this.#firstPage(offset, length);
    const end = first + length / PAGE_SIZE;
    for (let p = first; p < end; p++) if (this.#pages.refs(p) === 0) this.#misuse(`decommit of the free page ${p}`);
    if (!this.#pages.decommit(first, end)) for (let p = first; p < end; p++) this.#pageView(p, 1).fill(0);
  }

  updateUsage(): void {
    if (this.#pages.decommitted === 0) return;
    // Decommitted pages that application code touched since have memory again.
    const limit = this.#pages.pages * PAGE_SIZE;
    let at = 0;
    while ((at = binding.seek(this.#handle, at, 0)) < limit) {
      const end = Math.min(binding.seek(this.#handle, at, 1), limit);
      this.#pages.touched(at / PAGE_SIZE, end / PAGE_SIZE);
      at = end;
    }
  }

  totalUsage(): number {
    return this.#pages.totalUsage() * PAGE_SIZE;
  }

  usage(kind: MemoryKind): number {
    return this.#pages.usage(kind) * PAGE_SIZE;
  }

  /** The size of the chunks that exist so far. (The file itself is sparse and has the size `reserved` from the start.) */
  totalSize(): number {
    let size = 0;
    for (const chunk of this.chunks) size += chunk.byteLength;
    return size;
  }

  /** Bytes of host memory that this file holds, as this process counts them: in use, kept for reuse, and committed ahead. */
  committedBytes(): number {
    return this.#pages.committed * PAGE_SIZE;
  }

  /** Bytes of host memory that this file holds, as the host counts them. */
  hostBytes(): number {
    return binding.hostBytes(this.#handle);
  }

  /** Gives free memory back to the host until at most `keep` bytes of it are left. */
  trim(keep = 0): void {
    this.#pages.trim(Math.floor(keep / PAGE_SIZE));
  }

  /** @hotpath */
  copy(to: number, from: number, length: number): void {
    binding.copy(this.#handle, to, from, length);
  }

  async saveTo(stream: Writable): Promise<void> {
    this.updateUsage();
    await writeImage({ ...this.#geometry, runs: () => this.#runs(), pages: (first, count) => this.#pageView(first, count) }, stream);
  }

  async loadFrom(stream: Readable): Promise<void> {
    if (this.#pages.allocated > 0) this.#misuse('loadFrom: the file is not empty');
    const restored: ImageRun[] = [];
    const target: ImageTarget = {
      ...this.#geometry,
      restoreRun: (run) => {
        const problem = this.#restoreRun(run);
        if (problem === null) restored.push(run);
        return problem;
      },
      writablePages: (first, count) => {
        for (let p = first; p < first + count; p++) if (this.#pages.refs(p) === 0 || (this.#pages.state(p) & COMMITTED) === 0) return null;
        return this.#isInOneChunk(first, count) ? this.#pageView(first, count) : null;
      },
    };
    try {
      await readImage(target, stream);
    } catch (error) {
      for (const { first, count } of restored) this.#pages.forget(first, first + count);
      throw error;
    }
  }

  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.chunks.length = 0;
    this.views.length = 0;
    binding.destroy(this.#handle);
  }

  #backing() {
    return {
      addChunk: (page: number, count: number): void => {
        const chunk = binding.chunk(this.#handle, page * PAGE_SIZE, count * PAGE_SIZE);
        this.chunks.push(chunk);
        this.views.push(new Uint8Array(chunk));
      },
      commit: (page: number, count: number): boolean => binding.commit(this.#handle, page * PAGE_SIZE, count * PAGE_SIZE) >= 0,
      punch: (page: number, count: number): boolean => binding.punch(this.#handle, page * PAGE_SIZE, count * PAGE_SIZE) >= 0,
      zero: (page: number, count: number): void => {
        const offset = page * PAGE_SIZE;
        const chunk = Math.floor(offset / this.chunkSize);
        const start = offset - chunk * this.chunkSize;
        this.views[chunk].fill(0, start, start + count * PAGE_SIZE);
      },
    };
  }

  /** Runs of allocated pages that are alike, in ascending order, each inside one chunk. */
  *#runs(): Generator<ImageRun> {
    const pages = this.#pages;
    const chunkPages = this.chunkSize / PAGE_SIZE;
    for (let p = 0; p < pages.pages; ) {
      const first = p;
      const refs = pages.refs(first);
      const state = pages.state(first);
      do p++;
      while (p < pages.pages && p % chunkPages !== 0 && pages.refs(p) === refs && pages.state(p) === state);
      const committed = (state & COMMITTED) !== 0 ? IMAGE_COMMITTED : 0;
      if (refs > 0) yield { first, count: p - first, attributes: (state & KIND_MASK) | committed, refs };
    }
  }

  #restoreRun({ first, count, attributes, refs }: ImageRun): string | null {
    const kind = attributes & KIND_MASK;
    if (refs === 0 || kind >= MEMORY_KINDS || attributes > (KIND_MASK | IMAGE_COMMITTED)) return `attributes of the run at page ${first}`;
    if ((this.#pages.allocated + count) * PAGE_SIZE > this.limit) return `it needs more than the limit of ${this.limit} bytes`;
    if (!this.#isInOneChunk(first, count) || !this.#pages.reach(first + count - 1)) return `page ${first} is out of range`;
    for (let p = first; p < first + count; p++) if (this.#pages.refs(p) > 0) return `page ${p} is there twice`;
    const committed = (attributes & IMAGE_COMMITTED) !== 0;
    return this.#pages.restore(first, count, kind as MemoryKind, refs, committed) ? null : 'the host has not enough memory for it';
  }

  #isInOneChunk(first: number, count: number): boolean {
    const chunkPages = this.chunkSize / PAGE_SIZE;
    return Math.floor(first / chunkPages) === Math.floor((first + count - 1) / chunkPages);
  }

  #pageView(page: number, count: number): Uint8Array {
    const offset = page * PAGE_SIZE;
    const chunk = Math.floor(offset / this.chunkSize);
    const start = offset - chunk * this.chunkSize;
    return this.views[chunk].subarray(start, start + count * PAGE_SIZE);
  }

  #firstPage(offset: number, length: number): number {
    const page = offset / PAGE_SIZE;
    const count = length / PAGE_SIZE;
    if (!(Number.isInteger(page) && Number.isInteger(count) && page >= 0 && count > 0 && page + count <= this.#pages.pages)) {
      this.#misuse(`range 0x${offset.toString(16)}, length 0x${length.toString(16)}`);
    }
    return page;
  }

  #misuse(what: string): never {
    throw new PlatformError('ERR_SBX_MEMORY_MISUSE', `${this.name}: ${what}`);
  }
}
