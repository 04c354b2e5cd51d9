/**
 * Memory that page tables live in: pages that the guest's CPU walks and that JavaScript edits through typed arrays.
 *
 * A table page is named by its *frame*: guest-physical address / 4096. Frames of guest-physical memory below 8 TiB are small integers in
 * V8, so that walking a table boxes no number; addresses would not be.
 */

/** Entries of 8 bytes in one table page. */
export const ENTRIES = 512;
/** Bytes of one table page. */
export const TABLE_SIZE = 4096;

/**
 * Where page tables get their pages. Owned by one JavaScript thread; many page tables may share one.
 *
 * {@link locate} leaves its answer in fields, so that reaching an entry allocates nothing: entry `i` of the located table is
 * `f64[index + i]` (whole, stored as one 64-bit word) and `u32[2 * (index + i)]`, `u32[2 * (index + i) + 1]` (its halves); `live[index / 512]`
 * is a 16-bit word beside the table, not inside it, that belongs to the page-table code. The fields hold until the next call.
 */
export interface MemoryAllocator {
  /** The frame of a page that is zeroed, with its `live` word zero; -1 when there is none. */
  allocateFrame(): number;
  /** Gives a page back. Its bytes may be anything. */
  freeFrame(frame: number): void;
  /** Sets the fields below to the page. @hotpath */
  locate(frame: number): void;
  readonly f64: Float64Array;
  readonly u32: Uint32Array;
  readonly live: Uint16Array;
  readonly index: number;
}

/** One piece of table memory: the bytes of `buffer` from `byteOffset` on, which the guest sees at the chunk's place. */
export interface TableChunk {
  /** Memory that the guest has, too. */
  readonly buffer: ArrayBufferLike;
  /** A multiple of 8. */
  readonly byteOffset: number;
  /** Pages in it, if fewer than in a whole chunk: then it is the last one. */
  readonly pages?: number;
}

/**
 * A {@link MemoryAllocator} over equal chunks that follow each other in guest-physical space and are added on demand, such as pieces of one
 * shared mapping. Freed pages are reused last-in first-out and zeroed when handed out again. Freeing a page that is not in use is a `RangeError`.
 *
 * @example
 * import { ChunkedTableMemory, TABLE_SIZE } from '@sbx/ring0';
 *
 * // At most two chunks of four pages, the first of which the guest sees at 1 MiB.
 * const memory = new ChunkedTableMemory(0x100000, 4 * TABLE_SIZE, (chunk) =>
 *   chunk < 2 ? { buffer: new SharedArrayBuffer(4 * TABLE_SIZE), byteOffset: 0 } : null,
 * );
 * const frame = memory.allocateFrame();
 * frame * TABLE_SIZE; // 0x100000
 * memory.locate(frame);
 * memory.u32[2 * memory.index]; // 0: the first entry
 * for (let i = 1; i < 8; i++) memory.allocateFrame();
 * memory.allocateFrame(); // -1
 * memory.freeFrame(frame);
 * memory.usedPages; // 7
 */
export class ChunkedTableMemory implements MemoryAllocator {
  f64: Float64Array = new Float64Array(0);
  u32: Uint32Array = new Uint32Array(0);
  live: Uint16Array = new Uint16Array(0);
  index = 0;

  readonly #base: number;
  /** Pages of a chunk are `1 << #shift`. */
  readonly #shift: number;
  /** The chunk that f64, u32 and live are of: storing them again would cost a write barrier each. */
  #chunk = -1;
  readonly #grow: (chunk: number) => TableChunk | null;
  readonly #f64: Float64Array[] = [];
  readonly #u32: Uint32Array[] = [];
  readonly #live: Uint16Array[] = [];
  /** Whether each page ever added is handed out: a double free is a bug of ours that would give one page to two tables. */
  #used: Uint8Array = new Uint8Array(0);
  #free: Int32Array = new Int32Array(0);
  #freeCount = 0;
  #fresh = 0;
  #total = 0;

  /**
   * @param baseAddress guest-physical address of chunk 0, page-aligned.
   * @param chunkSize bytes of each chunk, a power of two from 4096 on.
   * @param grow called for chunk 0, 1, 2, … when pages run out; null when there is no more memory (asked again at the next allocation).
   */
  constructor(baseAddress: number, chunkSize: number, grow: (chunk: number) => TableChunk | null) {
    const shift = Math.log2(chunkSize / TABLE_SIZE);
    if (baseAddress % TABLE_SIZE !== 0 || !Number.isInteger(shift) || shift < 0)
      throw new RangeError('bad address or size of table memory');
    this.#base = baseAddress / TABLE_SIZE;
    this.#shift = shift;
    this.#grow = grow;
  }

  /** A memory of the whole pages of `buffer`, which the guest sees at `baseAddress`, and no more. */
  static over(buffer: ArrayBufferLike, baseAddress: number): ChunkedTableMemory {
    const pages = Math.floor(buffer.byteLength / TABLE_SIZE);
    const size = 2 ** Math.ceil(Math.log2(pages)) * TABLE_SIZE;
    return new ChunkedTableMemory(baseAddress, size, (chunk) => (chunk === 0 ? { buffer, byteOffset: 0, pages } : null));
  }

  /** Pages handed out now. */
  get usedPages(): number {
    return this.#fresh - this.#freeCount;
  }

  allocateFrame(): number {
    let page: number;
    if (this.#freeCount > 0) {
      page = this.#free[--this.#freeCount]!;
    } else {
      if (this.#fresh === this.#total && !this.#addChunk()) return -1;
      page = this.#fresh++;
    }
    this.#used[page] = 1;
    const frame = this.#base + page;
    this.locate(frame);
    this.f64.fill(0, this.index, this.index + ENTRIES);
    this.live[this.index >>> 9] = 0;
    return frame;
  }

  freeFrame(frame: number): void {
    const page = frame - this.#base;
    if (!(page >= 0 && page < this.#total) || this.#used[page] !== 1) throw new RangeError(`frame ${frame} is not an allocated table page`);
    this.#used[page] = 0;
    this.#free[this.#freeCount++] = page;
  }

  locate(frame: number): void {
    const page = (frame - this.#base) | 0;
    const shift = this.#shift;
    const chunk = page >> shift;
    if (chunk !== this.#chunk) {
      this.#chunk = chunk;
      this.f64 = this.#f64[chunk]!;
      this.u32 = this.#u32[chunk]!;
      this.live = this.#live[chunk]!;
    }
    this.index = (page & ((1 << shift) - 1)) * ENTRIES;
  }

  #addChunk(): boolean {
    const whole = 1 << this.#shift;
    const chunks = this.#f64.length;
    if (this.#total < chunks * whole) return false;
    const chunk = this.#grow(chunks);
    if (chunk === null) return false;
    const pages = Math.min(chunk.pages ?? whole, whole);
    this.#f64.push(new Float64Array(chunk.buffer, chunk.byteOffset, pages * ENTRIES));
    this.#u32.push(new Uint32Array(chunk.buffer, chunk.byteOffset, pages * ENTRIES * 2));
    this.#live.push(new Uint16Array(pages));
    this.#total += pages;
    const used = new Uint8Array(this.#total);
    used.set(this.#used);
    this.#used = used;
    const free = new Int32Array(this.#total);
    free.set(this.#free.subarray(0, this.#freeCount));
    this.#free = free;
    return pages > 0;
  }
}
