import { EACCES, ENOENT, ESRCH, O_ACCMODE, O_CLOEXEC, O_PATH, O_RDONLY, O_RDWR, O_WRONLY, S_IFLNK, S_IFREG } from '@sbx/abi';
import type { FdTable } from '../../vfs/fd-table.js';
import type { FileDescription } from '../../vfs/file-description.js';
import type { AttributeChange, Caller, Inode } from '../../vfs/inode.js';
import { describePath, Path } from '../../vfs/path.js';
import type { Stat } from '../../vfs/stat.js';
import type { SuperBlock } from '../../vfs/super-block.js';
import { asTask } from '../pseudo/caller.js';
import type { EntryInfo } from '../pseudo/pseudo-directory.js';
import { PseudoInode } from '../pseudo/pseudo-inode.js';
import { FD_INO, FDINFO_INO, ProcessFile, ProcessSubdirectory, refreshOwner, refuseMode, subjectIno } from './proc-inode.js';
import { mayInspect, type Subject } from './subject.js';

/** A descriptor number as a directory has it: decimal, without leading zeros; -1 if it is none. */
function parseNumber(name: string): number {
  return /^(0|[1-9][0-9]{0,8})$/.test(name) ? Number(name) : -1;
}

function filesOf(subject: Subject): FdTable | null {
  return subject.live?.files ?? null;
}

/** Whether the caller may look into the descriptors of a task. */
function mayLook(caller: Caller, subject: Subject): number {
  const { task } = subject;
  if (task === null) return subject.exists ? -EACCES : -ESRCH;
  return mayInspect(caller, task) ? 0 : -EACCES;
}

/** Base of `fd` and `fdinfo`: one entry for each descriptor. */
abstract class DescriptorDirectory extends ProcessSubdirectory {
  constructor(superBlock: SuperBlock, ino: number, subject: Subject, mode: number) {
    super(superBlock, ino, mode, subject);
  }
  protected abstract make(fd: number, file: FileDescription): Inode;
  protected abstract entryIno(fd: number): number;
  protected abstract readonly entryMode: number;

  override lookup(_caller: Caller, name: string): Inode | number {
    const fd = parseNumber(name);
    const file = fd < 0 ? null : (filesOf(this.subject)?.get(fd) ?? null);
    if (file === null) return -ENOENT;
    return this.make(fd, file);
  }
  override revalidate(_caller: Caller, name: string, child: Inode | null): number {
    const file = filesOf(this.subject)?.get(parseNumber(name)) ?? null;
    if (file === null || child === null) return 0;
    this.update(child, file);
    return 1;
  }
  override nextEntry(_caller: Caller, position: number, out: EntryInfo): number {
    const files = filesOf(this.subject);
    if (files === null) return this.subject.exists ? 0 : -ENOENT;
    const fd = files.next(position - 2);
    if (fd < 0) return 0;
    out.name = String(fd);
    out.ino = this.entryIno(fd);
    out.mode = this.entryMode;
    return fd + 3;
  }
  /** Brings a cached entry up to date. */
  protected update(_child: Inode, _file: FileDescription): void {}
}

/** /proc/PID/fd: a magic link for each descriptor. */
export class FdDirectory extends DescriptorDirectory {
  protected override readonly entryMode = S_IFLNK;
  constructor(superBlock: SuperBlock, ino: number, subject: Subject) {
    super(superBlock, ino, subject, 0o500);
  }
  /** A thread may always use its own, whatever set-user-ID made of the owner. */
  override permission(caller: Caller, mask: number): number {
    const result = super.permission(caller, mask);
    if (result === 0) return 0;
    const { group } = this.subject;
    return group !== null && asTask(caller)?.threadGroup === group ? 0 : result;
  }
  protected override entryIno(fd: number): number {
    return subjectIno(this.subject, FD_INO + fd);
  }
  protected override make(fd: number, file: FileDescription): Inode {
    const link = new FdLink(this.superBlock, this.entryIno(fd), this.subject, fd);
    this.update(link, file);
    return link;
  }
  /** The mode shows how the file is open. */
  protected override update(child: Inode, file: FileDescription): void {
    const access = file.flags & O_ACCMODE;
    let mode = S_IFLNK;
    if ((file.flags & O_PATH) === 0) {
      if (access === O_RDONLY || access === O_RDWR) mode |= 0o500;
      if (access === O_WRONLY || access === O_RDWR) mode |= 0o300;
    }
    child.mode = mode;
    refreshOwner(child, this.subject, false);
  }
}

/** Base of the links that lead to objects rather than names. */
export abstract class MagicLink extends PseudoInode {
  constructor(
    superBlock: SuperBlock,
    ino: number,
    readonly subject: Subject,
    mode = 0o777,
  ) {
    super(superBlock, ino, S_IFLNK | mode);
    refreshOwner(this, subject, false);
  }
  override getAttributes(caller: Caller, stat: Stat): number {
    refreshOwner(this, this.subject, false);
    return super.getAttributes(caller, stat);
  }
  override setAttributes(_caller: Caller, change: AttributeChange): number {
    return refuseMode(change);
  }
  /** Where it leads, or -errno. */
  protected abstract target(caller: Caller): Path | number;

  override followLink(caller: Caller): Path | number {
    const allowed = mayLook(caller, this.subject);
    return allowed < 0 ? allowed : this.target(caller);
  }
  override readlink(caller: Caller): string | number {
    const path = this.followLink(caller);
    if (typeof path === 'number') return path;
    return describePath(path.mount, path.dentry, caller.fs.rootMount, caller.fs.rootDentry);
  }
}

class FdLink extends MagicLink {
  constructor(
    superBlock: SuperBlock,
    ino: number,
    subject: Subject,
    private readonly fd: number,
  ) {
    super(superBlock, ino, subject);
    this.size = 64;
  }
  #file(): FileDescription | null {
    return filesOf(this.subject)?.get(this.fd) ?? null;
  }
  protected override target(caller: Caller): Path | number {
    const file = this.#file();
    if (file === null) return -ENOENT;
    if (file.dentry !== null && file.mount !== null) return new Path(file.mount, file.dentry);
    const { anonymousMount } = caller.kernel.vfs;
    return new Path(anonymousMount, anonymousMount.root);
  }
  override readlink(caller: Caller): string | number {
    const allowed = mayLook(caller, this.subject);
    if (allowed < 0) return allowed;
    const file = this.#file();
    if (file !== null && file.dentry === null) return file.anonymousName;
    return super.readlink(caller);
  }
}

/** /proc/PID/fdinfo: position, flags and more of each descriptor. */
export class FdInfoDirectory extends DescriptorDirectory {
  protected override readonly entryMode = S_IFREG;
  constructor(superBlock: SuperBlock, ino: number, subject: Subject) {
    super(superBlock, ino, subject, 0o555);
  }
  override permission(caller: Caller, mask: number): number {
    const allowed = mayLook(caller, this.subject);
    return allowed < 0 ? allowed : super.permission(caller, mask);
  }
  protected override entryIno(fd: number): number {
    return subjectIno(this.subject, FDINFO_INO + fd);
  }
  protected override make(fd: number): Inode {
    return new ProcessFile(this.superBlock, this.entryIno(fd), 0o444, this.subject, {
      text: (subject) => describeDescriptor(subject, fd),
    });
  }
}

function describeDescriptor(subject: Subject, fd: number): string | number {
  const files = filesOf(subject);
  const file = files?.get(fd) ?? null;
  if (files === null || file === null) return -ENOENT;
  const flags = file.flags | (files.isCloseOnExec(fd) ? O_CLOEXEC : 0);
  const mount = file.mount ?? subject.kernel.vfs.anonymousMount;
  const inode = file.inode ?? subject.kernel.vfs.anonymousInode;
  const text = `pos:\t${file.position}\nflags:\t0${(flags >>> 0).toString(8)}\nmnt_id:\t${mount.id}\nino:\t${inode.ino}\n`;
  return text + file.describe();
}
