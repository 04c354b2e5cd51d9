import {
  ACCESS_EXECUTE,
  ACCESS_READ,
  ACCESS_WRITE,
  type AddressSpace,
  CONTEXT_FIELDS,
  type Context,
  type ContextPage,
  EVENT_FAILED,
  EVENT_INTERRUPT,
  EVENT_SIGNAL,
  EVENT_SYSCALL,
  type EventKind,
  FLAG_FULL_RESTORE,
  MEMORY_ANONYMOUS,
  MemoryFile,
  PAGE_SIZE,
  type Platform,
  type PlatformOptions,
  REG,
  STATE_IDLE,
} from '@sbx/platform';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import type { Value } from './faults.js';
import { GUEST, GUEST_CODE } from './guest-amd64.js';
import { CODE, DATA, DATA_PAGES, type GuestLabel, READ_ONLY, STACK_SIZE, STACK_TOP } from './layout.js';

/** How the suite gets a platform: a `PlatformProvider`'s `create`. */
export type MakePlatform = (options: PlatformOptions) => Platform;

export const MiB = 2 ** 20;
export const RW = ACCESS_READ | ACCESS_WRITE;
export const RX = ACCESS_READ | ACCESS_EXECUTE;
/** Longer than anything takes: reaching it means a hang. */
export const HANG_NS = 20e9;
const INITIAL_RFLAGS = 0x202;
const USER_CS = 0x33;
const USER_SS = 0x2b;

/** The address of a label of the guest code. */
export function at(label: GuestLabel): number {
  return CODE + GUEST[label];
}

/** A register as an unsigned 64-bit value. */
export function get64(page: ContextPage, reg: number): bigint {
  return (BigInt(page.regHigh(reg)) << 32n) | BigInt(page.regLow(reg));
}

export function set64(page: ContextPage, reg: number, value: Value): void {
  const bits = BigInt.asUintN(64, BigInt(value));
  page.setRegPair(reg, Number(bits & 0xffff_ffffn), Number(bits >> 32n));
}

/** The fault address of an event as an unsigned 64-bit value. */
export function faultAddress64(page: ContextPage): bigint {
  return (BigInt(page.u32[CONTEXT_FIELDS.faultAddressHigh / 4]) << 32n) | BigInt(page.u32[CONTEXT_FIELDS.faultAddressLow / 4]);
}

/** A small reproducible generator of test values (xorshift32). */
export class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed | 1;
  }
  u32(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x >>> 0;
  }
  below(n: number): number {
    return this.u32() % n;
  }
  u64(): bigint {
    return (BigInt(this.u32()) << 32n) | BigInt(this.u32());
  }
}

/** Application memory of a test: pages allocated for it, with their bytes. */
export interface Pages {
  readonly offset: number;
  readonly length: number;
  readonly bytes: Uint8Array;
  readonly i32: Int32Array;
}

/** A platform with its memory, and what a test makes on it. */
export class Machine {
  readonly memory: MemoryFile;
  readonly kernelMemory: MemoryFile;
  readonly platform: Platform;
  /** Calls of `wake` so far. */
  wakes = 0;
  readonly #contexts = new Set<Context>();
  readonly #spaces = new Set<AddressSpace>();
  readonly #pages: Pages[] = [];

  constructor(make: MakePlatform, options: { concurrency?: number; kernelLimit?: number } = {}) {
    this.memory = MemoryFile.create({ name: 'conformance', limit: 512 * MiB });
    this.kernelMemory = MemoryFile.create({ name: 'conformance-kernel', limit: options.kernelLimit ?? 128 * MiB });
    const wake = () => {
      this.wakes++;
    };
    this.platform = make({ memory: this.memory, kernelMemory: this.kernelMemory, wake, concurrency: options.concurrency ?? 2 });
  }

  /** Pages of application memory, zeroed. */
  pages(count = 1): Pages {
    const length = count * PAGE_SIZE;
    const offset = this.memory.allocate(length, MEMORY_ANONYMOUS);
    expect(offset).toBeGreaterThanOrEqual(0);
    const bytes = this.memory.bytes(offset, length);
    const pages = { offset, length, bytes, i32: new Int32Array(bytes.buffer, bytes.byteOffset, length / 4) };
    this.#pages.push(pages);
    return pages;
  }

  context(): Context {
    const context = this.platform.newContext();
    if (typeof context === 'number') throw new Error(`newContext: ${context}`);
    this.#contexts.add(context);
    return context;
  }

  /** An empty address space. */
  async emptySpace(mappingsId: object | null = null): Promise<AddressSpace> {
    for (;;) {
      const space = this.platform.newAddressSpace(mappingsId);
      if (!(space instanceof Promise)) {
        this.#spaces.add(space);
        return space;
      }
      await space;
    }
  }

  /** An address space with the guest code, the data area, the read-only page and `stacks` stacks. */
  async space(stacks = 1): Promise<Space> {
    const as = await this.emptySpace();
    const code = this.pages();
    code.bytes.set(GUEST_CODE);
    const data = this.pages(DATA_PAGES);
    const readOnly = this.pages();
    const stack = this.pages((stacks * STACK_SIZE) / PAGE_SIZE);
    this.map(as, CODE, code, RX);
    this.map(as, DATA, data, RW);
    this.map(as, READ_ONLY, readOnly, ACCESS_READ);
    this.map(as, STACK_TOP - stack.length, stack, RW);
    return { as, code, data, readOnly };
  }

  map(as: AddressSpace, addr: number, pages: Pages, access: number): void {
    expect(as.mapFile(addr, this.memory, pages.offset, pages.length, access, false)).toBe(0);
  }

  releaseContext(context: Context): void {
    this.#contexts.delete(context);
    context.release();
  }

  releaseSpace(as: AddressSpace): void {
    this.#spaces.delete(as);
    as.release();
  }

  /** A thread that will start at `entry`. */
  thread(as: AddressSpace, entry: GuestLabel, stack = 0): Thread {
    return new Thread(this, as, this.context(), entry, stack);
  }

  /** Waits for the next event of a started context. */
  next(): Context {
    const deadline = Date.now() + HANG_NS / 1e6;
    for (;;) {
      const context = this.platform.poll();
      if (context !== null) return context;
      if (Date.now() > deadline) throw new Error('no event');
      this.platform.wait(1e9);
    }
  }

  /** Ends everything that a test left. A context that still runs is interrupted first. */
  reset(): void {
    const deadline = Date.now() + HANG_NS / 1e6;
    for (const context of this.#contexts) {
      while (context.page.u32[CONTEXT_FIELDS.state / 4] !== STATE_IDLE && Date.now() < deadline) {
        context.interrupt();
        this.platform.wait(1e6);
        while (this.platform.poll() !== null);
      }
    }
    while (this.platform.poll() !== null);
    for (const context of this.#contexts) context.release();
    for (const as of this.#spaces) as.release();
    for (const { offset, length } of this.#pages) this.memory.decRef(offset, length);
    this.#contexts.clear();
    this.#spaces.clear();
    this.#pages.length = 0;
  }

  destroy(): void {
    this.reset();
    this.platform.destroy();
    this.memory.destroy();
    this.kernelMemory.destroy();
  }
}

/** What `Machine.space` made. */
export interface Space {
  readonly as: AddressSpace;
  readonly code: Pages;
  readonly data: Pages;
  readonly readOnly: Pages;
}

/** One context with an address space to run in. */
export class Thread {
  readonly page: ContextPage;

  constructor(
    readonly machine: Machine,
    public as: AddressSpace,
    readonly context: Context,
    entry: GuestLabel,
    stack: number,
  ) {
    this.page = context.page;
    this.page.setReg(REG.rsp, STACK_TOP - stack * STACK_SIZE);
    this.page.setReg(REG.rflags, INITIAL_RFLAGS);
    this.page.setReg(REG.cs, USER_CS);
    this.page.setReg(REG.ss, USER_SS);
    this.goto(entry);
  }

  goto(label: GuestLabel): void {
    this.set(REG.rip, at(label));
  }

  /** Sets a register; the next resume then loads all of them. */
  set(reg: number, value: Value): void {
    set64(this.page, reg, value);
    this.page.flags |= FLAG_FULL_RESTORE;
  }

  get(reg: number): number {
    return this.page.reg(reg);
  }

  /** Runs until an event other than an interrupt, which may be spurious. */
  run(): EventKind {
    const deadline = Date.now() + HANG_NS / 1e6;
    for (;;) {
      const event = this.context.switch(this.as, -1, HANG_NS);
      expect(this.page.event).toBe(event);
      if (event === EVENT_FAILED) throw new Error(`the platform failed: ${this.machine.platform.failure()}`);
      if (event !== EVENT_INTERRUPT) return event;
      if (Date.now() > deadline) throw new Error(`the guest does not end; rip = 0x${this.get(REG.rip).toString(16)}`);
    }
  }

  runToSyscall(): void {
    const event = this.run();
    if (event !== EVENT_SYSCALL) {
      const { signo, sigcode, vector, errorCode } = this.page;
      const where = `rip 0x${get64(this.page, REG.rip).toString(16)}, address 0x${faultAddress64(this.page).toString(16)}`;
      throw new Error(
        `event ${event} instead of a system call: signal ${signo} code ${sigcode} vector ${vector} error ${errorCode}, ${where}`,
      );
    }
  }

  /** Runs into a page fault at `address` with `access`. */
  runToFault(address: number, access: number): void {
    const event = this.run();
    const { signo, faultAddress } = this.page;
    expect({ event, signo, faultAddress, access: this.page.access }).toEqual({
      event: EVENT_SIGNAL,
      signo: 11,
      faultAddress: address,
      access,
    });
  }

  start(): void {
    this.context.start(this.as);
  }
}

/** One machine for all tests of a `describe` block, emptied after each. */
export function useMachine(make: MakePlatform, options?: ConstructorParameters<typeof Machine>[1]): () => Machine {
  let machine: Machine;
  beforeAll(() => {
    machine = new Machine(make, options);
  });
  afterEach(() => {
    const failure = machine.platform.failure();
    machine.reset();
    expect(failure).toBeNull();
  });
  afterAll(() => machine?.destroy());
  return () => machine;
}

/** Lets `ms` milliseconds pass without giving the event loop a turn. */
export function busy(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}
