import { ACCESS_READ, ACCESS_WRITE, MEMORY_ANONYMOUS } from '@sbx/platform';
import { PAGE_SIZE, VM_ACCESS } from './constants.js';
import type { MemoryManager } from './memory-manager.js';
import { LEAF_BYTES, LEAF_PAGES, PAGE_ANONYMOUS, PAGE_HARDWARE, PAGE_LAZY_FREE, PAGE_PRESENT, PAGE_WRITABLE } from './page-map.js';
import type { Vma } from './vma.js';

/*
 * Loops over the pages of a range: each visits leaves that exist, and in them entries by index. Ranges are page-aligned.
 *
 * Order is what makes them safe while other threads of the program run: a translation is taken from the hardware before its page loses a reference, and
 * write access before a page becomes shared.
 */

const STATE = LEAF_PAGES;
/** A page of the program's own that it may store to. */
const PAGE_OWN = PAGE_PRESENT | PAGE_ANONYMOUS | PAGE_WRITABLE;

/** First and last (exclusive) entry of the leaf `index` that the range covers. */
function firstEntry(index: number, start: number): number {
  const base = index * LEAF_BYTES;
  return start <= base ? 0 : (start - base) / PAGE_SIZE;
}
function lastEntry(index: number, end: number): number {
  const base = index * LEAF_BYTES;
  return end >= base + LEAF_BYTES ? LEAF_PAGES : (end - base) / PAGE_SIZE;
}

/** Number of the leaf after the last that the range touches. */
function leafLimit(end: number): number {
  return Math.ceil(end / LEAF_BYTES);
}

/**
 * Makes the platform's translations of the present pages of `[start, end)`, inside `vma`, what they ought to be: one `mapFile` for each run of pages that
 * are contiguous in memory. Returns 0 or -ENOMEM.
 */
export function installPages(mm: MemoryManager, vma: Vma, start: number, end: number): number {
  const as = mm.hardware;
  const prot = vma.flags & VM_ACCESS;
  if (as === null || prot === 0) return 0;
  const full = prot | ACCESS_READ;
  const readOnly = full & ~ACCESS_WRITE;
  const limit = leafLimit(end);
  for (let index = mm.pages.nextLeaf(Math.floor(start / LEAF_BYTES), limit); index >= 0; index = mm.pages.nextLeaf(index + 1, limit)) {
    const leaf = mm.pages.leaf(index)!;
    const last = lastEntry(index, end);
    let i = firstEntry(index, start);
    while (i < last) {
      const state = leaf[STATE + i];
      const access = (state & PAGE_WRITABLE) === 0 ? readOnly : full;
      if (state === 0 || (state & PAGE_LAZY_FREE) !== 0 || (state & PAGE_HARDWARE) === access) {
        i++;
        continue;
      }
      const first = i;
      const frame = leaf[i];
      do {
        leaf[STATE + i] = (leaf[STATE + i] & ~PAGE_HARDWARE) | access;
        i++;
      } while (
        i < last &&
        leaf[i] === frame + (i - first) &&
        (leaf[STATE + i] & (PAGE_PRESENT | PAGE_WRITABLE | PAGE_LAZY_FREE)) === (PAGE_PRESENT | (state & PAGE_WRITABLE)) &&
        (leaf[STATE + i] & PAGE_HARDWARE) !== access
      );
      const result = as.mapFile(
        index * LEAF_BYTES + first * PAGE_SIZE,
        mm.memory,
        frame * PAGE_SIZE,
        (i - first) * PAGE_SIZE,
        access,
        true,
      );
      if (result < 0) {
        for (let k = first; k < i; k++) leaf[STATE + k] &= ~PAGE_HARDWARE;
        return result;
      }
    }
  }
  return 0;
}

/** Takes all translations of the range from the platform; the pages stay. */
export function uninstallPages(mm: MemoryManager, start: number, end: number): void {
  let low = -1;
  let high = -1;
  const limit = leafLimit(end);
  for (let index = mm.pages.nextLeaf(Math.floor(start / LEAF_BYTES), limit); index >= 0; index = mm.pages.nextLeaf(index + 1, limit)) {
    const leaf = mm.pages.leaf(index)!;
    const last = lastEntry(index, end);
    for (let i = firstEntry(index, start); i < last; i++) {
      if ((leaf[STATE + i] & PAGE_HARDWARE) === 0) continue;
      leaf[STATE + i] &= ~PAGE_HARDWARE;
      high = index * LEAF_BYTES + i * PAGE_SIZE;
      if (low < 0) low = high;
    }
  }
  if (low >= 0) mm.hardware?.unmap(low, high + PAGE_SIZE - low);
}

/** Takes write access from the translations of the range. */
export function writeProtectPages(mm: MemoryManager, start: number, end: number): void {
  let low = -1;
  let high = -1;
  const limit = leafLimit(end);
  for (let index = mm.pages.nextLeaf(Math.floor(start / LEAF_BYTES), limit); index >= 0; index = mm.pages.nextLeaf(index + 1, limit)) {
    const leaf = mm.pages.leaf(index)!;
    const last = lastEntry(index, end);
    for (let i = firstEntry(index, start); i < last; i++) {
      if ((leaf[STATE + i] & ACCESS_WRITE) === 0) continue;
      leaf[STATE + i] &= ~ACCESS_WRITE;
      high = index * LEAF_BYTES + i * PAGE_SIZE;
      if (low < 0) low = high;
    }
  }
  if (low >= 0) mm.hardware?.writeProtect(low, high + PAGE_SIZE - low);
}

/** Takes write access to the pages of the mapped object from the program: its next store to one is a fault. */
export function protectObjectPages(mm: MemoryManager, start: number, end: number): void {
  writeProtectPages(mm, start, end);
  mm.flushTranslations();
  const limit = leafLimit(end);
  for (let index = mm.pages.nextLeaf(Math.floor(start / LEAF_BYTES), limit); index >= 0; index = mm.pages.nextLeaf(index + 1, limit)) {
    const leaf = mm.pages.leaf(index)!;
    const last = lastEntry(index, end);
    for (let i = firstEntry(index, start); i < last; i++) if ((leaf[STATE + i] & PAGE_ANONYMOUS) === 0) leaf[STATE + i] &= ~PAGE_WRITABLE;
  }
}

/** Which pages `dropPages` drops. */
export const DROP_ALL = 0;
/** Only pages of the mapped object, not private copies. */
export const DROP_OBJECT = 1;
/** Only pages marked by MADV_FREE that were not touched since. */
export const DROP_LAZY = 2;

/** Removes the pages of the range; returns whether one of them was a page of an object that the program could store to. */
export function dropPages(mm: MemoryManager, start: number, end: number, which: 0 | 1 | 2): boolean {
  uninstallPages(mm, start, end);
  mm.flushTranslations();
  let dirty = false;
  const limit = leafLimit(end);
  for (let index = mm.pages.nextLeaf(Math.floor(start / LEAF_BYTES), limit); index >= 0; index = mm.pages.nextLeaf(index + 1, limit)) {
    const leaf = mm.pages.leaf(index)!;
    const last = lastEntry(index, end);
    const begin = firstEntry(index, start);
    // The run of frames whose references are dropped together.
    let runFrame = 0;
    let runLength = 0;
    let anonymous = 0;
    let others = 0;
    for (let i = begin; i < last; i++) {
      const state = leaf[STATE + i];
      if (state === 0) continue;
      if (which === DROP_OBJECT && (state & PAGE_ANONYMOUS) !== 0) continue;
      if (which === DROP_LAZY && (state & PAGE_LAZY_FREE) === 0) continue;
      if ((state & PAGE_ANONYMOUS) !== 0) anonymous++;
      else {
        others++;
        if ((state & PAGE_WRITABLE) !== 0) dirty = true;
      }
      leaf[STATE + i] = 0;
      const frame = leaf[i];
      if (runLength > 0 && frame === runFrame + runLength) runLength++;
      else {
        if (runLength > 0) mm.memory.decRef(runFrame * PAGE_SIZE, runLength * PAGE_SIZE);
        runFrame = frame;
        runLength = 1;
      }
    }
    if (runLength > 0) mm.memory.decRef(runFrame * PAGE_SIZE, runLength * PAGE_SIZE);
    mm.rssAnonymous -= anonymous;
    mm.rssFile -= others;
    if ((begin === 0 && last === LEAF_PAGES && which === DROP_ALL) || isLeafEmpty(leaf)) mm.pages.dropLeaf(index);
  }
  return dirty;
}

function isLeafEmpty(leaf: Int32Array): boolean {
  for (let i = STATE; i < STATE + LEAF_PAGES; i++) if (leaf[i] !== 0) return false;
  return true;
}

/**
 * Gives the address space of a child (fork) copies of those pages of a private mapping that the parent may store to: cheaper for a few than the faults of both sides that
 * sharing them means. Only while no other thread runs in the parent. False where memory is short: the others are to be shared.
 */
export function copyPages(mm: MemoryManager, child: MemoryManager, vma: Vma): boolean {
  const { start, end } = vma;
  const limit = leafLimit(end);
  for (let index = mm.pages.nextLeaf(Math.floor(start / LEAF_BYTES), limit); index >= 0; index = mm.pages.nextLeaf(index + 1, limit)) {
    const leaf = mm.pages.leaf(index)!;
    const last = lastEntry(index, end);
    for (let i = firstEntry(index, start); i < last; ) {
      const first = i;
      while (i < last && (leaf[STATE + i] & PAGE_OWN) === PAGE_OWN) i++;
      if (i === first) {
        i++;
        continue;
      }
      const offset = mm.memory.allocate((i - first) * PAGE_SIZE, MEMORY_ANONYMOUS);
      if (offset < 0) return false;
      for (let k = first; k < i; ) {
        const run = k;
        do k++;
        while (k < i && leaf[k] === leaf[run] + (k - run));
        mm.memory.copy(offset + (run - first) * PAGE_SIZE, leaf[run] * PAGE_SIZE, (k - run) * PAGE_SIZE);
      }
      setPages(child, index * LEAF_BYTES + first * PAGE_SIZE, offset, i - first, PAGE_OWN);
    }
  }
  return true;
}

/**
 * Shares the pages of `vma` with the address space of a child (fork), but for those that it has: each page gets a reference more, and, in a private mapping, becomes copy-on-write on
 * both sides, where the parent's translations are write-protected first. `copied`: the child has all pages to which the parent may store.
 */
export function sharePages(mm: MemoryManager, child: MemoryManager, vma: Vma, copied: boolean): void {
  const { start, end } = vma;
  const keep = vma.isPrivate ? PAGE_PRESENT | PAGE_ANONYMOUS : PAGE_PRESENT | PAGE_ANONYMOUS | PAGE_WRITABLE;
  const clear = vma.isPrivate ? ~PAGE_WRITABLE : ~0;
  if (vma.isPrivate && !copied) writeProtectPages(mm, start, end);
  const limit = leafLimit(end);
  for (let index = mm.pages.nextLeaf(Math.floor(start / LEAF_BYTES), limit); index >= 0; index = mm.pages.nextLeaf(index + 1, limit)) {
    const leaf = mm.pages.leaf(index)!;
    const copy = child.pages.ensureLeaf(index);
    const last = lastEntry(index, end);
    let runFrame = 0;
    let runLength = 0;
    let anonymous = 0;
    let others = 0;
    for (let i = firstEntry(index, start); i < last; i++) {
      const state = leaf[STATE + i];
      if (state === 0 || copy[STATE + i] !== 0) continue;
      leaf[STATE + i] = state & clear & ~PAGE_LAZY_FREE;
      const frame = leaf[i];
      copy[i] = frame;
      copy[STATE + i] = state & keep;
      if ((state & PAGE_ANONYMOUS) !== 0) anonymous++;
      else others++;
      if (runLength > 0 && frame === runFrame + runLength) runLength++;
      else {
        if (runLength > 0) mm.memory.incRef(runFrame * PAGE_SIZE, runLength * PAGE_SIZE);
        runFrame = frame;
        runLength = 1;
      }
    }
    if (runLength > 0) mm.memory.incRef(runFrame * PAGE_SIZE, runLength * PAGE_SIZE);
    child.rssAnonymous += anonymous;
    child.rssFile += others;
  }
}

/** Moves the pages of `[from, from + length)` to the free range at `to` (mremap): no page is copied. */
export function movePages(mm: MemoryManager, from: number, to: number, length: number): void {
  uninstallPages(mm, from, from + length);
  mm.flushTranslations();
  const limit = leafLimit(from + length);
  for (let index = mm.pages.nextLeaf(Math.floor(from / LEAF_BYTES), limit); index >= 0; index = mm.pages.nextLeaf(index + 1, limit)) {
    const leaf = mm.pages.leaf(index)!;
    const last = lastEntry(index, from + length);
    for (let i = firstEntry(index, from); i < last; i++) {
      if (leaf[STATE + i] === 0) continue;
      const addr = to + (index * LEAF_BYTES + i * PAGE_SIZE - from);
      const target = mm.pages.ensureLeaf(Math.floor(addr / LEAF_BYTES));
      const k = Math.floor(addr / PAGE_SIZE) % LEAF_PAGES;
      target[k] = leaf[i];
      target[STATE + k] = leaf[STATE + i];
      leaf[STATE + i] = 0;
    }
    if (isLeafEmpty(leaf)) mm.pages.dropLeaf(index);
  }
}

/** Forgets which pages of the range are installed. */
export function forgetInstalledPages(mm: MemoryManager, start: number, end: number): void {
  const limit = leafLimit(end);
  for (let index = mm.pages.nextLeaf(Math.floor(start / LEAF_BYTES), limit); index >= 0; index = mm.pages.nextLeaf(index + 1, limit)) {
    const leaf = mm.pages.leaf(index)!;
    const last = lastEntry(index, end);
    for (let i = firstEntry(index, start); i < last; i++) leaf[STATE + i] &= ~PAGE_HARDWARE;
  }
}

/** Forgets which pages are installed: the platform's address space is gone. */
export function forgetInstalled(mm: MemoryManager): void {
  const limit = 2 ** 26;
  for (let index = mm.pages.nextLeaf(0, limit); index >= 0; index = mm.pages.nextLeaf(index + 1, limit)) {
    const leaf = mm.pages.leaf(index)!;
    for (let i = STATE; i < STATE + LEAF_PAGES; i++) leaf[i] &= ~PAGE_HARDWARE;
  }
}

/** Puts the page that starts at memory offset `offset`, `count` times in sequence, at `addr`, which must be absent. The caller gives its references away. */
export function setPages(mm: MemoryManager, addr: number, offset: number, count: number, state: number): void {
  let frame = offset / PAGE_SIZE;
  let page = addr / PAGE_SIZE;
  let left = count;
  while (left > 0) {
    const index = Math.floor(page / LEAF_PAGES);
    const leaf = mm.pages.ensureLeaf(index);
    const first = page - index * LEAF_PAGES;
    const n = Math.min(left, LEAF_PAGES - first);
    for (let i = first; i < first + n; i++) {
      leaf[i] = frame++;
      leaf[STATE + i] = state;
    }
    page += n;
    left -= n;
  }
  if ((state & PAGE_ANONYMOUS) !== 0) mm.rssAnonymous += count;
  else mm.rssFile += count;
  if (mm.rssAnonymous + mm.rssFile > mm.highWaterPages) mm.highWaterPages = mm.rssAnonymous + mm.rssFile;
}

/** How many pages from `addr` on, at most `max`, are absent. Forwards, or (`step` -1) backwards from `addr` exclusive. */
export function absentRun(mm: MemoryManager, addr: number, max: number, step: 1 | -1): number {
  let page = addr / PAGE_SIZE;
  if (step < 0) page--;
  for (let n = 0; n < max; n++, page += step) {
    const leaf = mm.pages.leaf(Math.floor(page / LEAF_PAGES));
    if (leaf !== null && leaf[STATE + (page % LEAF_PAGES)] !== 0) return n;
  }
  return max;
}

/** Whether any page of the range is present. */
export function anyPresent(mm: MemoryManager, start: number, end: number): boolean {
  const limit = leafLimit(end);
  for (let index = mm.pages.nextLeaf(Math.floor(start / LEAF_BYTES), limit); index >= 0; index = mm.pages.nextLeaf(index + 1, limit)) {
    const leaf = mm.pages.leaf(index)!;
    const last = lastEntry(index, end);
    for (let i = firstEntry(index, start); i < last; i++) if (leaf[STATE + i] !== 0) return true;
  }
  return false;
}
