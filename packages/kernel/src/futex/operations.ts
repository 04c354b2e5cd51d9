import { EAGAIN, EFAULT, EINVAL, ENOSYS, ETIMEDOUT, FUTEX_BITSET_MATCH_ANY } from '@sbx/abi';
import type { RestartBlock, Task } from '../task/task.js';
import type { Blocking, SyscallResult } from '../wait/blocking.js';
import { INTERRUPTED, TIMED_OUT } from '../wait/blocking.js';
import { ERESTART_RESTARTBLOCK, ERESTARTSYS } from '../wait/restart.js';
import { FutexWaiter, findKey, keyMap, keyNumber, queueOf } from './futex-queue.js';

/** FUTEX_WAIT and _WAIT_BITSET. @param deadline - on the monotonic clock, or Infinity */
export function futexWait(
  task: Task,
  addr: number,
  low: number,
  value: number,
  shared: boolean,
  bitset: number,
  deadline: number,
): SyscallResult {
  if (bitset === 0) return -EINVAL;
  const found = findKey(task.mm, addr, low, shared, false);
  if (found < 0) return found;
  const map = keyMap;
  const key = keyNumber;
  const current = task.mm.loadUint32(addr);
  if (current < 0) return -EFAULT;
  if (current !== value) return -EAGAIN;
  const waiter = new FutexWaiter(task, addr, bitset);
  queueOf(map, key).add(waiter);
  return sleep(task, waiter, value, shared, deadline);
}

function* sleep(task: Task, waiter: FutexWaiter, value: number, shared: boolean, deadline: number): Blocking {
  for (;;) {
    task.wait.until(deadline);
    const why = yield;
    if (waiter.woken) return 0;
    if (why === TIMED_OUT) {
      waiter.queue?.remove(waiter);
      return -ETIMEDOUT;
    }
    if (why !== INTERRUPTED) continue;
    waiter.queue?.remove(waiter);
    if (deadline === Number.POSITIVE_INFINITY) return -ERESTARTSYS;
    task.restartBlock = new FutexRestart(waiter.addr, value, shared, waiter.bitset, deadline);
    return -ERESTART_RESTARTBLOCK;
  }
}

/** What restart_syscall continues after a signal: the wait up to the same moment. */
class FutexRestart implements RestartBlock {
  readonly type = 'futex';
  constructor(
    readonly addr: number,
    readonly value: number,
    readonly shared: boolean,
    readonly bitset: number,
    readonly deadline: number,
  ) {}
  restart(task: Task): SyscallResult {
    return futexWait(task, this.addr, 0, this.value, this.shared, this.bitset, this.deadline);
  }
}

/** FUTEX_WAKE and _WAKE_BITSET: how many were woken. A `count` of 0 wakes one, as in Linux. */
export function futexWake(task: Task, addr: number, low: number, count: number, shared: boolean, bitset: number): number {
  if (bitset === 0) return -EINVAL;
  const found = findKey(task.mm, addr, low, shared, false);
  return found < 0 ? found : wakeFound(count, bitset);
}

/** Wakes waiters of the key that was just found. */
function wakeFound(count: number, bitset: number): number {
  const queue = keyMap.get(keyNumber);
  let woken = 0;
  for (let waiter = queue?.first ?? null; waiter !== null; ) {
    const { next } = waiter;
    if (waiter.locks || waiter.target !== null) return -EINVAL;
    if ((waiter.bitset & bitset) !== 0) {
      waiter.wake();
      if (++woken >= count) break;
    }
    waiter = next;
  }
  return woken;
}

/** What exit does for CLONE_CHILD_CLEARTID: FUTEX_WAKE without FUTEX_PRIVATE_FLAG. */
export function futexWakeAddress(task: Task, addr: number, count: number): void {
  futexWake(task, addr, addr % 4, count, true, FUTEX_BITSET_MATCH_ANY);
}

/** FUTEX_REQUEUE, and FUTEX_CMP_REQUEUE when `compare` >= 0: how many were woken or requeued. */
export function futexRequeue(
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
  if (wakes < 0 || requeues < 0) return -EINVAL;
  const { mm } = task;
  const from = findKey(mm, addr, low, shared, false);
  if (from < 0) return from;
  const map = keyMap;
  const key = keyNumber;
  const to = findKey(mm, target, targetLow, shared, false);
  if (to < 0) return to;
  const targetMap = keyMap;
  const targetKey = keyNumber;
  if (compare >= 0) {
    const current = mm.loadUint32(addr);
    if (current < 0) return -EFAULT;
    if (current !== compare) return -EAGAIN;
  }
  let count = 0;
  for (let waiter = map.get(key)?.first ?? null; waiter !== null && count - wakes < requeues; ) {
    const { next } = waiter;
    if (waiter.locks || waiter.target !== null) return -EINVAL;
    if (++count <= wakes) waiter.wake();
    else if (map !== targetMap || key !== targetKey) {
      waiter.queue!.remove(waiter);
      queueOf(targetMap, targetKey).add(waiter);
    }
    waiter = next;
  }
  return count;
}

function signExtend12(value: number): number {
  return (value << 20) >> 20;
}

/** The value that FUTEX_WAKE_OP stores, or -ENOSYS (as NaN: any number is a value). */
function operate(operation: number, old: number, operand: number): number {
  switch (operation) {
    case 0:
      return operand;
    case 1:
      return (old + operand) | 0;
    case 2:
      return old | operand;
    case 3:
      return old & ~operand;
    case 4:
      return old ^ operand;
    default:
      return Number.NaN;
  }
}

function compares(comparison: number, old: number, operand: number): number {
  switch (comparison) {
    case 0:
      return old === operand ? 1 : 0;
    case 1:
      return old !== operand ? 1 : 0;
    case 2:
      return old < operand ? 1 : 0;
    case 3:
      return old <= operand ? 1 : 0;
    case 4:
      return old > operand ? 1 : 0;
    case 5:
      return old >= operand ? 1 : 0;
    default:
      return -ENOSYS;
  }
}

/** FUTEX_WAKE_OP: an atomic operation on the second word, then a wake-up of the first and, if the old value compares, of the second. */
export function futexWakeOp(
  task: Task,
  addr: number,
  low: number,
  second: number,
  secondLow: number,
  wakes: number,
  secondWakes: number,
  shared: boolean,
  encoded: number,
): number {
  const { mm } = task;
  const found = findKey(mm, addr, low, shared, false);
  if (found < 0) return found;
  const map = keyMap;
  const key = keyNumber;
  const other = findKey(mm, second, secondLow, shared, true);
  if (other < 0) return other;
  const secondMap = keyMap;
  const secondKey = keyNumber;
  const operation = (encoded >>> 28) & 7;
  let operand = signExtend12(encoded >>> 12);
  if (encoded >>> 31 === 1) operand = 1 << (operand & 31);
  if (Number.isNaN(operate(operation, 0, operand))) return -ENOSYS;
  let old: number;
  for (;;) {
    old = mm.loadUint32(second);
    if (old < 0) return -EFAULT;
    const seen = mm.compareAndSwapUint32(second, old, operate(operation, old | 0, operand));
    if (seen < 0) return -EFAULT;
    if (seen === old) break;
  }
  const result = compares((encoded >>> 24) & 15, old | 0, signExtend12(encoded));
  if (result < 0) return result;
  const woken = wakeKey(map, key, wakes);
  if (woken < 0 || result === 0) return woken;
  const more = wakeKey(secondMap, secondKey, secondWakes);
  return more < 0 ? more : woken + more;
}

function wakeKey(map: typeof keyMap, key: number, count: number): number {
  let woken = 0;
  for (let waiter = map.get(key)?.first ?? null; waiter !== null; ) {
    const { next } = waiter;
    if (waiter.locks || waiter.target !== null) return -EINVAL;
    waiter.wake();
    if (++woken >= count) break;
    waiter = next;
  }
  return woken;
}

/** One entry of futex_waitv(2). */
export interface WaitvEntry {
  readonly addr: number;
  readonly low: number;
  readonly value: number;
  readonly shared: boolean;
}

/** futex_waitv(2), after its arguments were read: the index of a futex that was woken. */
export function futexWaitMany(task: Task, entries: readonly WaitvEntry[], deadline: number): SyscallResult {
  const maps: (typeof keyMap)[] = [];
  const keys: number[] = [];
  for (const { addr, low, shared } of entries) {
    const found = findKey(task.mm, addr, low, shared, false);
    if (found < 0) return found;
    maps.push(keyMap);
    keys.push(keyNumber);
  }
  for (const { addr, value } of entries) {
    const current = task.mm.loadUint32(addr);
    if (current < 0) return -EFAULT;
    if (current !== value) return -EAGAIN;
  }
  const waiters = entries.map(({ addr }, i) => {
    const waiter = new FutexWaiter(task, addr, FUTEX_BITSET_MATCH_ANY);
    queueOf(maps[i], keys[i]).add(waiter);
    return waiter;
  });
  return sleepMany(task, waiters, deadline);
}

function* sleepMany(task: Task, waiters: readonly FutexWaiter[], deadline: number): Blocking {
  for (;;) {
    task.wait.until(deadline);
    const why = yield;
    const woken = waiters.findIndex((waiter) => waiter.woken);
    if (woken < 0 && why !== TIMED_OUT && why !== INTERRUPTED) continue;
    for (const waiter of waiters) waiter.queue?.remove(waiter);
    if (woken >= 0) return woken;
    return why === TIMED_OUT ? -ETIMEDOUT : -ERESTARTSYS;
  }
}
