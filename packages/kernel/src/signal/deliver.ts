import { EINTR, SA_ONSTACK, SA_RESTART, SIGKILL, SIGSEGV, SIGSTOP } from '@sbx/abi';
import { REG } from '@sbx/platform';
import type { Task } from '../task/task.js';
import { ERESTART_RESTARTBLOCK, ERESTARTNOHAND, ERESTARTSYS, isRestart } from '../wait/restart.js';
import { CONTINUE, CORE, defaultAction, IGNORE, STOP } from './default-actions.js';
import { pushSignalFrame } from './frame-amd64.js';
import { sendToTask } from './send.js';
import { SignalInfo } from './signal-info.js';
import { highBit, lowBit } from './signal-set.js';

/** What is to be done with a task after its pending signals were looked at. */
export const RESUME = 0;
/** The process ends; `task.kernel` has been told. */
export const EXITING = 1;
/** The task has to stop (job control). */
export const STOPPING = 2;
export type DeliveryOutcome = 0 | 1 | 2;

const SYSCALL_LENGTH = 2;
const NR_RESTART_SYSCALL = 219;

/**
 * Delivers pending signals on the way back to user mode: handlers get their frames, default actions are taken. `result` is what the interrupted system call
 * returned, or 0 when there was none (`task.sysno` is -1): the restart rules of signal(7) are applied to it.
 */
export function deliverSignals(task: Task, result: number): DeliveryOutcome {
  const group = task.threadGroup;
  const actions = group.signals.actions;
  let restart = task.sysno >= 0 && isRestart(result) ? -result : 0;
  for (;;) {
    if (group.exitStatus >= 0 || task.mustExit) return EXITING;
    const info = takeSignal(task);
    if (info === null) break;
    const signo = info.signo;
    if (signo !== SIGKILL && signo !== SIGSTOP) {
      if (actions.isIgnore(signo)) continue;
      if (!actions.isDefault(signo)) {
        restart = settleForHandler(task, restart, actions.flags(signo));
        enterHandler(task, info);
        continue;
      }
    }
    switch (defaultAction(signo)) {
      case IGNORE:
      case CONTINUE:
        continue;
      case STOP:
        // An orphaned process group is not stopped from the terminal (POSIX 2.2.2.36).
        if (signo !== SIGSTOP && group.processGroup.isOrphaned) continue;
        settleWithoutHandler(task, restart);
        task.kernel.stopGroup(group, signo);
        return STOPPING;
      default:
        task.kernel.logFatalSignal(task, info, defaultAction(signo) === CORE);
        task.kernel.exitGroup(group, signo);
        return EXITING;
    }
  }
  settleWithoutHandler(task, restart);
  task.signals.restoreSavedMask();
  return group.stopped ? STOPPING : RESUME;
}

function takeSignal(task: Task): SignalInfo | null {
  const { blockedLow, blockedHigh } = task.signals;
  return task.signals.pending.take(blockedLow, blockedHigh) ?? task.threadGroup.signals.pending.take(blockedLow, blockedHigh);
}

/** A handler will run: decides between restart and EINTR. Returns what is left to settle (nothing). */
function settleForHandler(task: Task, restart: number, flags: number): number {
  if (restart === 0) return 0;
  const interrupted =
    restart === ERESTARTNOHAND || restart === ERESTART_RESTARTBLOCK || (restart === ERESTARTSYS && (flags & SA_RESTART) === 0);
  if (interrupted) task.page.setResult(-EINTR);
  else rewind(task, -1);
  task.sysno = -1;
  return 0;
}

/** No handler runs: an interrupted call restarts. */
function settleWithoutHandler(task: Task, restart: number): void {
  if (restart === 0 || task.sysno < 0) return;
  rewind(task, restart === ERESTART_RESTARTBLOCK ? NR_RESTART_SYSCALL : -1);
  task.sysno = -1;
}

/** Points the task at its system-call instruction again, with the same number or `sysno`. */
function rewind(task: Task, sysno: number): void {
  const { page } = task;
  page.setReg(REG.rax, sysno >= 0 ? sysno : page.sysno);
  page.setReg(REG.rip, page.reg(REG.rip) - SYSCALL_LENGTH);
}

/** Enters the handler of `info`; a stack that can't take the frame is a SIGSEGV. */
function enterHandler(task: Task, info: SignalInfo): void {
  const { signals } = task;
  const actions = task.threadGroup.signals.actions;
  const signo = info.signo;
  const maskLow = signals.restoreMask ? signals.savedLow : signals.blockedLow;
  const maskHigh = signals.restoreMask ? signals.savedHigh : signals.blockedHigh;
  const flags = actions.flags(signo);
  const hasRestorer = actions.restorerLow(signo) !== 0 || actions.restorerHigh(signo) !== 0;
  const pushed = hasRestorer && pushSignalFrame(task, info, (flags & SA_ONSTACK) !== 0, maskLow, maskHigh);
  if (!pushed) {
    forceSignal(task, SignalInfo.kernel(SIGSEGV), signo === SIGSEGV);
    return;
  }
  signals.restoreMask = false;
  let low = signals.blockedLow | actions.maskLow(signo);
  let high = signals.blockedHigh | actions.maskHigh(signo);
  if (actions.defers(signo)) {
    low |= lowBit(signo);
    high |= highBit(signo);
  }
  signals.setBlocked(low >>> 0, high >>> 0);
  actions.enter(signo);
}

/** Sends a signal that the task can neither block nor ignore (faults): then, or with `fatal`, its action becomes the default. */
export function forceSignal(task: Task, info: SignalInfo, fatal = false): void {
  const { signals } = task;
  const actions = task.threadGroup.signals.actions;
  const signo = info.signo;
  const blocked = ((signals.blockedLow & lowBit(signo)) | (signals.blockedHigh & highBit(signo))) !== 0;
  if (fatal || blocked || actions.isIgnore(signo)) actions.setDefault(signo);
  if (blocked) signals.setBlocked((signals.blockedLow & ~lowBit(signo)) >>> 0, (signals.blockedHigh & ~highBit(signo)) >>> 0);
  sendToTask(task, info);
  task.attention = true;
}
