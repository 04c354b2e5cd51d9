import { readFileSync } from 'node:fs';
import {
  ACCESS_EXECUTE,
  ACCESS_READ,
  ACCESS_WRITE,
  type Context,
  EVENT_INTERRUPT,
  type EventKind,
  MEMORY_ANONYMOUS,
  MemoryFile,
  PAGE_SIZE,
  type PlatformOptions,
  REG,
} from '@sbx/platform';
import type { SystrapAddressSpace } from '../src/address-space.js';
import { SystrapPlatform } from '../src/index.js';

const MiB = 2 ** 20;
export const CODE = 0x400000;
/** Two writable pages. */
export const DATA = 0x600000;
export const STACK_TOP = DATA + 2 * PAGE_SIZE;
export const HANG_NS = 20e9;

/** Small programs, each at its own offset of the code page. */
// biome-ignore format: instructions
const PROGRAMS = {
  /** syscall, for ever; RBX counts. */
  syscalls: [0x48, 0xff, 0xc3, 0x0f, 0x05, 0xeb, 0xf9], // inc %rbx; syscall; jmp
  /** Spins, counting in (RDI). */
  spin: [0xff, 0x07, 0xf3, 0x90, 0xeb, 0xfa], // incl (%rdi); pause; jmp
  /** Reads (RDI) and makes a system call of that number. */
  load: [0x8b, 0x07, 0x0f, 0x05], // mov (%rdi), %eax; syscall
  /** Fills R8..R9 with zeroes, again and again. */
  fill: [0x31, 0xc0, 0x4c, 0x89, 0xc7, 0x4c, 0x89, 0xc9, 0xf3, 0xaa, 0xeb, 0xf4], // xor %eax, %eax; mov %r8, %rdi; mov %r9, %rcx; rep stosb; jmp
  /** Writes RSI to (RDI) and makes a system call. */
  store: [0x48, 0x89, 0x37, 0x0f, 0x05], // mov %rsi, (%rdi); syscall
  /** As a C library makes a system call, for ever; RBX counts. */
  calls: [0x48, 0xff, 0xc3, 0xb8, 0x27, 0x00, 0x00, 0x00, 0x0f, 0x05, 0xeb, 0xf4], // inc %rbx; mov $39, %eax; syscall; jmp
  /** The same with a turn of RCX between the calls, and flags and XMM0 that must stay. */
  // stc; mov %rsi, %rcx; loop; mov $39, %eax; syscall; jnc to ud2; movq %xmm0, %rax; cmp %rax, %r12; jne to ud2; inc %rbx; jmp; ud2
  keep: [
    0x48, 0x89, 0xf1, 0xe2, 0xfe, 0xf9, 0xb8, 0x27, 0x00, 0x00, 0x00, 0x0f, 0x05, 0x73, 0x0f, 0x66, 0x48, 0x0f, 0x7e, 0xc0, 0x49, 0x39, 0xc4, 0x75,
    0x05, 0x48, 0xff, 0xc3, 0xeb, 0xe2, 0x0f, 0x0b,
  ],
  /** The same with what a call gives: R12 sums up RAX; R13 is RCX, R14 is R11. */
  // mov $39, %eax; syscall; add %rax, %r12; mov %rcx, %r13; mov %r11, %r14; jmp
  results: [0xb8, 0x27, 0x00, 0x00, 0x00, 0x0f, 0x05, 0x49, 0x01, 0xc4, 0x49, 0x89, 0xcd, 0x4d, 0x89, 0xde, 0xeb, 0xee],
  /** Jumps to RDI. */
  jump: [0xff, 0xe7], // jmp *%rdi
} satisfies Record<string, number[]>;
export type Program = keyof typeof PROGRAMS;
const names = Object.keys(PROGRAMS) as Program[];
export const entry = (program: Program): number => CODE + names.indexOf(program) * 64;

/** A platform with its memory, and one address space that holds the programs. */
export class Guest {
  readonly memory = MemoryFile.create({ name: 'test', limit: 64 * MiB });
  readonly kernelMemory = MemoryFile.create({ name: 'test-kernel', limit: 64 * MiB });
  readonly platform: SystrapPlatform;
  readonly space: SystrapAddressSpace;
  readonly code: number;
  readonly data: number;
  readonly lines: string[] = [];

  constructor(concurrency = 2, options: Partial<PlatformOptions> = {}) {
    const { memory, kernelMemory } = this;
    this.platform = new SystrapPlatform({ memory, kernelMemory, concurrency, wake() {}, log: (line) => this.lines.push(line), ...options });
    this.code = memory.allocate(PAGE_SIZE, MEMORY_ANONYMOUS);
    this.data = memory.allocate(2 * PAGE_SIZE, MEMORY_ANONYMOUS);
    for (const name of names) memory.bytes(this.code + entry(name) - CODE, 64).set(PROGRAMS[name]);
    this.space = this.newSpace();
  }

  newSpace(): SystrapAddressSpace {
    const space = this.platform.newAddressSpace(null);
    if (space instanceof Promise) throw new Error('no address space');
    space.mapFile(CODE, this.memory, this.code, PAGE_SIZE, ACCESS_READ | ACCESS_EXECUTE, true);
    space.mapFile(DATA, this.memory, this.data, 2 * PAGE_SIZE, ACCESS_READ | ACCESS_WRITE, true);
    return space as SystrapAddressSpace;
  }

  thread(program: Program): Context {
    const context = this.platform.newContext();
    if (typeof context === 'number') throw new Error(`newContext: ${context}`);
    context.page.setReg(REG.rip, entry(program));
    context.page.setReg(REG.rsp, STACK_TOP);
    context.page.setReg(REG.rdi, DATA);
    return context;
  }

  /** Runs to an event other than an interrupt. */
  run(context: Context, space = this.space): EventKind {
    const deadline = performance.now() + HANG_NS / 1e6;
    while (performance.now() < deadline) {
      const event = context.switch(space, -1, HANG_NS);
      if (event !== EVENT_INTERRUPT) return event;
    }
    throw new Error('the guest does not end');
  }

  /** The event of a started context. */
  next(): Context {
    const deadline = performance.now() + HANG_NS / 1e6;
    for (;;) {
      const context = this.platform.poll();
      if (context !== null) return context;
      if (performance.now() > deadline) throw new Error('no event');
      this.platform.wait(1e9);
    }
  }

  destroy(): void {
    this.platform.destroy();
    this.memory.destroy();
    this.kernelMemory.destroy();
  }
}

/** One letter as in proc(5); '' if there is no such process. */
export function stateOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
  } catch {
    return '';
  }
}

export function parentOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return Number(stat.slice(stat.lastIndexOf(')') + 4).split(' ')[0]);
}

/** Whether the process runs: not gone, and no zombie. */
export const isAlive = (pid: number): boolean => !['', 'Z', 'X'].includes(stateOf(pid));

/** Waits until something is the case. */
export async function until(test: () => boolean): Promise<void> {
  const deadline = performance.now() + HANG_NS / 1e6;
  while (!test()) {
    if (performance.now() > deadline) throw new Error(`never: ${test}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
