import {
  EACCES,
  EAGAIN,
  EEXIST,
  EINVAL,
  ENODEV,
  ENOMEM,
  EOPNOTSUPP,
  EOVERFLOW,
  EPERM,
  MAP_ANONYMOUS,
  MAP_DENYWRITE,
  MAP_EXECUTABLE,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_GROWSDOWN,
  MAP_HUGE_1GB,
  MAP_HUGE_2MB,
  MAP_HUGETLB,
  MAP_LOCKED,
  MAP_NONBLOCK,
  MAP_NORESERVE,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_SHARED_VALIDATE,
  MAP_STACK,
  MAP_TYPE,
  MAP_UNINITIALIZED,
  OVERCOMMIT_NEVER,
  RLIMIT_DATA,
  RLIMIT_MEMLOCK,
} from '@sbx/abi';
import { MEMORY_TMPFS } from '@sbx/platform';
import type { FileDescription } from '../vfs/file-description.js';
import {
  MAX_MAP_COUNT,
  MMAP_MIN_ADDR,
  PAGE_SIZE,
  pageDown,
  pageUp,
  TASK_SIZE,
  VM_ACCESS,
  VM_ACCOUNT,
  VM_DONTEXPAND,
  VM_EXEC,
  VM_GROWSDOWN,
  VM_LOCKED,
  VM_MAYEXEC,
  VM_MAYREAD,
  VM_MAYSHARE,
  VM_MAYWRITE,
  VM_NORESERVE,
  VM_SHARED,
} from './constants.js';
import { bringAhead } from './fault.js';
import { type Mappable, ZERO_MAPPING } from './mappable.js';
import { insert, isAccountable, mappedPages, mayExpand, mayLockFuture, populate, populateVma, unmap } from './mapping.js';
import type { MemoryManager } from './memory-manager.js';
import { SharedMemory } from './shared-memory.js';
import { Vma, VmaSet } from './vma.js';

/** x86: put it into the first 2 GiB. */
const MAP_32BIT = 0x40;
const LOW_2G_START = 0x40000000;
const LOW_2G_END = 0x80000000;
/** The flags that MAP_SHARED_VALIDATE accepts. */
const KNOWN_FLAGS =
  MAP_SHARED |
  MAP_PRIVATE |
  MAP_FIXED |
  MAP_ANONYMOUS |
  MAP_DENYWRITE |
  MAP_EXECUTABLE |
  MAP_UNINITIALIZED |
  MAP_GROWSDOWN |
  MAP_LOCKED |
  MAP_NORESERVE |
  MAP_POPULATE |
  MAP_NONBLOCK |
  MAP_STACK |
  MAP_HUGETLB |
  MAP_32BIT |
  MAP_HUGE_2MB |
  MAP_HUGE_1GB;
/** A heap that grows by no more than this gets its pages at once: malloc is about to use them. */
const HEAP_AHEAD = 256 * 1024;

/** What mmap(2) asks for. */
export interface MapRequest {
  /** Hint or address; negative: one that no program can have. */
  addr: number;
  /** Bytes. */
  length: number;
  prot: number;
  flags: number;
  /** The file (a reference is taken), or null for anonymous memory. */
  file: FileDescription | null;
  /** What the file maps, or -errno if it can't be (ENODEV). Ignored without a file. */
  mappable: Mappable | number;
  /** Without a file: an object to map with MAP_SHARED (a SysV segment); else null or absent. */
  object?: Mappable | null;
  /** That object may not be written to, now or later (SHM_RDONLY). */
  objectReadOnly?: boolean;
  /** Page-aligned byte offset in the file or object. */
  offset: number;
  /** The file is on a mount without exec. */
  noExec: boolean;
  /** The caller has CAP_SYS_RAWIO: may map below mmap_min_addr. */
  rawIo: boolean;
}

/** mmap(2): the address, or -errno; brings nothing in (see `populateLength`). The checks are in Linux's order (mm/mmap.c, do_mmap and mmap_region). */
export function map(mm: MemoryManager, request: MapRequest): number {
  const { file, prot } = request;
  let { flags } = request;
  if (request.length === 0) return -EINVAL;
  if ((flags & MAP_FIXED_NOREPLACE) !== 0) flags |= MAP_FIXED;
  const length = request.length < 0 ? Number.POSITIVE_INFINITY : pageUp(request.length);
  if (!(length <= 2 ** 53)) return -ENOMEM;
  if (mm.vmas.length > MAX_MAP_COUNT) return -ENOMEM;
  const addr = chooseAddress(mm, request.addr, length, flags, request.rawIo);
  if (addr < 0) return addr;
  if ((flags & MAP_FIXED_NOREPLACE) !== 0 && mm.vmas.intersects(addr, addr + length)) return -EEXIST;

  let vmFlags = (prot & VM_ACCESS) | mm.defaultFlags | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC;
  if ((flags & MAP_GROWSDOWN) !== 0) vmFlags |= VM_GROWSDOWN;
  if ((flags & MAP_LOCKED) !== 0) vmFlags |= VM_LOCKED;
  if (mm.readImpliesExec && (prot & 1) !== 0 && !(file !== null && request.noExec)) vmFlags |= VM_EXEC;
  if ((flags & MAP_LOCKED) !== 0 && !mm.mayLockAny && mm.limits.soft[RLIMIT_MEMLOCK] === 0) return -EPERM;
  if (!mayLockFuture(mm, vmFlags, length)) return -EAGAIN;

  const type = flags & MAP_TYPE;
  let mappable: Mappable | null = null;
  if (file !== null) {
    if (request.offset + length >= 2 ** 63) return -EOVERFLOW;
    if (type === MAP_SHARED_VALIDATE || type === MAP_SHARED) {
      if (type === MAP_SHARED_VALIDATE && (flags & ~MAP_TYPE & ~KNOWN_FLAGS) !== 0) return -EOPNOTSUPP;
      if ((prot & 2) !== 0 && !file.writable) return -EACCES;
      vmFlags |= VM_SHARED | VM_MAYSHARE;
      if (!file.writable) vmFlags &= ~(VM_MAYWRITE | VM_SHARED);
    } else if (type !== MAP_PRIVATE) return -EINVAL;
    if (!file.readable) return -EACCES;
    if (request.noExec) {
      if ((vmFlags & VM_EXEC) !== 0) return -EPERM;
      vmFlags &= ~VM_MAYEXEC;
    }
    if (request.mappable === -ENODEV) return -ENODEV;
    if ((vmFlags & VM_GROWSDOWN) !== 0) return -EINVAL;
    if (typeof request.mappable === 'number') return request.mappable;
    mappable = request.mappable;
    if (mappable.fixedSize === true) vmFlags |= VM_DONTEXPAND;
  } else if (type === MAP_SHARED) {
    if ((vmFlags & VM_GROWSDOWN) !== 0) return -EINVAL;
    vmFlags |= VM_SHARED | VM_MAYSHARE;
    mappable = request.object ?? null;
    if (request.objectReadOnly === true) vmFlags &= ~(VM_MAYWRITE | VM_SHARED);
  } else if (type !== MAP_PRIVATE) return -EINVAL;
  if ((flags & MAP_NORESERVE) !== 0 && mm.commit.mode !== OVERCOMMIT_NEVER) vmFlags |= VM_NORESERVE;

  const vma = new Vma(addr, addr + length, vmFlags);
  vma.file = file;
  vma.mappable = mappable === ZERO_MAPPING ? null : mappable;
  if (mappable !== null && mappable !== ZERO_MAPPING) vma.offset = request.offset;
  vma.copyAtOnce = (flags & MAP_DENYWRITE) !== 0 && mappable !== null && type === MAP_PRIVATE && (prot & 2) !== 0;
  const result = place(mm, vma);
  if (result < 0) return result;
  populateLength = (vmFlags & VM_LOCKED) !== 0 || (flags & (MAP_POPULATE | MAP_NONBLOCK)) === MAP_POPULATE ? length : 0;
  return addr;
}

/** After `map`: how many bytes from the address on are to be brought in (MAP_POPULATE, MAP_LOCKED). The caller does it, or not. */
export let populateLength = 0;

/** A new mapping of an object up to this size is probably used as a whole. */
const SMALL_MAPPING = 64 * PAGE_SIZE;

/**
 * After `map`, where nothing is to be brought in: installs what is likely to be used soon and costs little. Not of what mincore(2) shows: anonymous memory is brought in only
 * where a dynamic linker puts it over a part of a library.
 */
export function mapAhead(mm: MemoryManager, addr: number, request: MapRequest): void {
  const vma = mm.vmas.find(addr)!;
  const end = addr + pageUp(request.length);
  const fixed = (request.flags & MAP_FIXED) !== 0;
  // Dynamic linkers map a whole library first, and then put its parts over that.
  const wanted = vma.mappable === null ? fixed : fixed || ((request.flags & MAP_DENYWRITE) === 0 && end - addr <= SMALL_MAPPING);
  if (wanted) bringAhead(mm, vma, addr, end);
}

/**
 * Puts a new mapping into the set, in place of what is there. For anonymous shared memory the object is made here. Takes the VMA's references. 0 or
 * -ENOMEM.
 */
export function place(mm: MemoryManager, vma: Vma): number {
  const { start, end } = vma;
  const pages = (end - start) / PAGE_SIZE;
  if (!mayExpand(mm, vma.flags, pages) && !mayExpand(mm, vma.flags, pages - mappedPages(mm, start, end))) return -ENOMEM;
  if (mm.vmas.intersects(start, end)) {
    const result = unmap(mm, start, end - start);
    if (result < 0) return -ENOMEM;
  }
  if (isAccountable(vma.flags)) {
    if (!mm.charge(pages)) return -ENOMEM;
    vma.flags |= VM_ACCOUNT;
  }
  if (vma.mappable === null && (vma.flags & VM_MAYSHARE) !== 0) {
    vma.mappable = new SharedMemory(mm.memory, end - start, MEMORY_TMPFS);
    vma.offset = 0;
  }
  insert(mm, vma);
  return 0;
}

/** Where a mapping of `length` bytes goes: the address, or -ENOMEM, -EINVAL, -EPERM (Linux's get_unmapped_area). */
export function chooseAddress(mm: MemoryManager, addr: number, length: number, flags: number, rawIo: boolean): number {
  const { start, end, mmapBase, topDown } = mm.layout;
  if (length > end) return -ENOMEM;
  if ((flags & MAP_FIXED) !== 0) {
    if (addr < 0 || addr > end - length) return -ENOMEM;
    if (addr % PAGE_SIZE !== 0) return -EINVAL;
    return addr < start || (addr < MMAP_MIN_ADDR && !rawIo) ? -EPERM : addr;
  }
  const low = (flags & MAP_32BIT) !== 0;
  if (addr > 0) {
    const hint = Math.max(pageDown(addr), MMAP_MIN_ADDR);
    if (hint <= (low ? LOW_2G_END : end) - length) {
      const index = mm.vmas.indexAfter(hint);
      const next = mm.vmas.list[index];
      if (next === undefined || hint + length <= Math.min(VmaSet.startWithGap(next), next.start)) return hint;
    }
  }
  if (low) {
    const found = mm.vmas.findGapUp(length, LOW_2G_START, LOW_2G_END);
    return found < 0 ? -ENOMEM : found;
  }
  if (topDown) {
    const found = mm.vmas.findGapDown(length, MMAP_MIN_ADDR, mmapBase);
    if (found >= 0) return found;
  }
  const found = mm.vmas.findGapUp(length, topDown ? pageUp(TASK_SIZE / 3) : mmapBase, end);
  return found < 0 ? -ENOMEM : found;
}

/** brk(2): the new end of the heap, or the old one when it can't be had. */
export function setBrk(mm: MemoryManager, brk: number): number {
  const { layout } = mm;
  if (brk < layout.startBrk) return layout.brk;
  if (brk - layout.startBrk + (layout.endData - layout.startData) > mm.limits.soft[RLIMIT_DATA]) return layout.brk;
  const oldEnd = pageUp(layout.brk);
  const newEnd = pageUp(brk);
  if (newEnd === oldEnd) {
    layout.brk = brk;
    return brk;
  }
  if (newEnd < oldEnd) {
    layout.brk = brk;
    unmap(mm, newEnd, oldEnd - newEnd);
    return brk;
  }
  if (newEnd > layout.end) return layout.brk;
  const next = mm.vmas.findAfter(oldEnd);
  if (next !== null && newEnd + PAGE_SIZE > VmaSet.startWithGap(next)) return layout.brk;
  let flags = 3 | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | VM_ACCOUNT | mm.defaultFlags;
  if (mm.readImpliesExec) flags |= VM_EXEC;
  const pages = (newEnd - oldEnd) / PAGE_SIZE;
  if (!mayLockFuture(mm, flags, newEnd - oldEnd) || !mayExpand(mm, flags, pages) || mm.vmas.length > MAX_MAP_COUNT || !mm.charge(pages))
    return layout.brk;
  insert(mm, new Vma(oldEnd, newEnd, flags));
  layout.brk = brk;
  if ((flags & VM_LOCKED) !== 0) populate(mm, oldEnd, newEnd);
  else if (newEnd - oldEnd <= HEAP_AHEAD) populateVma(mm, mm.vmas.find(oldEnd)!, oldEnd, newEnd, true);
  return brk;
}
