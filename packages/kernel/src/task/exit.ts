import { SA_NOCLDSTOP, SA_NOCLDWAIT, SIGCHLD, SIGCONT, SIGHUP, SIGRTMAX } from '@sbx/abi';
import { futexExit, futexWakeAddress } from '../futex/futex.js';
import { interruptTask, sendToGroup, sendToProcessGroup } from '../signal/send.js';
import { SignalInfo } from '../signal/signal-info.js';
import type { ProcessGroup } from './process-group.js';
import { TASK_DEAD, TASK_STOPPED, TASK_ZOMBIE, type Task } from './task.js';
import type { ThreadGroup } from './thread-group.js';

const EPOLLIN = 1;
const PAGE_SIZE = 4096;

/** Ends a whole process with a wait status: exit_group(2), a fatal signal. Each thread leaves on its way back to user mode. */
export function exitGroup(group: ThreadGroup, status: number): void {
  if (group.exitStatus >= 0) return;
  group.exitStatus = status;
  group.stopped = false;
  for (const task of group.tasks) if (task.state < TASK_ZOMBIE) interruptTask(task, true);
}

/** Ends one thread, in Linux's order (do_exit). The task must not be running. */
export function exitTask(task: Task, status: number): void {
  if (task.state >= TASK_ZOMBIE) return;
  const { kernel, threadGroup: group } = task;
  task.blocking?.return(0);
  task.blocking = null;
  task.wait.clear();
  kernel.timers.cancel(task.waitTimer);
  while (task.work.length > 0) task.work.shift()!.exit(task);
  task.state = TASK_ZOMBIE;
  task.attention = true;
  task.exitStatus = status;
  releaseMemory(task);
  task.files.decRef(task);
  task.fs.decRef();
  task.context.release();
  group.deadUserTime += task.userTime;
  group.deadSystemTime += task.systemTime;
  const isLeader = task === group.leader;
  if (!isLeader) removeThread(task);
  group.threadExit.wake(EPOLLIN);
  const heir = group.tasks.find((other) => other.state < TASK_ZOMBIE);
  if (heir === undefined) exitProcess(group, task);
  else for (const child of group.children) if (child.parentTask === task) leaveChild(child, task, heir);
}

/** A process's parent thread exits: another one takes over, and the process gets the signal that it asked for (PR_SET_PDEATHSIG). */
function leaveChild(child: ThreadGroup, from: Task, to: Task | null): void {
  child.parentTask = to;
  for (const { parentDeathSignal } of [...child.tasks])
    if (parentDeathSignal !== 0) sendToGroup(child, SignalInfo.user(parentDeathSignal, from.threadGroup.id, from.credentials.ruid));
}

/** Clears the child tid, releases robust futexes, lets go of the address space, and wakes a vfork parent. */
export function releaseMemory(task: Task): void {
  const { threadGroup: group } = task;
  group.peakResident = Math.max(group.peakResident, task.mm.highWaterPages * PAGE_SIZE);
  futexExit(task);
  if (task.clearChildTid !== 0 && task.mm.shared) {
    scratch[0] = 0;
    if (task.mm.copyOut(task.clearChildTid, scratchBytes, 4) === 4) futexWakeAddress(task, task.clearChildTid, 1);
  }
  task.clearChildTid = 0;
  wakeVforkParent(task);
  task.mm.decRef();
}
const scratch = new Int32Array(1);
const scratchBytes = new Uint8Array(scratch.buffer);

export function wakeVforkParent(task: Task): void {
  const parent = task.vforkParent;
  task.vforkParent = null;
  if (parent !== null) parent.vforkDone.wake(EPOLLIN);
}

function removeThread(task: Task): void {
  const { threadGroup: group, kernel } = task;
  const index = group.tasks.indexOf(task);
  if (index >= 0) group.tasks.splice(index, 1);
  kernel.tasks.delete(task.id);
  task.state = TASK_DEAD;
}

/** The last thread is gone: the process is a zombie until its parent has seen its status. */
function exitProcess(group: ThreadGroup, last: Task): void {
  const { leader } = group;
  const { kernel } = leader;
  // Without exit_group the last thread says how the process ended (synchronize_group_exit).
  if (group.exitStatus < 0) group.exitStatus = last.exitStatus;
  group.isZombie = true;
  group.timers?.release();
  group.exitWait.wake(EPOLLIN);
  group.onExit();
  leaveTerminal(group);
  const orphans = [...group.children];
  const adopter = findAdopter(group);
  const affected = new Set<ProcessGroup>();
  for (const child of orphans) {
    if (child.processGroup !== group.processGroup && child.session === group.session) affected.add(child.processGroup);
    reparent(child, adopter, last);
  }
  // An exit that orphans a stopped process group: SIGHUP and SIGCONT to it (POSIX).
  const wasOrphaned = group.processGroup.isOrphaned;
  notifyParent(group, group.exitStatus, group.exitSignal);
  if (!wasOrphaned) affected.add(group.processGroup);
  for (const other of affected) {
    if (other.members.size > 0 && other.isOrphaned && [...other.members].some((member) => member.stopped)) {
      sendToProcessGroup(other, SIGHUP);
      sendToProcessGroup(other, SIGCONT);
    }
  }
  for (const child of orphans) {
    if (child.isZombie && kernel.processes.has(child.id)) notifyParent(child, child.exitStatus, SIGCHLD);
  }
}

/** A session leader's exit frees its terminal; the foreground group loses it (also when the line was cut before). */
function leaveTerminal(group: ThreadGroup): void {
  const { session } = group;
  if (session.id !== group.id) return;
  if (session.terminal !== null) {
    session.terminal.leaderExits();
    return;
  }
  const foreground = group.leader.kernel.processGroups.get(session.previousForeground);
  if (foreground === undefined) return;
  sendToProcessGroup(foreground, SIGHUP);
  sendToProcessGroup(foreground, SIGCONT);
}

function findAdopter(group: ThreadGroup): ThreadGroup {
  const init = group.leader.kernel.init;
  for (let ancestor = group.parent; ancestor !== null; ancestor = ancestor.parent) {
    if (ancestor === init || (ancestor.isSubreaper && !ancestor.isZombie)) return ancestor;
  }
  return init;
}

function reparent(child: ThreadGroup, parent: ThreadGroup, from: Task): void {
  child.parent?.children.delete(child);
  child.parent = parent;
  parent.children.add(child);
  child.exitSignal = SIGCHLD;
  leaveChild(child, from, parent.tasks.find((task) => task.state < TASK_ZOMBIE) ?? null);
}

/** Tells the parent that a child exited (a wait status), stopped or continued: SIGCHLD by the rules of sigaction(2), and wakes wait. */
export function notifyParent(group: ThreadGroup, status: number, exitSignal = SIGCHLD): void {
  const { parent, leader } = group;
  if (parent === null) return;
  const exited = group.isZombie;
  if (parent.tasks.length === 0) {
    // init: reaps at once.
    if (exited) reap(group);
    return;
  }
  const actions = parent.signals.actions;
  const ignores = exitSignal === SIGCHLD && actions.isIgnore(SIGCHLD);
  const noZombie = ignores || (exitSignal === SIGCHLD && (actions.flags(SIGCHLD) & SA_NOCLDWAIT) !== 0);
  // clone(2) takes any byte; one that is no signal is none.
  const silent = ignores || exitSignal === 0 || exitSignal > SIGRTMAX || (!exited && (actions.flags(SIGCHLD) & SA_NOCLDSTOP) !== 0);
  if (!silent) {
    const uid = leader.credentials.ruid;
    sendToGroup(parent, SignalInfo.child(exitSignal, group.id, uid, status, group.deadUserTime, group.deadSystemTime));
  }
  if (exited && noZombie) reap(group);
  parent.childWait.wake(EPOLLIN);
}

/** Forgets a zombie process; its times go to the parent. */
export function reap(group: ThreadGroup): void {
  const { leader, parent, processGroup } = group;
  const { kernel } = leader;
  if (parent !== null) {
    parent.childrenUserTime += group.deadUserTime + group.childrenUserTime;
    parent.childrenSystemTime += group.deadSystemTime + group.childrenSystemTime;
    parent.childrenPeakResident = Math.max(parent.childrenPeakResident, group.peakResident, group.childrenPeakResident);
    parent.children.delete(group);
  }
  leader.state = TASK_DEAD;
  kernel.tasks.delete(leader.id);
  kernel.processes.delete(group.id);
  processGroup.members.delete(group);
  if (processGroup.members.size === 0) {
    kernel.processGroups.delete(processGroup.id);
    processGroup.session.groups.delete(processGroup);
  }
}

/** Stops a process (job control): each thread on its way back to user mode, the others are made to take it. */
export function stopGroup(group: ThreadGroup, signo: number): void {
  if (group.stopped) return;
  group.stopped = true;
  group.pendingContinue = false;
  group.pendingStop = (signo << 8) | 0x7f;
  for (const task of group.tasks) if (task.state < TASK_STOPPED) interruptTask(task, false);
  notifyParent(group, group.pendingStop);
}
