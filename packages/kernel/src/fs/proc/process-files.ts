import { CAP_SYS_ADMIN, CAP_SYS_RESOURCE, EACCES, EINVAL, EPERM, ESRCH, RLIM_NLIMITS } from '@sbx/abi';
import type { Task } from '../../task/task.js';
import { maps, mayOpenMaps, smaps, smapsRollup } from './maps.js';
import type { ProcessTextEntry } from './proc-inode.js';
import { currentSyscall, processStat, processStatm } from './process-stat.js';
import { INIT_NAME, status } from './status.js';
import { mayInspect, type Subject } from './subject.js';

/** Longest name of a task (TASK_COMM_LEN less the zero). */
const COMM_LENGTH = 15;
const OOM_MAX = 1000;
/** The old oom_adj goes from -17 (never) to 15. */
const OOM_ADJUST_MAX = 15;
const OOM_ADJUST_NEVER = -17;

const LIMITS: readonly (readonly [string, string])[] = [
  ['Max cpu time', 'seconds'],
  ['Max file size', 'bytes'],
  ['Max data size', 'bytes'],
  ['Max stack size', 'bytes'],
  ['Max core file size', 'bytes'],
  ['Max resident set', 'bytes'],
  ['Max processes', 'processes'],
  ['Max open files', 'files'],
  ['Max locked memory', 'bytes'],
  ['Max address space', 'bytes'],
  ['Max file locks', 'locks'],
  ['Max pending signals', 'signals'],
  ['Max msgqueue size', 'bytes'],
  ['Max nice priority', ''],
  ['Max realtime priority', ''],
  ['Max realtime timeout', 'us'],
];

function limits(subject: Subject): string | number {
  const { group } = subject;
  if (group === null) return -ESRCH;
  const value = (limit: number): string => (limit === Number.POSITIVE_INFINITY ? 'unlimited' : String(limit)).padEnd(20);
  let text = `${'Limit'.padEnd(25)} ${'Soft Limit'.padEnd(20)} ${'Hard Limit'.padEnd(20)} ${'Units'.padEnd(10)}\n`;
  for (let i = 0; i < RLIM_NLIMITS; i++) {
    const [name, unit] = LIMITS[i];
    text += `${name.padEnd(25)} ${value(group.limits.soft[i])} ${value(group.limits.hard[i])} ${unit === '' ? '' : unit.padEnd(10)}\n`;
  }
  return text;
}

/** A file whose contents depend on nothing but that the task exists. */
function constant(text: string): ProcessTextEntry {
  return { text: (subject) => (subject.exists ? text : -ESRCH) };
}

function setName(subject: Subject, task: Task, text: string): number {
  const target = subject.task;
  if (target === null) return -ESRCH;
  if (target.threadGroup !== task.threadGroup) return -EINVAL;
  target.name = text.slice(0, COMM_LENGTH).split('\0')[0];
  return 0;
}

/** The number that was written, with blanks around it; NaN if it is none. */
export function parseNumber(text: string): number {
  const trimmed = text.replace(/^[\s\0]+|[\s\0]+$/g, '');
  if (/^-?0x[0-9a-f]+$/i.test(trimmed)) return trimmed.startsWith('-') ? -Number(trimmed.slice(1)) : Number(trimmed);
  if (/^-?0[0-7]+$/.test(trimmed)) return Number.parseInt(trimmed, 8);
  return /^[-+]?[0-9]+$/.test(trimmed) ? Number(trimmed) : Number.NaN;
}

function setOomScore(subject: Subject, task: Task, value: number): number {
  const { group } = subject;
  if (group === null) return -ESRCH;
  const privileged = task.credentials.capable(CAP_SYS_RESOURCE);
  if (value < group.oomScoreAdjMin && !privileged) return -EACCES;
  group.oomScoreAdj = value;
  if (privileged) group.oomScoreAdjMin = value;
  return 0;
}

function storeOomScoreAdj(subject: Subject, task: Task, text: string): number {
  const value = parseNumber(text);
  if (!(value >= -OOM_MAX && value <= OOM_MAX)) return -EINVAL;
  return setOomScore(subject, task, value);
}
function storeOomAdj(subject: Subject, task: Task, text: string): number {
  const value = parseNumber(text);
  if (!((value >= -16 && value <= OOM_ADJUST_MAX) || value === OOM_ADJUST_NEVER)) return -EINVAL;
  return setOomScore(subject, task, value === OOM_ADJUST_MAX ? OOM_MAX : Math.trunc((value * OOM_MAX) / -OOM_ADJUST_NEVER));
}
function oomAdj(subject: Subject): string | number {
  const { group } = subject;
  if (group === null) return -ESRCH;
  const { oomScoreAdj: score } = group;
  return `${score === OOM_MAX ? OOM_ADJUST_MAX : Math.trunc((score * -OOM_ADJUST_NEVER) / OOM_MAX)}\n`;
}
/** How likely the task is to be killed when memory runs out: 0 to 2000, from its share of memory and the adjustment. */
function oomScore(subject: Subject): string | number {
  const { group, mm, kernel } = subject;
  if (group === null) return -ESRCH;
  const share = mm === null ? 0 : (mm.residentBytes * 1000) / kernel.limits.memory;
  return `${Math.max(0, Math.floor(((1000 + share + group.oomScoreAdj) * 2) / 3))}\n`;
}

/** What only whoever may look into the task sees: `text`, else -errno. */
function guarded(text: (subject: Subject, task: Task) => string | number, refused: number): ProcessTextEntry {
  return {
    text: (subject, reader) => {
      const target = subject.task;
      if (target === null) return subject.exists ? refused : -ESRCH;
      return mayInspect(reader, target, refused === -EPERM) ? text(subject, reader) : refused;
    },
  };
}

function childrenOf(subject: Subject): string | number {
  const { group, task } = subject;
  if (group === null) return -ESRCH;
  // Children belong to the process here; they are shown with its leader.
  if (task !== null && task !== group.leader) return '';
  return [...group.children].map((child) => `${child.id} `).join('');
}

function mountsText(subject: Subject, format: 'mounts' | 'mountinfo' | 'mountstats'): string | number {
  const task = subject.live;
  if (task === null && !subject.isInit) return subject.exists ? -EINVAL : -ESRCH;
  const { namespace } = subject.kernel.vfs;
  const fs = task?.fs ?? subject.kernel.vfs.kernelCaller.fs;
  if (format === 'mountinfo') return namespace.formatMountInfo(fs.rootMount, fs.rootDentry);
  const text = namespace.formatMounts(fs.rootMount, fs.rootDentry);
  if (format === 'mounts') return text;
  return text.replace(/^(\S+) (\S+) (\S+) .*$/gm, 'device $1 mounted on $2 with fstype $3');
}

const IO_COUNTERS = ['rchar', 'wchar', 'syscr', 'syscw', 'read_bytes', 'write_bytes', 'cancelled_write_bytes'];

/** Modes and contents of the text files about processes and threads. */
export const textEntries: ReadonlyMap<string, readonly [number, ProcessTextEntry]> = new Map<string, readonly [number, ProcessTextEntry]>([
  ['status', [0o444, { text: status }]],
  ['stat', [0o444, { text: processStat }]],
  ['statm', [0o444, { text: processStatm }]],
  [
    'comm',
    [
      0o644,
      {
        text: (subject) => (subject.exists ? `${subject.task?.name ?? INIT_NAME}\n` : -ESRCH),
        store: setName,
      },
    ],
  ],
  ['limits', [0o644, { text: limits, store: () => -EINVAL }]],
  ['maps', [0o444, { text: maps, check: mayOpenMaps }]],
  ['smaps', [0o444, { text: smaps, check: mayOpenMaps }]],
  ['smaps_rollup', [0o444, { text: smapsRollup, check: mayOpenMaps }]],
  ['mounts', [0o444, { text: (subject) => mountsText(subject, 'mounts') }]],
  ['mountinfo', [0o444, { text: (subject) => mountsText(subject, 'mountinfo') }]],
  ['mountstats', [0o400, { text: (subject) => mountsText(subject, 'mountstats') }]],
  [
    'oom_score_adj',
    [0o644, { text: (subject) => (subject.group === null ? -ESRCH : `${subject.group.oomScoreAdj}\n`), store: storeOomScoreAdj }],
  ],
  ['oom_adj', [0o644, { text: oomAdj, store: storeOomAdj }]],
  ['oom_score', [0o444, { text: oomScore }]],
  ['syscall', [0o400, guarded(currentSyscall, -EPERM)]],
  ['personality', [0o400, guarded(() => '00000000\n', -EPERM)]],
  ['io', [0o400, guarded(() => IO_COUNTERS.map((name) => `${name}: 0\n`).join(''), -EACCES)]],
  ['stack', [0o400, { text: (subject, reader) => (!subject.exists ? -ESRCH : reader.credentials.capable(CAP_SYS_ADMIN) ? '' : -EACCES) }]],
  ['wchan', [0o444, constant('0')]],
  ['cgroup', [0o444, constant('0::/\n')]],
  ['cpuset', [0o444, constant('/\n')]],
  ['loginuid', [0o644, { ...constant('4294967295'), store: () => -EPERM }]],
  ['sessionid', [0o444, constant('4294967295')]],
  ['coredump_filter', [0o644, { ...constant('00000033\n'), store: () => -EPERM }]],
  ['uid_map', [0o644, { ...constant('         0          0 4294967295\n'), store: () => -EPERM }]],
  ['gid_map', [0o644, { ...constant('         0          0 4294967295\n'), store: () => -EPERM }]],
  ['projid_map', [0o644, { ...constant('         0          0 4294967295\n'), store: () => -EPERM }]],
  ['setgroups', [0o644, { ...constant('allow\n'), store: () => -EPERM }]],
  ['schedstat', [0o444, { text: (subject) => (subject.exists ? `${subject.task?.userTime ?? 0} 0 0\n` : -ESRCH) }]],
  ['children', [0o444, { text: childrenOf }]],
]);

/** Text files of a process's directory, and of a thread's, in Linux's order. */
export const PROCESS_TEXTS: readonly string[] = [
  'status',
  'personality',
  'limits',
  'comm',
  'syscall',
  'stat',
  'statm',
  'maps',
  'mounts',
  'mountinfo',
  'mountstats',
  'smaps',
  'smaps_rollup',
  'wchan',
  'stack',
  'schedstat',
  'cpuset',
  'cgroup',
  'oom_score',
  'oom_adj',
  'oom_score_adj',
  'loginuid',
  'sessionid',
  'coredump_filter',
  'io',
  'uid_map',
  'gid_map',
  'projid_map',
  'setgroups',
];
export const THREAD_TEXTS: readonly string[] = [
  ...PROCESS_TEXTS.filter((name) => name !== 'mountstats' && name !== 'coredump_filter'),
  'children',
];
