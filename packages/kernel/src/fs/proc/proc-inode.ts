import { EPERM, S_IFREG } from '@sbx/abi';
import type { Task } from '../../task/task.js';
import { ATTR_MODE, type AttributeChange, type Caller, type Inode } from '../../vfs/inode.js';
import type { Stat } from '../../vfs/stat.js';
import type { SuperBlock } from '../../vfs/super-block.js';
import { type EntryInfo, PseudoDirectory } from '../pseudo/pseudo-directory.js';
import { PseudoInode } from '../pseudo/pseudo-inode.js';
import { TextFile } from '../pseudo/text-file.js';
import { ownerOf, type Subject } from './subject.js';

/*
 * Inode numbers: 0xf0000000 and up for fixed files, as in Linux; for processes a range of 2^24 for each id, where the low bits say which file.
 */
const PROCESS_INO = 2 ** 33;
const RANGE = 2 ** 24;
/** In a process's range: files by their place in the table; descriptors from here on. */
export const FD_INO = 2 ** 20;
export const FDINFO_INO = 2 ** 21;
/** The range's upper half is that of the thread with the id, the lower that of the process. */
const THREAD_INO = 2 ** 23;

export function subjectIno(subject: Subject, file: number): number {
  return PROCESS_INO + subject.id * RANGE + (subject.isThread ? THREAD_INO : 0) + file;
}

/** Brings the owner of an inode about `subject` up to date. `always`: the directories, which belong to the task's user in any case. */
export function refreshOwner(inode: Inode, subject: Subject, always: boolean): void {
  const owner = ownerOf(subject, always);
  inode.uid = owner === null ? 0 : owner.euid;
  inode.gid = owner === null ? 0 : owner.egid;
}

/** Nobody changes the mode of files about processes. */
export function refuseMode(change: AttributeChange): number {
  return (change.valid & ATTR_MODE) !== 0 ? -EPERM : 0;
}

/** A text file about a task: the work is done by the functions given. */
export class ProcessFile extends TextFile {
  constructor(
    superBlock: SuperBlock,
    ino: number,
    mode: number,
    readonly subject: Subject,
    private readonly entry: ProcessTextEntry,
  ) {
    super(superBlock, ino, mode);
    refreshOwner(this, subject, false);
  }
  override getAttributes(caller: Caller, stat: Stat): number {
    refreshOwner(this, this.subject, false);
    return super.getAttributes(caller, stat);
  }
  override setAttributes(_caller: Caller, change: AttributeChange): number {
    return refuseMode(change);
  }
  override open(caller: Caller, flags: number): ReturnType<TextFile['open']> {
    const result = this.entry.check?.(caller, this.subject) ?? 0;
    return result < 0 ? result : super.open(caller, flags);
  }
  override generate(task: Task): string | number {
    return this.entry.text(this.subject, task);
  }
  override store(task: Task, text: string): number {
    return this.entry.store?.(this.subject, task, text) ?? super.store(task, text);
  }
}

/** How a text file about a task behaves. */
export interface ProcessTextEntry {
  /** The contents (a byte string), or -errno (-ESRCH: it is gone). */
  readonly text: (subject: Subject, task: Task) => string | number;
  readonly store?: (subject: Subject, task: Task, text: string) => number;
  /** A check at open: 0 or -errno. */
  readonly check?: (caller: Caller, subject: Subject) => number;
}

/** A directory about a task with entries of its own making. */
export abstract class ProcessSubdirectory extends PseudoDirectory {
  constructor(
    superBlock: SuperBlock,
    ino: number,
    mode: number,
    readonly subject: Subject,
  ) {
    super(superBlock, ino, mode);
    refreshOwner(this, subject, mode === 0o555);
  }
  override getAttributes(caller: Caller, stat: Stat): number {
    this.refresh();
    return super.getAttributes(caller, stat);
  }
  override setAttributes(_caller: Caller, change: AttributeChange): number {
    return refuseMode(change);
  }
  override permission(caller: Caller, mask: number): number {
    this.refresh();
    return super.permission(caller, mask);
  }
  protected refresh(): void {
    refreshOwner(this, this.subject, (this.mode & 0o777) === 0o555);
  }
  override revalidate(_caller: Caller, _name: string, child: Inode | null): number {
    return child !== null && this.subject.exists ? 1 : 0;
  }
  abstract override lookup(caller: Caller, name: string): Inode | number;
  abstract override nextEntry(caller: Caller, position: number, out: EntryInfo): number;
}

/** A file about a task whose contents are bytes at offsets (mem, environ, auxv): opened by whoever derives from it. */
export abstract class ProcessBytes extends PseudoInode {
  constructor(
    superBlock: SuperBlock,
    ino: number,
    mode: number,
    readonly subject: Subject,
  ) {
    super(superBlock, ino, S_IFREG | mode);
    refreshOwner(this, subject, false);
  }
  override getAttributes(caller: Caller, stat: Stat): number {
    refreshOwner(this, this.subject, false);
    return super.getAttributes(caller, stat);
  }
  override setAttributes(_caller: Caller, change: AttributeChange): number {
    return refuseMode(change);
  }
}
