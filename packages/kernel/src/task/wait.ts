import { ECHILD, EFAULT, EINVAL, ESRCH, P_ALL, P_PGID, P_PID, P_PIDFD, WCONTINUED, WEXITED, WNOHANG, WNOWAIT, WUNTRACED } from '@sbx/abi';
import type { ContextPage } from '@sbx/platform';
import { pidfdGroup } from '../fs/anon/pidfd.js';
import { SIGINFO_SIZE, SignalInfo } from '../signal/signal-info.js';
import { type Blocking, INTERRUPTED } from '../wait/blocking.js';
import { ERESTARTSYS } from '../wait/restart.js';
import { reap } from './exit.js';
import { encodeRusage, RUSAGE_SIZE } from './rusage.js';
import type { Task } from './task.js';
import type { ThreadGroup } from './thread-group.js';

const EPOLLIN = 1;
const WALL_FLAGS = 0x40000000 | 0x80000000 | 0x20000000; // __WALL __WCLONE __WNOTHREAD
const SIGCHLD = 17;
const WCLONE = 0x80000000;
const WALL = 0x40000000;
const WNOTHREAD = 0x20000000;

/** Which children a wait is for: P_ALL, P_PID, P_PGID with `id`. */
interface WaitSpec {
  type: number;
  id: number;
  options: number;
}

const statusWord = new Int32Array(1);
const statusBytes = new Uint8Array(statusWord.buffer);
const infoBytes = new Uint8Array(SIGINFO_SIZE);
const usageBytes = new Uint8Array(RUSAGE_SIZE);

function matches(task: Task, child: ThreadGroup, spec: WaitSpec): boolean {
  if (spec.type === P_PID && child.id !== spec.id) return false;
  if (spec.type === P_PGID && child.processGroup.id !== spec.id) return false;
  if ((spec.options & WNOTHREAD) !== 0 && child.parentTask !== task) return false;
  if ((spec.options & WALL) !== 0) return true;
  const isClone = child.exitSignal !== SIGCHLD;
  return isClone === ((spec.options & WCLONE) !== 0);
}

/** What a wait found: the child and the wait status to report. Reused. */
const found: { child: ThreadGroup | null; status: number } = { child: null, status: 0 };

/** Looks for a child with news. 1: found (in `found`); 0: there are children, none has news; -ECHILD: none. */
function look(task: Task, spec: WaitSpec): number {
  let any = false;
  for (const child of task.threadGroup.children) {
    if (!matches(task, child, spec)) continue;
    any = true;
    const { options } = spec;
    if (child.isZombie && (options & WEXITED) !== 0) return take(child, child.exitStatus);
    if (child.pendingStop >= 0 && (options & WUNTRACED) !== 0) {
      const status = child.pendingStop;
      if ((options & WNOWAIT) === 0) child.pendingStop = -1;
      return take(child, status);
    }
    if (child.pendingContinue && (options & WCONTINUED) !== 0) {
      if ((options & WNOWAIT) === 0) child.pendingContinue = false;
      return take(child, 0xffff);
    }
  }
  return any ? 0 : -ECHILD;
}

function take(child: ThreadGroup, status: number): number {
  found.child = child;
  found.status = status;
  return 1;
}

/** Waits for a child and reports it through `report`, which returns the call's result; a zombie is reaped unless WNOWAIT. */
function* waitBlocking(
  task: Task,
  spec: WaitSpec,
  report: (task: Task, child: ThreadGroup, status: number) => number,
  none: () => number,
): Blocking {
  for (;;) {
    const result = look(task, spec);
    if (result < 0) return result;
    if (result > 0) return finish(task, spec, report);
    if ((spec.options & WNOHANG) !== 0) return none();
    task.wait.on(task.threadGroup.childWait, EPOLLIN);
    if ((yield) === INTERRUPTED) return -ERESTARTSYS;
  }
}

function finish(task: Task, spec: WaitSpec, report: (task: Task, child: ThreadGroup, status: number) => number): number {
  const child = found.child!;
  const result = report(task, child, found.status);
  if (child.isZombie && (spec.options & WNOWAIT) === 0) reap(child);
  found.child = null;
  return result;
}

/** wait4(2). */
export function sysWait4(task: Task, args: ContextPage): number | Blocking {
  const pid = args.argInt32(0);
  const statusAddress = args.argAddress(1);
  const options = args.argInt32(2);
  const usageAddress = args.argAddress(3);
  if ((options & ~(WNOHANG | WUNTRACED | WCONTINUED | WALL_FLAGS)) !== 0) return -EINVAL;
  if (pid === -(2 ** 31)) return -ESRCH;
  const spec: WaitSpec = { type: P_PID, id: pid, options: options | WEXITED };
  if (pid === -1) spec.type = P_ALL;
  else if (pid <= 0) {
    spec.type = P_PGID;
    spec.id = pid === 0 ? task.threadGroup.processGroup.id : -pid;
  }
  return waitBlocking(
    task,
    spec,
    (_task, child, status) => {
      statusWord[0] = status;
      if (statusAddress !== 0 && task.mm.copyOut(statusAddress, statusBytes, 4) !== 4) return -EFAULT;
      if (usageAddress !== 0 && !copyUsage(task, usageAddress, child)) return -EFAULT;
      return child.id;
    },
    () => 0,
  );
}

function copyUsage(task: Task, address: number, child: ThreadGroup): boolean {
  const user = child.deadUserTime + child.childrenUserTime;
  const system = child.deadSystemTime + child.childrenSystemTime;
  encodeRusage(usageBytes, user, system, Math.max(child.peakResident, child.childrenPeakResident) / 1024, 0, 0);
  return task.mm.copyOut(address, usageBytes, RUSAGE_SIZE) === RUSAGE_SIZE;
}

/** waitid(2). */
export function sysWaitid(task: Task, args: ContextPage): number | Blocking {
  let type = args.argInt32(0);
  let id = args.argInt32(1);
  const infoAddress = args.argAddress(2);
  const options = args.argInt32(3);
  const usageAddress = args.argAddress(4);
  if ((options & ~(WNOHANG | WNOWAIT | WEXITED | WUNTRACED | WCONTINUED | WALL_FLAGS)) !== 0) return -EINVAL;
  if ((options & (WEXITED | WUNTRACED | WCONTINUED)) === 0) return -EINVAL;
  if (type === P_PIDFD) {
    const group = id < 0 ? -EINVAL : pidfdGroup(task, id);
    if (typeof group === 'number') return group;
    type = P_PID;
    id = group.id;
  } else if (type === P_PID) {
    if (id <= 0) return -EINVAL;
  } else if (type === P_PGID) {
    if (id < 0) return -EINVAL;
    if (id === 0) id = task.threadGroup.processGroup.id;
  } else if (type !== P_ALL) return -EINVAL;
  return waitBlocking(
    task,
    { type, id, options },
    (_task, child, status) => {
      if (infoAddress !== 0) {
        const { credentials } = child.leader;
        SignalInfo.child(SIGCHLD, child.id, credentials.ruid, status, 0, 0).encode(infoBytes, 0);
        if (task.mm.copyOut(infoAddress, infoBytes, SIGINFO_SIZE) !== SIGINFO_SIZE) return -EFAULT;
      }
      return usageAddress !== 0 && !copyUsage(task, usageAddress, child) ? -EFAULT : 0;
    },
    () => {
      // WNOHANG and nothing to report: si_pid and si_signo are zero.
      infoBytes.fill(0);
      return infoAddress !== 0 && task.mm.copyOut(infoAddress, infoBytes, SIGINFO_SIZE) !== SIGINFO_SIZE ? -EFAULT : 0;
    },
  );
}
