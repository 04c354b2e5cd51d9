import { FUTEX_BITSET_MATCH_ANY, FUTEX_OWNER_DIED, FUTEX_TID_MASK, FUTEX_WAITERS, ROBUST_LIST_LIMIT } from '@sbx/abi';
import type { Task } from '../task/task.js';
import { futexWake } from './operations.js';
import { releaseOwned } from './pi.js';

const words = new Uint32Array(2);
const signedWords = new Int32Array(words.buffer);
const bytes = new Uint8Array(words.buffer);

/** The last entry that was read, without its PI bit. */
let entry = 0;
let entryIsPi = false;

/** Reads a list pointer: false at a fault. An address that no program can have becomes -1. */
function readEntry(task: Task, addr: number): boolean {
  if (task.mm.copyIn(addr, bytes, 8) !== 8) return false;
  entryIsPi = (words[0] & 1) !== 0;
  entry = words[1] < 2 ** 15 ? words[1] * 2 ** 32 + words[0] - (words[0] % 2) : -1;
  return true;
}

/** Marks a lock that the task holds as left behind by a dead owner, and wakes a waiter. False ends the walk. */
function handleDeath(task: Task, addr: number, isPi: boolean, isPending: boolean): boolean {
  const { mm } = task;
  if (addr < 0 || addr % 4 !== 0) return false;
  for (;;) {
    const word = mm.loadUint32(addr);
    if (word < 0) return false;
    if (isPending && !isPi && word === 0) {
      // The word was released, but perhaps nobody woken yet.
      futexWake(task, addr, 0, 1, true, FUTEX_BITSET_MATCH_ANY);
      return true;
    }
    if ((word & FUTEX_TID_MASK) >>> 0 !== task.id) return true;
    const seen = mm.compareAndSwapUint32(addr, word, ((word & FUTEX_WAITERS) | FUTEX_OWNER_DIED) >>> 0);
    if (seen < 0) return false;
    if (seen !== word) continue;
    if (!isPi && (word & FUTEX_WAITERS) !== 0) futexWake(task, addr, 0, 1, true, FUTEX_BITSET_MATCH_ANY);
    return true;
  }
}

/** Walks the robust list (set_robust_list(2)). It is the program's: anything may be wrong with it, and it ends after ROBUST_LIST_LIMIT entries. */
function walkRobustList(task: Task, head: number): void {
  if (!readEntry(task, head)) return;
  let at = entry;
  let isPi = entryIsPi;
  if (task.mm.copyIn(head + 8, bytes, 8) !== 8) return;
  const offset = signedWords[1] * 2 ** 32 + words[0];
  if (!readEntry(task, head + 16)) return;
  const pending = entry;
  const pendingIsPi = entryIsPi;
  for (let left = ROBUST_LIST_LIMIT; at !== head && left > 0; left--) {
    // The next one is read first: the entry may be freed as soon as somebody is woken.
    const more = readEntry(task, at);
    const next = entry;
    const nextIsPi = entryIsPi;
    if (at !== pending && !handleDeath(task, at < 0 ? -1 : at + offset, isPi, false)) return;
    if (!more) return;
    at = next;
    isPi = nextIsPi;
  }
  if (pending !== 0) handleDeath(task, pending < 0 ? -1 : pending + offset, pendingIsPi, true);
}

/** What exit and execve do for a task's futexes: robust locks are marked, PI locks handed on. */
export function futexExit(task: Task): void {
  if (task.robustList > 0) walkRobustList(task, task.robustList);
  task.robustList = 0;
  releaseOwned(task);
}
