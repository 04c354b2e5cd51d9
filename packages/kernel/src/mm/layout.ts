import { PAGE_SIZE, pageDown, pageUp, STACK_GUARD_GAP, TASK_SIZE } from './constants.js';

/** Where random bits come from. */
export interface RandomSource {
  random(bytes: Uint8Array): void;
}

/** Lowest address of a bottom-up layout, and where it begins without randomness (TASK_UNMAPPED_BASE). */
const BOTTOM_UP_BASE = pageUp(TASK_SIZE / 3);
const MIN_GAP = 128 * 2 ** 20;
const MAX_GAP = Math.floor(TASK_SIZE / 6) * 5;
/** Pages by which the stack's top is moved at most (22 bits), and by which mmap_base and a PIE are (28 bits). */
const STACK_RANDOM_PAGES = 2 ** 22;
const MMAP_RANDOM_PAGES = 2 ** 28;
/** Bytes by which the heap's start is moved at most. */
const BRK_RANDOM = 32 * 2 ** 20;
/** Where a position-independent program with an interpreter goes without randomness (ELF_ET_DYN_BASE). */
export const PIE_BASE = pageUp(Math.floor(TASK_SIZE / 3) * 2);

const words = new Uint32Array(2);
const bytes = new Uint8Array(words.buffer);

/** A random whole number below `bound` (at most 2^52). */
function randomBelow(source: RandomSource, bound: number): number {
  source.random(bytes);
  return (words[1] % 2 ** 20) * 2 ** 32 + words[0] - Math.floor(((words[1] % 2 ** 20) * 2 ** 32 + words[0]) / bound) * bound;
}

/** The places of a program in its address space, as Linux chooses them for x86-64 (arch/x86/mm/mmap.c), with the same amounts of randomness. */
export class AddressLayout {
  /** Addresses that a program can have are in `[start, end)`: those that the platform can map. */
  readonly start: number;
  readonly end: number;
  /** mmap searches downwards from here, or upwards when not `topDown`. */
  mmapBase = BOTTOM_UP_BASE;
  topDown = true;
  /** The highest address of the stack's mapping (exclusive). */
  stackTop: number;
  /** Whether places are random (not after personality(ADDR_NO_RANDOMIZE)). */
  randomized = true;
  /** The heap: [startBrk, brk). */
  startBrk = 0;
  brk = 0;
  startCode = 0;
  endCode = 0;
  startData = 0;
  endData = 0;
  /** The stack pointer at the program's start. */
  startStack = 0;
  argStart = 0;
  argEnd = 0;
  envStart = 0;
  envEnd = 0;
  /** Address of the vDSO, or 0. */
  vdso = 0;

  constructor(start = 0, end = TASK_SIZE) {
    this.start = start;
    this.end = this.stackTop = Math.min(end, TASK_SIZE);
  }

  /**
   * Chooses stack top and mmap base.
   * @param stackLimit - RLIMIT_STACK, bytes; Infinity gives the bottom-up layout, as in Linux
   * @param bottomUp - personality(ADDR_COMPAT_LAYOUT)
   */
  choose(source: RandomSource, stackLimit: number, randomize: boolean, bottomUp: boolean): void {
    this.randomized = randomize;
    this.stackTop = this.end - (randomize ? randomBelow(source, STACK_RANDOM_PAGES) * PAGE_SIZE : 0);
    this.topDown = !bottomUp && stackLimit !== Number.POSITIVE_INFINITY;
    const random = randomize ? randomBelow(source, MMAP_RANDOM_PAGES) * PAGE_SIZE : 0;
    if (this.topDown) {
      const pad = (randomize ? STACK_RANDOM_PAGES * PAGE_SIZE : 0) + STACK_GUARD_GAP;
      const gap = Math.min(Math.max(stackLimit + pad, MIN_GAP), MAX_GAP);
      this.mmapBase = pageUp(this.end - gap - random);
    } else this.mmapBase = pageUp(BOTTOM_UP_BASE + random);
  }

  /** The load address of a position-independent program that has an interpreter. */
  pieBase(source: RandomSource): number {
    return PIE_BASE + (this.randomized ? randomBelow(source, MMAP_RANDOM_PAGES) * PAGE_SIZE : 0);
  }

  /** Where the heap starts, given the end of the program's data. */
  chooseBrk(source: RandomSource, end: number): void {
    this.startBrk = this.brk = this.randomized
      ? pageDown(end + randomBelow(source, BRK_RANDOM / PAGE_SIZE) * PAGE_SIZE + PAGE_SIZE - 1)
      : end;
  }

  copy(): AddressLayout {
    return Object.assign(new AddressLayout(this.start, this.end), this);
  }
}
