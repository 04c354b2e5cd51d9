import { EINVAL, ENOMEM, RLIMIT_AS, RLIMIT_DATA } from '@sbx/abi';
import { ACCESS_READ, ACCESS_WRITE } from '@sbx/platform';
import {
  FAULT_ACCERR,
  MAX_MAP_COUNT,
  PAGE_SIZE,
  pageUp,
  TASK_SIZE,
  VM_ACCESS,
  VM_ACCOUNT,
  VM_EXEC,
  VM_GROWSDOWN,
  VM_LOCKED,
  VM_LOCKONFAULT,
  VM_NORESERVE,
  VM_SHARED,
  VM_WRITE,
} from './constants.js';
import { bringIn } from './fault.js';
import type { Mappable } from './mappable.js';
import { MappedObject } from './mapped-object.js';
import type { MemoryManager } from './memory-manager.js';
import { PAGE_WRITABLE } from './page-map.js';
import { DROP_ALL, dropPages } from './pages.js';
import type { Vma } from './vma.js';

/*
 * The set of mappings: inserting, splitting, merging, removing, with the accounting that goes with it. The system calls' own rules are in mmap.ts,
 * mremap.ts, protect.ts and so on.
 */

/** Whether a mapping with these flags counts as data (RLIMIT_DATA): private and writable, not a stack. */
function isData(flags: number): boolean {
  return (flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN)) === VM_WRITE;
}

/** Adds `pages` (which may be negative) of a mapping with `flags` to the sizes that /proc shows and limits are about. */
export function account(mm: MemoryManager, flags: number, pages: number): void {
  mm.totalPages += pages;
  if ((flags & (VM_EXEC | VM_WRITE | VM_GROWSDOWN)) === VM_EXEC) mm.execPages += pages;
  else if ((flags & VM_GROWSDOWN) !== 0) mm.stackPages += pages;
  else if (isData(flags)) mm.dataPages += pages;
  if ((flags & VM_LOCKED) !== 0) mm.lockedPages += pages;
  if (mm.totalPages > mm.highWaterTotal) mm.highWaterTotal = mm.totalPages;
}

/** Whether RLIMIT_AS and RLIMIT_DATA permit `pages` more with `flags`. */
export function mayExpand(mm: MemoryManager, flags: number, pages: number): boolean {
  const limits = mm.limits.soft;
  if ((mm.totalPages + pages) * PAGE_SIZE > limits[RLIMIT_AS]) return false;
  return !isData(flags) || (mm.dataPages + pages) * PAGE_SIZE <= limits[RLIMIT_DATA];
}

/** Whether a mapping with these flags is charged to the commit limit: its pages may all become the program's own. */
export function isAccountable(flags: number): boolean {
  return (flags & (VM_NORESERVE | VM_SHARED | VM_WRITE)) === VM_WRITE;
}

/** Whether RLIMIT_MEMLOCK permits another mapping of `length` bytes, if `flags` lock it. */
export function mayLockFuture(mm: MemoryManager, flags: number, length: number): boolean {
  return (flags & VM_LOCKED) === 0 || mm.mayLock(length / PAGE_SIZE);
}

/** Takes the references of a VMA that is now in the set: its file, and its place among the object's mappings. */
export function retain(mm: MemoryManager, vma: Vma): void {
  mm.claim(vma.start, vma.end);
  vma.file?.incRef();
  const object = vma.mappable;
  if (object === null) return;
  let mapped = mm.objects.get(object);
  if (mapped === undefined) {
    mapped = new MappedObject(mm, object);
    mm.objects.set(object, mapped);
    object.addMapping(mapped);
  }
  mapped.count++;
}

/** Gives them back. */
function forget(mm: MemoryManager, vma: Vma): void {
  const object = vma.mappable;
  if (object !== null) forgetObject(mm, object);
  vma.file?.decRef();
}
function forgetObject(mm: MemoryManager, object: Mappable): void {
  const mapped = mm.objects.get(object)!;
  if (--mapped.count > 0) return;
  mm.objects.delete(object);
  object.removeMapping(mapped);
}

/** Splits the VMA at `index` at `addr`, inside it. */
export function split(mm: MemoryManager, index: number, addr: number): void {
  retain(mm, mm.vmas.splitAt(index, addr));
}

/** Merges VMAs that can be one: from the one before `index` to the one after `last`. */
export function merge(mm: MemoryManager, index: number, last: number): void {
  const list = mm.vmas.list;
  for (let i = Math.min(last, list.length - 2); i >= Math.max(index - 1, 0); i--) {
    const lower = list[i];
    const upper = list[i + 1];
    if (!lower.mergesWith(upper)) continue;
    lower.end = upper.end;
    lower.faultNext = upper.faultNext;
    lower.faultPages = upper.faultPages;
    list.splice(i + 1, 1);
    forget(mm, upper);
  }
}

/** Puts a VMA into the free range it names, takes its references, accounts for it and merges it with its neighbours. */
export function insert(mm: MemoryManager, vma: Vma): void {
  retain(mm, vma);
  account(mm, vma.flags, (vma.end - vma.start) / PAGE_SIZE);
  const index = mm.vmas.insert(vma);
  merge(mm, index, index);
}

/**
 * Makes the mappings of `[start, end)` VMAs of their own and calls `change` for each; then merges. `change` may alter flags (not addresses); a result
 * below 0 ends the walk. The caller has checked that there are mappings, and what happens to holes.
 */
export function forEachIn(mm: MemoryManager, start: number, end: number, change: (vma: Vma) => number): number {
  const list = mm.vmas.list;
  const first = mm.vmas.indexAfter(start);
  let result = 0;
  let index = first;
  for (; index < list.length && list[index].start < end; index++) {
    const splits = (list[index].start < start ? 1 : 0) + (list[index].end > end ? 1 : 0);
    if (splits > 0 && list.length >= MAX_MAP_COUNT) {
      result = -ENOMEM;
      break;
    }
    if (list[index].start < start) split(mm, index++, start);
    if (list[index].end > end) split(mm, index, end);
    result = change(list[index]);
    if (result < 0) break;
  }
  merge(mm, first, index);
  return result;
}

/** Whether every page of the range is mapped. */
export function isMapped(mm: MemoryManager, start: number, end: number): boolean {
  let at = start;
  for (let index = mm.vmas.indexAfter(start); at < end; index++) {
    const vma = mm.vmas.list[index];
    if (vma === undefined || vma.start > at) return false;
    at = vma.end;
  }
  return true;
}

/** Pages of the range that are mapped. */
export function mappedPages(mm: MemoryManager, start: number, end: number): number {
  let pages = 0;
  for (let index = mm.vmas.indexAfter(start); index < mm.vmas.length && mm.vmas.list[index].start < end; index++) {
    const vma = mm.vmas.list[index];
    pages += (Math.min(vma.end, end) - Math.max(vma.start, start)) / PAGE_SIZE;
  }
  return pages;
}

/** munmap(2). Returns 0, -EINVAL or -ENOMEM. */
export function unmap(mm: MemoryManager, start: number, length: number): number {
  if (start < 0 || start % PAGE_SIZE !== 0 || start > TASK_SIZE || length < 0 || length > TASK_SIZE - start) return -EINVAL;
  const end = start + pageUp(length);
  if (end === start) return -EINVAL;
  const list = mm.vmas.list;
  let first = mm.vmas.indexAfter(start);
  if (first === list.length || list[first].start >= end) return 0;
  if (list[first].start < start) {
    if (list[first].end > end && list.length >= MAX_MAP_COUNT) return -ENOMEM;
    split(mm, first, start);
    first++;
  }
  let last = first;
  while (last < list.length && list[last].start < end) last++;
  if (last > first && list[last - 1].end > end) split(mm, last - 1, end);
  if (last === first) return 0;
  const removed = list.slice(first, last);
  mm.vmas.removeAt(first, last - first);
  for (const vma of removed) drop(mm, vma);
  return 0;
}

/** Ends a VMA that was taken out of the set: pages, accounting, references. */
function drop(mm: MemoryManager, vma: Vma): void {
  const pages = (vma.end - vma.start) / PAGE_SIZE;
  const dirty = dropPages(mm, vma.start, vma.end, DROP_ALL);
  // munmap does not return before what was stored is where it belongs.
  if (dirty) vma.mappable?.writeBack(vma.offset, vma.end - vma.start);
  account(mm, vma.flags, -pages);
  if ((vma.flags & VM_ACCOUNT) !== 0) mm.commit.uncharge(pages);
  forget(mm, vma);
}

/** Unmaps everything: the end of the address space. */
export function releaseAll(mm: MemoryManager): void {
  const all = mm.vmas.list.splice(0);
  mm.vmas.gapsChanged();
  for (const vma of all) drop(mm, vma);
}

/** Brings the pages of the range in, as MAP_POPULATE and mlock do. Returns 0 or the first fault's result (FAULT_*). */
export function populate(mm: MemoryManager, start: number, end: number): number {
  let at = start;
  while (at < end) {
    const vma = mm.vmas.findAfter(at);
    if (vma === null || vma.start >= end) return 0;
    at = Math.max(at, vma.start);
    const stop = Math.min(end, vma.end);
    if ((vma.flags & VM_LOCKONFAULT) === 0) {
      const result = populateVma(mm, vma, at, stop, (vma.flags & (VM_WRITE | VM_SHARED)) === VM_WRITE);
      if (result !== 0) return result;
    }
    at = stop;
  }
  return 0;
}

/** Brings in the pages of `[start, end)` of one VMA, for writing or reading. 0 or FAULT_*. */
export function populateVma(mm: MemoryManager, vma: Vma, start: number, end: number, write: boolean): number {
  const access = write ? ACCESS_READ | ACCESS_WRITE : ACCESS_READ;
  if ((vma.flags & VM_ACCESS) === 0) return FAULT_ACCERR;
  for (let at = start; at < end; at += PAGE_SIZE) {
    const state = mm.pages.stateAt(at);
    if (state !== 0 && (!write || (state & PAGE_WRITABLE) !== 0)) continue;
    const result = bringIn(mm, vma, at, access, end - at);
    if (result !== 0) return result;
  }
  return 0;
}
