import {
  ACCESS_EXECUTE,
  ACCESS_READ,
  ACCESS_WRITE,
  EVENT_INTERRUPT,
  type EventKind,
  MEMORY_ANONYMOUS,
  MemoryFile,
  PAGE_SIZE,
  REG,
} from '@sbx/platform';
import type { KvmAddressSpace } from '../src/address-space.js';
import type { KvmContext } from '../src/context.js';
import { KvmPlatform } from '../src/kvm-platform.js';

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
  /** Writes RSI to (RDI), then a system call. */
  store: [0x48, 0x89, 0x37, 0x0f, 0x05], // mov %rsi, (%rdi); syscall
  /** An exception. */
  undefined: [0x0f, 0x0b], // ud2
  /** push %rax; pop %rbx; syscall */
  push: [0x50, 0x5b, 0x0f, 0x05],
  /** vmcall; syscall */
  vmcall: [0x0f, 0x01, 0xc1, 0x0f, 0x05],
  /** wrpkru; syscall */
  wrpkru: [0x31, 0xc9, 0x31, 0xd2, 0x0f, 0x01, 0xef, 0x0f, 0x05], // xor %ecx, %ecx; xor %edx, %edx; wrpkru; syscall
  /** A far jump to 32-bit code: ljmp *(%rdi). */
  far_jump: [0xff, 0x2f],
} satisfies Record<string, number[]>;
export type Program = keyof typeof PROGRAMS;
const names = Object.keys(PROGRAMS) as Program[];
export const entry = (program: Program): number => CODE + names.indexOf(program) * 64;

/** A KVM platform with its memory, and one address space that holds the programs. */
export class Guest {
  readonly memory = MemoryFile.create({ name: 'test', limit: 64 * MiB });
  readonly kernelMemory = MemoryFile.create({ name: 'test-kernel', limit: 64 * MiB });
  readonly platform: KvmPlatform;
  readonly space: KvmAddressSpace;
  readonly code: number;
  readonly data: number;
  wakes = 0;

  constructor(concurrency = 2) {
    this.platform = new KvmPlatform({ memory: this.memory, kernelMemory: this.kernelMemory, concurrency, wake: () => this.wakes++ });
    this.code = this.memory.allocate(PAGE_SIZE, MEMORY_ANONYMOUS);
    this.data = this.memory.allocate(2 * PAGE_SIZE, MEMORY_ANONYMOUS);
    for (const name of names) this.memory.bytes(this.code + entry(name) - CODE, 64).set(PROGRAMS[name]);
    this.space = this.newSpace();
  }

  newSpace(): KvmAddressSpace {
    const space = this.platform.newAddressSpace(null) as KvmAddressSpace;
    space.mapFile(CODE, this.memory, this.code, PAGE_SIZE, ACCESS_READ | ACCESS_EXECUTE, true);
    space.mapFile(DATA, this.memory, this.data, 2 * PAGE_SIZE, ACCESS_READ | ACCESS_WRITE, true);
    return space;
  }

  thread(program: Program): KvmContext {
    const context = this.platform.newContext();
    if (typeof context === 'number') throw new Error(`newContext: ${context}`);
    context.page.setReg(REG.rip, entry(program));
    context.page.setReg(REG.rsp, STACK_TOP);
    context.page.setReg(REG.rdi, DATA);
    return context as KvmContext;
  }

  /** Runs to an event other than an interrupt. */
  run(context: KvmContext, space = this.space): EventKind {
    const deadline = performance.now() + HANG_NS / 1e6;
    while (performance.now() < deadline) {
      const event = context.switch(space, -1, HANG_NS);
      if (event !== EVENT_INTERRUPT) return event;
    }
    throw new Error('the guest does not end');
  }

  destroy(): void {
    this.platform.destroy();
    this.memory.destroy();
    this.kernelMemory.destroy();
  }
}
