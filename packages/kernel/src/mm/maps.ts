import {
  VM_ACCOUNT,
  VM_DONTCOPY,
  VM_DONTDUMP,
  VM_DONTEXPAND,
  VM_EXEC,
  VM_GROWSDOWN,
  VM_HUGEPAGE,
  VM_IO,
  VM_LOCKED,
  VM_LOCKONFAULT,
  VM_MAYEXEC,
  VM_MAYREAD,
  VM_MAYSHARE,
  VM_MAYWRITE,
  VM_MERGEABLE,
  VM_NOHUGEPAGE,
  VM_NORESERVE,
  VM_RAND_READ,
  VM_READ,
  VM_SEQ_READ,
  VM_SHARED,
  VM_WIPEONFORK,
  VM_WRITE,
} from './constants.js';
import type { MemoryManager } from './memory-manager.js';
import { LEAF_BYTES, LEAF_PAGES, PAGE_ANONYMOUS } from './page-map.js';
import { SharedMemory } from './shared-memory.js';
import type { Vma } from './vma.js';

/* How mappings look in /proc/PID/maps and smaps (proc(5)). */

/** "rw-p": what is permitted, and `s` for MAP_SHARED. */
export function permissionText(vma: Vma): string {
  const { flags } = vma;
  return `${(flags & VM_READ) !== 0 ? 'r' : '-'}${(flags & VM_WRITE) !== 0 ? 'w' : '-'}${(flags & VM_EXEC) !== 0 ? 'x' : '-'}${(flags & VM_MAYSHARE) !== 0 ? 's' : 'p'}`;
}

/** The name in brackets that a mapping without a file has ("[heap]", "[stack]", "[vdso]", "[anon:…]"), or "". A mapped file's path is the caller's matter. */
export function mappingName(mm: MemoryManager, vma: Vma): string {
  const { layout } = mm;
  if (vma.special !== '') return vma.special;
  if (vma.mappable instanceof SharedMemory && vma.file === null)
    return vma.anonName === null ? '/dev/zero (deleted)' : `[anon_shmem:${vma.anonName}]`;
  if (vma.file !== null) return '';
  if (vma.start <= layout.brk && vma.end >= layout.startBrk) return '[heap]';
  if (vma.start <= layout.startStack && vma.end >= layout.startStack) return '[stack]';
  return vma.anonName === null ? '' : `[anon:${vma.anonName}]`;
}

/** What the offset column shows: bytes in the file, 0 for private anonymous memory. */
export function mappingOffset(vma: Vma): number {
  return vma.mappable === null ? 0 : vma.offset;
}

/** The inode number of anonymous shared memory (on device 00:01), 0 for anonymous memory, or -1: ask the file. */
export function mappingInode(vma: Vma): number {
  if (vma.file !== null) return -1;
  return vma.mappable instanceof SharedMemory ? vma.mappable.ino : 0;
}

/** Two letters for each flag, in the order in which the kernel prints them. */
const LETTERS: readonly (readonly [number, string])[] = [
  [VM_READ, 'rd'],
  [VM_WRITE, 'wr'],
  [VM_EXEC, 'ex'],
  [VM_SHARED, 'sh'],
  [VM_MAYREAD, 'mr'],
  [VM_MAYWRITE, 'mw'],
  [VM_MAYEXEC, 'me'],
  [VM_MAYSHARE, 'ms'],
  [VM_GROWSDOWN, 'gd'],
  [VM_LOCKED, 'lo'],
  [VM_IO, 'io'],
  [VM_SEQ_READ, 'sr'],
  [VM_RAND_READ, 'rr'],
  [VM_DONTCOPY, 'dc'],
  [VM_DONTEXPAND, 'de'],
  [VM_LOCKONFAULT, 'lf'],
  [VM_ACCOUNT, 'ac'],
  [VM_NORESERVE, 'nr'],
  [VM_WIPEONFORK, 'wf'],
  [VM_DONTDUMP, 'dd'],
  [VM_HUGEPAGE, 'hg'],
  [VM_NOHUGEPAGE, 'nh'],
  [VM_MERGEABLE, 'mg'],
];

/** The VmFlags line of smaps: "rd wr mr mw me ac". */
export function flagsText(vma: Vma): string {
  return LETTERS.filter(([flag]) => (vma.flags & flag) !== 0)
    .map(([, letters]) => letters)
    .join(' ');
}

/** Present pages of a mapping, for smaps. */
export interface Residency {
  /** Pages that are there; of them, those that are the program's own; of those, those that others have too (copy-on-write). */
  resident: number;
  anonymous: number;
  shared: number;
}

/** Counts a mapping's pages into `out`. */
export function countResident(mm: MemoryManager, vma: Vma, out: Residency): Residency {
  out.resident = out.anonymous = out.shared = 0;
  const limit = Math.ceil(vma.end / LEAF_BYTES);
  for (let index = mm.pages.nextLeaf(Math.floor(vma.start / LEAF_BYTES), limit); index >= 0; index = mm.pages.nextLeaf(index + 1, limit)) {
    const leaf = mm.pages.leaf(index)!;
    const base = index * LEAF_BYTES;
    const last = Math.min(LEAF_PAGES, (vma.end - base) / 4096);
    for (let i = Math.max(0, (vma.start - base) / 4096); i < last; i++) {
      const state = leaf[LEAF_PAGES + i];
      if (state === 0) continue;
      out.resident++;
      if ((state & PAGE_ANONYMOUS) !== 0) out.anonymous++;
      if (mm.memory.refCount(leaf[i] * 4096) > 1) out.shared++;
    }
  }
  return out;
}
