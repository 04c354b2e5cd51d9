import { availableParallelism } from 'node:os';
import {
  type AddressSpace,
  CONTEXT_SIZE,
  type Context,
  ContextPage,
  type ExtendedState,
  MEMORY_SYSTEM,
  type Memory,
  type MemoryFile,
  NoCPUPreemptionDetection,
  type Platform,
  type PlatformOptions,
  type SyscallRule,
} from '@sbx/platform';
import { SystrapAddressSpace } from './address-space.js';
import { binding } from './binding.js';
import { SystrapContext } from './context.js';
import { SystrapError } from './error.js';
import { syscallRules } from './syscall-rules.js';

const ENOMEM = 12;

/**
 * What happened so far: indices as in native/machine.h. System calls by whatever way, faults and traps, interrupts; commands and batches of them; how often the sentry
 * slept and threads were woken; processes made; system calls that came through rewritten sites, and such sites; threads moved to another CPU.
 */
export const COUNT_NAMES = [
  'syscall',
  'signal',
  'interrupt',
  'command',
  'batch',
  'sleep',
  'wake',
  'spawn',
  'call',
  'site',
  'move',
] as const;
/** How often each of {@link COUNT_NAMES} was the case. */
export type Counts = Record<(typeof COUNT_NAMES)[number], number>;

/**
 * Runs application code in stub processes under a seccomp filter (seccomp(2)) that turns every system call into a signal. `Context.switch` blocks the calling
 * thread. Owned by one JavaScript thread.
 *
 * @example
 * import { ACCESS_EXECUTE, ACCESS_READ, EVENT_INTERRUPT, EVENT_SYSCALL, type EventKind, MEMORY_ANONYMOUS, MemoryFile, REG } from '@sbx/platform';
 * import { SystrapPlatform } from '@sbx/systrap-platform';
 *
 * const memory = MemoryFile.create({ name: 'application', limit: 2 ** 24 });
 * const kernelMemory = MemoryFile.create({ name: 'kernel', limit: 2 ** 24 });
 * const platform = new SystrapPlatform({ memory, kernelMemory, wake() {} });
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
export class SystrapPlatform extends NoCPUPreemptionDetection implements Platform {
  readonly name = 'systrap';
  readonly supportsAddressSpaceIO = false;
  readonly cooperativelySchedulesAddressSpace = false;
  readonly mapUnit = 0;
  readonly minUserAddress: number;
  readonly maxUserAddress: number;
  readonly ownRange: { readonly start: number; readonly end: number };
  readonly concurrency: number;
  readonly extendedState: ExtendedState;
  readonly memory: Memory;

  readonly #machine: number;
  readonly #kernelMemory: Memory;
  readonly #spaces = new Set<SystrapAddressSpace>();
  readonly #releasedSpace = (space: SystrapAddressSpace): void => {
    this.#spaces.delete(space);
    this.#wakeWaiting();
  };
  /** Settles the promise that `newAddressSpace` gave when the host refused a process; nothing while nobody waits. */
  #wakeWaiting: () => void = () => {};
  #waiting: Promise<void> | null = null;
  readonly #contexts: (SystrapContext | null)[] = [];
  readonly #died: (space: SystrapAddressSpace) => void;
  readonly #released = (context: SystrapContext): void => {
    this.#contexts[context.id] = null;
    this.#kernelMemory.decRef(context.offset, CONTEXT_SIZE);
  };
  #failure: string | null = null;
  #destroyed = false;

  /** Throws a `SystrapError` with the reason when stub processes cannot be used. */
  constructor(options: PlatformOptions) {
    super();
    // Not by its class: there may be two of it, from ESM and CommonJS.
    const { fd } = options.memory as Partial<MemoryFile>;
    if (fd === undefined) throw new SystrapError('application memory has to be a MemoryFile, which other processes can map');
    const { zygoteSocket = -1, rewriteCallSites = true, spin = true } = options;
    const machine = binding.open(fd, options.memory.address(0), zygoteSocket, rewriteCallSites ? 1 : 0, spin ? 1 : 0);
    if (typeof machine === 'string') throw new SystrapError(machine);
    this.#machine = machine;
    this.memory = options.memory;
    this.#kernelMemory = options.kernelMemory;
    this.concurrency = Math.max(1, Math.min(options.concurrency ?? availableParallelism(), 256));
    const { xsaveSize, xfeatures, minUserAddress, maxUserAddress, tableStart, tableEnd } = binding.info(machine);
    this.#died = (space) => options.log?.(`a program was killed: ${space.process}`);
    this.minUserAddress = minUserAddress;
    this.maxUserAddress = maxUserAddress;
    this.ownRange = { start: tableStart, end: tableEnd };
    this.extendedState = { size: xsaveSize, featuresLow: xfeatures >>> 0, featuresHigh: Math.floor(xfeatures / 2 ** 32) };
    const result = binding.ready(machine, options.wake);
    if (result < 0) {
      this.destroy();
      throw new SystrapError(`the event loop takes no more descriptors (errno ${-result})`);
    }
  }

  newAddressSpace(_mappingsId: object | null): AddressSpace | Promise<void> {
    const id = binding.newSpace(this.#machine);
    if (id < 0) {
      const failure = binding.failure(this.#machine);
      if (failure !== null) throw new SystrapError(failure);
      // Where there is nothing that could be released, there is nothing to wait for.
      if (this.#spaces.size === 0) throw new SystrapError(binding.refusal(this.#machine));
      return this.#whenReleased();
    }
    const space = new SystrapAddressSpace(this.#machine, this.memory, id, this.#releasedSpace);
    this.#spaces.add(space);
    return space;
  }

  /** Settles with the next release of an address space, which gives a process back. */
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
    SystrapContext.initialize(page);
    const id = binding.newContext(this.#machine, address);
    if (id < 0) {
      this.#kernelMemory.decRef(offset, CONTEXT_SIZE);
      return -ENOMEM;
    }
    const context = new SystrapContext(this.#machine, id, page, offset, this.#released, this.#died);
    this.#contexts[id] = context;
    return context;
  }

  /** @hotpath */
  poll(): Context | null {
    const id = binding.poll(this.#machine);
    if (id < 0) return null;
    const context = this.#contexts[id]!;
    context.collected();
    return context;
  }

  wait(timeoutNs: number): boolean {
    return binding.wait(this.#machine, timeoutNs) !== 0;
  }

  arm(): boolean {
    return binding.arm(this.#machine) !== 0;
  }

  failure(): string | null {
    return this.#destroyed ? this.#failure : binding.failure(this.#machine);
  }

  /** What happened so far. */
  counts(): Counts {
    const sums = new Float64Array(COUNT_NAMES.length);
    binding.counts(this.#machine, sums);
    return Object.fromEntries(COUNT_NAMES.map((name, i) => [name, sums[i]])) as Counts;
  }

  syscallFilters(): readonly SyscallRule[] {
    return syscallRules;
  }

  destroy(): void {
    if (this.#destroyed) return;
    this.#failure = binding.failure(this.#machine);
    this.#destroyed = true;
    for (const context of this.#contexts) {
      if (context !== null) this.#kernelMemory.decRef(context.offset, CONTEXT_SIZE);
    }
    this.#contexts.length = 0;
    this.#spaces.clear();
    binding.close(this.#machine);
  }
}
