import { BUS_ADRERR, ENOMEM, RLIMIT_AS, RLIMIT_STACK, SEGV_ACCERR, SEGV_MAPERR, SIGBUS, SIGSEGV } from '@sbx/abi';
import { ACCESS_EXECUTE, ACCESS_WRITE, MEMORY_ANONYMOUS } from '@sbx/platform';
import {
  FAULT_ACCERR,
  FAULT_BUS,
  FAULT_MAPERR,
  FAULT_OK,
  FAULT_OUT_OF_MEMORY,
  type FaultResult,
  MMAP_MIN_ADDR,
  PAGE_SIZE,
  pageDown,
  pageUp,
  STACK_GUARD_GAP,
  VM_ACCESS,
  VM_ACCOUNT,
  VM_EXEC,
  VM_GROWSDOWN,
  VM_LOCKED,
  VM_LOCKONFAULT,
  VM_MAYREAD,
  VM_MAYWRITE,
  VM_RAND_READ,
  VM_SHARED,
  VM_WRITE,
} from './constants.js';
import type { MemoryManager } from './memory-manager.js';
import { LEAF_BYTES, LEAF_PAGES, PAGE_ANONYMOUS, PAGE_HARDWARE, PAGE_LAZY_FREE, PAGE_PRESENT, PAGE_WRITABLE } from './page-map.js';
import { absentRun, anyPresent, forgetInstalledPages, installPages, setPages } from './pages.js';
import { allocateUnderPressure, relievePressure } from './reclaim.js';
import type { Vma } from './vma.js';

/*
 * Fault-around. An exit to the kernel costs much more than preparing some more pages, so a fault brings in an aligned block around its address; a fault at
 * the end of the last block (a sequential access) doubles the block.
 */
const ANONYMOUS_BLOCK = 16;
const FILE_BLOCK = 64;
const MAX_BLOCK = 256;
/** Pages that a new mapping of an object gets at once, where they are in memory. */
const AHEAD = 512;
/** One page of so many is asked whether it is in memory. */
const LOOK_STEP = 16;
/** Pages that are present and get their translations together. */
const INSTALL_BLOCK = 128;
/** Pages copied together when a page that is shared since a fork, or a private page of a file, is stored to. */
const FORK_COPY = 4;
const FILE_COPY = 32;
/** A stack that grows page by page grows this much at once, where the limits permit. */
const STACK_STEP = 16 * PAGE_SIZE;

/** The page that was to be copied was taken back to make room for the copy: it must be brought in again. */
const LOST = -1;
const MAX_ATTEMPTS = 4;

const STATE = LEAF_PAGES;
/** Frames that a copy-on-write block replaces. */
const replaced = new Int32Array(FILE_COPY);

/** Whether `vma` permits `access`. x86 has no way to permit stores or execution without loads. @hotpath */
export function permits(vma: Vma, access: number): boolean {
  if ((access & ACCESS_WRITE) !== 0) return (vma.flags & VM_WRITE) !== 0;
  if ((access & ACCESS_EXECUTE) !== 0) return (vma.flags & VM_EXEC) !== 0;
  return (vma.flags & VM_ACCESS) !== 0;
}

/** As `permits`, for a debugger (FOLL_FORCE): loads from anything that may be readable, stores to private copies. */
export function permitsForced(vma: Vma, access: number): boolean {
  if (permits(vma, access)) return true;
  if ((access & ACCESS_WRITE) !== 0) return (vma.flags & (VM_SHARED | VM_MAYWRITE)) === VM_MAYWRITE;
  return (vma.flags & VM_MAYREAD) !== 0;
}

/** Serves an access of the program: the page fault. */
export function handleFault(mm: MemoryManager, addr: number, access: number): FaultResult {
  if (addr < 0) return FAULT_MAPERR;
  const vma = mm.vmas.find(addr) ?? growStack(mm, addr);
  if (vma === null) return FAULT_MAPERR;
  if (!permits(vma, access)) return FAULT_ACCERR;
  // The platform has dropped what we believe to be mapped, as it may: all around it is installed anew.
  if ((mm.pages.stateAt(addr) & PAGE_HARDWARE & access) !== 0) {
    const page = pageDown(addr);
    chooseInstalled(vma, page);
    forgetInstalledPages(mm, blockStart, blockStart + blockPages * PAGE_SIZE);
  }
  return bringIn(mm, vma, addr, access, 1);
}

/**
 * Extends the mapping above `addr` down to it, if it grows down and the limits permit (Linux's expand_stack). Returns it, or null.
 */
export function growStack(mm: MemoryManager, addr: number): Vma | null {
  const index = mm.vmas.indexAfter(addr);
  if (index === mm.vmas.length) return null;
  const vma = mm.vmas.list[index];
  if ((vma.flags & VM_GROWSDOWN) === 0) return null;
  const exact = pageDown(addr);
  const step = vma.start - exact <= STACK_STEP ? vma.start - STACK_STEP : exact;
  for (const start of [step, exact]) {
    if (!mayGrowTo(mm, vma, index, start)) continue;
    const grown = (vma.start - start) / PAGE_SIZE;
    vma.start = start;
    mm.claim(start, vma.end);
    vma.offset -= grown * PAGE_SIZE;
    mm.totalPages += grown;
    mm.stackPages += grown;
    if ((vma.flags & VM_LOCKED) !== 0) mm.lockedPages += grown;
    return vma;
  }
  return null;
}

function mayGrowTo(mm: MemoryManager, vma: Vma, index: number, start: number): boolean {
  if (start < MMAP_MIN_ADDR) return false;
  if (index > 0) {
    const below = mm.vmas.list[index - 1];
    if (start < below.end) return false;
    if ((below.flags & VM_GROWSDOWN) === 0 && (below.flags & VM_ACCESS) !== 0 && start - below.end < STACK_GUARD_GAP) return false;
  }
  const limits = mm.limits.soft;
  if (vma.end - start > limits[RLIMIT_STACK]) return false;
  if (mm.totalPages * PAGE_SIZE + (vma.start - start) > limits[RLIMIT_AS]) return false;
  if ((vma.flags & VM_LOCKED) !== 0 && !mm.mayLock((vma.start - start) / PAGE_SIZE)) return false;
  // What was mapped with MAP_NORESERVE is not given back either.
  return (vma.flags & VM_ACCOUNT) === 0 || mm.charge((vma.start - start) / PAGE_SIZE);
}

/**
 * Makes the page at `addr`, inside `vma`, ready for `access`, which was checked, with pages around it, and installs them in the platform's address space.
 * `length`: how many bytes from `addr` on are wanted soon.
 */
export function bringIn(mm: MemoryManager, vma: Vma, addr: number, access: number, length: number, attempt = 0): FaultResult {
  const page = pageDown(addr);
  // The linker stores to every page of a program's data soon after it has read it: it gets its copies at once.
  const write = (access & ACCESS_WRITE) !== 0 || vma.copyAtOnce;
  let state = mm.pages.stateAt(page);
  if (state === 0) {
    const result =
      vma.mappable === null
        ? addAnonymous(mm, vma, page, length)
        : addFromObject(mm, vma, page, write && (vma.flags & VM_SHARED) !== 0, length);
    if (result !== FAULT_OK) return result;
    state = mm.pages.stateAt(page);
  } else chooseInstalled(vma, page);
  if ((state & PAGE_LAZY_FREE) !== 0) keepLazy(mm, vma, page);
  if (write && (state & PAGE_WRITABLE) === 0) {
    const result = vma.isPrivate ? makePrivate(mm, vma, page) : makeShared(mm, vma, page);
    if (result === LOST) return attempt < MAX_ATTEMPTS ? bringIn(mm, vma, addr, access, length, attempt + 1) : FAULT_OUT_OF_MEMORY;
    if (result !== FAULT_OK) return result;
  }
  return installPages(mm, vma, blockStart, blockStart + blockPages * PAGE_SIZE) < 0 ? FAULT_OUT_OF_MEMORY : FAULT_OK;
}

/** The block that a fault brings in, or installs. */
let blockStart = 0;
let blockPages = 0;

/** The page is there, but not as the program needs it now (after fork, or in another address space): it and those around it get translations. */
function chooseInstalled(vma: Vma, page: number): void {
  const bytes = INSTALL_BLOCK * PAGE_SIZE;
  const low = Math.floor(page / bytes) * bytes;
  blockStart = Math.max(low, vma.start);
  blockPages = (Math.min(low + bytes, vma.end) - blockStart) / PAGE_SIZE;
}

/** Chooses the pages around `page` that are brought in with it: absent, inside the VMA, and of one aligned block. */
function chooseBlock(mm: MemoryManager, vma: Vma, page: number, unit: number, length: number): void {
  let pages = unit;
  if (page === vma.faultNext) pages = Math.min(Math.max(vma.faultPages, unit) * 2, MAX_BLOCK);
  if ((vma.flags & VM_RAND_READ) !== 0) pages = 1;
  const bytes = pages * PAGE_SIZE;
  const low = Math.max(Math.floor(page / bytes) * bytes, vma.start);
  const wanted = Math.min(pageUp(page + length), page + MAX_BLOCK * PAGE_SIZE);
  const high = Math.min(Math.max(low + bytes, wanted), vma.end);
  const before = absentRun(mm, page, (page - low) / PAGE_SIZE, -1);
  const after = absentRun(mm, page, (high - page) / PAGE_SIZE, 1);
  blockStart = page - before * PAGE_SIZE;
  blockPages = before + after;
  vma.faultNext = page + after * PAGE_SIZE;
  vma.faultPages = pages;
}

function addAnonymous(mm: MemoryManager, vma: Vma, page: number, length: number): FaultResult {
  chooseBlock(mm, vma, page, ANONYMOUS_BLOCK, length);
  let offset = mm.memory.allocate(blockPages * PAGE_SIZE, MEMORY_ANONYMOUS);
  if (offset < 0) {
    blockStart = page;
    blockPages = 1;
    offset = allocateUnderPressure(mm.memory, PAGE_SIZE, MEMORY_ANONYMOUS, mm);
    if (offset < 0) return FAULT_OUT_OF_MEMORY;
  }
  setPages(mm, blockStart, offset, blockPages, PAGE_PRESENT | PAGE_ANONYMOUS | PAGE_WRITABLE);
  return FAULT_OK;
}

/**
 * Installs, in a new mapping, the pages that are there already, those that its program will store to soon (`copyAtOnce`), and a few of anonymous memory: each fault costs
 * more than all of that. `[start, end)` is inside `vma`. Nothing happens where memory is short: what is not there comes by faults.
 */
export function bringAhead(mm: MemoryManager, vma: Vma, start: number, end: number): void {
  if ((vma.flags & VM_ACCESS) === 0 || (vma.flags & (VM_LOCKED | VM_LOCKONFAULT)) !== 0) return;
  const last = Math.min(end, start + AHEAD * PAGE_SIZE);
  const { mappable } = vma;
  if (mappable === null) {
    if (end - start > ANONYMOUS_BLOCK * PAGE_SIZE || (vma.flags & VM_WRITE) === 0 || anyPresent(mm, start, end)) return;
    const offset = mm.memory.allocate(end - start, MEMORY_ANONYMOUS);
    if (offset < 0) return;
    setPages(mm, start, offset, (end - start) / PAGE_SIZE, PAGE_PRESENT | PAGE_ANONYMOUS | PAGE_WRITABLE);
  } else {
    if (mappable.isResident === undefined) return;
    // Code is worth reading.
    const read = mappable.readsAhead === true && (vma.flags & VM_EXEC) !== 0;
    for (let at = start; at < last; ) {
      const wanted = mm.pages.stateAt(at) === 0 && (read || mappable.isResident(vma.offsetOf(at)));
      const added = wanted ? addRun(mm, vma, at, at + absentRun(mm, at, (last - at) / PAGE_SIZE, 1) * PAGE_SIZE, false) : 0;
      at += added > 0 ? added : LOOK_STEP * PAGE_SIZE;
    }
    if (vma.copyAtOnce) {
      for (let at = start; at < last; at += PAGE_SIZE) {
        const state = mm.pages.stateAt(at);
        if (state !== 0 && (state & PAGE_WRITABLE) === 0 && makePrivate(mm, vma, at, false) !== FAULT_OK) break;
      }
    }
  }
  installPages(mm, vma, start, last);
}

/** Brings in pages of the mapped object. `write`: they are about to be stored to (a shared mapping). */
function addFromObject(mm: MemoryManager, vma: Vma, page: number, write: boolean, length: number): FaultResult {
  // Asking for write access makes pages dirty, so no more are taken than will probably be stored to.
  chooseBlock(mm, vma, page, write ? 1 : FILE_BLOCK, write ? 1 : length);
  const end = blockStart + blockPages * PAGE_SIZE;
  const object = vma.mappable!;
  const all = object.readsAhead === true || object.isResident === undefined;
  let at = blockStart;
  while (at < end) {
    if (at !== page && !all && !object.isResident!(vma.offsetOf(at))) {
      at = at < page ? at + PAGE_SIZE : end;
      continue;
    }
    const added = addRun(mm, vma, at, end, write);
    if (added < 0) {
      if (at === page && added === -ENOMEM && relievePressure(mm.memory, mm)) continue;
      if (at === page) return added === -ENOMEM ? FAULT_OUT_OF_MEMORY : FAULT_BUS;
      if (at > page) break;
      at = page;
      continue;
    }
    at += added;
  }
  return FAULT_OK;
}

/** Adds those pages of the mapped object, from `at` on, that are contiguous in memory; all up to `end` are absent. How many bytes, or -errno. */
function addRun(mm: MemoryManager, vma: Vma, at: number, end: number, write: boolean): number {
  const object = vma.mappable!;
  const offset = object.resolvePages(vma.offsetOf(at), end - at, write);
  if (offset < 0) return offset;
  const bytes = Math.min(object.resolvedLength, end - at);
  mm.memory.incRef(offset, bytes);
  setPages(mm, at, offset, bytes / PAGE_SIZE, write ? PAGE_PRESENT | PAGE_WRITABLE : PAGE_PRESENT);
  return bytes;
}

/** A first store to a present page of a shared mapping: the object learns that it becomes dirty. */
function makeShared(mm: MemoryManager, vma: Vma, page: number): FaultResult {
  const leaf = mm.pages.leaf(Math.floor(page / LEAF_BYTES))!;
  const i = (page / PAGE_SIZE) % LEAF_PAGES;
  const offset = vma.mappable!.resolvePages(vma.offsetOf(page), PAGE_SIZE, true);
  if (offset < 0) return offset === -ENOMEM ? FAULT_OUT_OF_MEMORY : FAULT_BUS;
  const frame = offset / PAGE_SIZE;
  if (frame !== leaf[i]) {
    const old = leaf[i];
    mm.memory.incRef(offset, PAGE_SIZE);
    mm.hardware?.unmap(page, PAGE_SIZE);
    mm.flushTranslations();
    leaf[i] = frame;
    leaf[STATE + i] &= ~PAGE_HARDWARE;
    mm.memory.decRef(old * PAGE_SIZE, PAGE_SIZE);
  }
  leaf[STATE + i] |= PAGE_WRITABLE;
  return FAULT_OK;
}

/** A program touched a page that MADV_FREE had offered: it keeps it, and its neighbours with it. */
function keepLazy(mm: MemoryManager, vma: Vma, page: number): void {
  const leaf = mm.pages.leaf(Math.floor(page / LEAF_BYTES))!;
  const i = (page / PAGE_SIZE) % LEAF_PAGES;
  const last = Math.min(LEAF_PAGES, i + (vma.end - page) / PAGE_SIZE, i + ANONYMOUS_BLOCK);
  for (let k = i; k < last && (leaf[STATE + k] & PAGE_LAZY_FREE) !== 0; k++) leaf[STATE + k] &= ~PAGE_LAZY_FREE;
}

/**
 * A store to a page that a private mapping shares with others: the program gets its own copy, or the page itself if nobody else has it any more. `needed`: memory for it is
 * taken from others.
 */
function makePrivate(mm: MemoryManager, vma: Vma, page: number, needed = true): FaultResult | typeof LOST {
  const index = Math.floor(page / LEAF_BYTES);
  const leaf = mm.pages.leaf(index)!;
  const base = index * LEAF_BYTES;
  const i = (page - base) / PAGE_SIZE;
  const first = Math.max(0, (vma.start - base) / PAGE_SIZE);
  const last = Math.min(LEAF_PAGES, (vma.end - base) / PAGE_SIZE);
  mm.flushTranslations();
  if (isSole(mm, leaf, i)) {
    // Nobody else has it (the child has exited or called exec), and probably its neighbours neither.
    let low = i;
    let high = i;
    while (high < last && isSole(mm, leaf, high)) leaf[STATE + high++] |= PAGE_WRITABLE;
    while (low > first && isSole(mm, leaf, low - 1)) leaf[STATE + --low] |= PAGE_WRITABLE;
    blockStart = base + low * PAGE_SIZE;
    blockPages = high - low;
    return FAULT_OK;
  }
  const unit = (leaf[STATE + i] & PAGE_ANONYMOUS) !== 0 ? FORK_COPY : FILE_COPY;
  let low = i;
  let high = i + 1;
  const lowest = Math.max(first, i - (i % unit));
  const highest = Math.min(last, i - (i % unit) + unit);
  while (low > lowest && isCopied(mm, leaf, low - 1)) low--;
  while (high < highest && isCopied(mm, leaf, high)) high++;
  let offset = mm.memory.allocate((high - low) * PAGE_SIZE, MEMORY_ANONYMOUS);
  if (offset < 0) {
    if (!needed) return FAULT_OUT_OF_MEMORY;
    low = i;
    high = i + 1;
    offset = allocateUnderPressure(mm.memory, PAGE_SIZE, MEMORY_ANONYMOUS, mm);
    if (offset < 0) return FAULT_OUT_OF_MEMORY;
    if (mm.pages.leaf(index) !== leaf || (leaf[STATE + i] & PAGE_PRESENT) === 0) {
      mm.memory.decRef(offset, PAGE_SIZE);
      return LOST;
    }
  }
  for (let k = low; k < high; k++) {
    replaced[k - low] = leaf[k];
    leaf[k] = offset / PAGE_SIZE + (k - low);
    if ((leaf[STATE + k] & PAGE_ANONYMOUS) === 0) {
      mm.rssFile--;
      mm.rssAnonymous++;
    }
    leaf[STATE + k] = PAGE_PRESENT | PAGE_ANONYMOUS | PAGE_WRITABLE;
  }
  const count = high - low;
  for (let k = 0; k < count; ) {
    const n = replacedRun(k, count);
    mm.memory.copy(offset + k * PAGE_SIZE, replaced[k] * PAGE_SIZE, n * PAGE_SIZE);
    k += n;
  }
  // The old pages lose our references only when no translation leads to them any more.
  const start = base + low * PAGE_SIZE;
  const installed = installPages(mm, vma, start, base + high * PAGE_SIZE);
  if (installed < 0 || (vma.flags & VM_ACCESS) === 0) mm.hardware?.unmap(start, count * PAGE_SIZE);
  for (let k = 0; k < count; ) {
    const n = replacedRun(k, count);
    mm.memory.decRef(replaced[k] * PAGE_SIZE, n * PAGE_SIZE);
    k += n;
  }
  return installed < 0 ? FAULT_OUT_OF_MEMORY : FAULT_OK;
}

/** How many of the replaced frames from `k` on follow each other. */
function replacedRun(k: number, count: number): number {
  let n = 1;
  while (k + n < count && replaced[k + n] === replaced[k] + n) n++;
  return n;
}

/** Whether the page is copy-on-write, and the reference that we hold is the only one. */
function isSole(mm: MemoryManager, leaf: Int32Array, i: number): boolean {
  return (
    (leaf[STATE + i] & (PAGE_PRESENT | PAGE_ANONYMOUS | PAGE_WRITABLE)) === (PAGE_PRESENT | PAGE_ANONYMOUS) &&
    mm.memory.refCount(leaf[i] * PAGE_SIZE) === 1
  );
}

/** Whether a store to the page needs a copy. */
function isCopied(mm: MemoryManager, leaf: Int32Array, i: number): boolean {
  return (leaf[STATE + i] & (PAGE_PRESENT | PAGE_WRITABLE)) === PAGE_PRESENT && !isSole(mm, leaf, i);
}

export { FAULT_ACCERR, FAULT_BUS, FAULT_MAPERR, FAULT_OK, FAULT_OUT_OF_MEMORY, type FaultResult } from './constants.js';
/** The signal that an unresolved fault raises, and its si_code. Not for FAULT_OK and FAULT_OUT_OF_MEMORY. */
export function faultSignal(result: FaultResult): number {
  return result === FAULT_BUS ? SIGBUS : SIGSEGV;
}
export function faultCode(result: FaultResult): number {
  return result === FAULT_BUS ? BUS_ADRERR : result === FAULT_ACCERR ? SEGV_ACCERR : SEGV_MAPERR;
}
