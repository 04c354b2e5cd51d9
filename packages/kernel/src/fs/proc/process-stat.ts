import { ESRCH, RLIMIT_RSS } from '@sbx/abi';
import { REG } from '@sbx/platform';
import { TASK_BLOCKED, type Task } from '../../task/task.js';
import type { ThreadGroup } from '../../task/thread-group.js';
import { processSystemTime, processUserTime } from '../../time/cpu-time.js';
import { hex32, ticks, UNLIMITED } from './format.js';
import { INIT_NAME, ignoredAndCaught, stateLetter, textPages } from './status.js';
import { mayInspect, type Subject } from './subject.js';

const PF_RANDOMIZE = 0x400000;
const PF_KTHREAD = 0x200000;
const DEFAULT_PRIORITY = 20;

/** Priority as `stat` shows it: 0 to 39 for ordinary tasks, negative for real-time ones. */
function priorityOf(task: Task | null): number {
  if (task === null) return DEFAULT_PRIORITY;
  return task.schedPriority > 0 ? -1 - task.schedPriority : DEFAULT_PRIORITY + task.nice;
}

function foregroundOf(group: ThreadGroup): readonly [number, number] {
  const terminal = group.leftTerminal ? null : group.session.terminal;
  return terminal === null ? [0, -1] : [terminal.device, terminal.foreground === 0 ? -1 : terminal.foreground];
}

/** /proc/PID/stat (proc(5)). */
export function processStat(subject: Subject, reader: Task): string | number {
  const { group, task, kernel } = subject;
  if (group === null || !subject.exists) return -ESRCH;
  const { mm } = subject;
  const permitted = task !== null && mayInspect(reader, task);
  const layout = permitted && mm !== null ? mm.layout : null;
  const [terminal, foreground] = foregroundOf(group);
  const whole = !subject.isThread;
  const user = whole ? processUserTime(group) : (task?.userTime ?? 0);
  const system = whole ? processSystemTime(group) : (task?.systemTime ?? 0);
  const sets = ignoredAndCaught(group.signals.actions);
  const limit = group.limits.soft[RLIMIT_RSS];
  const start = Math.max(0, group.startTime - kernel.startTime);
  const fields: (number | string)[] = [
    stateLetter(task),
    group.parent?.id ?? 0,
    group.processGroup.id,
    group.session.id,
    terminal,
    foreground,
    task === null ? PF_KTHREAD : PF_RANDOMIZE,
    mm?.faults ?? 0, // minflt, cminflt, majflt, cmajflt
    0,
    0,
    0,
    ticks(user),
    ticks(system),
    ticks(group.childrenUserTime),
    ticks(group.childrenSystemTime),
    priorityOf(task),
    task?.nice ?? 0,
    Math.max(1, group.liveThreads),
    0,
    ticks(start),
    (mm?.totalPages ?? 0) * 4096,
    mm === null ? 0 : mm.rssAnonymous + mm.rssFile,
    limit === Number.POSITIVE_INFINITY ? UNLIMITED : limit,
    layout?.startCode ?? 0,
    layout?.endCode ?? 0,
    layout?.startStack ?? 0,
    0, // kstkesp, kstkeip: of exiting tasks only
    0,
    ((task?.signals.pending.low ?? 0) & 0x7fffffff) >>> 0,
    ((task?.signals.blockedLow ?? 0) & 0x7fffffff) >>> 0,
    (sets.ignLow & 0x7fffffff) >>> 0,
    (sets.cgtLow & 0x7fffffff) >>> 0,
    permitted && task.state === TASK_BLOCKED ? 1 : 0, // wchan
    0,
    0,
    subject.isThread ? -1 : group.exitSignal,
    0, // processor
    task?.schedPriority ?? 0,
    (task?.schedPolicy ?? 0) & 0xffff,
    0,
    0,
    0,
    layout?.startData ?? 0,
    layout?.endData ?? 0,
    layout?.startBrk ?? 0,
    layout?.argStart ?? 0,
    layout?.argEnd ?? 0,
    layout?.envStart ?? 0,
    layout?.envEnd ?? 0,
    permitted && task.exitStatus > 0 ? task.exitStatus : 0,
  ];
  return `${subject.id} (${task === null ? INIT_NAME : task.name}) ${fields.join(' ')}\n`;
}

/** /proc/PID/statm: size, resident, shared, text, library, data, dirty; in pages. */
export function processStatm(subject: Subject): string | number {
  if (!subject.exists) return -ESRCH;
  const { mm } = subject;
  if (mm === null) return '0 0 0 0 0 0 0\n';
  return `${mm.totalPages} ${mm.rssAnonymous + mm.rssFile} ${mm.rssFile} ${textPages(mm)} 0 ${mm.dataPages + mm.stackPages} 0\n`;
}

function hexPair(low: number, high: number): string {
  return high === 0 ? (low >>> 0).toString(16) : (high >>> 0).toString(16) + hex32(low);
}

/** /proc/PID/syscall: the call that the task waits in, its arguments, stack pointer and program counter. */
export function currentSyscall(subject: Subject): string | number {
  const { task } = subject;
  if (task === null) return subject.exists ? '0 0x0 0x0 0x0 0x0 0x0 0x0 0x0 0x0\n' : -ESRCH;
  if (task.state !== TASK_BLOCKED) return 'running\n';
  const { page } = task;
  const hex = (reg: number): string => `0x${hexPair(page.regLow(reg), page.regHigh(reg))}`;
  const place = `${hex(REG.rsp)} ${hex(REG.rip)}`;
  if (task.sysno < 0) return `-1 ${place}\n`;
  const args = [REG.rdi, REG.rsi, REG.rdx, REG.r10, REG.r8, REG.r9].map(hex);
  return `${task.sysno} ${args.join(' ')} ${place}\n`;
}
