import { ESRCH, RLIMIT_SIGPENDING } from '@sbx/abi';
import type { Credentials } from '../../auth/credentials.js';
import type { MemoryManager } from '../../mm/memory-manager.js';
import type { SignalActions } from '../../signal/signal-actions.js';
import { highBit, lowBit } from '../../signal/signal-set.js';
import { TASK_BLOCKED, TASK_DEAD, TASK_STOPPED, TASK_ZOMBIE, type Task } from '../../task/task.js';
import type { ThreadGroup } from '../../task/thread-group.js';
import { escapeName, firstN, hex64, maskOf, UNLIMITED } from './format.js';
import type { Subject } from './subject.js';

const PAGE_KIB = 4;
/** The name of pid 1, which is the kernel itself. */
export const INIT_NAME = 'init';

/** One letter for what a task does, as ps shows it. */
export function stateLetter(task: Task | null): string {
  if (task === null) return 'S';
  switch (task.state) {
    case TASK_BLOCKED:
      return task.wait.interruptible ? 'S' : 'D';
    case TASK_STOPPED:
      return 'T';
    case TASK_ZOMBIE:
      return 'Z';
    case TASK_DEAD:
      return 'X';
    default:
      return 'R';
  }
}
const STATES: Readonly<Record<string, string>> = {
  R: 'running',
  S: 'sleeping',
  D: 'disk sleep',
  T: 'stopped',
  Z: 'zombie',
  X: 'dead',
};

/** /proc/PID/status (proc(5)). */
export function status(subject: Subject): string | number {
  const { group, task } = subject;
  if (group === null || !subject.exists) return -ESRCH;
  const letter = stateLetter(task);
  const parent = group.parent?.id ?? 0;
  const name = task === null ? INIT_NAME : task.name;
  let text = `Name:\t${escapeName(name)}\n`;
  const live = subject.live;
  if (live !== null) text += `Umask:\t${live.fs.umask.toString(8).padStart(4, '0')}\n`;
  text += `State:\t${letter} (${STATES[letter]})\nTgid:\t${group.id}\nNgid:\t0\nPid:\t${subject.id}\nPPid:\t${parent}\nTracerPid:\t0\n`;
  text += identity(task?.credentials ?? null);
  text += `FDSize:\t${live === null ? 0 : Math.max(64, live.files.capacity)}\n`;
  text += `Groups:\t${(task?.credentials.groups ?? []).map((gid) => `${gid} `).join('')}\n`;
  text += `NStgid:\t${group.id}\nNSpid:\t${subject.id}\nNSpgid:\t${group.processGroup.id}\nNSsid:\t${group.session.id}\n`;
  if (subject.mm !== null) text += memory(subject.mm);
  text += `Threads:\t${Math.max(1, group.liveThreads)}\n`;
  text += signals(group, task);
  text += capabilities(task?.credentials ?? null);
  const cpus = subject.kernel.platform.concurrency;
  text += `Cpus_allowed:\t${maskOf(cpus)}\nCpus_allowed_list:\t${firstN(cpus)}\nMems_allowed:\t1\nMems_allowed_list:\t0\n`;
  text += `voluntary_ctxt_switches:\t${task?.voluntarySwitches ?? 0}\nnonvoluntary_ctxt_switches:\t${task?.involuntarySwitches ?? 0}\n`;
  return text;
}

function identity(c: Credentials | null): string {
  if (c === null) return 'Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n';
  return `Uid:\t${c.ruid}\t${c.euid}\t${c.suid}\t${c.fsuid}\nGid:\t${c.rgid}\t${c.egid}\t${c.sgid}\t${c.fsgid}\n`;
}

/** Pages of the program's own code, of what is mapped executable. */
export function textPages(mm: MemoryManager): number {
  const { startCode, endCode } = mm.layout;
  return Math.min(Math.ceil(endCode / 4096) - Math.floor(startCode / 4096), mm.execPages);
}

function memory(mm: MemoryManager): string {
  const resident = mm.rssAnonymous + mm.rssFile;
  const text = textPages(mm);
  const rows: readonly (readonly [string, number])[] = [
    ['VmPeak', Math.max(mm.highWaterTotal, mm.totalPages)],
    ['VmSize', mm.totalPages],
    ['VmLck', mm.lockedPages],
    ['VmPin', 0],
    ['VmHWM', Math.max(mm.highWaterPages, resident)],
    ['VmRSS', resident],
    ['RssAnon', mm.rssAnonymous],
    ['RssFile', mm.rssFile],
    ['RssShmem', 0],
    ['VmData', mm.dataPages],
    ['VmStk', mm.stackPages],
    ['VmExe', text],
    ['VmLib', mm.execPages - text],
    ['VmPTE', Math.ceil(resident / 512) + 3],
    ['VmSwap', 0],
  ];
  let result = '';
  for (const [name, pages] of rows) result += `${name}:\t${String(pages * PAGE_KIB).padStart(8)} kB\n`;
  return `${result}HugetlbPages:\t       0 kB\nCoreDumping:\t0\nTHP_enabled:\t${mm.hugePagesDisabled ? 0 : 1}\n`;
}

/** Sets of ignored and caught signals; words are filled for the caller. */
export function ignoredAndCaught(actions: SignalActions): { ignLow: number; ignHigh: number; cgtLow: number; cgtHigh: number } {
  const sets = { ignLow: 0, ignHigh: 0, cgtLow: 0, cgtHigh: 0 };
  for (let signo = 1; signo <= 64; signo++) {
    if (actions.isIgnore(signo)) {
      sets.ignLow |= lowBit(signo);
      sets.ignHigh |= highBit(signo);
    } else if (!actions.isDefault(signo)) {
      sets.cgtLow |= lowBit(signo);
      sets.cgtHigh |= highBit(signo);
    }
  }
  return sets;
}

function signals(group: ThreadGroup, task: Task | null): string {
  const { pending } = group.signals;
  const sets = ignoredAndCaught(group.signals.actions);
  const own = task?.signals;
  const queued = pending.queued + (own?.pending.queued ?? 0);
  const limit = group.limits.soft[RLIMIT_SIGPENDING];
  return (
    `SigQ:\t${queued}/${limit === Number.POSITIVE_INFINITY ? UNLIMITED : limit}\n` +
    `SigPnd:\t${hex64(own?.pending.low ?? 0, own?.pending.high ?? 0)}\n` +
    `ShdPnd:\t${hex64(pending.low, pending.high)}\n` +
    `SigBlk:\t${hex64(own?.blockedLow ?? 0, own?.blockedHigh ?? 0)}\n` +
    `SigIgn:\t${hex64(sets.ignLow, sets.ignHigh)}\n` +
    `SigCgt:\t${hex64(sets.cgtLow, sets.cgtHigh)}\n`
  );
}

function capabilities(c: Credentials | null): string {
  if (c === null) {
    const all = hex64(0xffffffff, 0x1ff);
    return `CapInh:\t${hex64(0, 0)}\nCapPrm:\t${all}\nCapEff:\t${all}\nCapBnd:\t${all}\nCapAmb:\t${hex64(0, 0)}\nNoNewPrivs:\t0\nSeccomp:\t0\n`;
  }
  return (
    `CapInh:\t${hex64(c.inheritableLow, c.inheritableHigh)}\n` +
    `CapPrm:\t${hex64(c.permittedLow, c.permittedHigh)}\n` +
    `CapEff:\t${hex64(c.effectiveLow, c.effectiveHigh)}\n` +
    `CapBnd:\t${hex64(c.boundingLow, c.boundingHigh)}\n` +
    `CapAmb:\t${hex64(c.ambientLow, c.ambientHigh)}\n` +
    `NoNewPrivs:\t${c.noNewPrivs ? 1 : 0}\nSeccomp:\t0\nSeccomp_filters:\t0\n` +
    'Speculation_Store_Bypass:\tthread vulnerable\nSpeculationIndirectBranch:\tconditional enabled\n'
  );
}
