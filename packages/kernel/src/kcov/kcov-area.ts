import type { KcovArea as Area } from '@sbx/kcov';
import { MEMORY_TMPFS, type Memory } from '@sbx/platform';
import { SharedMemory } from '../mm/shared-memory.js';

/** The area of a kcov instance: memory that the device and programs share. It lives as long as the instance or a mapping of it. */
export class KcovArea extends SharedMemory implements Area {
  override readonly mappingName: string;
  /** mremap(2) can't make a mapping of it larger. */
  readonly fixedSize = true;

  constructor(memory: Memory, bytes: number, mapper: number) {
    super(memory, bytes, MEMORY_TMPFS);
    this.mappingName = `[kcov:${mapper}]`;
    this.hold();
  }

  words(index: number): Uint32Array | null {
    const at = index * 8;
    const within = at % 4096;
    const offset = this.resolvePages(at - within, this.size - (at - within), true);
    if (offset < 0) return null;
    const bytes = this.memory.bytes(offset + within, this.resolvedLength - within);
    return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  }

  release(): void {
    this.unhold();
  }
}
