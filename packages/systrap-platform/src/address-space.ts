import type { AddressSpace, File, Memory } from '@sbx/platform';
import { binding } from './binding.js';

/** A stub process: its number in the native part, where all of its mappings are known. */
export class SystrapAddressSpace implements AddressSpace {
  /** The native part's number; -1 after release. */
  id: number;
  readonly #machine: number;
  readonly #memory: Memory;
  readonly #released: (space: SystrapAddressSpace) => void;

  constructor(machine: number, memory: Memory, id: number, released: (space: SystrapAddressSpace) => void) {
    this.#machine = machine;
    this.#memory = memory;
    this.id = id;
    this.#released = released;
  }

  /** @hotpath */
  mapFile(addr: number, file: File, offset: number, length: number, at: number, precommit: boolean): number {
    if (file !== this.#memory) throw new RangeError(`${file.name} is not the memory of this platform`);
    return binding.map(this.#machine, this.id, addr, length, offset, at, precommit ? 1 : 0);
  }

  /** @hotpath */
  unmap(addr: number, length: number): void {
    binding.unmap(this.#machine, this.id, addr, length);
  }

  writeProtect(addr: number, length: number): void {
    binding.writeProtect(this.#machine, this.id, addr, length);
  }

  claim(): void {
    binding.claim(this.#machine, this.id);
  }

  /** The number of its process on the host, or why it has none any more. */
  get process(): number | string {
    return binding.spaceProcess(this.#machine, this.id);
  }

  release(): void {
    if (this.id < 0) return;
    binding.releaseSpace(this.#machine, this.id);
    this.id = -1;
    this.#released(this);
  }
}
