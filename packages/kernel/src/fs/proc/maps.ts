import { EACCES, ESRCH } from '@sbx/abi';
import {
  PAGE_SIZE,
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
} from '../../mm/constants.js';
import type { MemoryManager } from '../../mm/memory-manager.js';
import { LEAF_BYTES, LEAF_PAGES, PAGE_ANONYMOUS, PAGE_LAZY_FREE, PAGE_WRITABLE } from '../../mm/page-map.js';
import { SharedMemory } from '../../mm/shared-memory.js';
import type { Vma } from '../../mm/vma.js';
import type { Task } from '../../task/task.js';
import { deviceMajor, deviceMinor } from '../../vfs/device-number.js';
import type { Caller } from '../../vfs/inode.js';
import { describePath } from '../../vfs/path.js';
import { escapePath, kilobytes } from './format.js';
import { mayInspect, type Subject } from './subject.js';

/** Column of the name in a line. */
const NAME_COLUMN = 73;

/** Two letters for each flag, in the order of bits (proc(5), VmFlags). */
const FLAG_NAMES: readonly (readonly [number, string])[] = [
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

/** The check at opening maps, smaps and the like. */
export function mayOpenMaps(caller: Caller, subject: Subject): number {
  const { task } = subject;
  if (task === null) return subject.exists ? 0 : -ESRCH;
  return mayInspect(caller, task) ? 0 : -EACCES;
}

/** The name in a mapping's line, or "". */
function nameOf(vma: Vma, mm: MemoryManager, reader: Task): string {
  const { file } = vma;
  if (vma.mappable?.mappingName !== undefined) return vma.mappable.mappingName;
  if (file !== null && file.mount !== null && file.dentry !== null) {
    return escapePath(describePath(file.mount, file.dentry, reader.fs.rootMount, reader.fs.rootDentry));
  }
  if (vma.special !== '') return vma.special;
  if (vma.anonName !== null) return `[anon:${vma.anonName}]`;
  const { layout } = mm;
  if (vma.start <= layout.brk && vma.end >= layout.startBrk) return '[heap]';
  return vma.start <= layout.startStack && vma.end >= layout.startStack ? '[stack]' : '';
}

function address(value: number): string {
  return value.toString(16).padStart(8, '0');
}

/** A line of maps. */
function line(vma: Vma, mm: MemoryManager, reader: Task): string {
  const { flags } = vma;
  const inode = vma.file?.inode ?? null;
  let device = 0;
  let ino = 0;
  if (inode !== null) {
    device = inode.superBlock.device;
    ino = inode.ino;
  } else if (vma.mappable instanceof SharedMemory) {
    device = 1;
    ino = vma.mappable.ino;
  }
  const offset = vma.mappable === null ? 0 : vma.offset;
  const permissions =
    ((flags & VM_READ) !== 0 ? 'r' : '-') +
    ((flags & VM_WRITE) !== 0 ? 'w' : '-') +
    ((flags & VM_EXEC) !== 0 ? 'x' : '-') +
    ((flags & VM_MAYSHARE) !== 0 ? 's' : 'p');
  const number = `${deviceMajor(device).toString(16).padStart(2, '0')}:${deviceMinor(device).toString(16).padStart(2, '0')}`;
  const text = `${address(vma.start)}-${address(vma.end)} ${permissions} ${address(offset)} ${number} ${ino} `;
  const name = nameOf(vma, mm, reader);
  return name === '' ? `${text}\n` : `${text.padEnd(NAME_COLUMN)}${name}\n`;
}

/** /proc/PID/maps (proc(5)). */
export function maps(subject: Subject, reader: Task): string | number {
  if (!subject.exists) return -ESRCH;
  const { mm } = subject;
  let text = '';
  if (mm !== null) for (const vma of mm.vmas.list) text += line(vma, mm, reader);
  return text;
}

/** What the pages of mappings are: bytes. */
class PageCounts {
  rss = 0;
  pss = 0;
  pssDirty = 0;
  sharedClean = 0;
  sharedDirty = 0;
  privateClean = 0;
  privateDirty = 0;
  anonymous = 0;
  lazyFree = 0;
  locked = 0;

  add(mm: MemoryManager, vma: Vma): void {
    const before = this.pss;
    const first = Math.floor(vma.start / LEAF_BYTES);
    const limit = Math.ceil(vma.end / LEAF_BYTES);
    for (let index = mm.pages.nextLeaf(first, limit); index >= 0; index = mm.pages.nextLeaf(index + 1, limit)) {
      const leaf = mm.pages.leaf(index)!;
      const base = index * LEAF_BYTES;
      const from = Math.max(0, (vma.start - base) / PAGE_SIZE);
      const to = Math.min(LEAF_PAGES, (vma.end - base) / PAGE_SIZE);
      for (let i = from; i < to; i++) if (leaf[LEAF_PAGES + i] !== 0) this.#addPage(mm, leaf[i], leaf[LEAF_PAGES + i]);
    }
    if ((vma.flags & VM_LOCKED) !== 0) this.locked += this.pss - before;
  }

  #addPage(mm: MemoryManager, frame: number, state: number): void {
    const isAnonymous = (state & PAGE_ANONYMOUS) !== 0;
    // Object pages have a reference of their object's besides ours.
    const users = mm.memory.refCount(frame * PAGE_SIZE) - (isAnonymous ? 0 : 1);
    const dirty = isAnonymous || (state & PAGE_WRITABLE) !== 0;
    const share = PAGE_SIZE / Math.max(1, users);
    this.rss += PAGE_SIZE;
    this.pss += share;
    if (dirty) this.pssDirty += share;
    if (isAnonymous) this.anonymous += PAGE_SIZE;
    if ((state & PAGE_LAZY_FREE) !== 0) this.lazyFree += PAGE_SIZE;
    if (users > 1) {
      if (dirty) this.sharedDirty += PAGE_SIZE;
      else this.sharedClean += PAGE_SIZE;
    } else if (dirty) this.privateDirty += PAGE_SIZE;
    else this.privateClean += PAGE_SIZE;
  }

  toString(): string {
    return (
      kilobytes('Rss', this.rss) +
      kilobytes('Pss', this.pss) +
      kilobytes('Pss_Dirty', this.pssDirty) +
      kilobytes('Shared_Clean', this.sharedClean) +
      kilobytes('Shared_Dirty', this.sharedDirty) +
      kilobytes('Private_Clean', this.privateClean) +
      kilobytes('Private_Dirty', this.privateDirty) +
      kilobytes('Referenced', this.rss) +
      kilobytes('Anonymous', this.anonymous) +
      kilobytes('LazyFree', this.lazyFree) +
      ['AnonHugePages', 'ShmemPmdMapped', 'FilePmdMapped', 'Shared_Hugetlb', 'Private_Hugetlb', 'Swap', 'SwapPss']
        .map((name) => kilobytes(name, 0))
        .join('') +
      kilobytes('Locked', this.locked)
    );
  }
}

/** /proc/PID/smaps: maps with what is present of each mapping. */
export function smaps(subject: Subject, reader: Task): string | number {
  if (!subject.exists) return -ESRCH;
  const { mm } = subject;
  let text = '';
  if (mm === null) return text;
  for (const vma of mm.vmas.list) {
    const counts = new PageCounts();
    counts.add(mm, vma);
    const flags = FLAG_NAMES.map(([flag, name]) => ((vma.flags & flag) !== 0 ? `${name} ` : '')).join('');
    text += line(vma, mm, reader);
    text += kilobytes('Size', vma.end - vma.start) + kilobytes('KernelPageSize', PAGE_SIZE) + kilobytes('MMUPageSize', PAGE_SIZE);
    text += `${counts}THPeligible:    0\nVmFlags: ${flags}\n`;
  }
  return text;
}

/** /proc/PID/smaps_rollup: the sums. */
export function smapsRollup(subject: Subject): string | number {
  const { mm } = subject;
  if (mm === null) return -ESRCH;
  const counts = new PageCounts();
  for (const vma of mm.vmas.list) counts.add(mm, vma);
  const { list } = mm.vmas;
  const start = list.length === 0 ? 0 : list[0].start;
  const end = list.length === 0 ? 0 : list[list.length - 1].end;
  const head = `${address(start)}-${address(end)} ---p 00000000 00:00 0 `.padEnd(NAME_COLUMN);
  return `${head}[rollup]\n${counts}`;
}
