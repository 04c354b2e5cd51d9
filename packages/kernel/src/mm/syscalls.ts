import {
  CAP_IPC_LOCK,
  CAP_SYS_ADMIN,
  CAP_SYS_RAWIO,
  EBADF,
  EFAULT,
  EINTR,
  EINVAL,
  ENOMEM,
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_HUGE_MASK,
  MAP_HUGE_SHIFT,
  MAP_HUGETLB,
  MAP_NONBLOCK,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_TYPE,
  MS_ASYNC,
  MS_INVALIDATE,
  MS_SYNC,
} from '@sbx/abi';
import type { ContextPage } from '@sbx/platform';
import { full, partial, type SyscallEntry } from '../syscalls/entry.js';
import type { Task } from '../task/task.js';
import type { FileDescription } from '../vfs/file-description.js';
import { type Blocking, INTERRUPTED, type SyscallResult } from '../wait/blocking.js';
import { advise, populateRange, sync } from './advise.js';
import { PAGE_SIZE, pageDown, pageUp, TASK_SIZE, VM_ACCESS, VM_LOCKED, VM_SHARED } from './constants.js';
import { lock, lockAll, populated, unlock, unlockAll } from './lock.js';
import type { Mappable } from './mappable.js';
import { populate, unmap } from './mapping.js';
import type { MemoryManager } from './memory-manager.js';
import { type MapRequest, map, mapAhead, populateLength, setBrk } from './mmap.js';
import { remap } from './mremap.js';
import { protect } from './protect.js';

/** The one request in use at a time. */
const request: MapRequest = {
  addr: 0,
  length: 0,
  prot: 0,
  flags: 0,
  file: null,
  mappable: 0,
  object: null,
  offset: 0,
  noExec: false,
  rawIo: false,
};
/** Answer of mincore for a block of pages. */
const residency = new Uint8Array(PAGE_SIZE);

/** The memory manager of `task`, with the limits and rights of the caller. */
export function callerMemory(task: Task): MemoryManager {
  const { mm } = task;
  mm.limits = task.threadGroup.limits;
  mm.mayLockAny = task.credentials.capable(CAP_IPC_LOCK);
  return mm;
}

function sysMmap(task: Task, args: ContextPage): SyscallResult {
  const flags = args.argInt32(3);
  if ((args.argUint32(5) & 0xfff) !== 0) return -EINVAL;
  const mm = callerMemory(task);
  request.addr = args.argAddress(0);
  request.length = args.argSize(1);
  request.prot = args.argInt32(2);
  request.flags = flags;
  request.file = null;
  request.noExec = false;
  request.rawIo = task.credentials.capable(CAP_SYS_RAWIO);
  // A multiple of the page size below 2^64 is exact as a number.
  request.offset = args.argHigh(5) * 2 ** 32 + args.argUint32(5);
  if ((flags & MAP_ANONYMOUS) !== 0) {
    if ((flags & MAP_HUGETLB) !== 0) return hugePages(flags, request.length);
    return bringInMapping(task, map(mm, request));
  }
  const file = task.files.getReal(args.argInt32(4));
  if (file === null) return -EBADF;
  if ((flags & MAP_HUGETLB) !== 0) return -EINVAL;
  request.file = file;
  request.noExec = file.mount?.noExec ?? false;
  // Refusals that depend on the file's access mode come first: see `map`.
  request.mappable = file.readable ? mappableOf(task, file) : 0;
  const result = bringInMapping(task, map(mm, request));
  request.file = null;
  request.mappable = 0;
  return result;
}

/** After `map` has made the request's mapping at `addr` (or failed): brings in what was asked for, or else what will be used soon. */
function bringInMapping(task: Task, addr: number): SyscallResult {
  if (addr < 0) return addr;
  if (populateLength > 0) return fillMapping(task, addr, populateLength);
  mapAhead(task.mm, addr, request);
  return addr;
}

/** What the request maps of a file, or -errno. */
function mappableOf(task: Task, file: FileDescription): Mappable | number {
  const { prot, flags, offset, length } = request;
  return file.mappable(task, prot & VM_ACCESS, (flags & MAP_TYPE) !== MAP_PRIVATE, offset, pageUp(length));
}

/** Bytes that are brought in before others get their turn. */
const PIECE = 16 * 2 ** 20;

/**
 * Brings pages in, piece by piece: `fill` gets each piece in turn; 0 lets it go on, anything else is the end. A fatal signal ends it too. Returns `done` when
 * all went well, else what `fill` said.
 */
function inPieces(task: Task, start: number, end: number, done: number, fill: (from: number, to: number) => number): SyscallResult {
  if (end - start > PIECE) return morePieces(task, start, end, done, fill);
  const result = fill(start, end);
  return result === 0 ? done : result;
}
function* morePieces(task: Task, start: number, end: number, done: number, fill: (from: number, to: number) => number): Blocking {
  for (let at = start; at < end; at += PIECE) {
    const result = fill(at, Math.min(at + PIECE, end));
    if (result !== 0) return result;
    task.wait.until(task.kernel.clock.monotonic());
    task.wait.interruptible = false;
    if ((yield) === INTERRUPTED) return -EINTR;
  }
  return done;
}

/** MAP_POPULATE and MAP_LOCKED: failing to bring pages in does not make the mapping fail. */
function fillMapping(task: Task, addr: number, length: number): SyscallResult {
  const { mm } = task;
  return inPieces(task, addr, addr + length, addr, (from, to) => (populate(mm, from, to) === 0 ? 0 : addr));
}

/** There are no huge pages in any pool: -ENOMEM for the sizes that x86-64 has, -EINVAL for others. */
function hugePages(flags: number, length: number): number {
  const size = (flags >>> MAP_HUGE_SHIFT) & MAP_HUGE_MASK;
  if (size !== 0 && size !== 21 && size !== 30) return -EINVAL;
  return length === 0 ? -EINVAL : -ENOMEM;
}

function sysMunmap(task: Task, args: ContextPage): number {
  return unmap(task.mm, args.argAddress(0), args.argSize(1));
}

function sysMprotect(task: Task, args: ContextPage): number {
  if ((args.argUint32(0) & 0xfff) !== 0) return -EINVAL;
  return protect(callerMemory(task), args.argAddress(0), args.argSize(1), args.argInt32(2));
}

/** Protection keys need a CPU that has them; none was ever allocated, so only -1 ("no key") is valid. */
function sysPkeyMprotect(task: Task, args: ContextPage): number {
  if (args.argInt32(3) !== -1) return (args.argUint32(0) & 0xfff) === 0 && args.argSize(1) === 0 ? 0 : -EINVAL;
  return sysMprotect(task, args);
}

function sysMremap(task: Task, args: ContextPage): number {
  if ((args.argUint32(0) & 0xfff) !== 0) return -EINVAL;
  const flags = args.argHigh(3) !== 0 ? -1 : args.argInt32(3);
  return remap(callerMemory(task), args.argAddress(0), args.argSize(1), args.argSize(2), flags, args.argAddress(4));
}

function sysBrk(task: Task, args: ContextPage): number {
  return setBrk(callerMemory(task), args.argAddress(0));
}

function sysMadvise(task: Task, args: ContextPage): SyscallResult {
  const mm = callerMemory(task);
  const start = args.argAddress(0);
  const length = args.argSize(1);
  const advice = args.argInt32(2);
  const result = advise(mm, start, length, advice, task.credentials.capable(CAP_SYS_ADMIN));
  if (result < 0 || (advice !== MADV_POPULATE_READ && advice !== MADV_POPULATE_WRITE)) return result;
  return inPieces(task, start, start + pageUp(length), 0, (from, to) => populateRange(mm, from, to, advice === MADV_POPULATE_WRITE));
}

function sysMsync(task: Task, args: ContextPage): number {
  const flags = args.argInt32(2);
  const start = args.argAddress(0);
  const length = args.argSize(1);
  if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) !== 0 || (args.argUint32(0) & 0xfff) !== 0) return -EINVAL;
  if ((flags & MS_ASYNC) !== 0 && (flags & MS_SYNC) !== 0) return -EINVAL;
  if (length === 0) return 0;
  if (start < 0 || length < 0) return -ENOMEM;
  return sync(task.mm, start, start + pageUp(length), (flags & MS_INVALIDATE) !== 0, (flags & MS_SYNC) !== 0);
}

function sysMincore(task: Task, args: ContextPage): number {
  const start = args.argAddress(0);
  const length = args.argSize(1);
  const vector = args.argAddress(2);
  if ((args.argUint32(0) & 0xfff) !== 0) return -EINVAL;
  if (start < 0 || length < 0 || length > TASK_SIZE - start) return -ENOMEM;
  const pages = pageUp(length) / PAGE_SIZE;
  if (vector < 0 || vector + pages > TASK_SIZE) return -EFAULT;
  const { mm } = task;
  for (let done = 0; done < pages; ) {
    const at = start + done * PAGE_SIZE;
    const vma = mm.vmas.find(at);
    if (vma === null) return -ENOMEM;
    const count = Math.min(pages - done, residency.length, (vma.end - at) / PAGE_SIZE);
    for (let i = 0; i < count; i++) {
      const addr = at + i * PAGE_SIZE;
      const present = mm.pages.stateAt(addr) !== 0 || (vma.mappable?.isResident?.(vma.offsetOf(addr)) ?? false);
      residency[i] = present ? 1 : 0;
    }
    if (mm.copyOut(vector + done, residency, count) !== count) return -EFAULT;
    done += count;
  }
  return 0;
}

function sysMlock(task: Task, args: ContextPage): SyscallResult {
  return lockRange(task, args, 0);
}
function sysMlock2(task: Task, args: ContextPage): SyscallResult {
  return lockRange(task, args, args.argInt32(2));
}
function lockRange(task: Task, args: ContextPage, flags: number): SyscallResult {
  const mm = callerMemory(task);
  const addr = args.argAddress(0);
  const size = args.argSize(1);
  const result = lock(mm, addr, size, flags);
  if (result < 0 || size === 0) return result;
  return inPieces(task, pageDown(addr), pageUp(addr + size), 0, (from, to) => populated(populate(mm, from, to)));
}
function sysMunlock(task: Task, args: ContextPage): number {
  return unlock(callerMemory(task), args.argAddress(0), args.argSize(1));
}
function sysMlockall(task: Task, args: ContextPage): number {
  return lockAll(callerMemory(task), args.argInt32(0));
}
function sysMunlockall(task: Task): number {
  return unlockAll(callerMemory(task));
}

/** remap_file_pages(2): since Linux 4.0 a mapping of other pages of the same object in place. */
function sysRemapFilePages(task: Task, args: ContextPage): number {
  const addr = args.argAddress(0);
  const size = args.argSize(1);
  const offset = args.argSize(3) * PAGE_SIZE;
  if (args.argUint32(2) !== 0 || addr < 0 || size < 0) return -EINVAL;
  const start = pageDown(addr);
  const length = pageDown(size);
  if (length === 0 || offset < 0 || offset + length > 2 ** 63) return -EINVAL;
  const mm = callerMemory(task);
  const vma = mm.vmas.find(start);
  if (vma === null || (vma.flags & VM_SHARED) === 0 || vma.mappable === null) return -EINVAL;
  const { file, mappable } = vma;
  for (let at = vma.end; at < start + length; ) {
    const next = mm.vmas.find(at);
    if (next === null || next.file !== file || next.mappable !== mappable || next.flags !== vma.flags) return -EINVAL;
    at = next.end;
  }
  request.addr = start;
  request.length = length;
  request.prot = vma.flags & VM_ACCESS;
  request.flags = (args.argInt32(4) & MAP_NONBLOCK) | MAP_SHARED | MAP_FIXED | MAP_POPULATE;
  if ((vma.flags & VM_LOCKED) !== 0) request.flags |= 0x2000;
  request.file = file;
  request.mappable = mappable;
  // Anonymous shared memory has no file.
  request.object = mappable;
  request.offset = offset;
  request.noExec = false;
  const result = map(mm, request);
  request.file = null;
  request.mappable = 0;
  request.object = null;
  if (result >= 0) populate(mm, start, start + length);
  return result < 0 ? result : 0;
}

export const mmSyscalls: readonly SyscallEntry[] = [
  partial('mmap', sysMmap, 'MAP_HUGETLB finds no huge pages (ENOMEM); MAP_SYNC is refused as by file systems without DAX'),
  full('munmap', sysMunmap),
  full('mprotect', sysMprotect),
  full('pkey_mprotect', sysPkeyMprotect),
  full('mremap', sysMremap),
  full('brk', sysBrk),
  partial('madvise', sysMadvise, 'MADV_COLLAPSE finds no huge page (EAGAIN); memory errors cannot be injected'),
  full('msync', sysMsync),
  partial('mincore', sysMincore, 'pages brought in by fault-around count as present'),
  full('mlock', sysMlock),
  full('mlock2', sysMlock2),
  full('munlock', sysMunlock),
  full('mlockall', sysMlockall),
  full('munlockall', sysMunlockall),
  full('remap_file_pages', sysRemapFilePages),
];
