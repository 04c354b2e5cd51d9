import { E2BIG, EACCES, EFAULT, EINVAL, EPERM, ESRCH, RLIMIT_NICE, RLIMIT_RTPRIO } from '@sbx/abi';
import type { ContextPage } from '@sbx/platform';
import { full, partial, type SyscallEntry } from '../syscalls/entry.js';
import type { Task } from './task.js';

const SCHED_OTHER = 0;
const SCHED_FIFO = 1;
const SCHED_RR = 2;
const SCHED_BATCH = 3;
export const SCHED_IDLE = 5;
const RESET_ON_FORK = 0x40000000;
const CAP_SYS_NICE = 23;
const ATTR_SIZE = 56;
const ATTR_SIZE_VER0 = 48;
/** Offsets in `struct sched_attr`. */
const ATTR = { policy: 4, flags: 8, nice: 16, priority: 20 } as const;
const FLAG_RESET_ON_FORK = 1;
const FLAG_KEEP_POLICY = 8;
const FLAG_KEEP_PARAMS = 16;
const FLAG_UTIL_CLAMP = 0x60;
const FLAG_ALL = 0x7f;
const PAGE = 4096;
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

/** SCHED_* without SCHED_RESET_ON_FORK. */
export function schedulingPolicy(task: Task): number {
  return task.schedPolicy & ~RESET_ON_FORK;
}

function isRealtime(policy: number): boolean {
  return policy === SCHED_FIFO || policy === SCHED_RR;
}

/** A new thread starts with its maker's policy, priority and CPUs, unless SCHED_RESET_ON_FORK says otherwise (sched(7)). */
export function inheritScheduling(from: Task, child: Task): void {
  child.schedPolicy = from.schedPolicy;
  child.schedPriority = from.schedPriority;
  child.nice = from.nice;
  child.affinity = from.affinity;
  if ((from.schedPolicy & RESET_ON_FORK) === 0) return;
  child.schedPolicy = SCHED_OTHER;
  child.schedPriority = 0;
  if (isRealtime(from.schedPolicy & ~RESET_ON_FORK) || child.nice < 0) child.nice = 0;
}

/** Whether the limits of `other` permit a nice value (RLIMIT_NICE counts from 20 downwards). */
function limitPermitsNice(other: Task, nice: number): boolean {
  return 20 - nice <= other.threadGroup.limits.soft[RLIMIT_NICE];
}

/** Whether an unprivileged task may make the change (user_check_sched_setscheduler). */
function mayChange(task: Task, other: Task, policy: number, resetOnFork: boolean, priority: number, nice: number): boolean {
  const old = other.schedPolicy & ~RESET_ON_FORK;
  if (!isRealtime(policy) && nice < other.nice && !limitPermitsNice(other, nice)) return false;
  if (isRealtime(policy)) {
    const limit = other.threadGroup.limits.soft[RLIMIT_RTPRIO];
    if (policy !== old && limit === 0) return false;
    if (priority > other.schedPriority && priority > limit) return false;
  }
  if (old === SCHED_IDLE && policy !== SCHED_IDLE && !limitPermitsNice(other, other.nice)) return false;
  const { euid } = task.credentials;
  if (euid !== other.credentials.euid && euid !== other.credentials.ruid) return false;
  return (other.schedPolicy & RESET_ON_FORK) === 0 || resetOnFork;
}

/** Checks and installs policy, priority and nice value (sched_setscheduler(2), sched_setattr(2)). */
function setScheduler(task: Task, other: Task, policyFlags: number, priority: number, nice = other.nice): number {
  const policy = policyFlags & ~RESET_ON_FORK;
  if (![SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_IDLE].includes(policy)) return -EINVAL;
  if (isRealtime(policy) ? priority < 1 || priority > 99 : priority !== 0) return -EINVAL;
  const resetOnFork = (policyFlags & RESET_ON_FORK) !== 0;
  if (!mayChange(task, other, policy, resetOnFork, priority, nice) && !task.credentials.capable(CAP_SYS_NICE)) return -EPERM;
  other.schedPolicy = policyFlags;
  other.schedPriority = priority;
  if (!isRealtime(policy)) other.nice = nice;
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
  const read = readAttributes(task, address);
  if (read < 0) return read;
  if (view.getInt32(ATTR.policy, true) < 0) return -EINVAL;
  const other = target(task, pid);
  if (typeof other === 'number') return other;
  const flags = view.getUint32(ATTR.flags, true);
  if (view.getUint32(ATTR.flags + 4, true) !== 0 || (flags & ~FLAG_ALL) !== 0) return -EINVAL;
  const keepsPolicy = (flags & FLAG_KEEP_POLICY) !== 0;
  const keepsParameters = (flags & FLAG_KEEP_PARAMS) !== 0;
  const reset = (flags & FLAG_RESET_ON_FORK) !== 0 ? RESET_ON_FORK : 0;
  const policy = keepsPolicy ? other.schedPolicy : view.getUint32(ATTR.policy, true) | reset;
  const priority = keepsParameters ? other.schedPriority : view.getUint32(ATTR.priority, true);
  const nice = keepsParameters ? other.nice : Math.max(-20, Math.min(19, view.getInt32(ATTR.nice, true)));
  return setScheduler(task, other, policy, priority, nice);
}

/** Reads a `struct sched_attr` into the scratch, zeroes after what the program's version has. A size that is wrong is answered with ours. */
function readAttributes(task: Task, address: number): number {
  if (task.mm.copyIn(address, scratch, 4) !== 4) return -EFAULT;
  const size = view.getUint32(0, true) || ATTR_SIZE_VER0;
  if (size < ATTR_SIZE_VER0 || size > PAGE) return wrongSize(task, address);
  const known = Math.min(size, ATTR_SIZE);
  scratch.fill(0);
  if (task.mm.copyIn(address, scratch, known) !== known) return -EFAULT;
  if (size > ATTR_SIZE) {
    const rest = new Uint8Array(size - ATTR_SIZE);
    if (task.mm.copyIn(address + ATTR_SIZE, rest, rest.length) !== rest.length) return -EFAULT;
    if (rest.some((byte) => byte !== 0)) return wrongSize(task, address);
  }
  const clamps = (view.getUint32(ATTR.flags, true) & FLAG_UTIL_CLAMP) !== 0;
  return clamps && size < ATTR_SIZE ? -EINVAL : 0;
}
function wrongSize(task: Task, address: number): number {
  view.setUint32(0, ATTR_SIZE, true);
  task.mm.copyOut(address, scratch, 4);
  return -E2BIG;
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

/** Fills `size` bytes of the scratch with the CPUs that there are. */
function putCpus(task: Task, size: number): void {
  scratch.fill(0, 0, size);
  for (let cpu = 0; cpu < task.kernel.platform.concurrency && cpu < size * 8; cpu++) scratch[cpu >> 3] |= 1 << (cpu & 7);
}

function sysSchedGetaffinity(task: Task, args: ContextPage): number {
  const length = args.argUint32(1);
  const other = target(task, args.argInt32(0));
  const size = cpuMaskBytes(task);
  if (length < size || length % 8 !== 0) return -EINVAL;
  if (typeof other === 'number') return -ESRCH;
  if (other.affinity === null) putCpus(task, size);
  else scratch.set(other.affinity);
  return task.mm.copyOut(args.argAddress(2), scratch, size) === size ? size : -EFAULT;
}

function sysSchedSetaffinity(task: Task, args: ContextPage): number {
  const size = cpuMaskBytes(task);
  const length = Math.min(args.argUint32(1), size);
  const wanted = new Uint8Array(size);
  if (task.mm.copyIn(args.argAddress(2), wanted, length) !== length) return -EFAULT;
  const other = target(task, args.argInt32(0));
  if (typeof other === 'number') return -ESRCH;
  const own = task.credentials;
  const same = own.euid === other.credentials.euid || own.euid === other.credentials.ruid;
  if (!same && !own.capable(CAP_SYS_NICE)) return -EPERM;
  putCpus(task, size);
  let any = false;
  for (let i = 0; i < size; i++) {
    wanted[i] &= scratch[i];
    any ||= wanted[i] !== 0;
  }
  if (!any) return -EINVAL;
  other.affinity = wanted;
  return 0;
}

/** Sets a nice value; raising the priority needs CAP_SYS_NICE or RLIMIT_NICE. */
function setNice(task: Task, other: Task, nice: number, refused: number): number {
  if (nice < other.nice && !limitPermitsNice(other, nice) && !task.credentials.capable(CAP_SYS_NICE)) return refused;
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
