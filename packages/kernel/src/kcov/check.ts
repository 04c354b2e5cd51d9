import { MEMORY_ANONYMOUS } from '@sbx/platform';
import type { Kernel } from '../kernel.js';
import { PAGE_SIZE, TASK_SIZE, VM_ACCOUNT, VM_EXEC, VM_GROWSDOWN, VM_LOCKED, VM_SHARED, VM_WRITE } from '../mm/constants.js';
import type { MemoryManager } from '../mm/memory-manager.js';
import { LEAF_BYTES, LEAF_PAGES, PAGE_ANONYMOUS, PAGE_HARDWARE, PAGE_WRITABLE } from '../mm/page-map.js';
import { TASK_ZOMBIE } from '../task/task.js';
import { liveDescriptions } from '../vfs/file-description.js';

/**
 * /sys/kernel/debug/check, for fuzzers: numbers that have to be as before when the programs are gone, and a line "problem: …" for each invariant of the memory
 * management (mm/README.md) that does not hold.
 */
export function checkKernel(kernel: Kernel): string {
  const spaces = new Set<MemoryManager>();
  for (const task of kernel.tasks.values()) if (task.state < TASK_ZOMBIE) spaces.add(task.mm);
  const problems: string[] = [];
  let charged = 0;
  for (const mm of spaces) {
    checkMappings(mm, problems);
    checkPages(mm, problems);
    for (const vma of mm.vmas.list) if ((vma.flags & VM_ACCOUNT) !== 0) charged += (vma.end - vma.start) / PAGE_SIZE;
  }
  const { committed } = [...spaces][0].commit;
  if (committed !== charged) problems.push(`${committed} pages are committed, the mappings have ${charged}`);
  const lines = [
    `descriptions ${liveDescriptions()}`,
    `anonymous ${kernel.memory.usage(MEMORY_ANONYMOUS)}`,
    `committed ${committed}`,
    `processes ${kernel.processes.size}`,
    ...problems.map((problem) => `problem: ${problem}`),
  ];
  return `${lines.join('\n')}\n`;
}

/** Sorted, disjoint, aligned, merged where they can be, and counted. */
function checkMappings(mm: MemoryManager, problems: string[]): void {
  const { list } = mm.vmas;
  const sums = { total: 0, data: 0, stack: 0, exec: 0, locked: 0 };
  list.forEach((vma, i) => {
    const name = `mapping ${vma.start.toString(16)}-${vma.end.toString(16)} of mm ${mm.id}`;
    if (!(vma.start >= 0 && vma.start < vma.end && vma.end <= TASK_SIZE)) problems.push(`${name} is empty or out of range`);
    if (vma.start % PAGE_SIZE !== 0 || vma.end % PAGE_SIZE !== 0) problems.push(`${name} is not aligned`);
    const next = list[i + 1];
    if (next !== undefined && vma.end > next.start) problems.push(`${name} overlaps ${next.start.toString(16)}-${next.end.toString(16)}`);
    if (next !== undefined && vma.mergesWith(next)) problems.push(`${name} is not merged with the next`);
    const pages = (vma.end - vma.start) / PAGE_SIZE;
    sums.total += pages;
    if ((vma.flags & (VM_EXEC | VM_WRITE | VM_GROWSDOWN)) === VM_EXEC) sums.exec += pages;
    else if ((vma.flags & VM_GROWSDOWN) !== 0) sums.stack += pages;
    else if ((vma.flags & (VM_WRITE | VM_SHARED)) === VM_WRITE) sums.data += pages;
    if ((vma.flags & VM_LOCKED) !== 0) sums.locked += pages;
    if (vma.mappable !== null && !mm.objects.has(vma.mappable)) problems.push(`${name} maps an object that does not know of it`);
    if (vma.file !== null && vma.file.references < 1) problems.push(`${name} maps a file that is closed`);
  });
  const counted = { total: mm.totalPages, data: mm.dataPages, stack: mm.stackPages, exec: mm.execPages, locked: mm.lockedPages };
  for (const [name, sum] of Object.entries(sums)) {
    const count = counted[name as keyof typeof counted];
    if (count !== sum) problems.push(`mm ${mm.id} counts ${count} pages (${name}), its mappings have ${sum}`);
  }
  for (const [object, mapped] of mm.objects) {
    const count = list.filter((vma) => vma.mappable === object).length;
    if (mapped.count !== count) problems.push(`mm ${mm.id} counts ${mapped.count} mappings of an object, there are ${count}`);
  }
}

/** Each page is inside a mapping, referenced, counted, and installed with no more access than it may have. */
function checkPages(mm: MemoryManager, problems: string[]): void {
  let anonymous = 0;
  let ofFiles = 0;
  const last = TASK_SIZE / LEAF_BYTES;
  for (let index = mm.pages.nextLeaf(0, last); index >= 0; index = mm.pages.nextLeaf(index + 1, last)) {
    const leaf = mm.pages.leaf(index)!;
    for (let i = 0; i < LEAF_PAGES; i++) {
      const state = leaf[LEAF_PAGES + i];
      if (state === 0) continue;
      const address = index * LEAF_BYTES + i * PAGE_SIZE;
      const name = `page ${address.toString(16)} of mm ${mm.id}`;
      if ((state & PAGE_ANONYMOUS) !== 0) anonymous++;
      else ofFiles++;
      const vma = mm.vmas.find(address);
      if (vma === null) problems.push(`${name} is in no mapping`);
      if (mm.memory.refCount(leaf[i] * PAGE_SIZE) < 1) problems.push(`${name} is free memory`);
      const installed = state & PAGE_HARDWARE;
      if ((installed & 2) !== 0 && ((state & PAGE_WRITABLE) === 0 || vma === null || (vma.flags & VM_WRITE) === 0))
        problems.push(`${name} is installed writable and may not be`);
    }
  }
  if (anonymous !== mm.rssAnonymous) problems.push(`mm ${mm.id} counts ${mm.rssAnonymous} anonymous pages, there are ${anonymous}`);
  if (ofFiles !== mm.rssFile) problems.push(`mm ${mm.id} counts ${mm.rssFile} pages of files, there are ${ofFiles}`);
}
