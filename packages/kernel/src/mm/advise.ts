import {
  EACCES,
  EAGAIN,
  EBUSY,
  EFAULT,
  EINVAL,
  ENOMEM,
  EOPNOTSUPP,
  EPERM,
  MADV_COLD,
  MADV_COLLAPSE,
  MADV_DODUMP,
  MADV_DOFORK,
  MADV_DONTDUMP,
  MADV_DONTFORK,
  MADV_DONTNEED,
  MADV_DONTNEED_LOCKED,
  MADV_FREE,
  MADV_HUGEPAGE,
  MADV_HWPOISON,
  MADV_KEEPONFORK,
  MADV_MERGEABLE,
  MADV_NOHUGEPAGE,
  MADV_NORMAL,
  MADV_PAGEOUT,
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
  MADV_RANDOM,
  MADV_REMOVE,
  MADV_SEQUENTIAL,
  MADV_SOFT_OFFLINE,
  MADV_UNMERGEABLE,
  MADV_WILLNEED,
  MADV_WIPEONFORK,
} from '@sbx/abi';
import {
  FAULT_OUT_OF_MEMORY,
  PAGE_SIZE,
  pageUp,
  VM_ACCESS,
  VM_DONTCOPY,
  VM_DONTDUMP,
  VM_HUGEPAGE,
  VM_IO,
  VM_LOCKED,
  VM_MERGEABLE,
  VM_NOHUGEPAGE,
  VM_RAND_READ,
  VM_SEQ_READ,
  VM_SHARED,
  VM_WIPEONFORK,
  VM_WRITE,
} from './constants.js';
import { forEachIn, isMapped, populateVma } from './mapping.js';
import type { MemoryManager } from './memory-manager.js';
import { LEAF_BYTES, LEAF_PAGES, PAGE_ANONYMOUS, PAGE_LAZY_FREE } from './page-map.js';
import { DROP_ALL, dropPages, uninstallPages } from './pages.js';
import type { Vma } from './vma.js';

/** Advice that only sets flags of the mapping: [cleared, set]. */
const FLAG_ADVICE: ReadonlyMap<number, readonly [number, number]> = new Map([
  [MADV_NORMAL, [VM_RAND_READ | VM_SEQ_READ, 0]],
  [MADV_SEQUENTIAL, [VM_RAND_READ, VM_SEQ_READ]],
  [MADV_RANDOM, [VM_SEQ_READ, VM_RAND_READ]],
  [MADV_DONTFORK, [0, VM_DONTCOPY]],
  [MADV_DOFORK, [VM_DONTCOPY, 0]],
  [MADV_WIPEONFORK, [0, VM_WIPEONFORK]],
  [MADV_KEEPONFORK, [VM_WIPEONFORK, 0]],
  [MADV_DONTDUMP, [0, VM_DONTDUMP]],
  [MADV_DODUMP, [VM_DONTDUMP, 0]],
  [MADV_MERGEABLE, [0, VM_MERGEABLE]],
  [MADV_UNMERGEABLE, [VM_MERGEABLE, 0]],
  [MADV_HUGEPAGE, [VM_NOHUGEPAGE, VM_HUGEPAGE]],
  [MADV_NOHUGEPAGE, [VM_HUGEPAGE, VM_NOHUGEPAGE]],
]);
const OTHER_ADVICE: ReadonlySet<number> = new Set([
  MADV_WILLNEED,
  MADV_DONTNEED,
  MADV_DONTNEED_LOCKED,
  MADV_FREE,
  MADV_REMOVE,
  MADV_COLD,
  MADV_PAGEOUT,
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
  MADV_COLLAPSE,
  MADV_HWPOISON,
  MADV_SOFT_OFFLINE,
]);

/** What process_madvise(2) permits on another process. */
export function isRemoteAdvice(advice: number): boolean {
  return advice === MADV_COLD || advice === MADV_PAGEOUT || advice === MADV_WILLNEED || advice === MADV_COLLAPSE;
}

/** madvise(2): 0 or -errno. Holes are skipped and give -ENOMEM at the end. @param admin - the caller has CAP_SYS_ADMIN */
export function advise(mm: MemoryManager, start: number, length: number, advice: number, admin: boolean): number {
  if (!FLAG_ADVICE.has(advice) && !OTHER_ADVICE.has(advice)) return -EINVAL;
  if (start < 0 || start % PAGE_SIZE !== 0) return -EINVAL;
  const rounded = length < 0 ? Number.POSITIVE_INFINITY : pageUp(length);
  const end = start + rounded;
  if (!(end < 2 ** 53)) return -EINVAL;
  if (end === start) return 0;
  if (advice === MADV_HWPOISON || advice === MADV_SOFT_OFFLINE) return admin ? -EINVAL : -EPERM;
  // The caller brings pages in (`populateRange`), since that may take its time.
  if (advice === MADV_POPULATE_READ || advice === MADV_POPULATE_WRITE) return 0;
  const result = forEachIn(mm, start, end, (vma) => adviseVma(mm, vma, advice));
  if (result < 0) return result;
  return isMapped(mm, start, end) ? 0 : -ENOMEM;
}

function adviseVma(mm: MemoryManager, vma: Vma, advice: number): number {
  const change = FLAG_ADVICE.get(advice);
  if (change !== undefined) {
    if (advice === MADV_DOFORK && (vma.flags & VM_IO) !== 0) return -EINVAL;
    if (advice === MADV_WIPEONFORK && (vma.file !== null || (vma.flags & VM_SHARED) !== 0)) return -EINVAL;
    if (advice === MADV_DODUMP && vma.special !== '') return -EINVAL;
    vma.flags = (vma.flags & ~change[0]) | change[1];
    return 0;
  }
  switch (advice) {
    case MADV_DONTNEED:
      if ((vma.flags & VM_LOCKED) !== 0) return -EINVAL;
      return discard(mm, vma);
    case MADV_DONTNEED_LOCKED:
      return discard(mm, vma);
    case MADV_FREE:
      if (vma.mappable !== null || vma.file !== null || (vma.flags & VM_LOCKED) !== 0) return -EINVAL;
      offerPages(mm, vma);
      return 0;
    case MADV_REMOVE:
      if ((vma.flags & VM_LOCKED) !== 0 || vma.mappable === null) return -EINVAL;
      if ((vma.flags & (VM_SHARED | VM_WRITE)) !== (VM_SHARED | VM_WRITE)) return -EACCES;
      return vma.mappable.punchHole?.(vma.offset, vma.end - vma.start) ?? -EOPNOTSUPP;
    case MADV_COLD:
    case MADV_PAGEOUT:
      // Hints: nothing is ever paged out here.
      return (vma.flags & VM_LOCKED) !== 0 ? -EINVAL : 0;
    case MADV_WILLNEED:
      return 0;
    case MADV_COLLAPSE:
      // There are no huge pages that could be had.
      return (vma.flags & VM_NOHUGEPAGE) !== 0 ? -EINVAL : -EAGAIN;
    default:
      return -EINVAL;
  }
}

/** MADV_DONTNEED: private pages are gone; those of an object are asked for again. */
function discard(mm: MemoryManager, vma: Vma): number {
  if (vma.special !== '') return -EINVAL;
  const dirty = dropPages(mm, vma.start, vma.end, DROP_ALL);
  if (dirty) vma.mappable?.writeBack(vma.offset, vma.end - vma.start);
  return 0;
}

/** MADV_FREE: the next access keeps a page; under pressure the others go (`allocateUnderPressure`). */
function offerPages(mm: MemoryManager, vma: Vma): void {
  uninstallPages(mm, vma.start, vma.end);
  mm.flushTranslations();
  const limit = Math.ceil(vma.end / LEAF_BYTES);
  for (let index = mm.pages.nextLeaf(Math.floor(vma.start / LEAF_BYTES), limit); index >= 0; index = mm.pages.nextLeaf(index + 1, limit)) {
    const leaf = mm.pages.leaf(index)!;
    const base = index * LEAF_BYTES;
    const last = Math.min(LEAF_PAGES, (vma.end - base) / PAGE_SIZE);
    for (let i = Math.max(0, (vma.start - base) / PAGE_SIZE); i < last; i++) {
      if ((leaf[LEAF_PAGES + i] & PAGE_ANONYMOUS) !== 0) leaf[LEAF_PAGES + i] |= PAGE_LAZY_FREE;
    }
  }
}

/** MADV_POPULATE_READ and _WRITE: what is there before the first obstacle is brought in. */
export function populateRange(mm: MemoryManager, start: number, end: number, write: boolean): number {
  let at = start;
  while (at < end) {
    const vma = mm.vmas.find(at);
    if (vma === null) return -ENOMEM;
    const wanted = write ? VM_WRITE : VM_ACCESS;
    if ((vma.flags & wanted) === 0) return -EINVAL;
    const stop = Math.min(end, vma.end);
    const result = populateVma(mm, vma, at, stop, write);
    if (result !== 0) return result === FAULT_OUT_OF_MEMORY ? -ENOMEM : -EFAULT;
    at = stop;
  }
  return 0;
}

/** msync(2) after its flag checks. */
export function sync(mm: MemoryManager, start: number, end: number, invalidate: boolean, wait: boolean): number {
  let hole = false;
  let at = start;
  while (at < end) {
    const vma = mm.vmas.findAfter(at);
    if (vma === null) return -ENOMEM;
    if (vma.start > at) {
      hole = true;
      if (vma.start >= end) break;
      at = vma.start;
    }
    if (invalidate && (vma.flags & VM_LOCKED) !== 0) return -EBUSY;
    const stop = Math.min(end, vma.end);
    if (wait && vma.mappable !== null && (vma.flags & VM_SHARED) !== 0) {
      const result = vma.mappable.writeBack(vma.offsetOf(at), stop - at);
      if (result < 0) return result;
    }
    at = stop;
  }
  return hole ? -ENOMEM : 0;
}
