import { EAGAIN, EINVAL, ENOMEM, EPERM, MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT, MLOCK_ONFAULT, RLIMIT_MEMLOCK } from '@sbx/abi';
import { FAULT_OUT_OF_MEMORY, PAGE_SIZE, pageDown, pageUp, VM_LOCKED, VM_LOCKONFAULT } from './constants.js';
import { account, forEachIn, isMapped, populate } from './mapping.js';
import type { MemoryManager } from './memory-manager.js';
import type { Vma } from './vma.js';

/*
 * mlock(2) and its family. Nothing is ever paged out, so locking means: bring the pages in, and count them against RLIMIT_MEMLOCK.
 */

function mayLock(mm: MemoryManager): boolean {
  return mm.mayLockAny || mm.limits.soft[RLIMIT_MEMLOCK] > 0;
}

function setLocked(mm: MemoryManager, vma: Vma, flags: number): number {
  if (vma.special !== '') return 0;
  const pages = (vma.end - vma.start) / PAGE_SIZE;
  account(mm, vma.flags, -pages);
  vma.flags = (vma.flags & ~(VM_LOCKED | VM_LOCKONFAULT)) | flags;
  account(mm, vma.flags, pages);
  return 0;
}

/** What bringing the pages in says, as mlock returns it. */
export function populated(result: number): number {
  return result === 0 ? 0 : result === FAULT_OUT_OF_MEMORY ? -EAGAIN : -ENOMEM;
}

/** mlock2(2) (mlock(2): `flags` 0), but for bringing the pages in, which comes then (`populated` has its result). */
export function lock(mm: MemoryManager, addr: number, size: number, flags: number): number {
  if ((flags & ~MLOCK_ONFAULT) !== 0) return -EINVAL;
  if (!mayLock(mm)) return -EPERM;
  if (addr < 0 || size < 0) return addr < 0 && size === 0 ? 0 : -ENOMEM;
  const start = pageDown(addr);
  const length = pageUp(size + (addr - start));
  const end = start + length;
  if (!mm.mayLockAny) {
    let pages = length / PAGE_SIZE + mm.lockedPages;
    if (pages * PAGE_SIZE > mm.limits.soft[RLIMIT_MEMLOCK]) pages -= lockedIn(mm, start, end);
    if (pages * PAGE_SIZE > mm.limits.soft[RLIMIT_MEMLOCK]) return -ENOMEM;
  }
  if (!(end < 2 ** 53)) return -EINVAL;
  if (length === 0) return 0;
  return apply(mm, start, end, VM_LOCKED | ((flags & MLOCK_ONFAULT) !== 0 ? VM_LOCKONFAULT : 0));
}

/** munlock(2). */
export function unlock(mm: MemoryManager, addr: number, size: number): number {
  if (addr < 0 || size < 0) return addr < 0 && size === 0 ? 0 : -ENOMEM;
  const start = pageDown(addr);
  const end = start + pageUp(size + (addr - start));
  if (!(end < 2 ** 53)) return -EINVAL;
  return end === start ? 0 : apply(mm, start, end, 0);
}

/** Locks or unlocks all up to the first hole; then -ENOMEM. */
function apply(mm: MemoryManager, start: number, end: number, flags: number): number {
  const first = mm.vmas.find(start);
  if (first === null) return -ENOMEM;
  const whole = isMapped(mm, start, end);
  let stop = end;
  if (!whole) {
    stop = first.end;
    for (let next = mm.vmas.find(stop); next !== null; next = mm.vmas.find(stop)) stop = next.end;
  }
  const result = forEachIn(mm, start, stop, (vma) => setLocked(mm, vma, flags));
  return result < 0 ? result : whole ? 0 : -ENOMEM;
}

function lockedIn(mm: MemoryManager, start: number, end: number): number {
  let pages = 0;
  for (let index = mm.vmas.indexAfter(start); index < mm.vmas.length && mm.vmas.list[index].start < end; index++) {
    const vma = mm.vmas.list[index];
    if ((vma.flags & VM_LOCKED) !== 0) pages += (Math.min(end, vma.end) - Math.max(start, vma.start)) / PAGE_SIZE;
  }
  return pages;
}

/** mlockall(2). */
export function lockAll(mm: MemoryManager, flags: number): number {
  if (flags === 0 || (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) !== 0 || flags === MCL_ONFAULT) return -EINVAL;
  if (!mayLock(mm)) return -EPERM;
  const current = (flags & MCL_CURRENT) !== 0;
  if (current && !mm.mayLockAny && mm.totalPages * PAGE_SIZE > mm.limits.soft[RLIMIT_MEMLOCK]) return -ENOMEM;
  const bits = VM_LOCKED | ((flags & MCL_ONFAULT) !== 0 ? VM_LOCKONFAULT : 0);
  mm.defaultFlags = (flags & MCL_FUTURE) !== 0 ? bits : 0;
  if (!current) return 0;
  const end = setAll(mm, bits);
  populate(mm, 0, end);
  return 0;
}

/** munlockall(2). */
export function unlockAll(mm: MemoryManager): number {
  mm.defaultFlags = 0;
  setAll(mm, 0);
  return 0;
}

function setAll(mm: MemoryManager, flags: number): number {
  const { list } = mm.vmas;
  if (list.length === 0) return 0;
  const end = list[list.length - 1].end;
  forEachIn(mm, 0, end, (vma) => setLocked(mm, vma, flags));
  return end;
}
