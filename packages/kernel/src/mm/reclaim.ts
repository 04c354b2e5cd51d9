import type { Memory } from '@sbx/platform';
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
export function reclaim(memory: Memory): boolean {
  const before = memory.totalUsage();
  for (const mm of spacesOf.get(memory) ?? []) dropPages(mm, 0, TASK_SIZE, DROP_LAZY);
  if (memory.totalUsage() < before) return true;
  for (const reclaimer of reclaimersOf.get(memory) ?? []) if (reclaimer.reclaim(CACHE_BYTES) > 0) return true;
  return false;
}

/** The address space with the most present pages of its own: whose program has to go when there is nothing else (the OOM killer's choice). */
export function largestSpace(memory: Memory): MemoryManager | null {
  let largest: MemoryManager | null = null;
  for (const mm of spacesOf.get(memory) ?? []) if (largest === null || mm.rssAnonymous > largest.rssAnonymous) largest = mm;
  return largest;
}

/** Takes the private pages of a program that is being killed (the OOM reaper): it will never look at them again. */
export function reap(mm: MemoryManager): void {
  for (const vma of mm.vmas.list) if (vma.isPrivate && vma.special === '') dropPages(mm, vma.start, vma.end, DROP_ALL);
}
