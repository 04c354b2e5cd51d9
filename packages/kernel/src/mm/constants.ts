export const PAGE_SIZE = 4096;
export const PAGE_SHIFT = 12;

/** End of the address range of programs (exclusive): 2^47 less the guard page that Linux keeps there. */
export const TASK_SIZE = 2 ** 47 - PAGE_SIZE;
/** vm.mmap_min_addr: nothing is mapped below without CAP_SYS_RAWIO. */
export const MMAP_MIN_ADDR = 65536;
/** vm.max_map_count. */
export const MAX_MAP_COUNT = 65530;
/** Bytes kept free below a mapping that grows down (stack_guard_gap: 256 pages). */
export const STACK_GUARD_GAP = 256 * PAGE_SIZE;

/** Flags of a VMA, with the values of Linux (include/linux/mm.h), so that VmFlags and merging decisions look the same. */
export const VM_READ = 0x1;
export const VM_WRITE = 0x2;
export const VM_EXEC = 0x4;
/** Stores reach the object and its other mappings. Absent from a MAP_SHARED mapping of a file that is not open for writing. */
export const VM_SHARED = 0x8;
/** What mprotect may still permit. */
export const VM_MAYREAD = 0x10;
export const VM_MAYWRITE = 0x20;
export const VM_MAYEXEC = 0x40;
/** Made by MAP_SHARED. */
export const VM_MAYSHARE = 0x80;
export const VM_GROWSDOWN = 0x100;
export const VM_LOCKED = 0x2000;
export const VM_IO = 0x4000;
export const VM_SEQ_READ = 0x8000;
export const VM_RAND_READ = 0x10000;
/** Not inherited by fork (MADV_DONTFORK). */
export const VM_DONTCOPY = 0x20000;
/** mremap cannot grow it. */
export const VM_DONTEXPAND = 0x40000;
export const VM_LOCKONFAULT = 0x80000;
/** Its pages are charged to the commit limit. */
export const VM_ACCOUNT = 0x100000;
export const VM_NORESERVE = 0x200000;
export const VM_WIPEONFORK = 0x2000000;
export const VM_DONTDUMP = 0x4000000;
export const VM_HUGEPAGE = 0x20000000;
export const VM_NOHUGEPAGE = 0x40000000;
export const VM_MERGEABLE = -0x80000000;

/** VM_READ | VM_WRITE | VM_EXEC: same values as PROT_* and ACCESS_*. */
export const VM_ACCESS = 7;

/** How `handleFault` ended. */
export const FAULT_OK = 0;
/** SIGSEGV, SEGV_MAPERR: nothing is mapped there. */
export const FAULT_MAPERR = 1;
/** SIGSEGV, SEGV_ACCERR: the mapping does not permit the access. */
export const FAULT_ACCERR = 2;
/** SIGBUS, BUS_ADRERR: past the end of the object, or it could not be read. */
export const FAULT_BUS = 3;
/** Application memory is exhausted: the kernel must kill somebody (the OOM killer's case). */
export const FAULT_OUT_OF_MEMORY = 4;
export type FaultResult = 0 | 1 | 2 | 3 | 4;

/** Rounds down, up to a multiple of the page size; exact for all numbers below 2^53. */
export function pageDown(addr: number): number {
  return Math.floor(addr / PAGE_SIZE) * PAGE_SIZE;
}
export function pageUp(addr: number): number {
  return Math.ceil(addr / PAGE_SIZE) * PAGE_SIZE;
}
/** The offset within its page: a mask of the low bits is exact for any integer below 2^53 (ToInt32 keeps the low 32 bits). */
export function inPage(addr: number): number {
  return addr & 0xfff;
}
