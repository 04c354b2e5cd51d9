import {
  __O_SYNC,
  __O_TMPFILE,
  AT_FDCWD,
  CLOSE_RANGE_CLOEXEC,
  CLOSE_RANGE_UNSHARE,
  E2BIG,
  EAGAIN,
  EBADF,
  EFAULT,
  EINVAL,
  EMFILE,
  ENOMEM,
  FASYNC,
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECT,
  O_DIRECTORY,
  O_DSYNC,
  O_EXCL,
  O_LARGEFILE,
  O_NOATIME,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
  OPEN_HOW_SIZE_VER0,
  RESOLVE_BENEATH,
  RESOLVE_CACHED,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
  RLIMIT_NOFILE,
} from '@sbx/abi';
import type { ContextPage } from '@sbx/platform';
import { full, type SyscallEntry } from '../syscalls/entry.js';
import type { Task } from '../task/task.js';
import type { Blocking, SyscallResult } from '../wait/blocking.js';
import { copyPath, start, startAt } from './arguments.js';
import type { FileDescription } from './file-description.js';
import { openAt } from './open.js';
import { retrying } from './pending.js';

const OPEN_FLAGS =
  3 |
  O_CREAT |
  O_EXCL |
  O_NOCTTY |
  O_TRUNC |
  O_APPEND |
  O_NONBLOCK |
  __O_SYNC |
  O_DSYNC |
  FASYNC |
  O_DIRECT |
  O_LARGEFILE |
  O_DIRECTORY |
  O_NOFOLLOW |
  O_NOATIME |
  O_CLOEXEC |
  O_PATH |
  __O_TMPFILE;
const O_PATH_FLAGS = O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC;
const RESOLVE_FLAGS = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH | RESOLVE_IN_ROOT | RESOLVE_CACHED;

function sysOpen(task: Task, args: ContextPage): SyscallResult {
  return open(task, AT_FDCWD, args.argAddress(0), args.argInt32(1), args.argUint32(2));
}
function sysOpenat(task: Task, args: ContextPage): SyscallResult {
  return open(task, args.argInt32(0), args.argAddress(1), args.argInt32(2), args.argUint32(3));
}
function sysCreat(task: Task, args: ContextPage): SyscallResult {
  return open(task, AT_FDCWD, args.argAddress(0), O_CREAT | O_WRONLY | O_TRUNC, args.argUint32(1));
}

/** open and openat forgive what they don't know; openat2 does not. */
function open(task: Task, dirfd: number, addr: number, flags: number, mode: number): SyscallResult {
  flags &= OPEN_FLAGS;
  if ((flags & O_PATH) !== 0) flags &= O_PATH_FLAGS;
  mode = (flags & (O_CREAT | __O_TMPFILE)) !== 0 ? mode & 0o7777 : 0;
  return openChecked(task, dirfd, addr, flags, mode, 0);
}

const how = new Uint8Array(OPEN_HOW_SIZE_VER0);
const howWords = new Uint32Array(how.buffer);
const tail = new Uint8Array(4096);

function sysOpenat2(task: Task, args: ContextPage): SyscallResult {
  const size = args.argSize(3);
  if (size >= 0 && size < OPEN_HOW_SIZE_VER0) return -EINVAL;
  if (size < 0 || size > 4096) return -E2BIG;
  const addr = args.argAddress(2);
  if (task.mm.copyIn(addr, how, OPEN_HOW_SIZE_VER0) !== OPEN_HOW_SIZE_VER0) return -EFAULT;
  const extra = size - OPEN_HOW_SIZE_VER0;
  if (extra > 0) {
    if (task.mm.copyIn(addr + OPEN_HOW_SIZE_VER0, tail, extra) !== extra) return -EFAULT;
    for (let i = 0; i < extra; i++) if (tail[i] !== 0) return -E2BIG;
  }
  const flags = howWords[0] | 0;
  const mode = howWords[2];
  const resolve = howWords[4];
  if (howWords[1] !== 0 || (flags & ~OPEN_FLAGS) !== 0) return -EINVAL;
  if (howWords[5] !== 0 || (resolve & ~RESOLVE_FLAGS) !== 0) return -EINVAL;
  if ((resolve & RESOLVE_BENEATH) !== 0 && (resolve & RESOLVE_IN_ROOT) !== 0) return -EINVAL;
  if ((flags & (O_CREAT | __O_TMPFILE)) !== 0) {
    if (howWords[3] !== 0 || (mode & ~0o7777) !== 0) return -EINVAL;
  } else if (mode !== 0 || howWords[3] !== 0) return -EINVAL;
  if ((flags & O_PATH) !== 0 && (flags & ~O_PATH_FLAGS) !== 0) return -EINVAL;
  if ((resolve & RESOLVE_CACHED) !== 0 && (flags & (O_TRUNC | O_CREAT | __O_TMPFILE)) !== 0) return -EAGAIN;
  return openChecked(task, args.argInt32(0), args.argAddress(1), flags, mode, resolve);
}

/** @hotpath */
function openChecked(task: Task, dirfd: number, addr: number, flags: number, mode: number, resolve: number): SyscallResult {
  if ((flags & __O_TMPFILE) !== 0) {
    if ((flags & (O_TMPFILE | O_CREAT)) !== O_TMPFILE) return -EINVAL;
    if ((flags & 3) === 0) return -EINVAL;
  }
  const path = copyPath(task, addr);
  if (typeof path === 'number') return path;
  const limit = task.threadGroup.limits.soft[RLIMIT_NOFILE];
  if (task.files.reserve(limit) < 0) return -EMFILE;
  const started = startAt(task, dirfd, path);
  if (started < 0) return started;
  const file = openAt(task, start.mount, start.dentry, path, flags, mode, resolve);
  if (typeof file === 'number') return file;
  const finished = file.finishOpen(task);
  if (typeof finished !== 'number') return finishOpening(task, file, finished, flags);
  return finished < 0 ? drop(file, finished) : install(task, file, (flags & O_CLOEXEC) !== 0);
}

function* finishOpening(task: Task, file: FileDescription, opening: Blocking, flags: number): Blocking {
  const finished = yield* opening;
  return finished < 0 ? drop(file, finished) : install(task, file, (flags & O_CLOEXEC) !== 0);
}

function drop(file: FileDescription, result: number): number {
  file.decRef();
  return result;
}

/** Gives a new description a descriptor: that, or -EMFILE and the description is gone. Takes over the reference. */
export function install(task: Task, file: FileDescription, closeOnExec: boolean): number {
  const fd = task.files.install(file, closeOnExec, task.threadGroup.limits.soft[RLIMIT_NOFILE]);
  if (fd < 0) file.decRef();
  return fd;
}

/** @hotpath */
function sysClose(task: Task, args: ContextPage): number {
  return task.files.close(task, args.argInt32(0));
}

function sysCloseRange(task: Task, args: ContextPage): number {
  const first = args.argUint32(0);
  const last = args.argUint32(1);
  const flags = args.argUint32(2);
  if ((flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) !== 0) return -EINVAL;
  if (first > last) return -EINVAL;
  if ((flags & CLOSE_RANGE_UNSHARE) !== 0 && task.files.references > 1) {
    const shared = task.files;
    if (!shared.mayCopy) return -ENOMEM;
    // What would be closed at once need not be copied.
    const toTheEnd = (flags & CLOSE_RANGE_CLOEXEC) === 0 && last >= shared.capacity;
    task.files = shared.copy(toTheEnd ? first : undefined);
    shared.decRef(task);
  }
  if ((flags & CLOSE_RANGE_CLOEXEC) !== 0) task.files.setCloseOnExecRange(first, last);
  else task.files.closeRange(task, first, last);
  return 0;
}

function sysDup(task: Task, args: ContextPage): number {
  const file = task.files.get(args.argInt32(0));
  if (file === null) return -EBADF;
  file.incRef();
  return install(task, file, false);
}
function sysDup2(task: Task, args: ContextPage): number {
  const from = args.argInt32(0);
  const to = args.argInt32(1);
  if (from === to) return task.files.get(from) === null ? -EBADF : to;
  return duplicateAt(task, from, to, false);
}
function sysDup3(task: Task, args: ContextPage): number {
  const flags = args.argInt32(2);
  if ((flags & ~O_CLOEXEC) !== 0) return -EINVAL;
  const from = args.argInt32(0);
  const to = args.argInt32(1);
  if (from === to) return -EINVAL;
  return duplicateAt(task, from, to, flags !== 0);
}
function duplicateAt(task: Task, from: number, to: number, closeOnExec: boolean): number {
  const limit = task.threadGroup.limits.soft[RLIMIT_NOFILE];
  if (to < 0 || to >= limit) return -EBADF;
  const file = task.files.get(from);
  if (file === null) return -EBADF;
  file.incRef();
  const result = task.files.installAt(task, to, file, closeOnExec, limit);
  if (result < 0) file.decRef();
  return result;
}

export const openSyscalls: readonly SyscallEntry[] = [
  full('open', retrying(sysOpen)),
  full('openat', retrying(sysOpenat)),
  full('openat2', retrying(sysOpenat2)),
  full('creat', retrying(sysCreat)),
  full('close', sysClose),
  full('close_range', sysCloseRange),
  full('dup', sysDup),
  full('dup2', sysDup2),
  full('dup3', sysDup3),
];
