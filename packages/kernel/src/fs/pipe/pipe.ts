import { EAGAIN, EFAULT, EPOLLIN, EPOLLOUT, EPOLLRDNORM, EPOLLWRNORM } from '@sbx/abi';
import { MEMORY_SYSTEM, type Memory } from '@sbx/platform';
import type { IoBuffer } from '../../io/io-buffer.js';
import type { MemoryManager } from '../../mm/memory-manager.js';
import { allocateUnderPressure } from '../../mm/reclaim.js';
import { WaitQueue } from '../../wait/wait-queue.js';

export const PAGE_SIZE = 4096;
/** Capacity of a new pipe, in pages (pipe(7)). */
export const DEFAULT_SLOTS = 16;
/** Largest capacity without CAP_SYS_RESOURCE (fs.pipe-max-size), and the largest at all. */
export const MAX_PIPE_SIZE = 1048576;
export const HARD_PIPE_SIZE = 2 ** 31;

/** A later write may be appended to the slot's page. */
const CAN_MERGE = 1;
/** The slot is one packet (O_DIRECT): what a read does not take of it is lost. */
const PACKET = 2;

/** Pages that an empty pipe keeps for the next write. */
const SPARE_PAGES = 2;

/**
 * The buffer of a pipe or an open fifo: a ring of slots, each a piece of one page of application memory, as Linux has it, so that capacity, merging of small
 * writes and atomicity come out the same: a write of up to PIPE_BUF bytes needs one page and is therefore never split.
 *
 *     slots: [tail ......... tail + count)   page offset | offset of data in it | length | flags
 */
export class Pipe {
  /** Woken with EPOLLIN when bytes come or the last writer goes, EPOLLOUT when room comes or the last reader goes. */
  readonly waitQueue = new WaitQueue();
  /** Open ends. */
  readers = 0;
  writers = 0;
  /** Ends that were ever opened: an open that waits for its counterpart sees that there was one. */
  readerOpens = 0;
  writerOpens = 0;
  /** Most slots: capacity in pages. */
  maxSlots = DEFAULT_SLOTS;
  /** Bytes in the pipe. */
  bytes = 0;

  #pages = new Float64Array(DEFAULT_SLOTS);
  #offsets = new Uint16Array(DEFAULT_SLOTS);
  #lengths = new Uint16Array(DEFAULT_SLOTS);
  #flags = new Uint8Array(DEFAULT_SLOTS);
  #tail = 0;
  #count = 0;
  readonly #spare: number[] = [];

  constructor(readonly memory: Memory) {}

  get isEmpty(): boolean {
    return this.#count === 0;
  }
  get isFull(): boolean {
    return this.#count >= this.maxSlots;
  }
  /** Slots in use. */
  get slots(): number {
    return this.#count;
  }

  /** Moves bytes into `io`: how many, -EAGAIN when there are none, -EFAULT. The caller has looked at `writers`. @hotpath */
  read(io: IoBuffer): number {
    if (this.#count === 0) return -EAGAIN;
    const wasFull = this.isFull;
    let done = 0;
    while (this.#count > 0 && io.remaining > 0) {
      const slot = this.#tail;
      const length = this.#lengths[slot];
      const want = Math.min(length, io.remaining);
      const moved = io.putMemory(this.memory, this.#pages[slot] + this.#offsets[slot], want);
      done += moved;
      if (moved < want) {
        if (done === 0) return -EFAULT;
        this.#consume(moved);
        break;
      }
      if ((this.#flags[slot] & PACKET) !== 0) {
        this.#consume(length);
        break;
      }
      this.#consume(moved);
    }
    if (wasFull && !this.isFull) this.waitQueue.wake(EPOLLOUT | EPOLLWRNORM);
    return done;
  }

  /** Moves bytes from `io` in, as long as there is room: how many, -EAGAIN when there is none, -EFAULT, -ENOMEM. @param mm - the writer's @hotpath */
  write(io: IoBuffer, packets: boolean, mm: MemoryManager): number {
    const wasEmpty = this.#count === 0;
    let done = 0;
    const rest = io.remaining % PAGE_SIZE;
    if (rest > 0 && !wasEmpty) {
      const slot = this.#slot(this.#count - 1);
      const at = this.#offsets[slot] + this.#lengths[slot];
      if ((this.#flags[slot] & CAN_MERGE) !== 0 && at + rest <= PAGE_SIZE) {
        const moved = io.getMemory(this.memory, this.#pages[slot] + at, rest);
        this.#lengths[slot] += moved;
        this.bytes += moved;
        done += moved;
        if (moved < rest) return done === 0 ? -EFAULT : done;
      }
    }
    let error = 0;
    while (io.remaining > 0) {
      if (this.isFull) {
        error = -EAGAIN;
        break;
      }
      const page = this.newPage(mm);
      if (page < 0) {
        error = page;
        break;
      }
      const want = Math.min(PAGE_SIZE, io.remaining);
      const moved = io.getMemory(this.memory, page, want);
      if (moved === 0) {
        this.freePage(page);
        error = -EFAULT;
        break;
      }
      this.push(page, 0, moved, packets ? PACKET : CAN_MERGE);
      done += moved;
      if (moved < want) break;
    }
    if (done > 0) this.waitQueue.wake(EPOLLIN | EPOLLRDNORM);
    return done > 0 ? done : error;
  }

  // -- For splice and tee.

  /** A page for the user of `mm` to fill and `push`: its offset, or -ENOMEM (then the user is being killed). */
  newPage(mm: MemoryManager): number {
    const page = this.#spare.pop() ?? this.memory.allocate(PAGE_SIZE, MEMORY_SYSTEM);
    return page < 0 ? allocateUnderPressure(this.memory, PAGE_SIZE, MEMORY_SYSTEM, mm) : page;
  }
  freePage(page: number): void {
    if (this.#spare.length < SPARE_PAGES && this.memory.refCount(page) === 1) this.#spare.push(page);
    else this.memory.decRef(page, PAGE_SIZE);
  }
  /** Adds a slot; takes over one reference of the page. The pipe is not full. Does not wake. */
  push(page: number, offset: number, length: number, flags: number): void {
    if (this.#count === this.#pages.length) this.#grow();
    const slot = this.#slot(this.#count);
    this.#pages[slot] = page;
    this.#offsets[slot] = offset;
    this.#lengths[slot] = length;
    this.#flags[slot] = flags;
    this.#count++;
    this.bytes += length;
  }
  /** Where the bytes of slot `i` (0: the oldest) lie in application memory, and how many they are. */
  slotOffset(i: number): number {
    const slot = this.#slot(i);
    return this.#pages[slot] + this.#offsets[slot];
  }
  slotLength(i: number): number {
    return this.#lengths[this.#slot(i)];
  }
  /** Puts up to `length` bytes of slot `i` of `this` into `target` too (tee), sharing the page. The target is not full. */
  shareSlot(i: number, target: Pipe, length: number): void {
    const slot = this.#slot(i);
    this.memory.incRef(this.#pages[slot], PAGE_SIZE);
    target.push(this.#pages[slot], this.#offsets[slot], Math.min(length, this.#lengths[slot]), this.#flags[slot] & PACKET);
  }
  /** Takes `length` bytes out of the oldest slot, which has as many. Wakes writers when there is room again. */
  take(length: number): void {
    const wasFull = this.isFull;
    this.#consume(length);
    if (wasFull && !this.isFull) this.waitQueue.wake(EPOLLOUT | EPOLLWRNORM);
  }

  /** F_SETPIPE_SZ: the caller has checked that what is in it fits. */
  resize(slots: number): void {
    const grown = slots > this.maxSlots;
    this.maxSlots = slots;
    if (grown) this.waitQueue.wake(EPOLLOUT | EPOLLWRNORM);
  }

  /** No end is open any more: the pages go. */
  dispose(): void {
    while (this.#count > 0) this.#consume(this.#lengths[this.#tail]);
    for (const page of this.#spare) this.memory.decRef(page, PAGE_SIZE);
    this.#spare.length = 0;
  }

  #slot(i: number): number {
    return (this.#tail + i) & (this.#pages.length - 1);
  }
  /** Takes bytes from the oldest slot, and the slot itself when it is empty. @hotpath */
  #consume(length: number): void {
    const slot = this.#tail;
    this.bytes -= length;
    this.#lengths[slot] -= length;
    this.#offsets[slot] += length;
    if (this.#lengths[slot] > 0) return;
    this.#tail = this.#slot(1);
    this.#count--;
    this.freePage(this.#pages[slot]);
  }
  /** Doubles the arrays: they are only as large as the pipe ever was full. */
  #grow(): void {
    const size = this.#pages.length * 2;
    const pages = new Float64Array(size);
    const offsets = new Uint16Array(size);
    const lengths = new Uint16Array(size);
    const flags = new Uint8Array(size);
    for (let i = 0; i < this.#count; i++) {
      const slot = this.#slot(i);
      pages[i] = this.#pages[slot];
      offsets[i] = this.#offsets[slot];
      lengths[i] = this.#lengths[slot];
      flags[i] = this.#flags[slot];
    }
    this.#pages = pages;
    this.#offsets = offsets;
    this.#lengths = lengths;
    this.#flags = flags;
    this.#tail = 0;
  }
}
