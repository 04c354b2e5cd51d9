import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  E2BIG,
  EACCES,
  EAGAIN,
  EBADF,
  EFAULT,
  EINVAL,
  ENOENT,
  ENOEXEC,
  ENOTDIR,
  PATH_MAX,
  RLIMIT_STACK,
  S_ISGID,
  S_ISUID,
  S_IXGRP,
  SIGSEGV,
} from '@sbx/abi';
import { type ContextPage, FLAG_FULL_RESTORE, REG, REG_COUNT } from '@sbx/platform';
import { CAP_ALL_HIGH, CAP_ALL_LOW, type Credentials } from '../auth/credentials.js';
import { type LoadedImage, loadExecutable } from '../loader/loader.js';
import { MemoryManager } from '../mm/memory-manager.js';
import { initialExtendedState } from '../signal/frame-amd64.js';
import { interruptTask } from '../signal/send.js';
import { full, type SyscallEntry } from '../syscalls/entry.js';
import type { FileDescription } from '../vfs/file-description.js';
import { retrying } from '../vfs/pending.js';
import type { Blocking, SyscallResult } from '../wait/blocking.js';
import { releaseMemory } from './exit.js';
import { openExecutable } from './open-executable.js';
import { TASK_DEAD, TASK_ZOMBIE, type Task } from './task.js';

const EPOLLIN = 1;
/** Longest single argument (MAX_ARG_STRLEN) and most bytes of all (the stack limit's quarter, at most three quarters of _STK_LIM). */
const MAX_STRING = 131072;
const MAX_ARGUMENTS = 0x7fffffff;
const MAX_TOTAL = 6 * 2 ** 20;
const COMM_LENGTH = 15;
const SECBIT_NOROOT = 1;
const pointer = new Uint8Array(8);
const pointerView = new DataView(pointer.buffer);

/** Bytes that arguments and environment may still take; counted down by `readStrings`. */
let budget = 0;

/** Reads a vector of strings (argv, envp): byte strings, or -errno. A null vector is empty, as Linux has it. */
function readStrings(task: Task, address: number): string[] | number {
  const strings: string[] = [];
  if (address === 0) return strings;
  for (let at = address; ; at += 8) {
    if (task.mm.copyIn(at, pointer, 8) !== 8) return -EFAULT;
    const high = pointerView.getUint32(4, true);
    const low = pointerView.getUint32(0, true);
    if (low === 0 && high === 0) return strings;
    if (high >= 2 ** 15) return -EFAULT;
    const text = task.mm.copyInString(high * 2 ** 32 + low, MAX_STRING);
    if (typeof text === 'number') return text === -EFAULT ? text : -E2BIG;
    budget -= text.length + 9;
    if (budget < 0 || strings.length >= MAX_ARGUMENTS) return -E2BIG;
    strings.push(text);
  }
}

function sysExecve(task: Task, args: ContextPage): SyscallResult {
  return start(task, AT_FDCWD, args.argAddress(0), args.argAddress(1), args.argAddress(2), 0);
}

function sysExecveat(task: Task, args: ContextPage): SyscallResult {
  return start(task, args.argInt32(0), args.argAddress(1), args.argAddress(2), args.argAddress(3), args.argInt32(4));
}

/** Reads what the program passed and looks the file up. */
function start(task: Task, dirfd: number, pathAddress: number, argvAddress: number, envpAddress: number, flags: number): SyscallResult {
  const path = task.mm.copyInString(pathAddress, PATH_MAX);
  if (typeof path === 'number') return path;
  if (path.length === 0 && (flags & AT_EMPTY_PATH) === 0) return -ENOENT;
  if ((flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)) !== 0) return -EINVAL;
  const { fs } = task;
  let mount = fs.cwdMount;
  let dentry = fs.cwdDentry;
  let shown = path;
  if (dirfd !== AT_FDCWD && !path.startsWith('/')) {
    const directory = task.files.get(dirfd);
    if (directory === null) return -EBADF;
    if (directory.dentry === null || directory.mount === null) return path.length === 0 ? -EACCES : -ENOTDIR;
    mount = directory.mount;
    dentry = directory.dentry;
    shown = path.length === 0 ? `/dev/fd/${dirfd}` : `/dev/fd/${dirfd}/${path}`;
  }
  const file = openExecutable(task, mount, dentry, path, (flags & AT_SYMLINK_NOFOLLOW) === 0);
  if (typeof file === 'number') return file;
  budget = Math.min(task.threadGroup.limits.soft[RLIMIT_STACK] / 4, MAX_TOTAL);
  const argv = readStrings(task, argvAddress);
  const envp = typeof argv === 'number' ? argv : readStrings(task, envpAddress);
  if (typeof argv === 'number' || typeof envp === 'number') {
    file.decRef();
    return typeof argv === 'number' ? argv : (envp as number);
  }
  // A close-on-exec descriptor is gone when the interpreter of a script would open it (execveat(2)).
  const unreachable = shown !== path && task.files.isCloseOnExec(dirfd);
  return execute(task, file, shown, argv.length === 0 ? [''] : argv, envp, unreachable);
}

/**
 * Replaces the program of the task's process (execve(2)). Takes over the reference of `file`. Everything that can fail is done in a new address space before
 * the old one is touched.
 */
export function execute(
  task: Task,
  file: FileDescription,
  path: string,
  argv: readonly string[],
  envp: readonly string[],
  unreachable = false,
): SyscallResult {
  const { kernel } = task;
  const mm = MemoryManager.create(kernel);
  if (typeof mm === 'number') {
    file.decRef();
    return mm;
  }
  mm.limits = task.threadGroup.limits;
  const image = loadExecutable({
    kernel,
    mm,
    file,
    path,
    argv,
    envp,
    credentials: task.credentials,
    task,
    unreachable,
    personality: task.personality,
    open: (interpreter) => openExecutable(task, task.fs.cwdMount, task.fs.cwdDentry, interpreter, true),
  });
  if (typeof image === 'number') {
    mm.decRef();
    return image;
  }
  if (image.fatal) {
    // The old program is gone as far as Linux is concerned.
    mm.decRef();
    kernel.exitGroup(task.threadGroup, SIGSEGV);
    task.attention = true;
    return -ENOEXEC;
  }
  if (task.threadGroup.liveThreads === 1) return commit(task, mm, image, path);
  return commitAlone(task, mm, image, path);
}

/** Ends the other threads first (de_thread), then goes on. */
function* commitAlone(task: Task, mm: MemoryManager, image: LoadedImage, path: string): Blocking {
  const group = task.threadGroup;
  if (group.execTask !== null || group.exitStatus >= 0) {
    mm.decRef();
    return -EAGAIN;
  }
  group.execTask = task;
  for (const other of [...group.tasks]) {
    if (other === task || other.state >= TASK_ZOMBIE) continue;
    other.mustExit = true;
    interruptTask(other, true);
  }
  while (group.liveThreads > 1) {
    task.wait.uninterruptible(group.threadExit, EPOLLIN);
    yield;
    if (group.exitStatus >= 0) {
      mm.decRef();
      group.execTask = null;
      return -EAGAIN;
    }
  }
  group.execTask = null;
  return commit(task, mm, image, path);
}

/** The point of no return: the process runs the new program. */
function commit(task: Task, mm: MemoryManager, image: LoadedImage, path: string): number {
  const { threadGroup: group } = task;
  takeLeadership(task);
  releaseMemory(task);
  task.robustList = 0;
  task.rseqAddress = 0;
  task.mm = mm;
  task.name = path.slice(path.lastIndexOf('/') + 1, path.lastIndexOf('/') + 1 + COMM_LENGTH);
  group.didExec = true;
  group.exitSignal = 17;
  resetSignals(task);
  if (task.files.references > 1) {
    const { files } = task;
    task.files = files.copy();
    files.decRef(task);
  }
  task.files.closeOnExec(task);
  task.credentials = credentialsAfterExec(task.credentials, image);
  mm.dumpable = task.credentials.dumpable;
  task.parentDeathSignal = image.setId ? 0 : task.parentDeathSignal;
  task.restartBlock = null;
  group.timers?.deleteAllPosix();
  setRegisters(task, image);
  if (image.fatal) {
    // The old program is gone and the new one can't be set up (see LoadedImage).
    task.kernel.exitGroup(group, SIGSEGV);
    task.attention = true;
  }
  // No result is stored: the registers are the new program's.
  task.sysno = -1;
  return 0;
}

/** A thread other than the leader called execve: it takes the leader's place and id. */
function takeLeadership(task: Task): void {
  const { threadGroup: group, kernel } = task;
  const { leader } = group;
  if (leader === task) return;
  leader.state = TASK_DEAD;
  kernel.tasks.delete(task.id);
  task.id = group.id;
  kernel.tasks.set(task.id, task);
  group.tasks.length = 0;
  group.tasks.push(task);
}

function resetSignals(task: Task): void {
  const shared = task.threadGroup.signals;
  if (shared.actions.shared) {
    const own = shared.actions.copy();
    shared.actions.decRef();
    shared.actions = own;
  }
  shared.actions.resetForExec();
  task.signals.disableAltStack();
}

/** Identity and capabilities after execve (capabilities(7), "transformation of capabilities during execve"). */
function credentialsAfterExec(old: Credentials, image: LoadedImage): Credentials {
  const next = old.copy();
  const { mode, uid, gid } = image;
  const privileged = image.setId && !old.noNewPrivs;
  if (privileged && (mode & S_ISUID) !== 0) next.euid = uid;
  if (privileged && (mode & (S_ISGID | S_IXGRP)) === (S_ISGID | S_IXGRP)) next.egid = gid;
  const changed = next.euid !== old.euid || next.egid !== old.egid;
  next.suid = next.fsuid = next.euid;
  next.sgid = next.fsgid = next.egid;
  const root = (next.securebits & SECBIT_NOROOT) === 0 && (next.euid === 0 || next.ruid === 0);
  if (changed) next.ambientLow = next.ambientHigh = 0;
  if (root) {
    next.permittedLow = (next.inheritableLow | next.boundingLow) & CAP_ALL_LOW;
    next.permittedHigh = (next.inheritableHigh | next.boundingHigh) & CAP_ALL_HIGH;
  } else {
    next.permittedLow = next.ambientLow;
    next.permittedHigh = next.ambientHigh;
  }
  next.permittedLow >>>= 0;
  const effective = next.euid === 0 && root;
  next.effectiveLow = effective ? next.permittedLow : next.ambientLow;
  next.effectiveHigh = effective ? next.permittedHigh : next.ambientHigh;
  next.keepCaps = false;
  const gained = (next.permittedLow & ~old.permittedLow) !== 0 || (next.permittedHigh & ~old.permittedHigh) !== 0;
  const unlike = old.ruid !== old.euid || old.rgid !== old.egid || old.fsuid !== next.fsuid || old.fsgid !== next.fsgid;
  next.dumpable = changed || unlike || gained || !image.readable ? 0 : 1;
  return next;
}

export function setRegisters(task: Task, image: LoadedImage): void {
  const { context, page } = task;
  context.pullState();
  for (let reg = 0; reg < REG_COUNT; reg++) page.setReg(reg, 0);
  page.setReg(REG.rip, image.entry);
  page.setReg(REG.rsp, image.stackPointer);
  task.mm.prefault(image.entry, image.stackPointer);
  page.setReg(REG.rflags, 0x202);
  page.setReg(REG.origRax, 0);
  initialExtendedState(page.xstate);
  context.pushState();
  page.flags |= FLAG_FULL_RESTORE;
}

export const execSyscalls: readonly SyscallEntry[] = [full('execve', retrying(sysExecve)), full('execveat', retrying(sysExecveat))];
