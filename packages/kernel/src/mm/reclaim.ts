import type { Memory, MemoryKind } from '@sbx/platform';
import { TASK_SIZE } from './constants.js';
import type { MemoryManager } from './memory-manager.js';
import { DROP_ALL, DROP_LAZY, dropPages } from './pages.js';

/** Somebody who holds application memory that could be given up: a page cache. */
export interface Reclaimer {
  /** Frees pages that can be had again, at least `bytes` if it has as much; returns how many bytes it freed. Must not allocate application memory. */
  reclaim(bytes: number): number;
}

const reclaimersOf = new WeakMap<Memory, Set<Reclaimer>>();
/** The live address spaces on each application memory. */
const spacesOf = new WeakMap<Memory, Set<MemoryManager>>();

/** Page caches are asked for this much at a time, so that the next allocations find room too. */
const CACHE_BYTES = 2 ** 20;

export function addReclaimer(memory: Memory, reclaimer: Reclaimer): void {
  const set = reclaimersOf.get(memory);
  if (set === undefined) reclaimersOf.set(memory, new Set([reclaimer]));
  else set.add(reclaimer);
}
export function removeReclaimer(memory: Memory, reclaimer: Reclaimer): void {
  reclaimersOf.get(memory)?.delete(reclaimer);
}

export function addSpace(mm: MemoryManager): void {
  const set = spacesOf.get(mm.memory);
  if (set === undefined) spacesOf.set(mm.memory, new Set([mm]));
  else set.add(mm);
}
export function removeSpace(mm: MemoryManager): void {
  spacesOf.get(mm.memory)?.delete(mm);
}

/** Takes back what programs offered by MADV_FREE, then what page caches can spare. Whether anything was freed. */
function reclaim(memory: Memory): boolean {
  const before = memory.totalUsage();
  for (const mm of spacesOf.get(memory) ?? []) dropPages(mm, 0, TASK_SIZE, DROP_LAZY);
  if (memory.totalUsage() < before) return true;
  for (const reclaimer of reclaimersOf.get(memory) ?? []) if (reclaimer.reclaim(CACHE_BYTES) > 0) return true;
  return false;
}

/**
 * Makes room when an allocation for `caller` (null: nobody's) has failed: takes back what can be spared, else kills the program with the most pages of its own
 * (the OOM killer's choice). False: there is nothing more to be had, or the caller is the one that has to go, and is being killed.
 */
export function relievePressure(memory: Memory, caller: MemoryManager | null): boolean {
  if (reclaim(memory)) return true;
  const victim = largestSpace(memory, caller);
  if (victim === null || !victim.kill() || victim === caller) return false;
  victim.reaped = true;
  reap(victim);
  return true;
}

/** Allocates after a plain allocation for `caller` has failed: -ENOMEM when even that makes no room, see `relievePressure`. */
export function allocateUnderPressure(memory: Memory, length: number, kind: MemoryKind, caller: MemoryManager | null): number {
  for (;;) {
    const offset = memory.allocate(length, kind);
    if (offset >= 0 || !relievePressure(memory, caller)) return offset;
  }
}

/** The address space with the most present pages of its own, of equal ones the caller's; null when there is none whose pages were not taken already. */
function largestSpace(memory: Memory, caller: MemoryManager | null): MemoryManager | null {
  let largest = caller;
  for (const mm of spacesOf.get(memory) ?? []) if (!mm.reaped && mm.rssAnonymous > (largest?.rssAnonymous ?? 0)) largest = mm;
  return largest;
}

/** Takes the private pages of a program that is being killed (the OOM reaper): it will never look at them again. */
function reap(mm: MemoryManager): void {
  for (const vma of mm.vmas.list) if (vma.isPrivate && vma.special === '') dropPages(mm, vma.start, vma.end, DROP_ALL);
}
