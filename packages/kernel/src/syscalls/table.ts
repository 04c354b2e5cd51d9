import { ENOSYS, type SyscallName, syscallNumber } from '@sbx/abi';
import type { ContextPage } from '@sbx/platform';
import { authSyscalls } from '../auth/syscalls.js';
import { eventfdSyscalls } from '../fs/anon/eventfd.js';
import { pidfdSyscalls } from '../fs/anon/pidfd.js';
import { signalfdSyscalls } from '../fs/anon/signalfd.js';
import { timerfdSyscalls } from '../fs/anon/timerfd.js';
import { terminalSyscalls } from '../fs/dev/terminals.js';
import { pipeSyscalls } from '../fs/pipe/syscalls.js';
import { tmpfsSyscalls } from '../fs/tmpfs/syscalls.js';
import { futexSyscalls } from '../futex/syscalls.js';
import { mmProcessSyscalls } from '../mm/process-syscalls.js';
import { mmSyscalls } from '../mm/syscalls.js';
import { pollSyscalls } from '../poll/syscalls.js';
import { epollSyscalls } from '../poll/syscalls-epoll.js';
import { signalSyscalls } from '../signal/syscalls.js';
import { socketSyscalls } from '../socket/syscalls.js';
import { prctlSyscalls } from '../system/prctl.js';
import { systemSyscalls } from '../system/syscalls.js';
import { execSyscalls } from '../task/exec.js';
import { ioPrioritySyscalls } from '../task/io-priority.js';
import { schedulingSyscalls } from '../task/scheduling.js';
import { taskSyscalls } from '../task/syscalls.js';
import type { Task } from '../task/task.js';
import { timeSyscalls } from '../time/syscalls.js';
import { timerSyscalls } from '../time/syscalls-timers.js';
import { vfsSyscalls } from '../vfs/syscalls.js';
import type { SyscallEntry, SyscallHandler } from './entry.js';

/** Every system call that the kernel serves, by subsystem. docs/syscalls.md is generated from this. */
export const syscallEntries: readonly SyscallEntry[] = [
  ...taskSyscalls,
  ...execSyscalls,
  ...schedulingSyscalls,
  ...ioPrioritySyscalls,
  ...signalSyscalls,
  ...authSyscalls,
  ...timeSyscalls,
  ...systemSyscalls,
  ...prctlSyscalls,
  ...pidfdSyscalls,
  ...mmSyscalls,
  ...mmProcessSyscalls,
  ...vfsSyscalls,
  ...pipeSyscalls,
  ...tmpfsSyscalls,
  ...futexSyscalls,
  ...pollSyscalls,
  ...epollSyscalls,
  ...socketSyscalls,
  ...eventfdSyscalls,
  ...timerfdSyscalls,
  ...signalfdSyscalls,
  ...timerSyscalls,
  ...terminalSyscalls,
];

/** A call that nobody serves: ENOSYS, counted. */
export function sysUnknown(task: Task, args: ContextPage): number {
  const { unknownCalls } = task.kernel;
  const { sysno } = args;
  if (unknownCalls.has(sysno) || unknownCalls.size < 1024) unknownCalls.set(sysno, (unknownCalls.get(sysno) ?? 0) + 1);
  return -ENOSYS;
}

/** Handlers by amd64 number. A name that the architecture doesn't have, or two handlers for one call, is a bug. */
export function createSyscallTable(entries: readonly SyscallEntry[] = syscallEntries): SyscallHandler[] {
  const table: SyscallHandler[] = new Array(512).fill(sysUnknown);
  for (const entry of entries) {
    const number = syscallNumber('amd64', entry.name as SyscallName);
    if (number === undefined) throw new Error(`system-call table: amd64 has no ${entry.name}`);
    if (table[number] !== sysUnknown) throw new Error(`system-call table: two handlers for ${entry.name}`);
    table[number] = entry.handler;
  }
  return table;
}
