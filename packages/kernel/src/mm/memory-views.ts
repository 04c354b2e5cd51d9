import type { Memory } from '@sbx/platform';

/** A Buffer with the method behind `toString('latin1', start, end)`, which costs a third of it. */
export interface LatinBuffer extends Buffer {
  latin1Slice(start: number, end: number): string;
}

const viewsOf = new WeakMap<Memory, MemoryViews>();

/** Typed arrays over the chunks of application memory, made once for each chunk. Offsets are bytes in the memory. */
export class MemoryViews {
  readonly #bytes: LatinBuffer[] = [];
  readonly #words: Int32Array[] = [];
  readonly #chunkSize: number;
  readonly #mask: number;

  private constructor(readonly memory: Memory) {
    this.#chunkSize = memory.chunkSize;
    this.#mask = memory.chunkSize - 1;
  }

  /** The views of `memory`, which all its users share. */
  static of(memory: Memory): MemoryViews {
    let views = viewsOf.get(memory);
    if (views === undefined) {
      views = new MemoryViews(memory);
      viewsOf.set(memory, views);
    }
    return views;
  }

  /** The bytes of the chunk that holds `offset`. @hotpath */
  bytes(offset: number): LatinBuffer {
    const chunk = Math.floor(offset / this.#chunkSize);
    return this.#bytes[chunk] ?? this.#addBytes(chunk);
  }
  /** Its 32-bit words, for atomic access. @hotpath */
  words(offset: number): Int32Array {
    const chunk = Math.floor(offset / this.#chunkSize);
    return this.#words[chunk] ?? this.#addWords(chunk);
  }
  /** Position of `offset` in its chunk. @hotpath */
  within(offset: number): number {
    // Chunk sizes are powers of two below 2^31, and a mask of the low bits is exact for any offset (ToInt32 keeps the low 32 bits).
    return offset & this.#mask;
  }

  #addBytes(chunk: number): LatinBuffer {
    for (let i = this.#bytes.length; i <= chunk; i++) this.#bytes.push(Buffer.from(this.memory.chunks[i]) as unknown as LatinBuffer);
    return this.#bytes[chunk];
  }
  #addWords(chunk: number): Int32Array {
    for (let i = this.#words.length; i <= chunk; i++) this.#words.push(new Int32Array(this.memory.chunks[i]));
    return this.#words[chunk];
  }
}
