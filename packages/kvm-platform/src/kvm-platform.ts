import { availableParallelism } from 'node:os';
import {
  type AddressSpace,
  CONTEXT_SIZE,
  type Context,
  ContextPage,
  type ExtendedState,
  MEMORY_SYSTEM,
  type Memory,
  NoCPUPreemptionDetection,
  type Platform,
  type PlatformOptions,
  type SyscallRule,
} from '@sbx/platform';
import { KvmAddressSpace } from './address-space.js';
import { binding } from './binding.js';
import { calibrate } from './calibrate.js';
import { KvmContext } from './context.js';
import { KvmError } from './error.js';
import { Machine } from './machine.js';
import { syscallRules } from './syscall-rules.js';

const ENOMEM = 12;

/** Why vCPUs came back, summed over all of them: indices as in native/machine.h. */
export const COUNT_NAMES = [
  'run',
  'hlt',
  'window',
  'spuriousWindow',
  'interrupted',
  'hostFault',
  'specialRegisters',
  'stateLoad',
  'stateSave',
  'forget',
  'flushEntry',
  'kick',
  'other',
] as const;
/** How often each of {@link COUNT_NAMES} was the case. */
export type Counts = Record<(typeof COUNT_NAMES)[number], number>;

/**
 * Runs application code in ring 3 of KVM virtual CPUs (Documentation/virt/kvm/api.rst). `Context.switch` uses a vCPU of the calling thread and blocks it,
 * `Context.start` one of a pool of threads. Owned by one JavaScript thread.
 *
 * @example
 * import { ACCESS_EXECUTE, ACCESS_READ, EVENT_INTERRUPT, EVENT_SYSCALL, type EventKind, MEMORY_ANONYMOUS, MemoryFile, REG } from '@sbx/platform';
 * import { KvmPlatform } from '@sbx/kvm-platform';
 *
 * const memory = MemoryFile.create({ name: 'application', limit: 2 ** 24 });
 * const kernelMemory = MemoryFile.create({ name: 'kernel', limit: 2 ** 24 });
 * const platform = new KvmPlatform({ memory, kernelMemory, wake() {} });
 *
 * // mov $39, %eax; syscall: getpid()
 * const page = memory.allocate(4096, MEMORY_ANONYMOUS);
 * memory.bytes(page, 7).set([0xb8, 39, 0, 0, 0, 0x0f, 0x05]);
 * const space = platform.newAddressSpace(null);
 * const thread = platform.newContext();
 * if (space instanceof Promise || typeof thread === 'number') throw new Error('no memory');
 * space.mapFile(0x400000, memory, page, 4096, ACCESS_READ | ACCESS_EXECUTE, true); // 0
 * thread.page.setReg(REG.rip, 0x400000);
 * let event: EventKind = EVENT_INTERRUPT;
 * while (event === EVENT_INTERRUPT) event = thread.switch(space, -1, 1e9);
 * event === EVENT_SYSCALL; // true
 * thread.page.sysno; // 39
 * thread.page.reg(REG.rip); // 0x400007: after the instruction
 *
 * thread.release();
 * space.release();
 * platform.destroy();
 * memory.destroy();
 * kernelMemory.destroy();
 */
export class KvmPlatform extends NoCPUPreemptionDetection implements Platform {
  readonly name = 'kvm';
  readonly supportsAddressSpaceIO = true;
  readonly cooperativelySchedulesAddressSpace = false;
  readonly mapUnit = 0;
  readonly minUserAddress = 0;
  readonly maxUserAddress = 2 ** 47 - 4096;
  readonly concurrency: number;
  readonly extendedState: ExtendedState;
  readonly memory: Memory;
  readonly machine: Machine;

  readonly #kernelMemory: Memory;
  readonly #spaces = new Set<KvmAddressSpace>();
  readonly #releasedSpace = (space: KvmAddressSpace): void => {
    this.#spaces.delete(space);
    this.#wakeWaiting();
  };
  /** Settles the promise that `newAddressSpace` gave when page-table memory was out; nothing while nobody waits. */
  #wakeWaiting: () => void = () => {};
  #waiting: Promise<void> | null = null;
  readonly #contexts: (KvmContext | null)[] = [];
  readonly #released = (context: KvmContext): void => {
    this.#contexts[context.id] = null;
    this.#kernelMemory.decRef(context.offset, CONTEXT_SIZE);
  };
  #failure: string | null = null;
  #destroyed = false;

  /** Throws a `KvmError` with the reason when KVM cannot be used. */
  constructor(options: PlatformOptions) {
    super();
    const wanted = options.concurrency ?? availableParallelism();
    this.memory = options.memory;
    this.#kernelMemory = options.kernelMemory;
    const vcpus = 1 + Math.max(1, Math.min(wanted, 256));
    this.machine = new Machine(options.memory, options.kernelMemory, vcpus, options.deviceFd ?? -1);
    this.concurrency = this.machine.vcpus - 1;
    const { xsaveSize, xcr0 } = this.machine.info();
    this.extendedState = { size: xsaveSize, featuresLow: xcr0 >>> 0, featuresHigh: Math.floor(xcr0 / 2 ** 32) };
    try {
      calibrate(this, this.machine);
      const result = binding.ready(this.machine.id, this.concurrency, options.wake);
      if (result < 0) throw new KvmError(`threads could not be made (ulimit -u, pids.max; errno ${-result})`);
    } catch (error) {
      this.destroy();
      throw error;
    }
  }

  newAddressSpace(_mappingsId: object | null): AddressSpace | Promise<void> {
    const space = KvmAddressSpace.create(this.machine, this.#releasedSpace);
    if (typeof space === 'number') return this.#whenReleased();
    this.#spaces.add(space);
    return space;
  }

  /** Settles with the next release of an address space, which gives memory for page tables back. */
  #whenReleased(): Promise<void> {
    this.#waiting ??= new Promise((resolve) => {
      this.#wakeWaiting = () => {
        this.#waiting = null;
        resolve();
      };
    });
    return this.#waiting;
  }

  newContext(): Context | number {
    const offset = this.#kernelMemory.allocate(CONTEXT_SIZE, MEMORY_SYSTEM);
    if (offset < 0) return -ENOMEM;
    const index = Math.floor(offset / this.#kernelMemory.chunkSize);
    const address = this.#kernelMemory.address(offset);
    const page = new ContextPage(this.#kernelMemory.chunks[index]!, offset - index * this.#kernelMemory.chunkSize, address);
    KvmContext.initialize(page);
    const id = binding.newContext(this.machine.id, address);
    if (id < 0) {
      this.#kernelMemory.decRef(offset, CONTEXT_SIZE);
      return -ENOMEM;
    }
    const context = new KvmContext(this.machine.id, id, page, offset, this.#released);
    this.#contexts[id] = context;
    return context;
  }

  /** @hotpath */
  poll(): Context | null {
    const id = binding.poll(this.machine.id);
    return id < 0 ? null : this.#contexts[id]!;
  }

  wait(timeoutNs: number): boolean {
    return binding.wait(this.machine.id, timeoutNs) !== 0;
  }

  arm(): boolean {
    return binding.arm(this.machine.id) !== 0;
  }

  failure(): string | null {
    return this.#destroyed ? this.#failure : binding.failure(this.machine.id);
  }

  /** Makes all native threads and vCPUs now, as long as the process may still do so. Throws a `KvmError` if it cannot. */
  prepare(): void {
    const result = binding.prepare(this.machine.id);
    if (result < 0) throw new KvmError(`threads could not be made (ulimit -u, pids.max; errno ${-result})`);
  }

  /** What happened so far. Workers count without synchronisation: figures of running vCPUs are approximate. */
  counts(): Counts {
    const sums = new Float64Array(COUNT_NAMES.length);
    binding.counts(this.machine.id, sums);
    return Object.fromEntries(COUNT_NAMES.map((name, i) => [name, sums[i]])) as Counts;
  }

  syscallFilters(): readonly SyscallRule[] {
    return syscallRules;
  }

  destroy(): void {
    if (this.#destroyed) return;
    this.#failure = binding.failure(this.machine.id);
    this.#destroyed = true;
    for (const context of this.#contexts) {
      if (context !== null) this.#kernelMemory.decRef(context.offset, CONTEXT_SIZE);
    }
    this.#contexts.length = 0;
    for (const space of this.#spaces) space.release();
    this.machine.destroy();
  }
}
