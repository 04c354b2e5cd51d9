import { EFAULT, EINVAL } from '@sbx/abi';
import { ACCESS_READ, ACCESS_WRITE } from '@sbx/platform';
import { TASK_SIZE } from '../mm/constants.js';
import type { Mappable } from '../mm/mappable.js';
import type { MemoryManager } from '../mm/memory-manager.js';
import { PAGE_ANONYMOUS } from '../mm/page-map.js';
import type { Task } from '../task/task.js';
import { WOKEN } from '../wait/blocking.js';

/*
 * A futex is known by a key: address space and address for one that is private to a process, object and offset for one in shared memory. Waiters hang in
 * the queue of their key, which exists as long as it has some:
 *
 *     MemoryManager.futexes: Map<address, FutexQueue>          private, and "shared" ones in private memory (address + 1: another key, as in Linux)
 *     objectFutexes: WeakMap<Mappable, Map<offset, FutexQueue>>
 */

/** One thread's wait on one futex. */
export class FutexWaiter {
  queue: FutexQueue | null = null;
  next: FutexWaiter | null = null;
  previous: FutexWaiter | null = null;
  /** Taken off the queue by a wake-up: the wait is over, whatever else happens. */
  woken = false;
  /** For PI waits: it was made the owner. */
  owns = false;
  /** It waits for the lock of a PI futex: on its own account, or since it was requeued. */
  locks = false;
  /** For FUTEX_WAIT_REQUEUE_PI: the PI futex that it may be requeued to, and its address in the waiter's own address space; else null. */
  target: (FutexKey & { readonly addr: number }) | null = null;

  constructor(
    readonly task: Task,
    /** The address of the futex word in the task's address space; after a requeue to a PI futex, of that one. */
    public addr: number,
    readonly bitset: number,
  ) {}

  /** Ends the wait. */
  wake(): void {
    this.queue?.remove(this);
    this.woken = true;
    this.task.wait.wake(WOKEN);
  }
}

/** The waiters of one futex, first come first (those of a PI futex by priority). */
export class FutexQueue {
  first: FutexWaiter | null = null;
  #last: FutexWaiter | null = null;
  /** The lock that the waiters wait for, if this is a PI futex. */
  pi: PiState | null = null;

  constructor(
    readonly map: Map<number, FutexQueue>,
    readonly key: number,
  ) {}

  add(waiter: FutexWaiter): void {
    let after = this.#last;
    // Realtime tasks get a PI lock before others.
    if (waiter.locks) while (after !== null && after.task.schedPriority < waiter.task.schedPriority) after = after.previous;
    const before = after === null ? this.first : after.next;
    waiter.queue = this;
    waiter.previous = after;
    waiter.next = before;
    if (after === null) this.first = waiter;
    else after.next = waiter;
    if (before === null) this.#last = waiter;
    else before.previous = waiter;
  }

  /** Takes a waiter off; an empty queue is forgotten. */
  remove(waiter: FutexWaiter): void {
    if (waiter.queue !== this) return;
    if (waiter.previous === null) this.first = waiter.next;
    else waiter.previous.next = waiter.next;
    if (waiter.next === null) this.#last = waiter.previous;
    else waiter.next.previous = waiter.previous;
    waiter.queue = waiter.next = waiter.previous = null;
    if (this.first === null) {
      this.map.delete(this.key);
      if (this.pi !== null) setOwner(this.pi, null);
      this.pi = null;
    }
  }
}

/** The kernel's side of a PI futex that has waiters: who owns it. */
export interface PiState {
  owner: Task | null;
  readonly queue: FutexQueue;
}

/** PI futexes with waiters that a task owns: the next waiters get them when it exits. */
const owned = new WeakMap<Task, Set<PiState>>();

export function setOwner(pi: PiState, owner: Task | null): void {
  if (pi.owner !== null) owned.get(pi.owner)?.delete(pi);
  pi.owner = owner;
  if (owner === null) return;
  const set = owned.get(owner);
  if (set === undefined) owned.set(owner, new Set([pi]));
  else set.add(pi);
}
/** The PI futexes that the task owns and others wait for. */
export function ownedBy(task: Task): readonly PiState[] {
  const set = owned.get(task);
  return set === undefined ? [] : [...set];
}

/** Identity of a futex: equal if both fields are. */
export interface FutexKey {
  readonly map: Map<number, FutexQueue>;
  readonly key: number;
}

const objectFutexes = new WeakMap<Mappable, Map<number, FutexQueue>>();

/** What `findKey` found. */
export let keyMap: Map<number, FutexQueue> = new Map();
export let keyNumber = 0;

/**
 * Finds the key of the futex at `addr` and leaves it in `keyMap` and `keyNumber`. `shared`: without FUTEX_PRIVATE_FLAG; then the page is brought in, for
 * `write` or for reading. 0, -EINVAL (not aligned) or -EFAULT.
 */
export function findKey(mm: MemoryManager, addr: number, low: number, shared: boolean, write: boolean): number {
  if ((low & 3) !== 0) return -EINVAL;
  if (addr < 0 || addr + 4 > TASK_SIZE) return -EFAULT;
  keyMap = mm.futexes;
  keyNumber = addr;
  if (!shared) return 0;
  if (mm.resolve(addr, 4, write ? ACCESS_WRITE : ACCESS_READ) < 0) return -EFAULT;
  const vma = mm.vmas.find(addr)!;
  if (vma.mappable === null || (mm.pages.stateAt(addr) & PAGE_ANONYMOUS) !== 0) {
    keyNumber = addr + 1;
    return 0;
  }
  let map = objectFutexes.get(vma.mappable);
  if (map === undefined) objectFutexes.set(vma.mappable, (map = new Map()));
  keyMap = map;
  keyNumber = vma.offsetOf(addr);
  return 0;
}

/** The queue of the key that was found, made if it has no waiters yet. */
export function queueOf(map: Map<number, FutexQueue>, key: number): FutexQueue {
  let queue = map.get(key);
  if (queue === undefined) map.set(key, (queue = new FutexQueue(map, key)));
  return queue;
}
