import { MEMORY_SYSTEM, type Memory } from '@sbx/platform';
import { amd64, FLUSH_REQUIRED, MAP_EXECUTE, MAP_GLOBAL, MAP_READ, MAP_WRITE } from '@sbx/ring0';
import { binding, type MachineInfo } from './binding.js';
import { KvmError } from './error.js';
import { KERNEL_LINEAR, KERNEL_PHYSICAL, MEMORY_PHYSICAL, TABLES_LINEAR, TABLES_PHYSICAL } from './layout.js';
import { TableMemory } from './table-memory.js';

const PAGE = 4096;
/** vCPU 0, which the owner runs, and one for the pool. */
const MIN_VCPUS = 2;

/** How this machine enters and leaves ring 0, and what KVM does with page tables; see native/machine.h. */
export interface Mode {
  readonly syscallFaults: boolean;
  readonly bare: boolean;
  readonly window: boolean;
  readonly shadow: boolean;
}

/**
 * A virtual machine with its kernel area, ready to run ring 3 on vCPU 0. Pages of the kernel area, in order: text (2), IDT (1), one per-CPU structure for
 * each vCPU (2 each). Owned by one JavaScript thread.
 */
export class Machine {
  readonly id: number;
  readonly memory: Memory;
  readonly tables: TableMemory;
  /** How many vCPUs there can be: as many as were asked for, or as KVM has. */
  readonly vcpus: number;
  /** Tables with the kernel half only, which all address spaces share. */
  readonly kernelHalf: amd64.PageTables;
  /** The largest pages of address spaces. A KVM that shadows page tables gains nothing from large ones, and would have to be told of their splits. */
  largestLevel: 1 | 2 | 3;

  readonly #kernelMemory: Memory;
  readonly #areaOffset: number;
  readonly #areaSize: number;
  readonly #idt: Uint32Array;
  /** Bytes of application memory that have slots. */
  #mapped = 0;
  #slotChunks = 0;
  /** Bytes of page-table memory that ring 0 can write. */
  #tablesMapped = 0;
  readonly #physicalLimit: number;
  #mode: Mode = { syscallFaults: false, bare: false, window: false, shadow: false };

  /** Throws a `KvmError` with the reason when there can be no machine. */
  constructor(memory: Memory, kernelMemory: Memory, vcpus: number, deviceFd: number) {
    const id = binding.open(deviceFd);
    if (typeof id === 'string') throw new KvmError(id);
    this.id = id;
    this.memory = memory;
    this.#kernelMemory = kernelMemory;
    const info = this.info();
    if (info.maxVcpus < MIN_VCPUS) {
      binding.close(id);
      throw new KvmError(`KVM gives a virtual machine ${info.maxVcpus} vCPU, ${MIN_VCPUS} are needed`);
    }
    this.vcpus = Math.min(vcpus, info.maxVcpus);
    this.#physicalLimit = 2 ** amd64.addressLimits(info.addressSizes).physicalBits;
    this.largestLevel = info.gigabytePages ? 3 : 2;
    this.tables = new TableMemory(id, kernelMemory);
    this.#areaSize = binding.textSize + amd64.IDT_SIZE + this.vcpus * amd64.CPU_SIZE;
    this.#areaOffset = kernelMemory.allocate(this.#areaSize, MEMORY_SYSTEM);
    const kernelHalf = this.#areaOffset < 0 ? this.#areaOffset : amd64.PageTables.create(this.tables, { largestLevel: this.largestLevel });
    if (typeof kernelHalf === 'number') {
      binding.close(id);
      throw new KvmError(`no memory for the kernel area (errno ${-kernelHalf})`);
    }
    this.kernelHalf = kernelHalf;
    const bytes = kernelMemory.bytes(this.#areaOffset, this.#areaSize);
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    this.#idt = words.subarray(binding.textSize / 4, (binding.textSize + amd64.IDT_SIZE) / 4);
    try {
      this.#build(words);
    } catch (error) {
      binding.close(id);
      throw error;
    }
  }

  get mode(): Mode {
    return this.#mode;
  }

  info(): MachineInfo {
    return binding.info(this.id);
  }

  /** Says how the machine behaves; only while no vCPU but 0 exists. */
  setMode(mode: Mode): void {
    this.#mode = mode;
    this.#writeIdt(mode.bare);
    this.#check(
      binding.setMode(this.id, +mode.syscallFaults, +mode.bare, +mode.window, +mode.shadow),
      'KVM refused the registers of its mode',
    );
    if (!mode.shadow) return;
    this.largestLevel = 1;
    this.tables.grown = () => this.#mapTables();
    this.#mapTables();
  }

  /**
   * Makes sure that application memory below `end` is in guest-physical memory. Returns 0 or -ENOMEM. @hotpath
   */
  cover(end: number): number {
    return end <= this.#mapped ? 0 : this.#coverSlow(end);
  }

  /**
   * Tells all CPUs that translations of `[address, address + length)` in `space` were removed or weakened, and that the pages which `tables` gave back
   * are free; returns when none can be used any more. Space -1: only the pages.
   */
  flush(space: number, address: number, length: number): void {
    if (this.#mode.shadow) {
      this.#check(
        binding.forget(this.id, space, address, length, this.tables.frames, this.tables.frameCount),
        'KVM could not be told that page tables changed',
      );
    } else if (space >= 0) {
      binding.flush(this.id, space);
    }
    this.tables.recycle();
  }

  /** Takes ACCESS_WRITE from the range. */
  writeProtect(space: number, address: number, length: number): void {
    const changed = binding.writeProtect(this.id, space, address, length);
    if (changed < 0) this.#check(changed, 'KVM could not be told that page tables changed');
    if (changed > 0 && !this.#mode.shadow) binding.flush(this.id, space);
  }

  destroy(): void {
    binding.close(this.id);
    this.kernelHalf.release();
    this.tables.destroy();
    this.#kernelMemory.decRef(this.#areaOffset, this.#areaSize);
  }

  #build(words: Uint32Array): void {
    const { textSize } = binding;
    const { vcpus } = this;
    const cpus = textSize + amd64.IDT_SIZE;
    const host = this.#kernelMemory.address(this.#areaOffset);
    this.#check(binding.addSlot(this.id, KERNEL_PHYSICAL, host, this.#areaSize), 'KVM refused the kernel area');
    for (let i = 0; i < vcpus; i++) {
      const at = cpus + i * amd64.CPU_SIZE;
      new amd64.Cpu(words, at, KERNEL_LINEAR + at).initialize(0, KERNEL_LINEAR + textSize);
      // Ring 3 has 64-bit mode only: nothing here keeps the state of a thread in another. SYSRET does not read the descriptor.
      new amd64.SegmentDescriptor(words, (at + amd64.CPU.offsets.gdt) / 8 + amd64.Segment.UserCode32).setNull();
    }
    this.#writeIdt(false);
    this.#mapKernel(0, textSize, MAP_READ | MAP_EXECUTE);
    this.#mapKernel(textSize, amd64.IDT_SIZE, MAP_READ);
    this.#mapKernel(cpus, vcpus * amd64.CPU_SIZE, MAP_READ | MAP_WRITE);
    this.#check(
      binding.configure(
        this.id,
        KERNEL_LINEAR,
        KERNEL_LINEAR + textSize,
        KERNEL_LINEAR + cpus,
        host + cpus,
        this.kernelHalf.root * PAGE,
        TABLES_LINEAR,
        TABLES_PHYSICAL,
        host,
      ),
      'KVM refused to make a vCPU',
    );
  }

  #writeIdt(bare: boolean): void {
    const { vectors, vectorSize, bareVectors } = binding;
    amd64.writeIdt(this.#idt, (vector) => KERNEL_LINEAR + (bare ? bareVectors + vector : vectors + vector * vectorSize));
  }

  #mapKernel(offset: number, length: number, access: number): void {
    this.#check(
      this.kernelHalf.map(KERNEL_LINEAR + offset, length, access | MAP_GLOBAL, KERNEL_PHYSICAL + offset),
      'no memory for page tables',
    );
  }

  /**
   * Maps page-table memory for ring 0, which then can tell a shadowing KVM about changes. The tables that this takes come from the new chunk, where there
   * is room for them.
   */
  #mapTables(): void {
    while (this.#tablesMapped < this.tables.size) {
      const at = this.#tablesMapped;
      const length = this.tables.size - at;
      this.#tablesMapped = at + length;
      const result = this.kernelHalf.map(TABLES_LINEAR + at, length, MAP_READ | MAP_WRITE | MAP_GLOBAL, TABLES_PHYSICAL + at);
      if (result === FLUSH_REQUIRED) throw new KvmError('page tables were mapped twice');
      this.#check(result, 'no memory for page tables');
    }
  }

  #coverSlow(end: number): number {
    const { chunks, chunkSize } = this.memory;
    while (this.#mapped < end) {
      const chunk = chunks[this.#slotChunks];
      const offset = this.#slotChunks * chunkSize;
      if (chunk === undefined) throw new KvmError('a range was mapped that is not allocated');
      const physical = MEMORY_PHYSICAL + offset;
      if (physical + chunk.byteLength > this.#physicalLimit) return -12;
      const error = binding.addSlot(this.id, physical, this.memory.address(offset), chunk.byteLength);
      if (error < 0) return -12;
      this.#slotChunks++;
      this.#mapped = offset + chunkSize;
    }
    return 0;
  }

  #check(result: number, message: string): void {
    if (result < 0) throw new KvmError(`${message} (errno ${-result})`);
  }
}
