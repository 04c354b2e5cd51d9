import { EMFILE, ENFILE, RLIMIT_NOFILE } from '@sbx/abi';
import { hostAddress, hostCall, hostNumber, hostWords, putPath, STRUCT_AT } from './host.js';

const SYS_OPENAT = hostNumber('openat');
const SYS_CLOSE = hostNumber('close');
const SYS_PRLIMIT64 = hostNumber('prlimit64');

/** Most descriptors that the cache keeps, and the least. */
const MOST = 512;
const LEAST = 16;

/** A host descriptor that may be closed at any time, because it can be had again. One per object that wants to keep one. */
export class CachedDescriptor {
  /** -1: closed. */
  fd = -1;
  next: CachedDescriptor | null = null;
  previous: CachedDescriptor | null = null;
}

/**
 * Host descriptors: opening with what to do when there are too many, and the bounded cache of those that are only kept for speed. The embedding process may
 * have few descriptors, so the cache takes at most a quarter of what it may open.
 */
export class Descriptors {
  readonly limit: number;
  #first: CachedDescriptor | null = null;
  #last: CachedDescriptor | null = null;
  #count = 0;

  constructor(limit = defaultLimit()) {
    this.limit = limit;
  }

  /** How many are cached. */
  get cached(): number {
    return this.#count;
  }

  /**
   * openat(2) by a name relative to a descriptor, which may be the cached one used last: the new descriptor or -errno. Where the host has no more, cached
   * ones are given up for it.
   */
  open(directory: number, name: string, flags: number, mode: number): number {
    const fd = hostCall(SYS_OPENAT, directory, putPath(name), flags, mode);
    if (fd !== -EMFILE && fd !== -ENFILE) return fd;
    // The one used last stays: `directory` may be it.
    if (this.#count < 2) return -ENFILE;
    this.shrink(this.#count >> 1);
    const again = hostCall(SYS_OPENAT, directory, putPath(name), flags, mode);
    return again === -EMFILE ? -ENFILE : again;
  }

  close(fd: number): void {
    hostCall(SYS_CLOSE, fd);
  }

  /** Keeps `fd`, of which `entry` had none, as the one used last. */
  keep(entry: CachedDescriptor, fd: number): void {
    entry.fd = fd;
    this.#link(entry);
    if (this.#count > this.limit) this.drop(this.#first!);
  }

  /** The descriptor of `entry`, which has one, is used: it stays longest now, in any case until another one is used or kept. @hotpath */
  use(entry: CachedDescriptor): number {
    if (entry.next !== null) {
      const { fd } = entry;
      this.#unlink(entry);
      entry.fd = fd;
      this.#link(entry);
    }
    return entry.fd;
  }

  /** Takes the descriptor out of the cache: it belongs to the caller now. -1 when there is none. */
  take(entry: CachedDescriptor): number {
    const { fd } = entry;
    if (fd < 0) return -1;
    this.#unlink(entry);
    return fd;
  }

  /** Closes the descriptor, if there is one. */
  drop(entry: CachedDescriptor): void {
    const fd = this.take(entry);
    if (fd >= 0) this.close(fd);
  }

  /** Closes cached descriptors until at most `count` are left. */
  shrink(count: number): void {
    while (this.#count > count && this.#first !== null) this.drop(this.#first);
  }

  #link(entry: CachedDescriptor): void {
    entry.previous = this.#last;
    if (this.#last === null) this.#first = entry;
    else this.#last.next = entry;
    this.#last = entry;
    this.#count++;
  }
  #unlink(entry: CachedDescriptor): void {
    if (entry.previous === null) this.#first = entry.next;
    else entry.previous.next = entry.next;
    if (entry.next === null) this.#last = entry.previous;
    else entry.next.previous = entry.previous;
    entry.next = entry.previous = null;
    entry.fd = -1;
    this.#count--;
  }
}

/** A quarter of what the process may open. */
function defaultLimit(): number {
  const result = hostCall(SYS_PRLIMIT64, 0, RLIMIT_NOFILE, 0, hostAddress + STRUCT_AT);
  const word = STRUCT_AT >>> 2;
  const soft = result < 0 || hostWords[word + 1] !== 0 ? Number.POSITIVE_INFINITY : hostWords[word];
  return Math.max(LEAST, Math.min(MOST, Math.floor(soft / 4)));
}
