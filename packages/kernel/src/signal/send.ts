import { EAGAIN, RLIMIT_SIGPENDING, SIGCONT, SIGKILL, SIGRTMIN, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU } from '@sbx/abi';
import type { ProcessGroup } from '../task/process-group.js';
import { TASK_BLOCKED, TASK_RUNNING, TASK_STOPPED, TASK_ZOMBIE, type Task } from '../task/task.js';
import type { ThreadGroup } from '../task/thread-group.js';
import { INTERRUPTED } from '../wait/blocking.js';
import { CONTINUE, defaultAction, IGNORE } from './default-actions.js';
import type { PendingSignals } from './pending-signals.js';
import { SignalInfo } from './signal-info.js';
import { highBit, lowBit } from './signal-set.js';

const EPOLLIN = 1;
const STOP_SIGNALS = [SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU] as const;

/** Whether an unblocked signal waits for the task. @hotpath */
export function hasDeliverableSignal(task: Task): boolean {
  const own = task.signals.pending;
  const shared = task.threadGroup.signals.pending;
  return (((own.low | shared.low) & ~task.signals.blockedLow) | ((own.high | shared.high) & ~task.signals.blockedHigh)) !== 0;
}

/** Sends a signal to one thread (tgkill, faults). Returns 0 or -EAGAIN (RLIMIT_SIGPENDING). */
export function sendToTask(task: Task, info: SignalInfo): number {
  if (task.state >= TASK_ZOMBIE) return 0;
  return send(task.threadGroup, task, task.signals.pending, info);
}

/**
 * Sends a signal to a process: one of its threads that does not block it takes it, soon. Returns 0, also when the process has ended or ignores it, or -EAGAIN
 * when a real-time signal finds the queue full (RLIMIT_SIGPENDING in getrlimit(2)). Does not block.
 *
 * @example
 * import { randomFillSync } from 'node:crypto';
 * import { openSync } from 'node:fs';
 * import { SIGTERM } from '@sbx/abi';
 * import {
 *   Credentials,
 *   describeTasks,
 *   HostClock,
 *   HostFileSystem,
 *   Kernel,
 *   ResourceLimits,
 *   SignalInfo,
 *   sendToGroup,
 *   spawnProcess,
 * } from '@sbx/kernel';
 * import { MemoryFile } from '@sbx/platform';
 * import { systrapProvider } from '@sbx/systrap-platform';
 *
 * const MiB = 2 ** 20;
 * const memory = MemoryFile.create({ name: 'application', limit: 64 * MiB });
 * const kernelMemory = MemoryFile.create({ name: 'kernel', limit: 16 * MiB });
 * const platform = systrapProvider.create({ memory, kernelMemory, wake: () => kernel.loop.schedule() });
 * const kernel: Kernel = new Kernel({
 *   platform,
 *   clock: new HostClock(),
 *   limits: { tasks: 64, memory: 64 * MiB },
 *   hostname: 'example',
 *   random: (bytes) => randomFillSync(bytes),
 *   log: console.error,
 *   onPanic: console.error,
 * });
 * const root = HostFileSystem.create(kernel, { directoryFd: openSync('/', 'r'), readOnly: true });
 * if (typeof root === 'number') throw new Error(`errno ${-root}`);
 * kernel.vfs.mountRoot(root, 'host');
 * const sleeper = spawnProcess(kernel, {
 *   program: 'sleep',
 *   argv: ['sleep', '60'],
 *   envp: [],
 *   cwd: '/',
 *   credentials: Credentials.forUser(1000, 1000),
 *   files: [],
 *   searchPath: '/usr/bin:/bin',
 *   limits: new ResourceLimits(),
 *   umask: 0o022,
 *   terminal: null,
 * });
 * if (typeof sleeper === 'number') throw new Error(`errno ${-sleeper}`);
 * describeTasks(kernel.tasks.values()); // 'task 2 (process 2, "sleep") runnable: no calls'
 *
 * const ended = new Promise<void>((resolve) => {
 *   sleeper.onExit = resolve;
 * });
 * sendToGroup(sleeper, SignalInfo.kernel(SIGTERM)); // 0
 * await ended;
 * sleeper.exitStatus; // 15: killed by SIGTERM, as wait(2) has it
 * kernel.loop.stop();
 * platform.destroy();
 * memory.destroy();
 * kernelMemory.destroy();
 */
export function sendToGroup(group: ThreadGroup, info: SignalInfo): number {
  return send(group, null, group.signals.pending, info);
}

/** Sends a signal of the kernel's own to each process of a group, as `sendToGroup`: what a terminal does for Ctrl-C. */
export function sendToProcessGroup(group: ProcessGroup, signo: number): void {
  for (const member of [...group.members]) sendToGroup(member, SignalInfo.kernel(signo));
}

function send(group: ThreadGroup, target: Task | null, queue: PendingSignals, info: SignalInfo): number {
  const signo = info.signo;
  // Init has no handlers: nothing reaches it (kill(2)).
  if (group.tasks.length === 0) return 0;
  prepare(group, signo);
  if (isIgnored(group, target, signo)) return 0;
  if (signo >= SIGRTMIN && signo !== SIGKILL && queue.queued >= group.limits.soft[RLIMIT_SIGPENDING]) return -EAGAIN;
  queue.add(info);
  notify(group, target, signo);
  return 0;
}

/** SIGCONT and the stop signals cancel each other when they are sent, whatever is blocked or handled (signal(7)). */
function prepare(group: ThreadGroup, signo: number): void {
  if (signo === SIGCONT) {
    discard(group, STOP_SIGNALS);
    resume(group);
  } else if ((STOP_SIGNALS as readonly number[]).includes(signo)) discard(group, [SIGCONT]);
}

function discard(group: ThreadGroup, signals: readonly number[]): void {
  for (const signo of signals) {
    group.signals.pending.discard(signo);
    for (const task of group.tasks) task.signals.pending.discard(signo);
  }
}

/** Ends a job-control stop. */
export function resume(group: ThreadGroup): void {
  if (!group.stopped) return;
  group.stopped = false;
  group.pendingStop = -1;
  group.pendingContinue = true;
  for (const task of group.tasks) if (task.state === TASK_STOPPED) task.kernel.continueTask(task);
  group.leader.kernel.notifyParent(group, 0xffff);
}

/** Whether nobody would ever see the signal: ignored by every thread that could take it. A blocked signal is kept. */
function isIgnored(group: ThreadGroup, target: Task | null, signo: number): boolean {
  const actions = group.signals.actions;
  const byDefault = defaultAction(signo);
  if (!actions.isIgnore(signo) && !(actions.isDefault(signo) && (byDefault === IGNORE || byDefault === CONTINUE))) return false;
  if (target !== null) return !isBlocked(target, signo) && !isAwaited(target, signo);
  return !group.tasks.some((task) => isBlocked(task, signo) || isAwaited(task, signo));
}

function isBlocked(task: Task, signo: number): boolean {
  return ((task.signals.blockedLow & lowBit(signo)) | (task.signals.blockedHigh & highBit(signo))) !== 0;
}
function isAwaited(task: Task, signo: number): boolean {
  return ((task.signals.awaitedLow & lowBit(signo)) | (task.signals.awaitedHigh & highBit(signo))) !== 0;
}

/** Makes a thread that can take the signal look at it. */
function notify(group: ThreadGroup, target: Task | null, signo: number): void {
  if (target !== null) {
    target.signals.arrival.wake(EPOLLIN);
    if (signo === SIGKILL || !isBlocked(target, signo) || isAwaited(target, signo)) interruptTask(target, signo === SIGKILL);
    return;
  }
  for (const task of group.tasks) task.signals.arrival.wake(EPOLLIN);
  const taker =
    group.tasks.find((task) => task.state < TASK_ZOMBIE && isAwaited(task, signo)) ??
    group.tasks.find((task) => task.state < TASK_ZOMBIE && (signo === SIGKILL || !isBlocked(task, signo)));
  if (taker !== undefined) interruptTask(taker, signo === SIGKILL);
}

/** Makes a task pass through signal delivery soon: ends its wait or its run in user mode. `fatal`: also ends waits that are not interruptible, and stops. */
export function interruptTask(task: Task, fatal: boolean): void {
  task.attention = true;
  if (task.state === TASK_RUNNING) task.context.interrupt();
  else if (task.state === TASK_BLOCKED && (fatal || task.wait.interruptible)) task.kernel.wakeTask(task, INTERRUPTED);
  else if (task.state === TASK_STOPPED && fatal) task.kernel.continueTask(task);
}
