import { E2BIG, EACCES, EFAULT, EINVAL, EPERM, ESRCH, RLIMIT_NICE, RLIMIT_RTPRIO } from '@sbx/abi';
import type { ContextPage } from '@sbx/platform';
import { full, partial, type SyscallEntry } from '../syscalls/entry.js';
import type { Task } from './task.js';

const SCHED_OTHER = 0;
const SCHED_FIFO = 1;
const SCHED_RR = 2;
const SCHED_BATCH = 3;
const SCHED_IDLE = 5;
const RESET_ON_FORK = 0x40000000;
const CAP_SYS_NICE = 23;
const ATTR_SIZE = 56;
const ATTR_SIZE_VER0 = 48;
const PRIO_PROCESS = 0;
const PRIO_PGRP = 1;
const PRIO_USER = 2;
const NO_EFFECT = 'kept and reported, but tasks are run first come first served';
const scratch = new Uint8Array(128);
const view = new DataView(scratch.buffer);

function target(task: Task, pid: number): Task | number {
  if (pid < 0) return -EINVAL;
  if (pid === 0) return task;
  return task.kernel.tasks.get(pid) ?? -ESRCH;
}

function sysSchedYield(task: Task): number {
  task.involuntarySwitches++;
  return 0;
}

function isRealtime(policy: number): boolean {
  return policy === SCHED_FIFO || policy === SCHED_RR;
}

/** Checks and installs policy and priority (sched_setscheduler(2)). */
function setScheduler(task: Task, other: Task, policyFlags: number, priority: number): number {
  const policy = policyFlags & ~RESET_ON_FORK;
  if (![SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_IDLE].includes(policy)) return -EINVAL;
  if (isRealtime(policy) ? priority < 1 || priority > 99 : priority !== 0) return -EINVAL;
  const own = task.credentials;
  if (!own.capable(CAP_SYS_NICE)) {
    if (isRealtime(policy) && priority > task.threadGroup.limits.soft[RLIMIT_RTPRIO] && priority > other.schedPriority) return -EPERM;
    if (own.euid !== other.credentials.euid && own.euid !== other.credentials.ruid) return -EPERM;
  }
  other.schedPolicy = policyFlags;
  other.schedPriority = priority;
  return 0;
}

function sysSchedSetscheduler(task: Task, args: ContextPage): number {
  const policy = args.argInt32(1);
  const address = args.argAddress(2);
  if (address === 0 || policy < 0) return -EINVAL;
  if (args.argInt32(0) < 0) return -EINVAL;
  if (task.mm.copyIn(address, scratch, 4) !== 4) return -EFAULT;
  const other = target(task, args.argInt32(0));
  return typeof other === 'number' ? other : setScheduler(task, other, policy, view.getInt32(0, true));
}

function sysSchedGetscheduler(task: Task, args: ContextPage): number {
  const other = target(task, args.argInt32(0));
  return typeof other === 'number' ? other : other.schedPolicy;
}

function sysSchedSetparam(task: Task, args: ContextPage): number {
  const address = args.argAddress(1);
  if (address === 0 || args.argInt32(0) < 0) return -EINVAL;
  if (task.mm.copyIn(address, scratch, 4) !== 4) return -EFAULT;
  const other = target(task, args.argInt32(0));
  return typeof other === 'number' ? other : setScheduler(task, other, other.schedPolicy, view.getInt32(0, true));
}

function sysSchedGetparam(task: Task, args: ContextPage): number {
  const address = args.argAddress(1);
  if (address === 0) return -EINVAL;
  const other = target(task, args.argInt32(0));
  if (typeof other === 'number') return other;
  view.setInt32(0, other.schedPriority, true);
  return task.mm.copyOut(address, scratch, 4) === 4 ? 0 : -EFAULT;
}

function sysSchedGetPriorityMax(_task: Task, args: ContextPage): number {
  const policy = args.argInt32(0);
  if (isRealtime(policy)) return 99;
  return [SCHED_OTHER, SCHED_BATCH, SCHED_IDLE, 6].includes(policy) ? 0 : -EINVAL;
}
function sysSchedGetPriorityMin(_task: Task, args: ContextPage): number {
  const policy = args.argInt32(0);
  if (isRealtime(policy)) return 1;
  return [SCHED_OTHER, SCHED_BATCH, SCHED_IDLE, 6].includes(policy) ? 0 : -EINVAL;
}

function sysSchedRrGetInterval(task: Task, args: ContextPage): number {
  const other = target(task, args.argInt32(0));
  if (typeof other === 'number') return other;
  scratch.fill(0, 0, 16);
  view.setUint32(8, other.schedPolicy === SCHED_RR ? 100_000_000 : other.schedPolicy === SCHED_FIFO ? 0 : 4_000_000, true);
  return task.mm.copyOut(args.argAddress(1), scratch, 16) === 16 ? 0 : -EFAULT;
}

function sysSchedSetattr(task: Task, args: ContextPage): number {
  const pid = args.argInt32(0);
  const address = args.argAddress(1);
  if (address === 0 || pid < 0 || args.argUint32(2) !== 0) return -EINVAL;
  if (task.mm.copyIn(address, scratch, 4) !== 4) return -EFAULT;
  let size = view.getUint32(0, true);
  if (size === 0) size = ATTR_SIZE_VER0;
  if (size < ATTR_SIZE_VER0 || size > scratch.length) return -E2BIG;
  scratch.fill(0);
  if (task.mm.copyIn(address, scratch, size) !== size) return -EFAULT;
  for (let i = ATTR_SIZE; i < size; i++) if (scratch[i] !== 0) return -E2BIG;
  const other = target(task, pid);
  if (typeof other === 'number') return other;
  const nice = view.getInt32(16, true);
  if (nice < -20 || nice > 19) return -EINVAL;
  const policy = view.getUint32(4, true);
  const flags = view.getUint32(8, true);
  const result = setScheduler(task, other, policy | ((flags & 1) !== 0 ? RESET_ON_FORK : 0), view.getUint32(20, true));
  if (result === 0 && !isRealtime(policy)) return setNice(task, other, nice, -EPERM);
  return result;
}

function sysSchedGetattr(task: Task, args: ContextPage): number {
  const address = args.argAddress(1);
  const size = args.argUint32(2);
  if (address === 0 || size < ATTR_SIZE_VER0 || size > 4096 || args.argUint32(3) !== 0) return -EINVAL;
  const other = target(task, args.argInt32(0));
  if (typeof other === 'number') return other;
  const used = Math.min(size, ATTR_SIZE);
  scratch.fill(0);
  view.setUint32(0, used, true);
  view.setUint32(4, other.schedPolicy & ~RESET_ON_FORK, true);
  view.setUint32(8, (other.schedPolicy & RESET_ON_FORK) !== 0 ? 1 : 0, true);
  view.setInt32(16, other.nice, true);
  view.setUint32(20, other.schedPriority, true);
  if (used >= ATTR_SIZE) view.setUint32(52, 1024, true);
  return task.mm.copyOut(address, scratch, used) === used ? 0 : -EFAULT;
}

/** CPUs that tasks see: as many as native threads run them. */
function cpuMaskBytes(task: Task): number {
  return Math.max(8, Math.ceil(task.kernel.platform.concurrency / 64) * 8);
}

function sysSchedGetaffinity(task: Task, args: ContextPage): number {
  const length = args.argUint32(1);
  const other = target(task, args.argInt32(0));
  const size = cpuMaskBytes(task);
  if (length < size || length % 8 !== 0) return -EINVAL;
  if (typeof other === 'number') return -ESRCH;
  scratch.fill(0, 0, size);
  for (let cpu = 0; cpu < task.kernel.platform.concurrency && cpu < size * 8; cpu++) scratch[cpu >> 3] |= 1 << (cpu & 7);
  return task.mm.copyOut(args.argAddress(2), scratch, size) === size ? size : -EFAULT;
}

function sysSchedSetaffinity(task: Task, args: ContextPage): number {
  const length = Math.min(args.argUint32(1), scratch.length);
  scratch.fill(0);
  if (task.mm.copyIn(args.argAddress(2), scratch, length) !== length) return -EFAULT;
  const other = target(task, args.argInt32(0));
  if (typeof other === 'number') return -ESRCH;
  for (let cpu = 0; cpu < task.kernel.platform.concurrency; cpu++) if ((scratch[cpu >> 3] & (1 << (cpu & 7))) !== 0) return 0;
  return -EINVAL;
}

/** Sets a nice value; raising the priority needs CAP_SYS_NICE or RLIMIT_NICE. */
function setNice(task: Task, other: Task, nice: number, refused: number): number {
  const floor = 20 - Math.min(40, task.threadGroup.limits.soft[RLIMIT_NICE]);
  if (nice < other.nice && nice < floor && !task.credentials.capable(CAP_SYS_NICE)) return refused;
  other.nice = nice;
  return 0;
}

/** The tasks that `which` and `who` name, or -errno. */
function priorityTargets(task: Task, which: number, who: number): Task[] | number {
  const all = [...task.kernel.tasks.values()];
  if (which === PRIO_PROCESS) {
    const one = who === 0 ? task : task.kernel.tasks.get(who);
    return one === undefined ? -ESRCH : [one];
  }
  const group = who === 0 ? task.threadGroup.processGroup.id : who;
  const uid = who === 0 ? task.credentials.ruid : who;
  if (which !== PRIO_PGRP && which !== PRIO_USER) return -EINVAL;
  const found = all.filter((t) => (which === PRIO_PGRP ? t.threadGroup.processGroup.id === group : t.credentials.ruid === uid));
  return found.length === 0 ? -ESRCH : found;
}

function sysGetpriority(task: Task, args: ContextPage): number {
  const targets = priorityTargets(task, args.argInt32(0), args.argInt32(1));
  return typeof targets === 'number' ? targets : Math.max(...targets.map((t) => 20 - t.nice));
}

function sysSetpriority(task: Task, args: ContextPage): number {
  const nice = Math.max(-20, Math.min(19, args.argInt32(2)));
  const targets = priorityTargets(task, args.argInt32(0), args.argInt32(1));
  if (typeof targets === 'number') return targets;
  const own = task.credentials;
  let result = 0;
  for (const other of targets) {
    const c = other.credentials;
    if (c.ruid !== own.euid && c.euid !== own.euid && !own.capable(CAP_SYS_NICE)) result = -EPERM;
    else result = setNice(task, other, nice, -EACCES) || result;
  }
  return result;
}

export const schedulingSyscalls: readonly SyscallEntry[] = [
  full('sched_yield', sysSchedYield),
  partial('sched_setscheduler', sysSchedSetscheduler, NO_EFFECT),
  full('sched_getscheduler', sysSchedGetscheduler),
  partial('sched_setparam', sysSchedSetparam, NO_EFFECT),
  full('sched_getparam', sysSchedGetparam),
  full('sched_get_priority_max', sysSchedGetPriorityMax),
  full('sched_get_priority_min', sysSchedGetPriorityMin),
  full('sched_rr_get_interval', sysSchedRrGetInterval),
  partial('sched_setattr', sysSchedSetattr, `${NO_EFFECT}; no SCHED_DEADLINE`),
  full('sched_getattr', sysSchedGetattr),
  full('sched_getaffinity', sysSchedGetaffinity),
  partial('sched_setaffinity', sysSchedSetaffinity, 'checked, but tasks stay free to run on any CPU'),
  full('getpriority', sysGetpriority),
  partial('setpriority', sysSetpriority, NO_EFFECT),
];
