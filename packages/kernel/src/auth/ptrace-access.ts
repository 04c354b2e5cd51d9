import { CAP_SYS_PTRACE } from '@sbx/abi';
import type { Task } from '../task/task.js';

/**
 * Whether `task` may look into, or change, what `target` is: the check of ptrace(2), "Ptrace access mode checking", with real credentials
 * (PTRACE_MODE_REALCREDS). Threads of one process always may.
 */
export function mayAccessTask(task: Task, target: Task): boolean {
  if (task.threadGroup === target.threadGroup) return true;
  const own = task.credentials;
  if (own.capable(CAP_SYS_PTRACE)) return true;
  const other = target.credentials;
  const sameUser = own.ruid === other.ruid && own.ruid === other.euid && own.ruid === other.suid;
  const sameGroup = own.rgid === other.rgid && own.rgid === other.egid && own.rgid === other.sgid;
  if (!sameUser || !sameGroup || target.mm.dumpable !== 1) return false;
  // Nobody may look into what has more capabilities.
  return (other.permittedLow & ~own.permittedLow) === 0 && (other.permittedHigh & ~own.permittedHigh) === 0;
}
