import { readFileSync } from 'node:fs';
import {
  ACCESS_EXECUTE,
  ACCESS_READ,
  ACCESS_WRITE,
  type Context,
  EVENT_FAILED,
  EVENT_INTERRUPT,
  EVENT_SIGNAL,
  EVENT_SYSCALL,
  type EventKind,
  FLAG_STATE_DIRTY,
  MEMORY_ANONYMOUS,
  MemoryFile,
  PAGE_SIZE,
  REG,
} from '@sbx/platform';
import type { SystrapAddressSpace } from '../../src/address-space.js';
import { SystrapPlatform } from '../../src/index.js';
import { STUB_BASE, STUB_SIZE, TABLE_BASE, TABLE_SIZE } from './layout.js';

const MiB = 2 ** 20;
export const CODE = 0x10000000;
/** Writable; structures that an attack makes up lie at DATA + FAKE_*. */
export const DATA = 0x20000000;
export const DATA_SIZE = 0x20000;
export const FAKE_LINE = 0x0;
export const FAKE_XSTATE = 0x1000;
export const FAKE_FRAME = 0x4000;
/** A slot's image is at its offset 0x8000. */
export const FAKE_SLOT = 0x10000;
/** For racers: values that they write. */
export const VALUES = 0x6000;
const STACK_TOP = DATA + 0x10000;
const CANARY = 0xa5;
const SIGKILL = 9;
const HANG_NS = 20e9;

/** Routines of guest.S, in its order. */
export const ROUTINES = [
  'scribble',
  'flip',
  'count',
  'calls',
  'callOnce',
  'int80',
  'sysenter',
  'jump',
  'setBases',
  'flagsAndJump',
  'to32Bits',
  'overwrite',
  'load',
  'copy',
  'wrapper',
  'forgedSite',
] as const;
export type Routine = (typeof ROUTINES)[number];
export const routineAddress = (name: Routine): bigint => BigInt(CODE + 16 * ROUTINES.indexOf(name));

/** Registers by their names, unsigned; those that are not named are 0. */
export type Registers = Partial<Record<keyof typeof REG, bigint>>;

/** What came of an attempt. */
export type Outcome = 'refused call' | 'signal' | 'stopped' | 'killed';

/** An order of the sentry to a stub process, as the host has to see it. */
export interface Order {
  readonly process: number;
  /** Which of the processes, from 1, in the order in which they were made: numbers of processes are used again. */
  readonly serial: number;
  readonly call: 'mmap' | 'munmap' | 'mprotect' | 'clone';
  readonly args: readonly number[];
}

const names = Object.keys(REG) as (keyof typeof REG)[];

export function setRegisters(context: Context, registers: Registers): void {
  for (const name of names) {
    if (name === 'cs' || name === 'ss' || name === 'fsBase' || name === 'gsBase') continue;
    const value = BigInt.asUintN(64, registers[name] ?? (name === 'rflags' ? 0x202n : 0n));
    context.page.setRegPair(REG[name], Number(value & 0xffffffffn), Number(value >> 32n));
  }
}

/** A thread that runs beside the one that attacks. */
interface Racing {
  readonly context: Context;
  /** What it runs next. */
  readonly next: () => Registers;
  readonly patience: number;
  running: boolean;
  /** Attempts since it was started. */
  age: number;
}

/**
 * A platform with a hostile guest process, which is made anew when an attack ends it, and a bystander: another process whose work has to go on, memory that is
 * mapped nowhere and memory of the kernel, both of which have to stay as they are.
 */
export class Victim {
  readonly memory = MemoryFile.create({ name: 'hostile', limit: 64 * MiB });
  readonly kernelMemory = MemoryFile.create({ name: 'hostile-kernel', limit: 64 * MiB });
  readonly platform: SystrapPlatform;
  readonly orders: Order[] = [];
  /** Why processes ended, with how often. */
  readonly reasons = new Map<string, number>();
  readonly lines: string[] = [];
  readonly outcomes = { 'refused call': 0, signal: 0, stopped: 0, killed: 0 } satisfies Record<Outcome, number>;
  /** Called when the platform wakes the event loop. */
  wake: () => void = () => {};
  attempts = 0;
  /** How many processes there were. */
  renewals = 0;
  checks = 0;
  space: SystrapAddressSpace;
  /** Contexts that race, with what they run; they are started again with the process. */
  readonly #racers: Racing[] = [];
  readonly context: Context;
  readonly #code: number;
  readonly #data: number;
  readonly #secret: Uint8Array;
  readonly #kernelSecret: Uint8Array;
  readonly #bystander: Context;
  readonly #bystanderSpace: SystrapAddressSpace;
  #bystanderCalls = 0;
  readonly #serials = new WeakMap<object, number>();
  #running = false;

  constructor(code: Uint8Array, zygoteSocket: number | undefined) {
    const { memory, kernelMemory } = this;
    const options = { memory, kernelMemory, wake: () => this.wake(), concurrency: 2, log: (line: string) => this.lines.push(line) };
    this.platform = new SystrapPlatform(zygoteSocket === undefined ? options : { ...options, zygoteSocket });
    this.#code = memory.allocate(PAGE_SIZE, MEMORY_ANONYMOUS);
    memory.bytes(this.#code, PAGE_SIZE).set(code);
    this.#data = memory.allocate(DATA_SIZE, MEMORY_ANONYMOUS);
    this.#secret = memory.bytes(memory.allocate(16 * PAGE_SIZE, MEMORY_ANONYMOUS), 16 * PAGE_SIZE).fill(CANARY);
    this.#kernelSecret = kernelMemory.bytes(kernelMemory.allocate(PAGE_SIZE, MEMORY_ANONYMOUS), PAGE_SIZE).fill(CANARY);
    this.context = this.#newContext();
    this.#bystander = this.#newContext();
    this.#bystanderSpace = this.#newSpace();
    this.space = this.#newSpace();
  }

  /** The writable memory of the hostile process. */
  get data(): Buffer {
    const bytes = this.memory.bytes(this.#data, DATA_SIZE);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #newContext(): Context {
    const context = this.platform.newContext();
    if (typeof context === 'number') throw new Error(`newContext: ${context}`);
    return context;
  }

  #newSpace(): SystrapAddressSpace {
    this.renewals++;
    const space = this.platform.newAddressSpace(null);
    if (space instanceof Promise) throw new Error('no address space');
    this.#serials.set(space, this.renewals);
    this.map(space as SystrapAddressSpace, CODE, this.#code, PAGE_SIZE, ACCESS_READ | ACCESS_EXECUTE);
    this.map(space as SystrapAddressSpace, DATA, this.#data, DATA_SIZE, ACCESS_READ | ACCESS_WRITE);
    return space as SystrapAddressSpace;
  }

  map(space: SystrapAddressSpace, address: number, offset: number, length: number, access: number): void {
    if (space.mapFile(address, this.memory, offset, length, access, false) !== 0) throw new Error('mapFile failed');
    const serial = this.#serials.get(space)!;
    if (typeof space.process === 'number')
      this.orders.push({ process: space.process, serial, call: 'mmap', args: [address, length, access, offset] });
  }

  /** Adds a thread to the hostile process that runs a routine for ever. */
  race(routine: Routine, registers: Registers): void {
    this.raceWith(() => ({ rsp: BigInt(STACK_TOP), ...registers, rip: routineAddress(routine) }));
  }

  /** Adds a thread to the hostile process, which goes on with the next registers when it has an event, and after so many attempts of the first thread. */
  raceWith(next: () => Registers, patience = Number.POSITIVE_INFINITY): void {
    const racer = { context: this.#newContext(), next, patience, running: false, age: 0 };
    this.#racers.push(racer);
    this.#startRacer(racer);
  }

  #startRacer(racer: Racing): void {
    setRegisters(racer.context, racer.next());
    racer.context.page.flags |= FLAG_STATE_DIRTY;
    racer.context.start(this.space);
    racer.running = true;
    racer.age = 0;
  }

  #goOnRacing(): void {
    for (const racer of this.#racers) {
      if (!racer.running) this.#startRacer(racer);
      else if (++racer.age === racer.patience) racer.context.interrupt();
    }
  }

  /** Takes events. */
  collect(): void {
    for (let context = this.platform.poll(); context !== null; context = this.platform.poll()) {
      if (context === this.context) this.#running = false;
      const racer = this.#racers.find((one) => one.context === context);
      if (racer !== undefined) racer.running = false;
    }
  }

  /** Stops and removes all racers. */
  endRaces(): void {
    for (const { context, running } of this.#racers) if (running) context.interrupt();
    const deadline = performance.now() + HANG_NS / 1e6;
    for (;;) {
      this.collect();
      if (this.#racers.every(({ running }) => !running)) break;
      if (performance.now() > deadline) throw new Error('a thread can not be stopped');
      this.platform.wait(1e9);
    }
    for (const { context } of this.#racers) context.release();
    this.#racers.length = 0;
  }

  /** Whether the hostile thread was started and has no event yet. */
  get running(): boolean {
    return this.#running;
  }

  /** Lets the hostile thread run with these registers. */
  start(registers: Registers): void {
    setRegisters(this.context, registers);
    this.context.page.flags |= FLAG_STATE_DIRTY;
    this.#running = true;
    this.context.start(this.space);
  }

  /** Runs the hostile thread with these registers until something happens, at most for `limitNs`. */
  attempt(registers: Registers, limitNs = 100e3): Outcome {
    this.start(registers);
    // Not `switch`, which would end whenever Node has something to do.
    this.#await(limitNs);
    if (this.#running) {
      this.context.interrupt();
      this.#await(HANG_NS);
      if (this.#running) throw new Error('a thread can not be stopped');
    }
    const outcome = this.#classify(this.context.page.event as EventKind);
    this.attempts++;
    this.outcomes[outcome]++;
    if (typeof this.space.process === 'number') this.#goOnRacing();
    if (typeof this.space.process === 'string') this.#renew();
    return outcome;
  }

  /** Until the hostile thread has an event, at most for `limitNs`. */
  #await(limitNs: number): void {
    const deadline = performance.now() + limitNs / 1e6;
    for (;;) {
      this.collect();
      const left = deadline - performance.now();
      if (!this.#running || left <= 0) return;
      this.platform.wait(left * 1e6);
    }
  }

  #classify(event: EventKind): Outcome {
    if (event === EVENT_FAILED) throw new Error(`the platform failed: ${this.platform.failure()}`);
    if (event === EVENT_SYSCALL) return 'refused call';
    if (event === EVENT_INTERRUPT) return 'stopped';
    if (event !== EVENT_SIGNAL) throw new Error(`event ${event}`);
    if (this.context.page.signo === SIGKILL) return 'killed';
    return 'signal';
  }

  #runToEvent(context: Context, space: SystrapAddressSpace): EventKind {
    const deadline = performance.now() + HANG_NS / 1e6;
    for (;;) {
      const event = context.switch(space, -1, HANG_NS);
      if (event !== EVENT_INTERRUPT) return event;
      if (performance.now() > deadline) throw new Error('the guest does not end');
    }
  }

  /** The hostile process is dead: another takes its place. */
  #renew(): void {
    const reason = this.space.process as string;
    this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + 1);
    while (this.#racers.some(({ running }) => running)) {
      this.collect();
      if (this.#racers.some(({ running }) => running)) this.platform.wait(1e6);
    }
    this.space.release();
    this.space = this.#newSpace();
    for (const racer of this.#racers) this.#startRacer(racer);
  }

  /** Ends the hostile process, so that the next attempt has a new one. */
  renew(): void {
    if (this.#racers.length > 0) throw new Error('there are racers');
    this.space.release();
    this.space = this.#newSpace();
  }

  /** Throws if an attack had an effect beyond its own process. */
  check(): void {
    this.checks++;
    for (const secret of [this.#secret, this.#kernelSecret]) {
      if (secret.some((byte) => byte !== CANARY)) throw new Error('memory that is not mapped in the process was written to');
    }
    const context = this.#bystander;
    this.#bystanderCalls++;
    setRegisters(context, { rip: routineAddress('calls'), rbx: BigInt(this.#bystanderCalls), rsp: BigInt(STACK_TOP) });
    const event = this.#runToEvent(context, this.#bystanderSpace);
    if (event !== EVENT_SYSCALL || context.page.sysno !== this.#bystanderCalls) throw new Error(`the bystander has event ${event}`);
    this.checkMappings(this.space);
  }

  /** What is mapped in a process is what was ordered, no more. Only where this process may look. */
  checkMappings(space: SystrapAddressSpace): void {
    if (process.getuid?.() !== 0 || typeof space.process !== 'number') return;
    // Nothing at all: another thread has just ended the process.
    const maps = readFileSync(`/proc/${space.process}/maps`, 'latin1');
    const seen = maps
      .split('\n')
      .filter((line) => line !== '' && !line.endsWith('[vsyscall]'))
      .map((line) => line.replace(/ +/g, ' ').split(' ').slice(0, 2).join(' '));
    const expected = [
      `${hex(CODE)}-${hex(CODE + PAGE_SIZE)} r-xs`,
      `${hex(DATA)}-${hex(DATA + DATA_SIZE)} rw-s`,
      `${hex(Number(TABLE_BASE))}-${hex(Number(TABLE_BASE) + TABLE_SIZE)} r--s`,
      `${hex(Number(STUB_BASE))}-${hex(Number(STUB_BASE) + STUB_SIZE)} r-xp`,
      '7ff040000000-7ff040001000 r--s',
      '7ff080000000-7ff080050000 r--s',
      '7ff100000000-7ff100100000 rw-s',
    ];
    const wrong = seen.filter((line) => !expected.includes(line));
    if (wrong.length > 0) throw new Error(`mapped in a stub: ${wrong.join('; ')}`);
  }

  /** The stub's text, as the process itself reads it. */
  readStub(): Buffer {
    const offset = this.memory.allocate(STUB_SIZE, MEMORY_ANONYMOUS);
    const address = 0x30000000;
    this.map(this.space, address, offset, STUB_SIZE, ACCESS_READ | ACCESS_WRITE);
    setRegisters(this.context, {
      rip: routineAddress('copy'),
      rdi: BigInt(address),
      rsi: STUB_BASE,
      rcx: BigInt(STUB_SIZE),
      rsp: BigInt(STACK_TOP),
    });
    const event = this.#runToEvent(this.context, this.space);
    if (event !== EVENT_SYSCALL) throw new Error(`the stub can't be read: event ${event}`);
    const text = Buffer.from(this.memory.bytes(offset, STUB_SIZE));
    this.renew();
    this.memory.decRef(offset, STUB_SIZE);
    return text;
  }

  destroy(): void {
    this.endRaces();
    this.check();
    this.platform.destroy();
    this.memory.destroy();
    this.kernelMemory.destroy();
  }
}

const hex = (address: number): string => address.toString(16).padStart(8, '0');
