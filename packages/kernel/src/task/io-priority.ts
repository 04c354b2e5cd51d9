import {
  CLONE_IO,
  EINVAL,
  EPERM,
  ESRCH,
  IOPRIO_CLASS_BE,
  IOPRIO_CLASS_IDLE,
  IOPRIO_CLASS_MASK,
  IOPRIO_CLASS_NONE,
  IOPRIO_CLASS_RT,
  IOPRIO_CLASS_SHIFT,
  IOPRIO_NR_LEVELS,
  IOPRIO_PRIO_MASK,
  IOPRIO_WHO_PGRP,
  IOPRIO_WHO_PROCESS,
  IOPRIO_WHO_USER,
} from '@sbx/abi';
import type { ContextPage } from '@sbx/platform';
import { full, partial, type SyscallEntry } from '../syscalls/entry.js';
import { SCHED_IDLE, schedulingPolicy } from './scheduling.js';
import type { Task } from './task.js';

/*
 * I/O priorities (ioprio_set(2); Linux's block/ioprio.c). They are kept and reported: nothing here schedules I/O.
 */

const CAP_SYS_ADMIN = 21;
const CAP_SYS_NICE = 23;
/** Linux keeps 16 bits. */
const PRIORITY_MASK = 0xffff;

/** What a thread's I/O is done with; threads made with CLONE_IO share one. */
export interface IoContext {
  /** As ioprio_set(2) was given it: class and data. */
  priority: number;
}

/** A new thread shares its maker's I/O context (CLONE_IO), or has one with the same priority if one was set. */
export function inheritIoContext(from: Task, child: Task, flags: number): void {
  const { ioContext } = from;
  if (ioContext === null) return;
  if (Math.floor(flags / CLONE_IO) % 2 === 1) child.ioContext = ioContext;
  else if (classOf(ioContext.priority) !== IOPRIO_CLASS_NONE) child.ioContext = { priority: ioContext.priority };
}

function classOf(priority: number): number {
  return (priority >> IOPRIO_CLASS_SHIFT) & IOPRIO_CLASS_MASK;
}

/** ioprio_check_cap: whether there is such a priority, and the caller may give it. */
function check(task: Task, priority: number): number {
  const data = priority & IOPRIO_PRIO_MASK;
  switch (classOf(priority)) {
    case IOPRIO_CLASS_RT:
      if (!task.credentials.capable(CAP_SYS_ADMIN) && !task.credentials.capable(CAP_SYS_NICE)) return -EPERM;
      return data < IOPRIO_NR_LEVELS ? 0 : -EINVAL;
    case IOPRIO_CLASS_BE:
      return data < IOPRIO_NR_LEVELS ? 0 : -EINVAL;
    case IOPRIO_CLASS_IDLE:
      return 0;
    case IOPRIO_CLASS_NONE:
      return data === 0 ? 0 : -EINVAL;
    default:
      return -EINVAL;
  }
}

/** The tasks that `which` and `who` name, perhaps none; or -EINVAL. `ownUser`: the user that 0 stands for. */
function targets(task: Task, which: number, who: number, ownUser: number): Task[] | number {
  const { tasks } = task.kernel;
  switch (which) {
    case IOPRIO_WHO_PROCESS: {
      const one = who === 0 ? task : tasks.get(who);
      return one === undefined ? [] : [one];
    }
    case IOPRIO_WHO_PGRP: {
      const group = who === 0 ? task.threadGroup.processGroup.id : who;
      return [...tasks.values()].filter((other) => other.threadGroup.processGroup.id === group);
    }
    case IOPRIO_WHO_USER: {
      const uid = who === 0 ? ownUser : who >>> 0;
      return [...tasks.values()].filter((other) => other.credentials.ruid === uid);
    }
    default:
      return -EINVAL;
  }
}

function setPriority(task: Task, other: Task, priority: number): number {
  const own = task.credentials;
  const { ruid } = other.credentials;
  if (ruid !== own.euid && ruid !== own.ruid && !own.capable(CAP_SYS_NICE)) return -EPERM;
  other.ioContext ??= { priority: 0 };
  other.ioContext.priority = priority & PRIORITY_MASK;
  return 0;
}

function sysIoprioSet(task: Task, args: ContextPage): number {
  const priority = args.argInt32(2);
  const bad = check(task, priority);
  if (bad < 0) return bad;
  // IOPRIO_WHO_USER with 0 is root here, as in Linux, and the caller's user in ioprio_get.
  const others = targets(task, args.argInt32(0), args.argInt32(1), 0);
  if (typeof others === 'number') return others;
  for (const other of others) {
    const result = setPriority(task, other, priority);
    if (result < 0) return result;
  }
  return others.length === 0 ? -ESRCH : 0;
}

/** The priority with which a task's I/O is done: where none was set it follows from the scheduling policy and the nice value. */
function effectivePriority(task: Task): number {
  const priority = task.ioContext?.priority ?? 0;
  if (classOf(priority) !== IOPRIO_CLASS_NONE) return priority;
  const policy = schedulingPolicy(task);
  const ioClass = policy === SCHED_IDLE ? IOPRIO_CLASS_IDLE : task.schedPriority > 0 ? IOPRIO_CLASS_RT : IOPRIO_CLASS_BE;
  return (ioClass << IOPRIO_CLASS_SHIFT) | Math.floor((task.nice + 20) / 5);
}

function sysIoprioGet(task: Task, args: ContextPage): number {
  const which = args.argInt32(0);
  const others = targets(task, which, args.argInt32(1), task.credentials.ruid);
  if (typeof others === 'number') return others;
  if (others.length === 0) return -ESRCH;
  // Of a single thread what was set, of several the best that there is.
  return which === IOPRIO_WHO_PROCESS ? (others[0].ioContext?.priority ?? 0) : Math.min(...others.map(effectivePriority));
}

export const ioPrioritySyscalls: readonly SyscallEntry[] = [
  partial('ioprio_set', sysIoprioSet, 'kept and reported, but nothing schedules I/O'),
  full('ioprio_get', sysIoprioGet),
];
