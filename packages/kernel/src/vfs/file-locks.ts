import { EAGAIN, EDEADLK, ENOLCK, EPOLLIN, F_RDLCK, F_UNLCK, F_WRLCK } from '@sbx/abi';
import { WaitQueue } from '../wait/wait-queue.js';
import type { FileDescription } from './file-description.js';
import type { Inode } from './inode.js';

/** Most byte-range locks of one file: what keeps a program from growing the kernel's memory with them. */
const MAX_RANGE_LOCKS = 8192;
/** How far a chain of waiters is followed when a deadlock is looked for (as Linux). */
const MAX_DEADLOCK_CHAIN = 10;

/** Who holds locks: a descriptor table (POSIX locks) or a description (OFD and flock locks). Compared by identity. */
export type LockOwner = object;

/** A byte-range lock. */
export interface RangeLock {
  readonly owner: LockOwner;
  /** F_RDLCK or F_WRLCK. */
  readonly type: number;
  /** First and last byte; `end` is Infinity for a lock to the end of the file, however it grows. */
  start: number;
  end: number;
  /** Process id that F_GETLK shows; -1 for OFD locks. */
  readonly pid: number;
}

/** What a waiting lock owner waits for: the owner of the lock that stands in its way. For deadlock detection. */
const waitingFor = new WeakMap<LockOwner, LockOwner>();

/** The locks on one inode (fcntl(2), flock(2)). All advisory. */
export class FileLocks {
  /** Sorted by start. */
  #ranges: RangeLock[] = [];
  #flocks: { owner: FileDescription; exclusive: boolean }[] = [];
  /** Woken (EPOLLIN) when a lock goes away or becomes weaker. */
  readonly released = new WaitQueue();

  get isEmpty(): boolean {
    return this.#ranges.length === 0 && this.#flocks.length === 0 && this.released.isEmpty;
  }
  get ranges(): readonly RangeLock[] {
    return this.#ranges;
  }
  get flocks(): readonly { owner: FileDescription; exclusive: boolean }[] {
    return this.#flocks;
  }

  /** The first lock of another owner that conflicts, or null (F_GETLK). */
  conflict(owner: LockOwner, type: number, start: number, end: number): RangeLock | null {
    const ranges = this.#ranges;
    for (let i = 0; i < ranges.length && ranges[i].start <= end; i++) {
      const lock = ranges[i];
      if (lock.owner === owner || lock.end < start) continue;
      if (type === F_WRLCK || lock.type === F_WRLCK) return lock;
    }
    return null;
  }

  /** Sets, changes or removes (F_UNLCK) the owner's lock on `start..end`. 0, -EAGAIN (conflict), -ENOLCK. */
  setRange(owner: LockOwner, pid: number, type: number, start: number, end: number): number {
    if (type !== F_UNLCK && this.conflict(owner, type, start, end) !== null) return -EAGAIN;
    if (this.#ranges.length + 2 > MAX_RANGE_LOCKS && type !== F_UNLCK) return -ENOLCK;
    if (!this.#touchesOwn(owner, start, end)) {
      if (type !== F_UNLCK) this.#insert({ owner, pid, type, start, end });
      return 0;
    }
    const result: RangeLock[] = [];
    let weaker = false;
    for (const lock of this.#ranges) {
      if (lock.owner !== owner || lock.start > end + 1 || lock.end + 1 < start) {
        result.push(lock);
        continue;
      }
      if (lock.type === type) {
        // Merged with the new one, also when it is only adjacent.
        start = Math.min(start, lock.start);
        end = Math.max(end, lock.end);
        continue;
      }
      const overlaps = lock.start <= end && lock.end >= start;
      if (!overlaps) {
        result.push(lock);
        continue;
      }
      if (type === F_UNLCK || (type === F_RDLCK && lock.type === F_WRLCK)) weaker = true;
      if (lock.start < start) result.push({ ...lock, end: start - 1 });
      if (lock.end > end) result.push({ ...lock, start: end + 1 });
    }
    if (type !== F_UNLCK) result.push({ owner, pid, type, start, end });
    result.sort((a, b) => a.start - b.start);
    this.#ranges = result;
    if (weaker) this.released.wake(EPOLLIN);
    return 0;
  }

  /** Whether the owner has a lock in the range or beside it. */
  #touchesOwn(owner: LockOwner, start: number, end: number): boolean {
    const ranges = this.#ranges;
    for (let i = 0; i < ranges.length && ranges[i].start <= end + 1; i++) {
      if (ranges[i].owner === owner && ranges[i].end + 1 >= start) return true;
    }
    return false;
  }
  #insert(lock: RangeLock): void {
    const ranges = this.#ranges;
    let at = ranges.length;
    while (at > 0 && ranges[at - 1].start > lock.start) at--;
    ranges.splice(at, 0, lock);
  }

  /** Whether waiting for `blocker` would close a circle of waiters. */
  static wouldDeadlock(owner: LockOwner, blocker: LockOwner): boolean {
    let next: LockOwner | undefined = blocker;
    for (let i = 0; i < MAX_DEADLOCK_CHAIN && next !== undefined; i++) {
      if (next === owner) return true;
      next = waitingFor.get(next);
    }
    return false;
  }

  /** Records that `owner` is about to wait: 0 or -EDEADLK. POSIX locks only. */
  beginWait(owner: LockOwner, blocker: LockOwner): number {
    if (FileLocks.wouldDeadlock(owner, blocker)) return -EDEADLK;
    waitingFor.set(owner, blocker);
    return 0;
  }
  endWait(owner: LockOwner): void {
    waitingFor.delete(owner);
  }

  /** flock(2) without waiting: 0 or -EAGAIN. A conversion gives the old lock up first, as Linux does. */
  setFlock(owner: FileDescription, exclusive: boolean): number {
    const mine = this.#flocks.findIndex((lock) => lock.owner === owner);
    if (mine >= 0) {
      if (this.#flocks[mine].exclusive === exclusive) return 0;
      this.#flocks.splice(mine, 1);
      this.released.wake(EPOLLIN);
    }
    for (const lock of this.#flocks) if (exclusive || lock.exclusive) return -EAGAIN;
    this.#flocks.push({ owner, exclusive });
    return 0;
  }
  removeFlock(owner: FileDescription): void {
    const mine = this.#flocks.findIndex((lock) => lock.owner === owner);
    if (mine < 0) return;
    this.#flocks.splice(mine, 1);
    this.released.wake(EPOLLIN);
  }

  /** Removes all range locks of an owner. */
  removeOwner(owner: LockOwner): void {
    const kept = this.#ranges.filter((lock) => lock.owner !== owner);
    if (kept.length === this.#ranges.length) return;
    this.#ranges = kept;
    this.released.wake(EPOLLIN);
  }
}

/** The locks of an inode, made when there are none yet. */
export function locksOf(inode: Inode): FileLocks {
  return (inode.locks ??= new FileLocks());
}

/** Forgets the locks of an inode that has none left. */
export function releaseIfEmpty(inode: Inode): void {
  if (inode.locks?.isEmpty) inode.locks = null;
}

/** A descriptor is closed: the POSIX locks of its table on the file go, whichever descriptor they came from (fcntl(2)). @hotpath */
export function removePosixLocks(file: FileDescription, owner: LockOwner): void {
  const inode = file.inode;
  if (inode === null || inode.locks === null) return;
  inode.locks.removeOwner(owner);
  releaseIfEmpty(inode);
}

/** The description's last reference is gone: its OFD and flock locks go. @hotpath */
export function removeDescriptionLocks(file: FileDescription): void {
  const inode = file.inode;
  if (inode === null || inode.locks === null) return;
  inode.locks.removeOwner(file);
  inode.locks.removeFlock(file);
  releaseIfEmpty(inode);
}
