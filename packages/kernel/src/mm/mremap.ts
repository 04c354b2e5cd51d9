import { EAGAIN, EFAULT, EINVAL, ENOMEM, MAP_FIXED, MREMAP_DONTUNMAP, MREMAP_FIXED, MREMAP_MAYMOVE } from '@sbx/abi';
import {
  MAX_MAP_COUNT,
  PAGE_SIZE,
  pageUp,
  VM_ACCOUNT,
  VM_DONTEXPAND,
  VM_LOCKED,
  VM_LOCKONFAULT,
  VM_MAYSHARE,
  VM_SHARED,
} from './constants.js';
import { account, insert, mayExpand, mayLockFuture, merge, populate, unmap } from './mapping.js';
import type { MemoryManager } from './memory-manager.js';
import { chooseAddress } from './mmap.js';
import { anyPresent, movePages } from './pages.js';
import type { Vma } from './vma.js';
import { VmaSet } from './vma.js';

/** mremap(2): the address of the mapping, or -errno. Checks in Linux's order (mm/mremap.c). */
export function remap(mm: MemoryManager, addr: number, oldSize: number, newSize: number, flags: number, newAddr: number): number {
  if ((flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)) !== 0) return -EINVAL;
  if ((flags & MREMAP_FIXED) !== 0 && (flags & MREMAP_MAYMOVE) === 0) return -EINVAL;
  if ((flags & MREMAP_DONTUNMAP) !== 0 && ((flags & MREMAP_MAYMOVE) === 0 || oldSize !== newSize)) return -EINVAL;
  if (addr >= 0 && addr % PAGE_SIZE !== 0) return -EINVAL;
  // A size that a number cannot hold is larger than any mapping.
  const oldLength = oldSize < 0 ? 2 ** 53 : pageUp(oldSize);
  const newLength = newSize < 0 ? 2 ** 53 : pageUp(newSize);
  if (newLength === 0) return -EINVAL;
  const vma = addr < 0 ? null : mm.vmas.find(addr);
  if (vma === null) return -EFAULT;
  if ((flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) !== 0) return remapTo(mm, addr, oldLength, newAddr, newLength, flags);
  if (oldLength >= newLength) {
    if (oldLength > newLength) {
      const result = unmap(mm, addr + newLength, oldLength - newLength);
      if (result < 0) return result;
    }
    return addr;
  }
  const check = mayResize(mm, addr, oldLength, newLength, flags);
  if (check < 0) return check;
  if (oldLength === vma.end - addr && isExpandable(mm, vma, newLength - oldLength)) return expand(mm, vma, addr, newLength - oldLength);
  if ((flags & MREMAP_MAYMOVE) === 0) return -ENOMEM;
  const target = chooseAddress(mm, 0, newLength, 0, false);
  return target < 0 ? target : move(mm, addr, oldLength, target, newLength, flags);
}

/** MREMAP_FIXED and MREMAP_DONTUNMAP. */
function remapTo(mm: MemoryManager, addr: number, oldLength: number, newAddr: number, newLength: number, flags: number): number {
  const fixed = (flags & MREMAP_FIXED) !== 0;
  if (newAddr >= 0 && newAddr % PAGE_SIZE !== 0) return -EINVAL;
  if (newAddr < 0 || newLength > mm.layout.end || newAddr > mm.layout.end - newLength) return -EINVAL;
  if (addr + oldLength > newAddr && newAddr + newLength > addr) return -EINVAL;
  if (mm.vmas.length + 2 >= MAX_MAP_COUNT - 3) return -ENOMEM;
  if (fixed) {
    const result = unmap(mm, newAddr, newLength);
    if (result < 0) return result;
  }
  let length = oldLength;
  if (oldLength > newLength) {
    const result = unmap(mm, addr + newLength, oldLength - newLength);
    if (result < 0) return result;
    length = newLength;
  }
  const check = mayResize(mm, addr, length, newLength, flags);
  if (check < 0) return check;
  if ((flags & MREMAP_DONTUNMAP) !== 0 && !mayExpand(mm, mm.vmas.find(addr)!.flags, length / PAGE_SIZE)) return -ENOMEM;
  const target = chooseAddress(mm, newAddr, newLength, fixed ? MAP_FIXED : 0, false);
  return target < 0 ? target : move(mm, addr, length, target, newLength, flags);
}

/** Whether `[addr, addr + oldLength)` lies in one mapping that may have the new length (vma_to_resize). */
function mayResize(mm: MemoryManager, addr: number, oldLength: number, newLength: number, flags: number): number {
  const vma = mm.vmas.find(addr);
  if (vma === null) return -EFAULT;
  if (oldLength === 0 && (vma.flags & (VM_SHARED | VM_MAYSHARE)) === 0) return -EINVAL;
  if ((flags & MREMAP_DONTUNMAP) !== 0 && (vma.flags & VM_DONTEXPAND) !== 0) return -EINVAL;
  if (oldLength > vma.end - addr) return -EFAULT;
  if (newLength === oldLength) return 0;
  if ((vma.flags & VM_DONTEXPAND) !== 0) return -EFAULT;
  if (!mayLockFuture(mm, vma.flags, newLength - oldLength)) return -EAGAIN;
  if (!mayExpand(mm, vma.flags, (newLength - oldLength) / PAGE_SIZE)) return -ENOMEM;
  return 0;
}

/** Whether `delta` bytes after the mapping are free. */
function isExpandable(mm: MemoryManager, vma: Vma, delta: number): boolean {
  const end = vma.end + delta;
  if (end > mm.layout.end) return false;
  const next = mm.vmas.findAfter(vma.end);
  return next === null || VmaSet.startWithGap(next) >= end;
}

function expand(mm: MemoryManager, vma: Vma, addr: number, delta: number): number {
  const pages = delta / PAGE_SIZE;
  if ((vma.flags & VM_ACCOUNT) !== 0 && !mm.charge(pages)) return -ENOMEM;
  const from = vma.end;
  vma.end += delta;
  mm.claim(vma.start, vma.end);
  account(mm, vma.flags, pages);
  const index = mm.vmas.indexAfter(addr);
  merge(mm, index, index);
  if ((vma.flags & VM_LOCKED) !== 0) populate(mm, from, from + delta);
  return addr;
}

/** Moves `[addr, addr + oldLength)` to the free range at `target`; its pages go with it. */
function move(mm: MemoryManager, addr: number, oldLength: number, target: number, newLength: number, flags: number): number {
  if (mm.vmas.length >= MAX_MAP_COUNT - 3) return -ENOMEM;
  const vma = mm.vmas.find(addr)!;
  const keeps = (flags & MREMAP_DONTUNMAP) !== 0;
  const pages = newLength / PAGE_SIZE;
  if ((vma.flags & VM_ACCOUNT) !== 0 && !mm.charge(pages)) return -ENOMEM;
  const copy = vma.clone();
  copy.start = target;
  copy.end = target + newLength;
  // Private anonymous memory keeps the offset of where its pages were made; without pages it belongs to its new place.
  copy.offset = vma.mappable === null && !anyPresent(mm, vma.start, vma.end) ? target : vma.offset + (addr - vma.start);
  if (oldLength > 0) movePages(mm, addr, target, oldLength);
  const locked = (vma.flags & VM_LOCKED) !== 0;
  if (keeps) unlock(mm, addr, oldLength);
  insert(mm, copy);
  if (!keeps && oldLength > 0) unmap(mm, addr, oldLength);
  if (locked) populate(mm, target, target + newLength);
  return target;
}

/** MREMAP_DONTUNMAP leaves an empty mapping behind, which is not locked. */
function unlock(mm: MemoryManager, addr: number, length: number): void {
  const vma = mm.vmas.find(addr)!;
  if ((vma.flags & VM_LOCKED) === 0 || vma.start !== addr || vma.end !== addr + length) return;
  account(mm, vma.flags, -length / PAGE_SIZE);
  vma.flags &= ~(VM_LOCKED | VM_LOCKONFAULT);
  account(mm, vma.flags, length / PAGE_SIZE);
}
