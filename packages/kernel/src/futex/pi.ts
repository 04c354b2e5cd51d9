import {
  EAGAIN,
  EDEADLK,
  EFAULT,
  EINVAL,
  EPERM,
  ESRCH,
  ETIMEDOUT,
  FUTEX_BITSET_MATCH_ANY,
  FUTEX_OWNER_DIED,
  FUTEX_TID_MASK,
  FUTEX_WAITERS,
} from '@sbx/abi';
import type { MemoryManager } from '../mm/memory-manager.js';
import { TASK_ZOMBIE, type Task } from '../task/task.js';
import { type Blocking, INTERRUPTED, type SyscallResult, TIMED_OUT } from '../wait/blocking.js';
import { ERESTARTNOINTR } from '../wait/restart.js';
import { type FutexQueue, FutexWaiter, findKey, keyMap, keyNumber, ownedBy, type PiState, queueOf, setOwner } from './futex-queue.js';

/*
 * Priority-inheriting futexes (futex(2), "Priority-inheritance futexes"). The word holds the owner's thread id; the kernel comes into play when somebody
 * waits (FUTEX_WAITERS). Tasks here have no realtime scheduling to inherit, so what is left is: ownership is handed over, in order of priority.
 */

const ACQUIRED = 1;
const MUST_WAIT = 0;
/** A chain of owners that wait for each other is followed this far (as max_lock_depth). */
const MAX_CHAIN = 1024;

/** The lock that a task waits for: deadlocks are found along these. */
const waitingFor = new WeakMap<Task, FutexQueue>();

/**
 * Tries to take the lock at `addr` for `task`, whose key is (`map`, `key`); otherwise makes sure that the kernel knows its owner. ACQUIRED, MUST_WAIT or
 * -errno (futex_lock_pi_atomic). `mm`: where `addr` means something. `setWaiters`: others wait too.
 */
function tryLock(task: Task, mm: MemoryManager, addr: number, map: Map<number, FutexQueue>, key: number, setWaiters: boolean): number {
  for (;;) {
    const word = mm.loadUint32(addr);
    if (word < 0) return -EFAULT;
    const tid = (word & FUTEX_TID_MASK) >>> 0;
    if (tid === task.id) return -EDEADLK;
    const queue = map.get(key);
    if (queue !== undefined) return checkState(queue.pi, word, tid);
    if (tid === 0) {
      const taken = ((word & FUTEX_OWNER_DIED) | task.id | (setWaiters ? FUTEX_WAITERS : 0)) >>> 0;
      const seen = mm.compareAndSwapUint32(addr, word, taken);
      if (seen < 0) return -EFAULT;
      if (seen === word) return ACQUIRED;
      continue;
    }
    const seen = mm.compareAndSwapUint32(addr, word, (word | FUTEX_WAITERS) >>> 0);
    if (seen < 0) return -EFAULT;
    if (seen !== word) continue;
    const owner = task.kernel.tasks.get(tid);
    if (owner === undefined || owner.state >= TASK_ZOMBIE) return -ESRCH;
    attachOwner(queueOf(map, key), owner);
    return MUST_WAIT;
  }
}

function attachOwner(queue: FutexQueue, owner: Task): void {
  const pi: PiState = { owner: null, queue };
  queue.pi = pi;
  setOwner(pi, owner);
}

/** Whether word and kernel agree (attach_to_pi_state): MUST_WAIT, or -EINVAL when the program uses the futex in two ways. */
function checkState(pi: PiState | null, word: number, tid: number): number {
  if (pi === null) return -EINVAL;
  if ((word & FUTEX_OWNER_DIED) !== 0) {
    if (pi.owner === null) return tid === 0 ? MUST_WAIT : -EINVAL;
    if (tid === 0) return MUST_WAIT;
  }
  return pi.owner === null || pi.owner.id !== tid ? -EINVAL : MUST_WAIT;
}

/** Whether waiting for `queue` would close a circle. */
function isDeadlock(task: Task, queue: FutexQueue): boolean {
  let next: FutexQueue | undefined = queue;
  for (let i = 0; i < MAX_CHAIN && next !== undefined; i++) {
    const owner: Task | null | undefined = next.pi?.owner;
    if (owner === null || owner === undefined) return false;
    if (owner === task) return true;
    next = waitingFor.get(owner);
  }
  return false;
}

/** FUTEX_LOCK_PI, _LOCK_PI2 and _TRYLOCK_PI. */
export function futexLockPi(task: Task, addr: number, low: number, shared: boolean, deadline: number, tryOnly: boolean): SyscallResult {
  const found = findKey(task.mm, addr, low, shared, true);
  if (found < 0) return found;
  const map = keyMap;
  const key = keyNumber;
  const result = tryLock(task, task.mm, addr, map, key, false);
  if (result < 0) return result;
  if (result === ACQUIRED) return 0;
  const queue = queueOf(map, key);
  if (tryOnly || isDeadlock(task, queue)) {
    forgetUnused(queue);
    return tryOnly ? -EAGAIN : -EDEADLK;
  }
  const waiter = new FutexWaiter(task, addr, FUTEX_BITSET_MATCH_ANY);
  waiter.locks = true;
  queue.add(waiter);
  return lockSleep(task, waiter, deadline);
}

/** A queue that was made for an owner, but nobody waits in. */
function forgetUnused(queue: FutexQueue): void {
  if (queue.first !== null) return;
  if (queue.pi !== null) setOwner(queue.pi, null);
  queue.map.delete(queue.key);
}

function* lockSleep(task: Task, waiter: FutexWaiter, deadline: number): Blocking {
  for (;;) {
    waitingFor.set(task, waiter.queue!);
    task.wait.until(deadline);
    const why = yield;
    waitingFor.delete(task);
    if (waiter.owns) return 0;
    if (waiter.woken) return -EFAULT;
    if (why !== TIMED_OUT && why !== INTERRUPTED) continue;
    waiter.queue?.remove(waiter);
    return why === TIMED_OUT ? -ETIMEDOUT : -ERESTARTNOINTR;
  }
}

/** Hands the lock to the first waiter. `word` is what the futex word holds; it gets the new owner's id and `flags`. 0 or -errno. */
function handOver(queue: FutexQueue, word: number, flags: number): number {
  const waiter = queue.first!;
  const next = (FUTEX_WAITERS | flags | waiter.task.id) >>> 0;
  const seen = waiter.task.mm.compareAndSwapUint32(waiter.addr, word, next);
  if (seen < 0) return -EFAULT;
  if (seen !== word) return (seen & FUTEX_TID_MASK) >>> 0 === word ? -EAGAIN : -EINVAL;
  setOwner(queue.pi!, waiter.task);
  waiter.owns = true;
  waiter.wake();
  return 0;
}

/** FUTEX_UNLOCK_PI. */
export function futexUnlockPi(task: Task, addr: number, low: number, shared: boolean): number {
  const { mm } = task;
  if ((low & 3) !== 0) return -EINVAL;
  for (;;) {
    const word = mm.loadUint32(addr);
    if (word < 0) return -EFAULT;
    if ((word & FUTEX_TID_MASK) >>> 0 !== task.id) return -EPERM;
    const found = findKey(mm, addr, low, shared, true);
    if (found < 0) return found;
    const queue = keyMap.get(keyNumber);
    if (queue !== undefined) {
      if (queue.pi === null || queue.pi.owner !== task) return -EINVAL;
      const result = handOver(queue, word, 0);
      if (result === -EAGAIN) continue;
      return result;
    }
    const seen = mm.compareAndSwapUint32(addr, word, 0);
    if (seen < 0) return -EFAULT;
    if (seen === word) return 0;
  }
}

/** A task exits that owns PI futexes with waiters: the first waiter of each gets it, and learns that the owner died. */
export function releaseOwned(task: Task): void {
  for (const pi of ownedBy(task)) {
    setOwner(pi, null);
    const { queue } = pi;
    while (queue.first !== null && !giveAway(queue)) {
      const waiter = queue.first;
      waiter.wake();
    }
  }
}

/** The first waiter gets the lock of a dead owner. False if its word cannot be written: then it fails with EFAULT. */
function giveAway(queue: FutexQueue): boolean {
  const waiter = queue.first!;
  for (let tries = 0; tries < MAX_CHAIN; tries++) {
    const word = waiter.task.mm.loadUint32(waiter.addr);
    if (word < 0) return false;
    const result = handOver(queue, word, FUTEX_OWNER_DIED);
    if (result === 0) return true;
    if (result === -EFAULT) return false;
  }
  return false;
}

/** FUTEX_WAIT_REQUEUE_PI: waits at `addr` to be moved to the lock at `target`. */
export function futexWaitRequeuePi(
  task: Task,
  addr: number,
  low: number,
  value: number,
  target: number,
  targetLow: number,
  shared: boolean,
  bitset: number,
  deadline: number,
): SyscallResult {
  if (addr === target || bitset === 0) return -EINVAL;
  const { mm } = task;
  const foundTarget = findKey(mm, target, targetLow, shared, true);
  if (foundTarget < 0) return foundTarget;
  const targetKey = { map: keyMap, key: keyNumber, addr: target };
  const found = findKey(mm, addr, low, shared, false);
  if (found < 0) return found;
  const map = keyMap;
  const key = keyNumber;
  const current = mm.loadUint32(addr);
  if (current < 0) return -EFAULT;
  if (current !== value) return -EAGAIN;
  if (map === targetKey.map && key === targetKey.key) return -EINVAL;
  const waiter = new FutexWaiter(task, addr, bitset);
  waiter.target = targetKey;
  queueOf(map, key).add(waiter);
  return requeueSleep(task, waiter, deadline);
}

function* requeueSleep(task: Task, waiter: FutexWaiter, deadline: number): Blocking {
  for (;;) {
    if (waiter.locks) waitingFor.set(task, waiter.queue!);
    task.wait.until(deadline);
    const why = yield;
    waitingFor.delete(task);
    if (waiter.owns) return 0;
    if (waiter.woken) return -EFAULT;
    if (why !== TIMED_OUT && why !== INTERRUPTED) continue;
    waiter.queue?.remove(waiter);
    if (why === TIMED_OUT) return -ETIMEDOUT;
    // After the requeue the word at `addr` has changed: a restart would find just that.
    return waiter.locks ? -EAGAIN : -ERESTARTNOINTR;
  }
}

/** FUTEX_CMP_REQUEUE_PI: the first waiter gets the lock if it is free; it and others, or only others, are moved to it. */
export function futexRequeuePi(
  task: Task,
  addr: number,
  low: number,
  target: number,
  targetLow: number,
  wakes: number,
  requeues: number,
  shared: boolean,
  compare: number,
): number {
  if (wakes < 0 || requeues < 0 || addr === target || wakes !== 1) return -EINVAL;
  const { mm } = task;
  const found = findKey(mm, addr, low, shared, false);
  if (found < 0) return found;
  const map = keyMap;
  const key = keyNumber;
  const foundTarget = findKey(mm, target, targetLow, shared, true);
  if (foundTarget < 0) return foundTarget;
  const targetMap = keyMap;
  const targetKey = keyNumber;
  if (map === targetMap && key === targetKey) return -EINVAL;
  const current = mm.loadUint32(addr);
  if (current < 0) return -EFAULT;
  if (current !== compare) return -EAGAIN;
  const belongs = (waiter: FutexWaiter): boolean => waiter.target?.map === targetMap && waiter.target.key === targetKey;

  const top = map.get(key)?.first ?? null;
  if (top === null) return 0;
  if (!belongs(top)) return -EINVAL;
  const locked = tryLock(top.task, mm, target, targetMap, targetKey, requeues > 0);
  if (locked < 0) return locked;
  let count = 0;
  if (locked === ACQUIRED) {
    top.owns = true;
    top.wake();
    count = 1;
  }
  for (let waiter = map.get(key)?.first ?? null; waiter !== null && count - wakes < requeues; ) {
    const { next } = waiter;
    if (!belongs(waiter)) return count > 0 ? count : -EINVAL;
    const queue = queueOf(targetMap, targetKey);
    if (queue.pi === null) attachOwner(queue, top.task);
    waiter.queue!.remove(waiter);
    waiter.locks = true;
    waiter.addr = waiter.target!.addr;
    queue.add(waiter);
    count++;
    waiter = next;
  }
  const queue = targetMap.get(targetKey);
  if (queue !== undefined) forgetUnused(queue);
  return count;
}
