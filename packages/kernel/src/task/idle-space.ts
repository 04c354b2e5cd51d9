import type { Kernel } from '../kernel.js';
import type { MemoryManager } from '../mm/memory-manager.js';
import { TASK_RUNNABLE, TASK_RUNNING } from './task.js';

/** How long a program that could go on keeps its address space: in a new one page faults bring everything back, which takes it 10 ms and more. */
const KEPT_NS = 100e6;

/**
 * Whose address space of the platform is taken away where it has no more (the host gives no more processes, or there is no memory for page tables): that of a program
 * of which nothing runs, rather of one that waits than of one that could go on. It gets another when it does. Null: there is none now.
 */
export function idleSpace(kernel: Kernel, wanted: MemoryManager, now: number): MemoryManager | null {
  const running = new Set([wanted]);
  const runnable = new Set<MemoryManager>();
  for (const { state, mm } of kernel.tasks.values()) {
    if (state === TASK_RUNNING) running.add(mm);
    else if (state === TASK_RUNNABLE) runnable.add(mm);
  }
  let found: MemoryManager | null = null;
  for (const { mm } of kernel.tasks.values()) {
    if (mm.hardware === null || running.has(mm)) continue;
    if (!runnable.has(mm)) return mm;
    if (mm.hardwareSince + KEPT_NS <= now) found ??= mm;
  }
  return found;
}
