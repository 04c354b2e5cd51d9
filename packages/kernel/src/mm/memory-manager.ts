import { EFAULT, EINVAL, ENAMETOOLONG, ENOMEM, type GuestMemory, RLIMIT_MEMLOCK } from '@sbx/abi';
import { ACCESS_EXECUTE, ACCESS_READ, ACCESS_WRITE, type AddressSpace, type Memory, type Platform } from '@sbx/platform';
import type { FutexQueue } from '../futex/futex-queue.js';
import type { AddressTranslator } from '../io/io-buffer.js';
import type { FileDescription } from '../vfs/file-description.js';
import { CommitAccount } from './commit-account.js';
import {
  FAULT_OUT_OF_MEMORY,
  type FaultResult,
  PAGE_SIZE,
  TASK_SIZE,
  VM_ACCOUNT,
  VM_DONTCOPY,
  VM_LOCKED,
  VM_LOCKONFAULT,
  VM_WIPEONFORK,
} from './constants.js';
import { bringIn, growStack, handleFault, permits, permitsForced } from './fault.js';
import { AddressLayout } from './layout.js';
import type { Mappable } from './mappable.js';
import type { MappedObject } from './mapped-object.js';
import { account, releaseAll, retain } from './mapping.js';
import { MemoryViews } from './memory-views.js';
import { PAGE_LAZY_FREE, PAGE_WRITABLE, PageMap } from './page-map.js';
import { copyPages, forgetInstalled, installPages, sharePages } from './pages.js';
import { addSpace, removeSpace } from './reclaim.js';
import { type Vma, VmaSet } from './vma.js';

/** What the memory manager needs of the kernel. */
export interface MemoryKernel {
  readonly platform: Platform;
  readonly memory: Memory;
  /** `memory`: bytes that the sandbox may use. */
  readonly limits: { readonly memory: number };
  random(bytes: Uint8Array): void;
  /** No page can be had: whoever uses `mm`, the caller or the largest program, must be killed. */
  memoryExhausted?(mm: MemoryManager): void;
}

const NO_LIMITS = { soft: new Float64Array(16).fill(Number.POSITIVE_INFINITY) };

/** Up to so many pages of a program's own are copied at fork. */
const FEW_PAGES = 256;
/** Up to so many present pages are all installed in an address space that is new. */
const INSTALLED_AT_ONCE = 2048;

/** Entries of the software translation cache; a power of two. */
const TLB_SIZE = 64;
/** Pages that one entry of it covers at most. */
const TLB_RUN = 64;
/** Below this a loop over bytes is faster than making a view. */
const SMALL_COPY = 64;

let lastId = 0;

/**
 * An address space of programs (mm_struct): mappings, pages, and their translations in the platform's `AddressSpace`. Shared by tasks (CLONE_VM), counted by
 * `incRef` and `decRef`. See README.md.
 *
 * Addresses are numbers; a negative one (BAD_ADDRESS) and one at or above TASK_SIZE fault. Nothing here blocks or throws for what a program does.
 */
export class MemoryManager implements AddressTranslator, GuestMemory {
  readonly memory: Memory;
  readonly vmas = new VmaSet();
  readonly pages = new PageMap();
  readonly views: MemoryViews;
  readonly commit: CommitAccount;
  /** Identity for futex keys and reports; never reused. */
  readonly id = ++lastId;
  /** Where things are put: mmap base, heap, stack, arguments. */
  readonly layout: AddressLayout;
  /** Objects that are mapped, each once. */
  readonly objects = new Map<Mappable, MappedObject>();
  /** Futexes of this address space alone that have waiters, by address (futex/futex-queue.ts). */
  readonly futexes = new Map<number, FutexQueue>();
  /** The soft limits that apply: whoever makes the space sets them to the process's. */
  limits: { readonly soft: Float64Array } = NO_LIMITS;
  /** VM_LOCKED and VM_LOCKONFAULT that new mappings get (mlockall(MCL_FUTURE)). */
  defaultFlags = 0;
  /** The executable (/proc/PID/exe), holding a reference; or null. */
  executable: FileDescription | null = null;
  /** The auxiliary vector as it was put on the stack. */
  auxv: Uint8Array = new Uint8Array(0);
  /** Whether core dumps and ptrace by the same user are permitted (PR_SET_DUMPABLE): 0, 1, 2. */
  dumpable = 1;
  /** PR_SET_THP_DISABLE: kept and reported. */
  hugePagesDisabled = false;
  /** Whether the caller of the current system call has CAP_IPC_LOCK: set with `limits`. */
  mayLockAny = false;
  /** Personality READ_IMPLIES_EXEC of the program: what may be read may be executed. */
  readImpliesExec = false;
  /** The OOM reaper took its pages: whoever uses it is being killed. For mm/. */
  reaped = false;
  /** Commands registered by membarrier(2). */
  membarrier = 0;

  /** Pages of all mappings; of those with data, stack, code (VmSize, VmData, VmStk, VmExe+VmLib); locked (VmLck); present; the most that were present. */
  totalPages = 0;
  dataPages = 0;
  stackPages = 0;
  execPages = 0;
  lockedPages = 0;
  rssAnonymous = 0;
  rssFile = 0;
  highWaterPages = 0;
  highWaterTotal = 0;
  /** Page faults served for the program: with nothing to read (minor). */
  faults = 0;

  /** After `resolve`: how many bytes are contiguous from there. */
  resolvedLength = 0;
  /** The platform's address space, or null while there is none. For mm/. */
  hardware: AddressSpace | null = null;
  /** Since when (CLOCK_MONOTONIC, ns), if it was taken from others. */
  hardwareSince = 0;

  #references = 1;
  #waiting: Promise<void> | null = null;
  readonly #kernel: MemoryKernel;
  readonly #tlbPage = new Float64Array(TLB_SIZE).fill(Number.NaN);
  readonly #tlbOffset = new Float64Array(TLB_SIZE);
  readonly #tlbLength = new Float64Array(TLB_SIZE);
  readonly #tlbAccess = new Uint8Array(TLB_SIZE);
  #tlbUsed = false;
  #claimed = false;

  private constructor(kernel: MemoryKernel, layout: AddressLayout) {
    this.#kernel = kernel;
    this.memory = kernel.memory;
    this.views = MemoryViews.of(kernel.memory);
    this.commit = CommitAccount.of(kernel.memory, kernel.limits.memory);
    this.layout = layout;
    addSpace(this);
  }

  /** An empty address space with a fresh layout (execve; the loader fills it). */
  static create(kernel: MemoryKernel): MemoryManager | number {
    const layout = new AddressLayout(kernel.platform.minUserAddress, kernel.platform.maxUserAddress);
    layout.choose(kernel, 8 * 2 ** 20, true, false);
    const mm = new MemoryManager(kernel, layout);
    mm.addressSpace();
    return mm;
  }

  /**
   * A copy for a child process: the same mappings, private pages shared copy-on-write, or copied where there are few. The work is a loop over present pages. -ENOMEM
   * when the commit limit does not permit it. `limits` are taken over and may be replaced by the caller.
   */
  fork(): MemoryManager | number {
    const child = new MemoryManager(this.#kernel, this.layout.copy());
    child.limits = this.limits;
    child.auxv = this.auxv;
    child.dumpable = this.dumpable;
    child.readImpliesExec = this.readImpliesExec;
    child.membarrier = this.membarrier;
    if (this.executable !== null) child.setExecutable(this.executable);
    this.flushTranslations();
    const few = !this.shared && this.rssAnonymous <= FEW_PAGES;
    for (const vma of this.vmas.list) {
      if ((vma.flags & VM_DONTCOPY) !== 0) continue;
      const pages = (vma.end - vma.start) / PAGE_SIZE;
      if ((vma.flags & VM_ACCOUNT) !== 0 && !this.commit.charge(pages)) {
        child.decRef();
        return -ENOMEM;
      }
      const copy = vma.clone();
      copy.flags &= ~(VM_LOCKED | VM_LOCKONFAULT);
      child.vmas.list.push(copy);
      account(child, copy.flags, pages);
      retain(child, copy);
      if ((vma.flags & VM_WIPEONFORK) === 0) sharePages(this, child, vma, few && vma.isPrivate && copyPages(this, child, vma));
    }
    child.highWaterTotal = child.totalPages;
    child.highWaterPages = child.rssAnonymous + child.rssFile;
    child.addressSpace();
    return child;
  }

  /** Says which program runs here: takes a reference, and forbids writing to it. False (ETXTBSY) if it is open for writing. Called once. */
  setExecutable(file: FileDescription): boolean {
    if (file.inode !== null && file.inode.denyWrite() < 0) return false;
    file.incRef();
    this.executable = file;
    return true;
  }

  /** Whether other tasks use it too. */
  get shared(): boolean {
    return this.#references > 1;
  }
  get references(): number {
    return this.#references;
  }
  incRef(): void {
    this.#references++;
  }
  /** Drops a reference; with the last, everything is unmapped (stores to shared files are written back). No context may be running in it then. */
  decRef(): void {
    if (--this.#references > 0) return;
    this.releaseAddressSpace();
    releaseAll(this);
    this.executable?.inode?.allowWrite();
    this.executable?.decRef();
    this.executable = null;
    removeSpace(this);
  }

  /** A program's mapping is at `[start, end)`: a place that the platform uses for itself where programs do not need it is the program's from now on. */
  claim(start: number, end: number): void {
    const { ownRange } = this.#kernel.platform;
    if (ownRange === undefined || this.#claimed || start >= ownRange.end || end <= ownRange.start) return;
    this.#claimed = true;
    this.hardware?.claim?.();
  }

  /** What contexts run in: null when the platform has none free now (then wait for `whenAddressSpace`). @hotpath */
  addressSpace(): AddressSpace | null {
    if (this.hardware !== null) return this.hardware;
    const { platform } = this.#kernel;
    const space = platform.newAddressSpace(null);
    if (space instanceof Promise) {
      this.#waiting = space;
      return null;
    }
    this.#waiting = null;
    this.hardware = space;
    if (this.#claimed) space.claim?.();
    return space;
  }
  /** Settles when `addressSpace` should be asked again. */
  whenAddressSpace(): Promise<void> {
    return this.#waiting ?? Promise.resolve();
  }
  /** Gives the platform's address space back, where they are scarce (or at the end); the next `addressSpace` gets another, in which all is faulted anew. */
  releaseAddressSpace(): void {
    if (this.hardware === null) return;
    this.hardware.release();
    this.hardware = null;
    forgetInstalled(this);
  }

  /** Serves a page fault of the program. @param access - ACCESS_* bits of the access. See fault.ts for the results. */
  handleFault(addr: number, access: number): FaultResult {
    this.faults++;
    return handleFault(this, addr, access);
  }

  /**
   * What a thread needs next in an address space that is new: its instruction and its stack are brought in, and where not too many pages are present, all are installed.
   * Without it each would be a fault. Nothing happens where one would be refused.
   */
  prefault(instruction: number, stack: number): void {
    for (const [addr, access] of [
      [instruction, ACCESS_EXECUTE],
      [stack, ACCESS_WRITE],
    ]) {
      const vma = addr < 0 ? null : this.vmas.find(addr);
      if (vma !== null && permits(vma, access)) bringIn(this, vma, addr, access, 1);
    }
    if (this.rssAnonymous + this.rssFile > INSTALLED_AT_ONCE) return;
    for (const vma of this.vmas.list) if (installPages(this, vma, vma.start, vma.end) < 0) return;
  }

  /** See AddressTranslator. @hotpath */
  resolve(addr: number, length: number, access: number): number {
    const page = Math.floor(addr / PAGE_SIZE);
    const slot = page & (TLB_SIZE - 1);
    if (this.#tlbPage[slot] !== page || (this.#tlbAccess[slot] & access) !== access) return this.#resolveSlow(addr, length, access, false);
    const within = addr - page * PAGE_SIZE;
    const run = this.#tlbLength[slot] - within;
    this.resolvedLength = length < run ? length : run;
    return this.#tlbOffset[slot] + within;
  }

  /** As `resolve`, with the rights of a debugger (ptrace, /proc/PID/mem): may read what the program can't, and store to private copies of its code. */
  resolveForced(addr: number, length: number, access: number): number {
    return this.#resolveSlow(addr, length, access, true);
  }

  #resolveSlow(addr: number, length: number, access: number, forced: boolean): number {
    if (!(addr >= 0 && addr < TASK_SIZE) || length <= 0) return -EFAULT;
    const vma = this.vmas.find(addr) ?? growStack(this, addr);
    if (vma === null || !(forced ? permitsForced(vma, access) : permits(vma, access))) return -EFAULT;
    let state = this.pages.stateAt(addr);
    if (state === 0 || (state & PAGE_LAZY_FREE) !== 0 || ((access & ACCESS_WRITE) !== 0 && (state & PAGE_WRITABLE) === 0)) {
      const result = bringIn(this, vma, addr, access, length);
      if (result === FAULT_OUT_OF_MEMORY) this.kill();
      if (result !== 0) return -EFAULT;
      state = this.pages.stateAt(addr);
    }
    const page = Math.floor(addr / PAGE_SIZE);
    const offset = this.pages.frameAt(addr) * PAGE_SIZE;
    const run = this.#contiguous(vma, page, offset, state, length) * PAGE_SIZE;
    if (!forced) {
      const slot = page & (TLB_SIZE - 1);
      this.#tlbPage[slot] = page;
      this.#tlbOffset[slot] = offset;
      this.#tlbLength[slot] = run;
      this.#tlbAccess[slot] = ACCESS_READ | ((state & PAGE_WRITABLE) !== 0 && permits(vma, ACCESS_WRITE) ? ACCESS_WRITE : 0);
      this.#tlbUsed = true;
    }
    const within = addr - page * PAGE_SIZE;
    this.resolvedLength = Math.min(length, run - within);
    return offset + within;
  }

  /** How many pages from `page` on, inside `vma`, follow each other in one chunk of memory and permit what the first does. */
  #contiguous(vma: Vma, page: number, offset: number, state: number, length: number): number {
    const chunk = this.memory.chunkSize;
    const inChunk = (chunk - (offset % chunk)) / PAGE_SIZE;
    const wanted = Math.max(Math.ceil(length / PAGE_SIZE) + 1, 16);
    const most = Math.min(inChunk, vma.end / PAGE_SIZE - page, TLB_RUN, wanted);
    const frame = offset / PAGE_SIZE;
    let n = 1;
    while (n < most) {
      const addr = (page + n) * PAGE_SIZE;
      const next = this.pages.stateAt(addr);
      if (next === 0 || ((next ^ state) & (PAGE_WRITABLE | PAGE_LAZY_FREE)) !== 0 || this.pages.frameAt(addr) !== frame + n) break;
      n++;
    }
    return n;
  }

  /** Forgets cached translations: after anything that removes or changes pages or permissions. */
  flushTranslations(): void {
    if (!this.#tlbUsed) return;
    this.#tlbPage.fill(Number.NaN);
    this.#tlbUsed = false;
  }

  /** Copies `length` bytes at `addr` to the head of `dst`; returns the bytes done, fewer at a fault. @hotpath */
  copyIn(addr: number, dst: Uint8Array, length: number): number {
    let done = 0;
    while (done < length) {
      const offset = this.resolve(addr + done, length - done, ACCESS_READ);
      if (offset < 0 || addr < 0) break;
      const n = this.resolvedLength;
      const bytes = this.views.bytes(offset);
      const at = this.views.within(offset);
      if (n <= SMALL_COPY) for (let i = 0; i < n; i++) dst[done + i] = bytes[at + i];
      else dst.set(bytes.subarray(at, at + n), done);
      done += n;
    }
    return done;
  }

  /** Copies the first `length` bytes of `src` to `addr`; returns the bytes done, fewer at a fault. @hotpath */
  copyOut(addr: number, src: Uint8Array, length: number): number {
    let done = 0;
    while (done < length) {
      const offset = this.resolve(addr + done, length - done, ACCESS_WRITE);
      if (offset < 0 || addr < 0) break;
      const n = this.resolvedLength;
      const bytes = this.views.bytes(offset);
      const at = this.views.within(offset);
      if (n <= SMALL_COPY) for (let i = 0; i < n; i++) bytes[at + i] = src[done + i];
      else bytes.set(done === 0 && n === src.length ? src : src.subarray(done, done + n), at);
      done += n;
    }
    return done;
  }

  /** As `copyIn`, with the rights of a debugger. */
  peek(addr: number, dst: Uint8Array, length: number): number {
    let done = 0;
    while (done < length) {
      const offset = this.resolveForced(addr + done, length - done, ACCESS_READ);
      if (offset < 0) break;
      const at = this.views.within(offset);
      dst.set(this.views.bytes(offset).subarray(at, at + this.resolvedLength), done);
      done += this.resolvedLength;
    }
    return done;
  }
  /** As `copyOut`, with the rights of a debugger: also to the program's code, which becomes a private copy. */
  poke(addr: number, src: Uint8Array, length: number): number {
    let done = 0;
    while (done < length) {
      const offset = this.resolveForced(addr + done, length - done, ACCESS_WRITE);
      if (offset < 0) break;
      this.views.bytes(offset).set(src.subarray(done, done + this.resolvedLength), this.views.within(offset));
      done += this.resolvedLength;
    }
    return done;
  }

  /** Clears `length` bytes at `addr`; returns the bytes done. */
  zeroOut(addr: number, length: number): number {
    let done = 0;
    while (done < length) {
      const offset = this.resolve(addr + done, length - done, ACCESS_WRITE);
      if (offset < 0 || addr < 0) break;
      const n = this.resolvedLength;
      const at = this.views.within(offset);
      this.views.bytes(offset).fill(0, at, at + n);
      done += n;
    }
    return done;
  }

  /** The NUL-terminated string at `addr` as a byte string; -EFAULT, or -ENAMETOOLONG if no NUL is among the first `max` bytes. */
  copyInString(addr: number, max: number): string | number {
    let result = '';
    let done = 0;
    while (done < max) {
      const offset = this.resolve(addr + done, Math.min(max - done, PAGE_SIZE), ACCESS_READ);
      if (offset < 0 || addr < 0) return -EFAULT;
      const bytes = this.views.bytes(offset);
      const at = this.views.within(offset);
      const n = this.resolvedLength;
      let i = 0;
      while (i < n && bytes[at + i] !== 0) i++;
      const piece = bytes.latin1Slice(at, at + i);
      result = done === 0 ? piece : result + piece;
      if (i < n) return result;
      done += n;
    }
    return -ENAMETOOLONG;
  }

  /** The 32-bit word at `addr` (any alignment), 0 to 2^32-1; or -EFAULT. @hotpath */
  readUint32(addr: number): number {
    if (addr < 0) return -EFAULT;
    const offset = this.resolve(addr, 4, ACCESS_READ);
    if (offset < 0) return -EFAULT;
    if ((offset & 3) === 0) return this.views.words(offset)[this.views.within(offset) >>> 2] >>> 0;
    if (this.copyIn(addr, scratch, 4) !== 4) return -EFAULT;
    return scratchWords[0];
  }
  /** Stores a 32-bit word: 0 or -EFAULT. @hotpath */
  writeUint32(addr: number, value: number): number {
    scratchWords[0] = value;
    return this.copyOut(addr, scratch, 4) === 4 ? 0 : -EFAULT;
  }
  /** The 64-bit word at `addr`: exact below 2^53, else the nearest number (which is then not below 2^53); or -EFAULT. @hotpath */
  readUint64(addr: number): number {
    if (this.copyIn(addr, scratch, 8) !== 8) return -EFAULT;
    return scratchWords[1] * 2 ** 32 + scratchWords[0];
  }
  /** Stores an integer within ±2^53 as 64 bits: 0 or -EFAULT. @hotpath */
  writeUint64(addr: number, value: number): number {
    const high = Math.floor(value / 2 ** 32);
    scratchWords[0] = value - high * 2 ** 32;
    scratchWords[1] = high;
    return this.copyOut(addr, scratch, 8) === 8 ? 0 : -EFAULT;
  }

  /**
   * Atomically stores `value` in the aligned 32-bit word at `addr` if it holds `old`, while other threads of the program run. Returns what it held (0 to
   * 2^32-1), -EFAULT, or -EINVAL if `addr` is not aligned. @hotpath
   */
  compareAndSwapUint32(addr: number, old: number, value: number): number {
    if (addr < 0) return -EFAULT;
    if ((addr & 3) !== 0) return -EINVAL;
    const offset = this.resolve(addr, 4, ACCESS_WRITE);
    if (offset < 0) return -EFAULT;
    return Atomics.compareExchange(this.views.words(offset), this.views.within(offset) >>> 2, old | 0, value | 0) >>> 0;
  }
  /** Atomically reads the aligned 32-bit word at `addr`; -EFAULT or -EINVAL as above. @hotpath */
  loadUint32(addr: number): number {
    if (addr < 0) return -EFAULT;
    if ((addr & 3) !== 0) return -EINVAL;
    const offset = this.resolve(addr, 4, ACCESS_READ);
    if (offset < 0) return -EFAULT;
    return Atomics.load(this.views.words(offset), this.views.within(offset) >>> 2) >>> 0;
  }

  /** Memory is exhausted, and whoever uses this has to go: it gets SIGKILL. False where nobody can be killed (there is no kernel). */
  kill(): boolean {
    if (this.#kernel.memoryExhausted === undefined) return false;
    this.#kernel.memoryExhausted(this);
    return true;
  }

  /** Claims `pages` for a private writable mapping. */
  charge(pages: number): boolean {
    return this.commit.charge(pages);
  }
  /** Whether RLIMIT_MEMLOCK permits `pages` more locked pages (CAP_IPC_LOCK is the caller's business). */
  mayLock(pages: number): boolean {
    return this.mayLockAny || (this.lockedPages + pages) * PAGE_SIZE <= this.limits.soft[RLIMIT_MEMLOCK];
  }
  /** Bytes present now (VmRSS). */
  get residentBytes(): number {
    return (this.rssAnonymous + this.rssFile) * PAGE_SIZE;
  }
}

const scratchWords = new Uint32Array(2);
const scratch = new Uint8Array(scratchWords.buffer);
