import { EACCES, EINVAL, ENOMEM, PROT_EXEC, PROT_GROWSDOWN, PROT_GROWSUP, PROT_READ, PROT_SEM, PROT_WRITE } from '@sbx/abi';
import {
  PAGE_SIZE,
  pageUp,
  VM_ACCESS,
  VM_ACCOUNT,
  VM_EXEC,
  VM_GROWSDOWN,
  VM_LOCKED,
  VM_MAYEXEC,
  VM_NORESERVE,
  VM_SHARED,
  VM_WRITE,
} from './constants.js';
import { account, forEachIn, isMapped, mayExpand, populateVma } from './mapping.js';
import type { MemoryManager } from './memory-manager.js';
import { installPages, uninstallPages, writeProtectPages } from './pages.js';
import type { Vma } from './vma.js';

/** Ranges up to this are given their new translations at once, larger ones at the next faults. */
const EAGER_BYTES = 512 * PAGE_SIZE;

/** mprotect(2): 0, -EINVAL, -ENOMEM or -EACCES; what comes before the first mapping that refuses is changed. */
export function protect(mm: MemoryManager, start: number, length: number, prot: number): number {
  const grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
  let wanted = prot & ~(PROT_GROWSDOWN | PROT_GROWSUP);
  if (grows === (PROT_GROWSDOWN | PROT_GROWSUP)) return -EINVAL;
  if (start >= 0 && start % PAGE_SIZE !== 0) return -EINVAL;
  if (length === 0) return 0;
  let end = start + pageUp(length);
  if (start < 0 || length < 0 || !(end < 2 ** 53)) return -ENOMEM;
  if ((wanted & ~(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM)) !== 0) return -EINVAL;
  const first = mm.vmas.findAfter(start);
  if (first === null) return -ENOMEM;
  if ((grows & PROT_GROWSDOWN) !== 0) {
    if (first.start >= end) return -ENOMEM;
    start = first.start;
    if ((first.flags & VM_GROWSDOWN) === 0) return -EINVAL;
  } else {
    if (first.start > start) return -ENOMEM;
    // Only on architectures whose stacks grow up is there a mapping of that kind.
    if ((grows & PROT_GROWSUP) !== 0) return -EINVAL;
  }
  wanted &= VM_ACCESS;
  // Up to the first hole, then -ENOMEM.
  const whole = isMapped(mm, start, end);
  if (!whole) end = firstHole(mm, start);
  const result = forEachIn(mm, start, end, (vma) => {
    const exec = mm.readImpliesExec && (wanted & PROT_READ) !== 0 && (vma.flags & VM_MAYEXEC) !== 0 ? VM_EXEC : 0;
    return change(mm, vma, (vma.flags & ~VM_ACCESS) | wanted | exec);
  });
  if (result < 0) return result;
  return whole ? 0 : -ENOMEM;
}

function firstHole(mm: MemoryManager, start: number): number {
  let at = start;
  for (let index = mm.vmas.indexAfter(start); index < mm.vmas.length && mm.vmas.list[index].start <= at; index++)
    at = mm.vmas.list[index].end;
  return at;
}

/** Gives one VMA new flags (mprotect_fixup). */
function change(mm: MemoryManager, vma: Vma, wanted: number): number {
  let flags = wanted;
  // VM_MAYx lies four bits above VM_x.
  if ((flags & ~(flags >> 4) & VM_ACCESS) !== 0) return -EACCES;
  if (flags === vma.flags) return 0;
  const pages = (vma.end - vma.start) / PAGE_SIZE;
  if ((flags & VM_WRITE) !== 0) {
    if (!mayExpand(mm, flags, pages) && mayExpand(mm, vma.flags, pages)) return -ENOMEM;
    if ((vma.flags & (VM_ACCOUNT | VM_WRITE | VM_SHARED | VM_NORESERVE)) === 0) {
      if (!mm.charge(pages)) return -ENOMEM;
      flags |= VM_ACCOUNT;
    }
  }
  const before = vma.flags & VM_ACCESS;
  const after = flags & VM_ACCESS;
  account(mm, vma.flags, -pages);
  vma.flags = flags;
  account(mm, flags, pages);
  mm.flushTranslations();
  if (after === 0) uninstallPages(mm, vma.start, vma.end);
  else {
    if ((before & ~after & VM_EXEC) !== 0) uninstallPages(mm, vma.start, vma.end);
    else if ((before & ~after & VM_WRITE) !== 0) writeProtectPages(mm, vma.start, vma.end);
    if (vma.end - vma.start <= EAGER_BYTES) installPages(mm, vma, vma.start, vma.end);
  }
  if ((flags & VM_LOCKED) !== 0 && (after & ~before & VM_WRITE) !== 0 && (flags & VM_SHARED) === 0)
    populateVma(mm, vma, vma.start, vma.end, true);
  return 0;
}
