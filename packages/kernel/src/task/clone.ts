import {
  CLONE_CHILD_CLEARTID,
  CLONE_CHILD_SETTID,
  CLONE_CLEAR_SIGHAND,
  CLONE_DETACHED,
  CLONE_FILES,
  CLONE_FS,
  CLONE_INTO_CGROUP,
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
  CLONE_PARENT,
  CLONE_PARENT_SETTID,
  CLONE_PIDFD,
  CLONE_SETTLS,
  CLONE_SIGHAND,
  CLONE_SYSVSEM,
  CLONE_THREAD,
  CLONE_VFORK,
  CLONE_VM,
  EAGAIN,
  EFAULT,
  EINVAL,
  ENOMEM,
  EPERM,
  RLIMIT_CPU,
  RLIMIT_NPROC,
  SIGCHLD,
} from '@sbx/abi';
import { CONTEXT_REGS, type Context, FLAG_FULL_RESTORE, REG, REG_COUNT } from '@sbx/platform';
import { createPidfd } from '../fs/anon/pidfd.js';
import { SharedSignals } from '../signal/shared-signals.js';
import { TaskSignals } from '../signal/task-signals.js';
import { type Blocking, INTERRUPTED } from '../wait/blocking.js';
import { ERESTARTNOINTR } from '../wait/restart.js';
import { inheritIoContext } from './io-priority.js';
import { ResourceLimits } from './resource-limits.js';
import { inheritScheduling } from './scheduling.js';
import { TASK_ZOMBIE, Task } from './task.js';
import { ThreadGroup } from './thread-group.js';

const EPOLLIN = 1;
const CAP_SYS_ADMIN = 21;
const CAP_SYS_RESOURCE = 24;
const NAMESPACES =
  CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME;

/** What clone, clone3, fork and vfork ask for. `flags` without the exit signal; addresses 0 when absent; `stack` is the child's stack pointer. */
export interface CloneRequest {
  flags: number;
  exitSignal: number;
  stack: number;
  parentTid: number;
  childTid: number;
  pidfd: number;
  /** Thread pointer as halves. */
  tlsLow: number;
  tlsHigh: number;
  /** The thread id to give (clone3 set_tid), or 0. */
  setTid: number;
}

const tidWord = new Int32Array(1);
const tidBytes = new Uint8Array(tidWord.buffer);

/** Whether a flag (perhaps above bit 31) is set. */
function has(flags: number, flag: number): boolean {
  return Math.floor(flags / flag) % 2 === 1;
}

/** The combinations that clone(2) refuses. */
function checkFlags(task: Task, r: CloneRequest): number {
  const { flags } = r;
  if (has(flags, CLONE_NEWNS) && has(flags, CLONE_FS)) return -EINVAL;
  if (has(flags, CLONE_NEWUSER) && has(flags, CLONE_FS)) return -EINVAL;
  if (has(flags, CLONE_THREAD) && !has(flags, CLONE_SIGHAND)) return -EINVAL;
  if (has(flags, CLONE_SIGHAND) && !has(flags, CLONE_VM)) return -EINVAL;
  if (has(flags, CLONE_CLEAR_SIGHAND) && has(flags, CLONE_SIGHAND)) return -EINVAL;
  if (has(flags, CLONE_PARENT) && task.threadGroup.parent === task.kernel.init) return -EINVAL;
  if (has(flags, CLONE_THREAD) && (has(flags, CLONE_NEWUSER) || has(flags, CLONE_NEWPID))) return -EINVAL;
  if (has(flags, CLONE_PIDFD) && (has(flags, CLONE_THREAD) || has(flags, CLONE_DETACHED))) return -EINVAL;
  // The two words of clone(2) are one.
  if (has(flags, CLONE_PIDFD) && has(flags, CLONE_PARENT_SETTID) && r.pidfd === r.parentTid) return -EINVAL;
  if (has(flags, CLONE_INTO_CGROUP)) return -EINVAL;
  if (has(flags, CLONE_NEWIPC) && has(flags, CLONE_SYSVSEM) && task.credentials.capable(CAP_SYS_ADMIN)) return -EINVAL;
  // Namespaces are not there: what an unprivileged caller gets where they are restricted.
  if (((flags % 2 ** 32) & NAMESPACES) !== 0) return -EPERM;
  return 0;
}

/** Live tasks of a user, for RLIMIT_NPROC. */
function countTasks(task: Task): number {
  let count = 0;
  for (const other of task.kernel.tasks.values()) if (other.credentials.ruid === task.credentials.ruid) count++;
  return count;
}

/** Copies the registers and the extended state of the parent into a new context. */
function copyContext(parent: Context, child: Context): void {
  parent.pullState();
  const words = CONTEXT_REGS / 4;
  child.page.u32.set(parent.page.u32.subarray(words, words + REG_COUNT * 2), words);
  child.page.xstate.set(parent.page.xstate);
  child.pushState();
  child.page.flags |= FLAG_FULL_RESTORE;
}

/** Creates a thread or process. Returns its id in the caller, or -errno; a generator for CLONE_VFORK, which waits for the child's execve or exit. */
export function cloneTask(task: Task, r: CloneRequest): number | Blocking {
  const { kernel } = task;
  const { flags } = r;
  const bad = checkFlags(task, r);
  if (bad < 0) return bad;
  if (kernel.tasks.size >= kernel.limits.tasks) return -EAGAIN;
  const privileged = task.credentials.capable(CAP_SYS_ADMIN) || task.credentials.capable(CAP_SYS_RESOURCE);
  if (!privileged && countTasks(task) >= task.threadGroup.limits.soft[RLIMIT_NPROC]) return -EAGAIN;
  if (task.threadGroup.exitStatus >= 0) return -ERESTARTNOINTR;
  const tid = kernel.allocateId(r.setTid);
  if (tid < 0) return tid;

  const child = buildTask(task, tid, flags);
  if (typeof child === 'number') return child;
  copyContext(task.context, child.context);
  const { page } = child;
  page.setReg(REG.rax, 0);
  if (r.stack !== 0) page.setReg(REG.rsp, r.stack);
  if (child.mm !== task.mm) child.mm.prefault(page.reg(REG.rip), page.reg(REG.rsp));
  if (has(flags, CLONE_SETTLS)) {
    page.setRegPair(REG.fsBase, r.tlsLow, r.tlsHigh);
    child.context.pushState();
  }
  let pidfd = -1;
  if (has(flags, CLONE_PIDFD)) {
    pidfd = createPidfd(task, child.threadGroup);
    tidWord[0] = pidfd;
    if (pidfd < 0 || task.mm.copyOut(r.pidfd, tidBytes, 4) !== 4) {
      if (pidfd >= 0) task.files.close(task, pidfd);
      discard(child);
      return pidfd < 0 ? pidfd : -EFAULT;
    }
  }
  tidWord[0] = tid;
  if (has(flags, CLONE_PARENT_SETTID)) task.mm.copyOut(r.parentTid, tidBytes, 4);
  if (has(flags, CLONE_CHILD_SETTID)) child.mm.copyOut(r.childTid, tidBytes, 4);
  if (has(flags, CLONE_CHILD_CLEARTID)) child.clearChildTid = r.childTid;
  publish(task, child, r);
  if (!has(flags, CLONE_VFORK)) {
    kernel.loop.enqueue(child);
    return tid;
  }
  child.vforkParent = task;
  kernel.loop.enqueue(child);
  return waitForVfork(task, child, tid);
}

/** Makes the task and what it does not share. */
function buildTask(task: Task, tid: number, flags: number): Task | number {
  const { kernel } = task;
  if (!has(flags, CLONE_FILES) && !task.files.mayCopy) return -ENOMEM;
  const context = kernel.platform.newContext();
  if (typeof context === 'number') return -EAGAIN;
  const mm = has(flags, CLONE_VM) ? task.mm : task.mm.fork();
  if (typeof mm === 'number') {
    context.release();
    return mm;
  }
  if (mm === task.mm) mm.incRef();
  const files = has(flags, CLONE_FILES) ? task.files.share() : task.files.copy();
  const fs = has(flags, CLONE_FS) ? task.fs.share() : task.fs.copy();
  const signals = new TaskSignals();
  signals.inherit(task.signals, !has(flags, CLONE_VM) || has(flags, CLONE_VFORK));
  const group = has(flags, CLONE_THREAD) ? task.threadGroup : newProcess(task, tid, flags);
  const child = new Task(kernel, tid, group, context, mm, files, fs, task.credentials, signals);
  child.name = task.name;
  inheritScheduling(task, child);
  inheritIoContext(task, child, flags);
  child.timerSlack = child.defaultTimerSlack = task.timerSlack;
  child.personality = task.personality;
  // rseq registration is kept by fork only (rseq(2)): a new thread registers its own.
  if (!has(flags, CLONE_VM)) {
    child.rseqAddress = task.rseqAddress;
    child.rseqSignature = task.rseqSignature;
  }
  return child;
}

function newProcess(task: Task, pid: number, flags: number): ThreadGroup {
  const { threadGroup: group } = task;
  let actions = group.signals.actions;
  if (has(flags, CLONE_SIGHAND)) actions.incRef();
  else {
    actions = actions.copy();
    if (has(flags, CLONE_CLEAR_SIGHAND)) actions.clearHandlers();
  }
  const parent = has(flags, CLONE_PARENT) ? group.parent : group;
  const process = new ThreadGroup(pid, parent, group.processGroup, new SharedSignals(actions), new ResourceLimits(group.limits));
  process.origin = group.origin;
  process.parentTask = has(flags, CLONE_PARENT) ? group.parentTask : task;
  process.executable = group.executable;
  process.leftTerminal = group.leftTerminal;
  process.oomScoreAdj = group.oomScoreAdj;
  process.oomScoreAdjMin = group.oomScoreAdjMin;
  process.startTime = task.kernel.clock.monotonic();
  return process;
}

/** The child becomes visible: ids, family, thread list. */
function publish(task: Task, child: Task, r: CloneRequest): void {
  const { kernel } = task;
  const { threadGroup: group } = child;
  group.tasks.push(child);
  kernel.tasks.set(child.id, child);
  if (has(r.flags, CLONE_THREAD)) return;
  group.exitSignal = has(r.flags, CLONE_PARENT) ? task.threadGroup.exitSignal : r.exitSignal;
  kernel.processes.set(group.id, group);
  group.processGroup.members.add(group);
  group.parent!.children.add(group);
  if (group.limits.soft[RLIMIT_CPU] !== Number.POSITIVE_INFINITY) kernel.timersOf(group).watchCpuLimit();
}

/** Undoes buildTask for a child that nobody has seen. */
function discard(child: Task): void {
  child.state = TASK_ZOMBIE;
  child.mm.decRef();
  child.files.decRef(child);
  child.fs.decRef();
  child.context.release();
}

function* waitForVfork(task: Task, child: Task, tid: number): Blocking {
  while (child.vforkParent === task) {
    task.wait.uninterruptible(task.vforkDone, EPOLLIN);
    if ((yield) === INTERRUPTED) {
      if (child.vforkParent === task) child.vforkParent = null;
      break;
    }
  }
  return tid;
}

/** A request with the defaults of fork(2). */
export function forkRequest(flags = 0, exitSignal = SIGCHLD): CloneRequest {
  return { flags, exitSignal, stack: 0, parentTid: 0, childTid: 0, pidfd: 0, tlsLow: 0, tlsHigh: 0, setTid: 0 };
}
