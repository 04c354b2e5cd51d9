import {
  EINVAL,
  EPERM,
  MEMBARRIER_CMD_GLOBAL,
  MEMBARRIER_CMD_GLOBAL_EXPEDITED,
  MEMBARRIER_CMD_PRIVATE_EXPEDITED,
  MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE,
  MEMBARRIER_CMD_QUERY,
  MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED,
  MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED,
  MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE,
} from '@sbx/abi';
import { ACCESS_WRITE } from '@sbx/platform';
import { PAGE_SIZE, VM_WRITE } from './constants.js';
import type { MemoryManager } from './memory-manager.js';
import { writeProtectPages } from './pages.js';

/** What MEMBARRIER_CMD_QUERY answers: all but the commands for restartable sequences. */
const SUPPORTED =
  MEMBARRIER_CMD_GLOBAL |
  MEMBARRIER_CMD_GLOBAL_EXPEDITED |
  MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED |
  MEMBARRIER_CMD_PRIVATE_EXPEDITED |
  MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED |
  MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE |
  MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE;

/** membarrier(2). @param all - the address spaces of the sandbox */
export function membarrier(mm: MemoryManager, all: Iterable<MemoryManager>, command: number, flags: number): number {
  if (flags !== 0) return -EINVAL;
  switch (command) {
    case MEMBARRIER_CMD_QUERY:
      return SUPPORTED;
    case MEMBARRIER_CMD_GLOBAL:
      for (const other of all) barrier(other);
      return 0;
    case MEMBARRIER_CMD_GLOBAL_EXPEDITED:
      for (const other of all) if ((other.membarrier & MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED) !== 0) barrier(other);
      return 0;
    case MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED:
    case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED:
    case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE:
      mm.membarrier |= command;
      return 0;
    case MEMBARRIER_CMD_PRIVATE_EXPEDITED:
    case MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE:
      // The command that registers is the next bit.
      if ((mm.membarrier & (command * 2)) === 0) return -EPERM;
      barrier(mm);
      return 0;
    default:
      return -EINVAL;
  }
}

/**
 * Makes every CPU that runs the address space pass a barrier: a translation is weakened, and the platform does not return before each of them has
 * noticed, which takes an interrupt (serializing) of each. The next store to that page faults and gets it back.
 */
function barrier(mm: MemoryManager): void {
  for (const vma of mm.vmas.list) {
    if ((vma.flags & VM_WRITE) === 0) continue;
    for (let at = vma.end - PAGE_SIZE; at >= vma.start && at >= vma.end - 64 * PAGE_SIZE; at -= PAGE_SIZE) {
      if ((mm.pages.stateAt(at) & ACCESS_WRITE) === 0) continue;
      writeProtectPages(mm, at, at + PAGE_SIZE);
      return;
    }
  }
}
