import { MEMORY_SYSTEM, type Memory } from '@sbx/platform';
import { ChunkedTableMemory, type MemoryAllocator } from '@sbx/ring0';
import { binding } from './binding.js';
import { TABLE_CHUNK, TABLES_PHYSICAL, TABLES_SIZE } from './layout.js';

/**
 * Page-table pages in kernel memory, each chunk a memory slot of its own. A page that is given back is not reused before {@link recycle}: until then
 * a CPU may still walk it, and a KVM that shadows page tables still has to forget it.
 */
export class TableMemory implements MemoryAllocator {
  /**
   * Called after a chunk was added, by the allocation that needed it; may allocate frames itself. It runs inside operations on page tables, which expect
   * allocations to move the located page.
   */
  grown: (() => void) | null = null;
  /** Frames given back and not yet recycled. */
  frames = new Uint32Array(64);
  frameCount = 0;

  readonly #inner: ChunkedTableMemory;
  readonly #offsets: number[] = [];
  readonly #memory: Memory;
  /** Bytes of address space that chunks take so far. */
  #size = 0;

  constructor(machine: number, memory: Memory) {
    this.#memory = memory;
    this.#inner = new ChunkedTableMemory(TABLES_PHYSICAL, TABLE_CHUNK, (chunk) => {
      if ((chunk + 1) * TABLE_CHUNK > TABLES_SIZE) return null;
      const offset = memory.allocate(TABLE_CHUNK, MEMORY_SYSTEM);
      if (offset < 0) return null;
      if (binding.addSlot(machine, TABLES_PHYSICAL + chunk * TABLE_CHUNK, memory.address(offset), TABLE_CHUNK) < 0) {
        memory.decRef(offset, TABLE_CHUNK);
        return null;
      }
      this.#offsets.push(offset);
      this.#size = (chunk + 1) * TABLE_CHUNK;
      const index = Math.floor(offset / memory.chunkSize);
      return { buffer: memory.chunks[index]!, byteOffset: offset - index * memory.chunkSize };
    });
  }

  get size(): number {
    return this.#size;
  }
  get usedPages(): number {
    return this.#inner.usedPages;
  }

  get f64(): Float64Array {
    return this.#inner.f64;
  }
  get u32(): Uint32Array {
    return this.#inner.u32;
  }
  get live(): Uint16Array {
    return this.#inner.live;
  }
  get index(): number {
    return this.#inner.index;
  }

  locate(frame: number): void {
    this.#inner.locate(frame);
  }

  allocateFrame(): number {
    const before = this.#size;
    const frame = this.#inner.allocateFrame();
    if (this.#size !== before) this.grown?.();
    return frame;
  }

  freeFrame(frame: number): void {
    if (this.frameCount === this.frames.length) {
      const frames = new Uint32Array(this.frameCount * 2);
      frames.set(this.frames);
      this.frames = frames;
    }
    this.frames[this.frameCount++] = frame;
  }

  /** Every CPU has forgotten the pages that were given back: they can be used again. */
  recycle(): void {
    for (let i = 0; i < this.frameCount; i++) this.#inner.freeFrame(this.frames[i]!);
    this.frameCount = 0;
  }

  /** Gives everything back. No CPU runs any more. */
  destroy(): void {
    for (const offset of this.#offsets) this.#memory.decRef(offset, TABLE_CHUNK);
    this.#offsets.length = 0;
  }
}
