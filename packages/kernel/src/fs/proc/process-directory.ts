import { ENOENT, ESRCH } from '@sbx/abi';
import type { Kernel } from '../../kernel.js';
import { TASK_DEAD } from '../../task/task.js';
import type { Caller, Inode } from '../../vfs/inode.js';
import type { SuperBlock } from '../../vfs/super-block.js';
import type { EntryInfo } from '../pseudo/pseudo-directory.js';
import { FdDirectory, FdInfoDirectory } from './descriptors.js';
import { CwdLink, ExeLink, NAMESPACE_NAMES, NamespaceLink, RootLink } from './links.js';
import { ProcessMemory, ProcessRange } from './memory-files.js';
import { MountsFile } from './mounts-file.js';
import { netDirectory } from './net.js';
import type { ProcFileSystem } from './proc.js';
import { ProcessFile, ProcessSubdirectory, subjectIno } from './proc-inode.js';
import { PROCESS_TEXTS, THREAD_TEXTS, textEntries } from './process-files.js';
import { Subject } from './subject.js';

const DIRECTORY = 0o040000;
const LINK = 0o120777;
const REGULAR = 0o100000;

/** Makes the inode of an entry. */
type Maker = (superBlock: SuperBlock, ino: number, subject: Subject) => Inode;

interface Entry {
  readonly name: string;
  readonly mode: number;
  /** Its number within the range of the subject. */
  readonly number: number;
  readonly make: Maker;
}

const makers: readonly (readonly [string, number, Maker])[] = [
  ['fd', DIRECTORY, (superBlock, ino, subject) => new FdDirectory(superBlock, ino, subject)],
  ['fdinfo', DIRECTORY, (superBlock, ino, subject) => new FdInfoDirectory(superBlock, ino, subject)],
  ['ns', DIRECTORY, (superBlock, ino, subject) => new NamespaceDirectory(superBlock, ino, 0o511, subject)],
  ['net', DIRECTORY, (superBlock) => netDirectory(superBlock as ProcFileSystem)],
  ['environ', REGULAR, (superBlock, ino, subject) => new ProcessRange(superBlock, ino, 0o400, subject, 'environ')],
  ['auxv', REGULAR, (superBlock, ino, subject) => new ProcessRange(superBlock, ino, 0o400, subject, 'auxv')],
  ['cmdline', REGULAR, (superBlock, ino, subject) => new ProcessRange(superBlock, ino, 0o444, subject, 'cmdline')],
  ['mem', REGULAR, (superBlock, ino, subject) => new ProcessMemory(superBlock, ino, 0o600, subject)],
  ['cwd', LINK, (superBlock, ino, subject) => new CwdLink(superBlock, ino, subject)],
  ['root', LINK, (superBlock, ino, subject) => new RootLink(superBlock, ino, subject)],
  ['exe', LINK, (superBlock, ino, subject) => new ExeLink(superBlock, ino, subject)],
];

function textMaker(name: string): Maker {
  const [mode, entry] = textEntries.get(name)!;
  if (name === 'mounts' || name === 'mountinfo') return (superBlock, ino, subject) => new MountsFile(superBlock, ino, mode, subject, entry);
  return (superBlock, ino, subject) => new ProcessFile(superBlock, ino, mode, subject, entry);
}

function table(texts: readonly string[], taskDirectory: boolean): readonly Entry[] {
  const entries: Entry[] = [];
  const add = (name: string, mode: number, make: Maker): void => {
    entries.push({ name, mode, number: entries.length + 1, make });
  };
  if (taskDirectory) add('task', DIRECTORY, (superBlock, ino, subject) => new TaskDirectory(superBlock, ino, 0o555, subject));
  for (const [name, mode, make] of makers) add(name, mode, make);
  for (const name of texts) add(name, REGULAR, textMaker(name));
  return entries;
}

/** Entries of /proc/PID, and of /proc/PID/task/TID. Made when the first is asked for. */
let processTable: readonly Entry[] | null = null;
let threadTable: readonly Entry[] | null = null;

/** /proc/PID and /proc/PID/task/TID. */
export class SubjectDirectory extends ProcessSubdirectory {
  readonly #entries: readonly Entry[];

  constructor(superBlock: SuperBlock, ino: number, subject: Subject, whole: boolean) {
    super(superBlock, ino, 0o555, subject);
    this.#entries = whole ? (processTable ??= table(PROCESS_TEXTS, true)) : (threadTable ??= table(THREAD_TEXTS, false));
    this.nlink = 2 + this.#entries.filter((entry) => entry.mode === DIRECTORY).length;
  }
  override permission(caller: Caller, mask: number): number {
    return this.subject.exists ? super.permission(caller, mask) : -ESRCH;
  }
  override lookup(_caller: Caller, name: string): Inode | number {
    if (!this.subject.exists) return -ENOENT;
    const entry = this.#entries.find((candidate) => candidate.name === name);
    return entry === undefined ? -ENOENT : entry.make(this.superBlock, subjectIno(this.subject, entry.number), this.subject);
  }
  override nextEntry(_caller: Caller, position: number, out: EntryInfo): number {
    if (!this.subject.exists) return -ENOENT;
    if (position - 2 >= this.#entries.length) return 0;
    const entry = this.#entries[position - 2];
    out.name = entry.name;
    out.mode = entry.mode;
    out.ino = subjectIno(this.subject, entry.number);
    return position + 1;
  }
}

/** /proc/PID/ns. */
class NamespaceDirectory extends ProcessSubdirectory {
  override lookup(_caller: Caller, name: string): Inode | number {
    const index = NAMESPACE_NAMES.indexOf(name);
    if (index < 0 || !this.subject.exists) return -ENOENT;
    return new NamespaceLink(this.superBlock, subjectIno(this.subject, 0x1000 + index), this.subject, name);
  }
  override nextEntry(_caller: Caller, position: number, out: EntryInfo): number {
    const index = position - 2;
    if (index >= NAMESPACE_NAMES.length) return 0;
    out.name = NAMESPACE_NAMES[index];
    out.mode = LINK;
    out.ino = subjectIno(this.subject, 0x1000 + index);
    return position + 1;
  }
}

/** The thread `tid` of the subject's process as a subject, or null. */
function threadOf(subject: Subject, tid: number): Subject | null {
  const { group, kernel } = subject;
  if (group === null) return null;
  if (group === kernel.init) return tid === group.id ? new Subject(kernel, tid, group, null) : null;
  const task = group.tasks.find((candidate) => candidate.id === tid);
  return task === undefined || task.state >= TASK_DEAD ? null : new Subject(kernel, tid, group, task);
}

/** /proc/PID/task: the threads. */
class TaskDirectory extends ProcessSubdirectory {
  override lookup(_caller: Caller, name: string): Inode | number {
    const tid = parsePid(name);
    const thread = tid < 0 ? null : threadOf(this.subject, tid);
    return thread === null ? -ENOENT : new SubjectDirectory(this.superBlock, subjectIno(thread, 0), thread, false);
  }
  override revalidate(_caller: Caller, _name: string, child: Inode | null): number {
    return child instanceof SubjectDirectory && child.subject.exists && this.subject.exists ? 1 : 0;
  }
  override nextEntry(_caller: Caller, position: number, out: EntryInfo): number {
    const { group, kernel } = this.subject;
    if (group === null) return -ENOENT;
    let next = -1;
    if (group === kernel.init) next = position - 2 <= group.id ? group.id : -1;
    for (const task of group.tasks) {
      if (task.state < TASK_DEAD && task.id >= position - 2 && (next < 0 || task.id < next)) next = task.id;
    }
    const thread = next < 0 ? null : threadOf(this.subject, next);
    if (thread === null) return 0;
    out.name = String(next);
    out.mode = DIRECTORY;
    out.ino = subjectIno(thread, 0);
    return next + 3;
  }
}

/** A pid as names have it: decimal, without leading zeros; -1 if it is none. */
export function parsePid(name: string): number {
  return /^[1-9][0-9]{0,9}$/.test(name) ? Number(name) : -1;
}

/** The directory of process `pid`, or -ENOENT. Ids of threads other than leaders lead to one too, though no listing shows it. */
export function processDirectory(kernel: Kernel, superBlock: SuperBlock, pid: number): Inode | number {
  const group = kernel.processes.get(pid);
  if (group !== undefined) {
    const subject = new Subject(kernel, pid, group, null);
    return new SubjectDirectory(superBlock, subjectIno(subject, 0), subject, true);
  }
  const task = kernel.tasks.get(pid);
  if (task === undefined || task.state >= TASK_DEAD) return -ENOENT;
  const subject = new Subject(kernel, pid, task.threadGroup, task);
  return new SubjectDirectory(superBlock, subjectIno(subject, 0), subject, true);
}
