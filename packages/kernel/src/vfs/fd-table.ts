import { EBADF, EMFILE, ENFILE } from '@sbx/abi';
import type { Task } from '../task/task.js';
import { type FileDescription, liveDescriptions, MAX_FILES } from './file-description.js';
import { removePosixLocks } from './file-locks.js';

/** No descriptor is ever at or above this (sysctl fs.nr_open). */
export const MAX_DESCRIPTORS = 1048576;

/** Slots that the tables of related processes may have together: they are memory of the kernel's own. */
class SlotBudget {
  used = 0;
  readonly limit = 2 ** 22;
}

/**
 * The descriptors of a process (files_struct): shared by clone(CLONE_FILES), else copied. Each descriptor holds one reference of its description. Counted:
 * a task that shares it calls `incRef`, and every task `decRef` at its end.
 *
 *     words     bit per descriptor: in use          fullWords   bit per word: no free bit in it
 *     cloexec   bit per descriptor: close-on-exec
 */
export class FdTable {
  #files: (FileDescription | null)[];
  #words: Uint32Array;
  #fullWords: Uint32Array;
  #cloexec: Uint32Array;
  #count = 0;
  #references = 1;

  readonly #budget: SlotBudget;

  constructor(capacity = 64, budget = new SlotBudget()) {
    this.#budget = budget;
    budget.used += capacity;
    this.#files = new Array(capacity).fill(null);
    this.#words = new Uint32Array(capacity / 32);
    this.#cloexec = new Uint32Array(capacity / 32);
    this.#fullWords = new Uint32Array(Math.ceil(capacity / 1024));
  }

  /** The description of descriptor `fd` (any int), or null. @hotpath */
  get(fd: number): FileDescription | null {
    return fd >= 0 && fd < this.#files.length ? this.#files[fd] : null;
  }

  /** As `get`, for everything that needs more than a place in the tree: null for O_PATH descriptors too. @hotpath */
  getReal(fd: number): FileDescription | null {
    const file = this.get(fd);
    return file === null || file.pathOnly ? null : file;
  }

  /** How many descriptors are in use. */
  get count(): number {
    return this.#count;
  }
  /** One more than the highest descriptor that may be in use (FDSize of /proc/PID/status). */
  get capacity(): number {
    return this.#files.length;
  }

  /**
   * Puts `file` at the lowest free descriptor not below `minimum` and below `limit` (RLIMIT_NOFILE); takes over one reference. The descriptor, or -EMFILE,
   * -ENFILE (then the reference stays with the caller).
   */
  install(file: FileDescription, closeOnExec: boolean, limit: number, minimum = 0): number {
    const fd = this.#lowestFree(minimum);
    if (fd >= limit || fd >= MAX_DESCRIPTORS) return -EMFILE;
    if (liveDescriptions() > MAX_FILES) return -ENFILE;
    if (fd >= this.#files.length && !this.#grow(fd + 1)) return -EMFILE;
    this.#set(fd, file, closeOnExec);
    return fd;
  }

  /** The lowest free descriptor, or -EMFILE: for calls that must know before they have side effects. */
  reserve(limit: number, minimum = 0): number {
    const fd = this.#lowestFree(minimum);
    return fd >= limit || fd >= MAX_DESCRIPTORS ? -EMFILE : fd;
  }

  /** Puts `file` at `fd`, closing what is there (dup2, dup3); takes over one reference. `fd`, or -EBADF, -EMFILE (the reference stays with the caller). */
  installAt(task: Task, fd: number, file: FileDescription, closeOnExec: boolean, limit: number): number {
    if (fd < 0 || fd >= limit || fd >= MAX_DESCRIPTORS) return -EBADF;
    if (fd >= this.#files.length && !this.#grow(fd + 1)) return -EMFILE;
    const old = this.#files[fd];
    if (old !== null) this.#clear(fd);
    this.#set(fd, file, closeOnExec);
    if (old !== null) this.#closeFile(task, old);
    return fd;
  }

  /** close(2): 0 or what flushing says, or -EBADF. The descriptor is free in any case. */
  close(task: Task, fd: number): number {
    const file = this.get(fd);
    if (file === null) return -EBADF;
    this.#clear(fd);
    return this.#closeFile(task, file);
  }

  isCloseOnExec(fd: number): boolean {
    return fd >= 0 && fd < this.#files.length && ((this.#cloexec[fd >>> 5] >>> (fd & 31)) & 1) === 1;
  }
  setCloseOnExec(fd: number, value: boolean): void {
    if (value) this.#cloexec[fd >>> 5] |= 1 << (fd & 31);
    else this.#cloexec[fd >>> 5] &= ~(1 << (fd & 31));
  }

  /** close_range(2) without its flags: closes all of `first..last`. */
  closeRange(task: Task, first: number, last: number): void {
    for (let fd = this.next(first); fd >= 0 && fd <= last; fd = this.next(fd + 1)) this.close(task, fd);
  }
  setCloseOnExecRange(first: number, last: number): void {
    for (let fd = this.next(first); fd >= 0 && fd <= last; fd = this.next(fd + 1)) this.setCloseOnExec(fd, true);
  }

  /** execve: closes what is marked so. */
  closeOnExec(task: Task): void {
    for (let w = 0; w < this.#cloexec.length; w++) {
      let bits = this.#cloexec[w] & this.#words[w];
      while (bits !== 0) {
        const bit = 31 - Math.clz32(bits & -bits);
        bits &= bits - 1;
        this.close(task, w * 32 + bit);
      }
    }
  }

  /** The lowest descriptor in use that is not below `from`, or -1: for iteration (/proc/PID/fd). */
  next(from: number): number {
    if (from < 0) from = 0;
    for (let w = from >>> 5; w < this.#words.length; w++) {
      let bits = this.#words[w];
      if (w === from >>> 5) bits &= -1 << (from & 31);
      if (bits !== 0) return w * 32 + 31 - Math.clz32(bits & -bits);
    }
    return -1;
  }

  /** Whether there is room for a copy (ENOMEM): ask before `copy`. */
  get mayCopy(): boolean {
    return this.#budget.used + this.#files.length <= this.#budget.limit;
  }

  /** A copy for fork, with a reference more on each description. Descriptors at or above `limit` are left out (close_range with CLOSE_RANGE_UNSHARE). */
  copy(limit = Number.POSITIVE_INFINITY): FdTable {
    let size = 64;
    let highest = -1;
    for (let fd = this.next(0); fd >= 0 && fd < limit; fd = this.next(fd + 1)) highest = fd;
    while (size <= highest) size *= 2;
    const copy = new FdTable(size, this.#budget);
    for (let fd = this.next(0); fd >= 0 && fd < limit; fd = this.next(fd + 1)) {
      const file = this.#files[fd]!;
      file.incRef();
      copy.#set(fd, file, this.isCloseOnExec(fd));
    }
    return copy;
  }

  incRef(): void {
    this.#references++;
  }
  /** For a task that shares it: the table itself, with a reference more. */
  share(): this {
    this.#references++;
    return this;
  }
  /** A task no longer uses the table; the last one closes everything. */
  decRef(task: Task): void {
    if (--this.#references > 0) return;
    for (let fd = this.next(0); fd >= 0; fd = this.next(fd + 1)) this.close(task, fd);
    this.#budget.used -= this.#files.length;
  }
  get references(): number {
    return this.#references;
  }

  #closeFile(task: Task, file: FileDescription): number {
    const result = file.pathOnly ? 0 : file.flush(task);
    if (!file.pathOnly) removePosixLocks(file, this);
    file.decRef();
    return result;
  }

  #set(fd: number, file: FileDescription, closeOnExec: boolean): void {
    this.#files[fd] = file;
    const w = fd >>> 5;
    this.#words[w] |= 1 << (fd & 31);
    if (this.#words[w] === 0xffffffff) this.#fullWords[w >>> 5] |= 1 << (w & 31);
    this.setCloseOnExec(fd, closeOnExec);
    this.#count++;
  }

  #clear(fd: number): void {
    this.#files[fd] = null;
    const w = fd >>> 5;
    this.#words[w] &= ~(1 << (fd & 31));
    this.#fullWords[w >>> 5] &= ~(1 << (w & 31));
    this.#cloexec[w] &= ~(1 << (fd & 31));
    this.#count--;
  }

  /** The lowest free descriptor not below `minimum`; at or above the capacity when all are in use. */
  #lowestFree(minimum: number): number {
    const words = this.#words;
    if (minimum >= this.#files.length) return minimum;
    let w = minimum >>> 5;
    const first = ~words[w] & (-1 << (minimum & 31));
    if (first !== 0) return w * 32 + 31 - Math.clz32(first & -first);
    w++;
    while (w < words.length) {
      if ((w & 31) === 0 && this.#fullWords[w >>> 5] === 0xffffffff) {
        w += 32;
        continue;
      }
      const free = ~words[w];
      if (free !== 0) return w * 32 + 31 - Math.clz32(free & -free);
      w++;
    }
    return this.#files.length;
  }

  /** False when the tables of all related processes have grown too large. */
  #grow(needed: number): boolean {
    let size = this.#files.length;
    while (size < needed) size *= 2;
    if (this.#budget.used + size > this.#budget.limit) return false;
    this.#budget.used += size - this.#files.length;
    const words = new Uint32Array(size / 32);
    words.set(this.#words);
    const cloexec = new Uint32Array(size / 32);
    cloexec.set(this.#cloexec);
    const fullWords = new Uint32Array(Math.ceil(size / 1024));
    fullWords.set(this.#fullWords);
    const old = this.#files.length;
    this.#files.length = size;
    this.#files.fill(null, old);
    this.#words = words;
    this.#cloexec = cloexec;
    this.#fullWords = fullWords;
    return true;
  }
}
