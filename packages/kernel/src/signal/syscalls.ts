import {
  EAGAIN,
  EFAULT,
  EINTR,
  EINVAL,
  ENOMEM,
  EPERM,
  ESRCH,
  SA_NOCLDSTOP,
  SA_NOCLDWAIT,
  SA_NODEFER,
  SA_ONSTACK,
  SA_RESETHAND,
  SA_RESTART,
  SA_RESTORER,
  SA_SIGINFO,
  SIG_BLOCK,
  SIG_SETMASK,
  SIG_UNBLOCK,
  SIGCONT,
  SIGKILL,
  SIGSTOP,
  SS_AUTODISARM,
  SS_DISABLE,
  SS_ONSTACK,
} from '@sbx/abi';
import { BAD_ADDRESS, type ContextPage, REG } from '@sbx/platform';
import { full, partial, type SyscallEntry } from '../syscalls/entry.js';
import { TASK_ZOMBIE, type Task } from '../task/task.js';
import type { ThreadGroup } from '../task/thread-group.js';
import { type Blocking, INTERRUPTED, TIMED_OUT } from '../wait/blocking.js';
import { ERESTARTNOHAND } from '../wait/restart.js';
import { forceSignal } from './deliver.js';
import { onAltStack, popSignalFrame } from './frame-amd64.js';
import { maySignal } from './may-signal.js';
import { hasDeliverableSignal, sendToGroup, sendToTask } from './send.js';
import { SIGACTION_SIZE } from './signal-actions.js';
import { SIGINFO_SIZE, SignalInfo } from './signal-info.js';

const SIGSET_SIZE = 8;
const SA_EXPOSE_TAGBITS = 0x800;
const KNOWN_FLAGS =
  SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_ONSTACK | SA_RESTART | SA_NODEFER | SA_RESETHAND | SA_RESTORER | SA_EXPOSE_TAGBITS;
const MINSIGSTKSZ = 2048;
const NANOSECONDS = 1e9;
const words = new Uint32Array(8);
const bytes = new Uint8Array(words.buffer);
const info = new Uint8Array(SIGINFO_SIZE);
const infoView = new DataView(info.buffer);

function sysRtSigaction(task: Task, args: ContextPage): number {
  const signo = args.argInt32(0);
  const act = args.argAddress(1);
  const old = args.argAddress(2);
  if (args.argSize(3) !== SIGSET_SIZE) return -EINVAL;
  if (act !== 0 && task.mm.copyIn(act, bytes, SIGACTION_SIZE) !== SIGACTION_SIZE) return -EFAULT;
  if (signo < 1 || signo > 64 || (act !== 0 && (signo === SIGKILL || signo === SIGSTOP))) return -EINVAL;
  const actions = task.threadGroup.signals.actions;
  if (act !== 0) {
    const next = words.slice();
    next[2] &= KNOWN_FLAGS; // unknown flags read back as 0: a program can ask what there is
    next[3] = 0;
    next[6] &= ~0x40100; // SIGKILL and SIGSTOP can't be masked
    if (old !== 0) actions.get(signo, words);
    actions.set(signo, next);
    discardIfIgnored(task.threadGroup, signo);
  } else actions.get(signo, words);
  return old !== 0 && task.mm.copyOut(old, bytes, SIGACTION_SIZE) !== SIGACTION_SIZE ? -EFAULT : 0;
}

/** POSIX 3.3.1.3: setting a signal to be ignored drops its pending instances. */
function discardIfIgnored(group: ThreadGroup, signo: number): void {
  const actions = group.signals.actions;
  const ignored =
    actions.isIgnore(signo) || (actions.isDefault(signo) && (signo === SIGCONT || signo === 17 || signo === 23 || signo === 28));
  if (!ignored) return;
  group.signals.pending.discard(signo);
  for (const task of group.tasks) task.signals.pending.discard(signo);
}

function sysRtSigprocmask(task: Task, args: ContextPage): number {
  const how = args.argInt32(0);
  const set = args.argAddress(1);
  const old = args.argAddress(2);
  if (args.argSize(3) !== SIGSET_SIZE) return -EINVAL;
  const { signals } = task;
  const { blockedLow, blockedHigh } = signals;
  if (set !== 0) {
    if (task.mm.copyIn(set, bytes, SIGSET_SIZE) !== SIGSET_SIZE) return -EFAULT;
    const low = words[0];
    const high = words[1];
    if (how === SIG_BLOCK) signals.setBlocked(blockedLow | low, blockedHigh | high);
    else if (how === SIG_UNBLOCK) signals.setBlocked(blockedLow & ~low, blockedHigh & ~high);
    else if (how === SIG_SETMASK) signals.setBlocked(low, high);
    else return -EINVAL;
    task.attention = true;
  }
  if (old === 0) return 0;
  words[0] = blockedLow;
  words[1] = blockedHigh;
  return task.mm.copyOut(old, bytes, SIGSET_SIZE) === SIGSET_SIZE ? 0 : -EFAULT;
}

function sysRtSigpending(task: Task, args: ContextPage): number {
  const size = args.argSize(1);
  if (size > SIGSET_SIZE || size < 0) return -EINVAL;
  const { signals } = task;
  const shared = task.threadGroup.signals.pending;
  words[0] = (signals.pending.low | shared.low) & signals.blockedLow;
  words[1] = (signals.pending.high | shared.high) & signals.blockedHigh;
  return task.mm.copyOut(args.argAddress(0), bytes, size) === size ? 0 : -EFAULT;
}

function sysRtSigreturn(task: Task): number {
  const frame = popSignalFrame(task);
  task.restartBlock = null;
  // The call's result register comes from the frame: there is no call to restart and no result to store.
  task.sysno = -1;
  if (frame === null) {
    forceSignal(task, SignalInfo.kernel(11), true);
    return 0;
  }
  task.signals.setBlocked(frame.maskLow, frame.maskHigh);
  task.attention = true;
  setAltStack(task, frame.altStackAddress, frame.altStackFlags, frame.altStackSize, BAD_ADDRESS);
  return 0;
}

/** Checks and installs an alternate stack; `sp` is the stack in use, or BAD_ADDRESS when it does not matter. */
function setAltStack(task: Task, address: number, flags: number, size: number, sp: number): number {
  const { signals } = task;
  if (sp >= 0 && onAltStack(task, sp) && (signals.altStackFlags & SS_AUTODISARM) === 0) return -EPERM;
  const mode = (flags & ~SS_AUTODISARM) >>> 0;
  if (mode !== SS_DISABLE && mode !== SS_ONSTACK && mode !== 0) return -EINVAL;
  if (mode === SS_DISABLE) {
    signals.disableAltStack();
    return 0;
  }
  if (size >= 0 && size < MINSIGSTKSZ) return -ENOMEM;
  if (address < 0 || size < 0) return -ENOMEM;
  signals.altStackAddress = address;
  signals.altStackSize = size;
  signals.altStackFlags = flags;
  return 0;
}

function sysSigaltstack(task: Task, args: ContextPage): number {
  const next = args.argAddress(0);
  const old = args.argAddress(1);
  const { signals } = task;
  const sp = args.reg(REG.rsp);
  const oldAddress = signals.altStackAddress;
  const oldSize = signals.altStackSize;
  const oldFlags =
    signals.altStackSize === 0 ? SS_DISABLE : (signals.altStackFlags & SS_AUTODISARM) | (onAltStack(task, sp) ? SS_ONSTACK : 0);
  if (next !== 0) {
    if (task.mm.copyIn(next, bytes, 24) !== 24) return -EFAULT;
    const address = words[1] < 2 ** 15 ? words[1] * 2 ** 32 + words[0] : BAD_ADDRESS;
    const size = words[5] < 2 ** 15 ? words[5] * 2 ** 32 + words[4] : BAD_ADDRESS;
    const result = setAltStack(task, address, words[2], size, sp);
    if (result < 0) return result;
  }
  if (old === 0) return 0;
  words.fill(0);
  words[0] = oldAddress % 2 ** 32;
  words[1] = Math.floor(oldAddress / 2 ** 32);
  words[2] = oldFlags;
  words[4] = oldSize % 2 ** 32;
  words[5] = Math.floor(oldSize / 2 ** 32);
  return task.mm.copyOut(old, bytes, 24) === 24 ? 0 : -EFAULT;
}

function* waitForSignal(task: Task): Blocking {
  while (!hasDeliverableSignal(task)) {
    task.wait.until(Number.POSITIVE_INFINITY);
    if ((yield) === INTERRUPTED) break;
  }
  return -ERESTARTNOHAND;
}

function sysRtSigsuspend(task: Task, args: ContextPage): number | Blocking {
  if (args.argSize(1) !== SIGSET_SIZE) return -EINVAL;
  if (task.mm.copyIn(args.argAddress(0), bytes, SIGSET_SIZE) !== SIGSET_SIZE) return -EFAULT;
  task.signals.setTemporaryMask(words[0], words[1]);
  task.attention = true;
  return waitForSignal(task);
}

function sysPause(task: Task): Blocking {
  return waitForSignal(task);
}

function takeAwaited(task: Task, low: number, high: number): SignalInfo | null {
  return task.signals.pending.take(~low, ~high) ?? task.threadGroup.signals.pending.take(~low, ~high);
}

function sysRtSigtimedwait(task: Task, args: ContextPage): number | Blocking {
  const infoAddress = args.argAddress(1);
  const timeout = args.argAddress(2);
  if (args.argSize(3) !== SIGSET_SIZE) return -EINVAL;
  if (task.mm.copyIn(args.argAddress(0), bytes, SIGSET_SIZE) !== SIGSET_SIZE) return -EFAULT;
  const low = (words[0] & ~0x40100) >>> 0;
  const high = words[1];
  let wait = Number.POSITIVE_INFINITY;
  if (timeout !== 0) {
    if (task.mm.copyIn(timeout, bytes, 16) !== 16) return -EFAULT;
    if (words[3] !== 0 || words[2] >= NANOSECONDS || words[1] >= 2 ** 31) return -EINVAL;
    wait = (words[1] * 2 ** 32 + words[0]) * NANOSECONDS + words[2];
  }
  const found = takeAwaited(task, low, high);
  if (found !== null) return reportSignal(task, found, infoAddress);
  if (wait === 0) return -EAGAIN;
  return timedWait(task, low, high, infoAddress, task.kernel.clock.monotonic() + wait);
}

function* timedWait(task: Task, low: number, high: number, infoAddress: number, deadline: number): Blocking {
  const { signals } = task;
  for (;;) {
    signals.awaitedLow = low;
    signals.awaitedHigh = high;
    task.wait.until(deadline);
    const why = yield;
    signals.awaitedLow = 0;
    signals.awaitedHigh = 0;
    const found = takeAwaited(task, low, high);
    if (found !== null) return reportSignal(task, found, infoAddress);
    if (why === TIMED_OUT) return -EAGAIN;
    if (why === INTERRUPTED) return -EINTR;
  }
}

function reportSignal(task: Task, found: SignalInfo, address: number): number {
  if (address !== 0) {
    found.encode(info, 0);
    if (task.mm.copyOut(address, info, SIGINFO_SIZE) !== SIGINFO_SIZE) return -EFAULT;
  }
  return found.signo;
}

/** Sends to each of the processes; Linux's result for kill to many: 0 if any was reached, else EPERM or ESRCH. */
function killMany(task: Task, groups: Iterable<ThreadGroup>, signo: number): number {
  let result = -ESRCH;
  for (const group of [...groups]) {
    if (!maySignal(task, group, signo)) {
      if (result !== 0) result = -EPERM;
      continue;
    }
    if (signo !== 0) sendToGroup(group, SignalInfo.user(signo, task.threadGroup.id, task.credentials.ruid));
    result = 0;
  }
  return result;
}

function sysKill(task: Task, args: ContextPage): number {
  const pid = args.argInt32(0);
  const signo = args.argInt32(1);
  const { kernel } = task;
  if (signo < 0 || signo > 64) return -EINVAL;
  if (pid > 0) {
    const group = kernel.processes.get(pid);
    return group === undefined ? -ESRCH : killMany(task, [group], signo);
  }
  if (pid === -1) {
    const others: ThreadGroup[] = [];
    for (const group of kernel.processes.values()) if (group !== task.threadGroup && group.id !== 1) others.push(group);
    return killMany(task, others, signo);
  }
  if (pid === -(2 ** 31)) return -ESRCH;
  const processGroup = pid === 0 ? task.threadGroup.processGroup : kernel.processGroups.get(-pid);
  return processGroup === undefined ? -ESRCH : killMany(task, processGroup.members, signo);
}

function killThread(task: Task, tgid: number, tid: number, signo: number, make: () => SignalInfo): number {
  const target = task.kernel.tasks.get(tid);
  if (target === undefined || target.state >= TASK_ZOMBIE || (tgid > 0 && target.threadGroup.id !== tgid)) return -ESRCH;
  if (!maySignal(task, target.threadGroup, signo)) return -EPERM;
  return signo === 0 ? 0 : sendToTask(target, make());
}

function sysTgkill(task: Task, args: ContextPage): number {
  const tgid = args.argInt32(0);
  const tid = args.argInt32(1);
  const signo = args.argInt32(2);
  if (tgid <= 0 || tid <= 0 || signo < 0 || signo > 64) return -EINVAL;
  return killThread(task, tgid, tid, signo, () => SignalInfo.user(signo, task.threadGroup.id, task.credentials.ruid, true));
}

function sysTkill(task: Task, args: ContextPage): number {
  const tid = args.argInt32(0);
  const signo = args.argInt32(1);
  if (tid <= 0 || signo < 0 || signo > 64) return -EINVAL;
  return killThread(task, -1, tid, signo, () => SignalInfo.user(signo, task.threadGroup.id, task.credentials.ruid, true));
}

/** Reads the siginfo of rt_sigqueueinfo into the scratch: 0 or -errno. A program may not pretend to be the kernel or kill(2) towards others. */
function readQueueInfo(task: Task, address: number, targetPid: number): number {
  if (task.mm.copyIn(address, info, SIGINFO_SIZE) !== SIGINFO_SIZE) return -EFAULT;
  const code = infoView.getInt32(8, true);
  return (code >= 0 || code === -6) && targetPid !== task.threadGroup.id ? -EPERM : 0;
}

function sysRtSigqueueinfo(task: Task, args: ContextPage): number {
  const pid = args.argInt32(0);
  const signo = args.argInt32(1);
  const result = readQueueInfo(task, args.argAddress(2), pid);
  if (result < 0) return result;
  const group = task.kernel.processes.get(pid);
  if (group === undefined) return -ESRCH;
  if (signo < 0 || signo > 64) return -EINVAL;
  if (!maySignal(task, group, signo)) return -EPERM;
  return signo === 0 ? 0 : sendToGroup(group, SignalInfo.raw(signo, info));
}

function sysRtTgsigqueueinfo(task: Task, args: ContextPage): number {
  const tgid = args.argInt32(0);
  const tid = args.argInt32(1);
  const signo = args.argInt32(2);
  const result = readQueueInfo(task, args.argAddress(3), tid);
  if (result < 0) return result;
  if (tgid <= 0 || tid <= 0 || signo < 0 || signo > 64) return -EINVAL;
  return killThread(task, tgid, tid, signo, () => SignalInfo.raw(signo, info));
}

function sysRestartSyscall(task: Task): number | Blocking {
  const block = task.restartBlock;
  task.restartBlock = null;
  return block === null ? -EINTR : block.restart(task);
}

export const signalSyscalls: readonly SyscallEntry[] = [
  full('rt_sigaction', sysRtSigaction),
  full('rt_sigprocmask', sysRtSigprocmask),
  full('rt_sigpending', sysRtSigpending),
  full('rt_sigreturn', sysRtSigreturn),
  full('rt_sigsuspend', sysRtSigsuspend),
  full('rt_sigtimedwait', sysRtSigtimedwait),
  full('rt_sigqueueinfo', sysRtSigqueueinfo),
  full('rt_tgsigqueueinfo', sysRtTgsigqueueinfo),
  full('kill', sysKill),
  full('tkill', sysTkill),
  full('tgkill', sysTgkill),
  partial('sigaltstack', sysSigaltstack, 'SS_AUTODISARM is kept but a handler does not disarm the stack'),
  full('pause', sysPause),
  full('restart_syscall', sysRestartSyscall),
];
