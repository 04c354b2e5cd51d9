/**
 * Everything at once, at random and reproducible but for timing: threads of several address spaces, inline and pooled, interrupts at any moment, pages
 * moved, taken away and write-protected under running threads, contexts and spaces that come and go. Each thread checks that its registers, its FS base
 * and its SSE state are its own; this side checks that no system call is lost or doubled and that no store comes after an unmap.
 *
 * As a program: `node --import tsx --conditions=@sbx/source test/stress.ts SECONDS [SEED]`.
 */
import {
  ACCESS_EXECUTE,
  ACCESS_READ,
  ACCESS_WRITE,
  EVENT_INTERRUPT,
  EVENT_SIGNAL,
  EVENT_SYSCALL,
  MEMORY_ANONYMOUS,
  MemoryFile,
  PAGE_SIZE,
  REG,
} from '@sbx/platform';
import type { KvmAddressSpace } from '../src/address-space.js';
import type { KvmContext } from '../src/context.js';
import { KvmPlatform } from '../src/kvm-platform.js';

const MiB = 2 ** 20;
const CODE = 0x400000;
const DATA = 0x10000000;
const RW = ACCESS_READ | ACCESS_WRITE;
const SPACES = 3;
const THREADS = 7;
const XMM0 = 160;
const XSTATE_BV = 512;

// biome-ignore format: instructions
const PROGRAM = [
  0x48, 0xff, 0xc3, //                                     inc %rbx
  0x48, 0x89, 0x1f, //                                     mov %rbx, (%rdi)
  0x66, 0x48, 0x0f, 0x7e, 0xc0, //                         movq %xmm0, %rax
  0x4c, 0x39, 0xe0, 0x75, 0x1f, //                         cmp %r12, %rax; jne bad
  0x64, 0x48, 0x8b, 0x14, 0x25, 0x08, 0x00, 0x00, 0x00, // mov %fs:8, %rdx
  0x4c, 0x39, 0xe2, 0x75, 0x11, //                         cmp %r12, %rdx; jne bad
  0x48, 0x89, 0xf1, //                                     mov %rsi, %rcx
  0xf3, 0x90, 0x48, 0xff, 0xc9, 0x75, 0xf9, //             pause; dec %rcx; jnz
  0x48, 0x89, 0xd8, 0x0f, 0x05, //                         mov %rbx, %rax; syscall
  0xeb, 0xd1, //                                           jmp to the start
  0x0f, 0x0b, //                                           bad: ud2
];
/** Offsets in it: the store, after which the count in memory is RBX. */
const STORE = 3;

class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed | 1;
  }
  below(n: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) % n;
  }
}

interface Thread {
  readonly id: number;
  readonly address: number;
  /** Two pages of memory; `page` is the one that is mapped, or was last. */
  readonly pages: [number, number];
  context: KvmContext;
  space: number;
  page: 0 | 1;
  mapped: boolean;
  running: boolean;
  /** System calls seen. */
  calls: number;
  /** What the page held when its mapping was taken from the running thread; -1: it was not. */
  frozen: number;
}

export interface StressResult {
  events: number;
  syscalls: number;
  faults: number;
  interrupts: number;
}

export function stress(seconds: number, seed: number): StressResult {
  const random = new Random(seed);
  const memory = MemoryFile.create({ name: 'stress', limit: 16 * MiB });
  const kernelMemory = MemoryFile.create({ name: 'stress-kernel', limit: 64 * MiB });
  const platform = new KvmPlatform({ memory, kernelMemory, concurrency: 3, wake() {} });
  const code = memory.allocate(PAGE_SIZE, MEMORY_ANONYMOUS);
  memory.bytes(code, PAGE_SIZE).set(PROGRAM);
  const result: StressResult = { events: 0, syscalls: 0, faults: 0, interrupts: 0 };

  const fail = (thread: Thread, what: string): never => {
    const { page } = thread.context;
    const registers = [REG.rip, REG.rax, REG.rbx, REG.r12, REG.rdx, REG.rdi].map((reg) => page.reg(reg).toString(16)).join(' ');
    const where = `vector ${page.vector} error ${page.errorCode} address ${page.faultAddress.toString(16)} registers ${registers}`;
    throw new Error(`seed ${seed}, thread ${thread.id}: ${what}; event ${page.event} ${where}; ${platform.failure() ?? ''}`);
  };
  const words = (thread: Thread): Uint32Array => {
    const bytes = memory.bytes(thread.pages[thread.page], PAGE_SIZE);
    return new Uint32Array(bytes.buffer, bytes.byteOffset, PAGE_SIZE / 4);
  };

  const newSpace = (): KvmAddressSpace => {
    const space = platform.newAddressSpace(null) as KvmAddressSpace;
    space.mapFile(CODE, memory, code, PAGE_SIZE, ACCESS_READ | ACCESS_EXECUTE, true);
    return space;
  };
  const spaces = Array.from({ length: SPACES }, newSpace);

  const newContext = (thread: Thread): void => {
    const context = platform.newContext() as KvmContext;
    const { page } = context;
    page.setReg(REG.rip, CODE);
    page.setReg(REG.rdi, thread.address);
    page.setReg(REG.rsi, 1 + random.below(400));
    page.setReg(REG.rbx, thread.calls);
    page.setReg(REG.r12, thread.id);
    page.setReg(REG.fsBase, thread.address);
    context.pullState();
    page.xstate[XMM0] = thread.id;
    page.xstate[XSTATE_BV] = 3;
    context.pushState();
    thread.context = context;
  };
  const threads = Array.from({ length: THREADS }, (_, i) => {
    const thread = {
      id: i + 1,
      address: DATA + i * PAGE_SIZE,
      pages: [memory.allocate(PAGE_SIZE, MEMORY_ANONYMOUS), memory.allocate(PAGE_SIZE, MEMORY_ANONYMOUS)],
      space: i % SPACES,
      page: 0,
      mapped: false,
      running: false,
      calls: 0,
      frozen: -1,
    } as unknown as Thread;
    newContext(thread);
    words(thread)[2] = thread.id;
    return thread;
  });
  const byContext = new Map<unknown, Thread>();

  const map = (thread: Thread): void => {
    if (spaces[thread.space]!.mapFile(thread.address, memory, thread.pages[thread.page], PAGE_SIZE, RW, random.below(2) === 0) < 0) {
      fail(thread, 'mapFile failed');
    }
    thread.mapped = true;
  };

  /** Checks the event of a thread that does not run any more. */
  const handle = (thread: Thread): void => {
    const { page } = thread.context;
    thread.running = false;
    result.events++;
    const count = words(thread)[0]!;
    if (thread.frozen >= 0 && count !== thread.frozen)
      fail(thread, `a store after the page was taken away: ${count}, not ${thread.frozen}`);
    thread.frozen = -1;
    if (page.event === EVENT_SYSCALL) {
      result.syscalls++;
      thread.calls++;
      if (page.sysno !== thread.calls || page.reg(REG.rbx) !== thread.calls || count !== thread.calls)
        fail(thread, `call ${thread.calls} expected`);
      page.setReg(REG.rsi, 1 + random.below(400));
    } else if (page.event === EVENT_SIGNAL) {
      result.faults++;
      if (page.signo !== 11 || Math.floor(page.faultAddress / PAGE_SIZE) * PAGE_SIZE !== thread.address) fail(thread, 'unexpected signal');
      map(thread);
    } else if (page.event === EVENT_INTERRUPT) {
      result.interrupts++;
      const at = page.reg(REG.rip) - CODE;
      if (at < 0 || at >= PROGRAM.length || (at !== STORE && count !== page.reg(REG.rbx))) fail(thread, 'interrupted at a wrong place');
    } else fail(thread, 'unexpected event');
  };

  /** Something that may happen to a thread that does not run. */
  const disturb = (thread: Thread): void => {
    const space = spaces[thread.space]!;
    const action = random.below(8);
    if (action === 0) {
      const from = words(thread);
      thread.page = thread.page === 0 ? 1 : 0;
      words(thread).set(from);
      from.fill(0xdead);
      if (thread.mapped) map(thread);
      // What was write-protected while it ran can still be read.
      else space.unmap(thread.address, PAGE_SIZE);
    } else if (action === 1) {
      space.unmap(thread.address, PAGE_SIZE);
      thread.mapped = false;
    } else if (action === 2) {
      space.writeProtect(thread.address, PAGE_SIZE);
    } else if (action === 3 && random.below(8) === 0) {
      thread.calls = words(thread)[0]!;
      thread.context.release();
      byContext.delete(thread.context);
      newContext(thread);
    } else if (action === 4 && random.below(4) === 0) {
      space.unmap(thread.address, PAGE_SIZE);
      thread.space = random.below(SPACES);
      thread.mapped = false;
    } else if (action === 5 && random.below(3) === 0) {
      const index = thread.space;
      if (threads.some((other) => other.running && other.space === index)) return;
      spaces[index]!.release();
      spaces[index] = newSpace();
      for (const other of threads) if (other.space === index) other.mapped = false;
    } else if (action === 6) {
      thread.context.pullState();
      if (thread.context.page.xstate[XMM0] !== thread.id || thread.context.page.reg(REG.fsBase) !== thread.address) {
        fail(thread, 'pullState shows the state of another');
      }
      if (random.below(2) === 0) thread.context.pushState();
    }
  };

  /** Something that may happen to a running one. */
  const disturbRunning = (thread: Thread): void => {
    const action = random.below(5);
    if (action === 0) thread.context.interrupt();
    else if (action <= 2 && thread.mapped && thread.frozen < 0) {
      if (action === 1) spaces[thread.space]!.unmap(thread.address, PAGE_SIZE);
      else spaces[thread.space]!.writeProtect(thread.address, PAGE_SIZE);
      thread.mapped = false;
      thread.frozen = Atomics.load(words(thread), 0);
    }
  };

  const end = performance.now() + seconds * 1000;
  try {
    while (performance.now() < end) {
      const thread = threads[random.below(THREADS)]!;
      if (thread.running) {
        disturbRunning(thread);
      } else {
        if (random.below(3) === 0) disturb(thread);
        if (random.below(4) === 0) {
          if (random.below(16) === 0) thread.context.interrupt();
          thread.context.switch(spaces[thread.space]!, -1, random.below(300) * 1000);
          handle(thread);
        } else {
          byContext.set(thread.context, thread);
          thread.running = true;
          thread.context.start(spaces[thread.space]!);
        }
      }
      if (random.below(3) === 0) platform.wait(random.below(60) * 1000);
      for (let context = platform.poll(); context !== null; context = platform.poll()) handle(byContext.get(context)!);
    }
    while (threads.some((thread) => thread.running)) {
      platform.wait(1e9);
      for (let context = platform.poll(); context !== null; context = platform.poll()) handle(byContext.get(context)!);
    }
  } finally {
    platform.destroy();
    memory.destroy();
    kernelMemory.destroy();
  }
  return result;
}

if (process.argv[1]?.endsWith('stress.ts')) {
  const seconds = Number(process.argv[2] ?? 10);
  const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31);
  console.log(`seed ${seed}`, stress(seconds, seed));
}
