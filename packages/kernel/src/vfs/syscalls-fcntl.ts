import {
  Flock as AbiFlock,
  FOwnerEx as AbiOwnerEx,
  CAP_LEASE,
  CAP_SYS_ADMIN,
  EACCES,
  EAGAIN,
  EBADF,
  EFAULT,
  EINVAL,
  ENOTDIR,
  ENOTTY,
  EOPNOTSUPP,
  EOVERFLOW,
  EPERM,
  EPOLLIN,
  ERESTARTSYS,
  ESRCH,
  F_ADD_SEALS,
  F_DUPFD,
  F_DUPFD_CLOEXEC,
  F_GET_FILE_RW_HINT,
  F_GET_RW_HINT,
  F_GET_SEALS,
  F_GETFD,
  F_GETFL,
  F_GETLEASE,
  F_GETLK,
  F_GETOWN,
  F_GETOWN_EX,
  F_GETOWNER_UIDS,
  F_GETPIPE_SZ,
  F_GETSIG,
  F_NOTIFY,
  F_OFD_GETLK,
  F_OFD_SETLK,
  F_OFD_SETLKW,
  F_OWNER_PGRP,
  F_OWNER_PID,
  F_OWNER_TID,
  F_RDLCK,
  F_SET_FILE_RW_HINT,
  F_SET_RW_HINT,
  F_SETFD,
  F_SETFL,
  F_SETLEASE,
  F_SETLK,
  F_SETLKW,
  F_SETOWN,
  F_SETOWN_EX,
  F_SETPIPE_SZ,
  F_SETSIG,
  F_UNLCK,
  F_WRLCK,
  FASYNC,
  FD_CLOEXEC,
  FIOASYNC,
  FIOCLEX,
  FIONBIO,
  FIONCLEX,
  FIONREAD,
  FIOQSIZE,
  LOCK_EX,
  LOCK_MAND,
  LOCK_NB,
  LOCK_SH,
  LOCK_UN,
  O_APPEND,
  O_DIRECT,
  O_NOATIME,
  O_NONBLOCK,
  RLIMIT_NOFILE,
  RWH_WRITE_LIFE_EXTREME,
  SEEK_CUR,
  SEEK_END,
  SEEK_SET,
} from '@sbx/abi';
import type { ContextPage } from '@sbx/platform';
import { full, partial, type SyscallEntry } from '../syscalls/entry.js';
import type { Task } from '../task/task.js';
import { type Blocking, INTERRUPTED, type SyscallResult } from '../wait/blocking.js';
import { fileArg } from './arguments.js';
import { updateNotifier } from './async-notifier.js';
import type { FileDescription } from './file-description.js';
import { type FileLocks, type LockOwner, locksOf, releaseIfEmpty } from './file-locks.js';
import { FileOwner } from './file-owner.js';
import type { Inode } from './inode.js';
import { ownerOrCapable } from './permission.js';
import { hold } from './transfer.js';

const scratch = new Uint8Array(Math.max(AbiFlock.size, AbiOwnerEx.size, 8));
const view = new DataView(scratch.buffer);
const flockValue = AbiFlock.create();
const ownerValue = AbiOwnerEx.create();
/** What F_SETFL can change. */
const SETTABLE = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME | FASYNC;
const MAX_SIGNAL = 64;

function sysFcntl(task: Task, args: ContextPage): SyscallResult {
  const fd = args.argInt32(0);
  const command = args.argUint32(1);
  const file = task.files.get(fd);
  if (file === null) return -EBADF;
  switch (command) {
    case F_DUPFD:
      return duplicate(task, file, args, false);
    case F_DUPFD_CLOEXEC:
      return duplicate(task, file, args, true);
    case F_GETFD:
      return task.files.isCloseOnExec(fd) ? FD_CLOEXEC : 0;
    case F_SETFD:
      task.files.setCloseOnExec(fd, (args.argUint32(2) & FD_CLOEXEC) !== 0);
      return 0;
    case F_GETFL:
      return file.flags;
    default:
      return file.pathOnly ? -EBADF : fcntlReal(task, fd, file, command, args);
  }
}

/** The commands that O_PATH descriptors don't have. */
function fcntlReal(task: Task, fd: number, file: FileDescription, command: number, args: ContextPage): SyscallResult {
  switch (command) {
    case F_SETFL:
      return setFlags(task, fd, file, args.argUint32(2));
    case F_GETLK:
      return getLock(task, file, args.argAddress(2), false);
    case F_SETLK:
      return setLock(task, file, args.argAddress(2), false, false);
    case F_SETLKW:
      return setLock(task, file, args.argAddress(2), false, true);
    case F_OFD_GETLK:
      return getLock(task, file, args.argAddress(2), true);
    case F_OFD_SETLK:
      return setLock(task, file, args.argAddress(2), true, false);
    case F_OFD_SETLKW:
      return setLock(task, file, args.argAddress(2), true, true);
    case F_GETOWN:
      return getOwner(file);
    case F_SETOWN:
      return setOwner(task, file, args.argInt32(2));
    case F_GETOWN_EX:
      return getOwnerEx(task, file, args.argAddress(2));
    case F_SETOWN_EX:
      return setOwnerEx(task, file, args.argAddress(2));
    case F_GETOWNER_UIDS:
      view.setUint32(0, file.owner?.uid ?? 0, true);
      view.setUint32(4, file.owner?.euid ?? 0, true);
      return task.mm.copyOut(args.argAddress(2), scratch, 8) === 8 ? 0 : -EFAULT;
    case F_GETSIG:
      return file.owner?.signal ?? 0;
    case F_SETSIG:
      return setSignal(file, args.argSize(2));
    case F_GETLEASE:
      return F_UNLCK;
    case F_SETLEASE:
      return setLease(task, file, args.argInt32(2));
    case F_NOTIFY:
      return file.inode?.isDirectory ? (args.argUint32(2) === 0 ? 0 : -EINVAL) : -ENOTDIR;
    case F_GETPIPE_SZ:
      return file.getPipeSize();
    case F_SETPIPE_SZ:
      return file.setPipeSize(task, args.argUint32(2));
    case F_ADD_SEALS:
      return args.argHigh(2) !== 0 ? -EINVAL : file.addSeals(task, args.argUint32(2));
    case F_GET_SEALS:
      return file.getSeals();
    case F_GET_RW_HINT:
    case F_SET_RW_HINT:
    case F_GET_FILE_RW_HINT:
    case F_SET_FILE_RW_HINT:
      return writeHint(task, file, command, args.argAddress(2));
    default:
      return -EINVAL;
  }
}

function duplicate(task: Task, file: FileDescription, args: ContextPage, closeOnExec: boolean): number {
  const limit = task.threadGroup.limits.soft[RLIMIT_NOFILE];
  const minimum = args.argUint32(2);
  if (minimum >= limit) return -EINVAL;
  file.incRef();
  const fd = task.files.install(file, closeOnExec, limit, minimum);
  if (fd < 0) file.decRef();
  return fd;
}

function setFlags(task: Task, fd: number, file: FileDescription, flags: number): number {
  const inode = file.inode;
  if ((flags & O_NOATIME) !== 0 && (file.flags & O_NOATIME) === 0 && inode !== null && !ownerOrCapable(task, inode)) return -EPERM;
  if ((flags & O_DIRECT) !== 0 && inode !== null && inode.isRegular && !inode.superBlock.supportsDirect) return -EINVAL;
  const result = file.flagsChange(task, flags & SETTABLE);
  if (result < 0) return result;
  file.flags = (flags & SETTABLE) | (file.flags & ~SETTABLE);
  updateNotifier(task.kernel, file, fd);
  return 0;
}

// -- Locks.

/** Bytes that the last `readFlock` named. */
let lockStart = 0;
let lockEnd = 0;

/** Reads struct flock into `flockValue` and its range into `lockStart`, `lockEnd`: 0 or -errno. */
function readFlock(task: Task, addr: number): number {
  if (task.mm.copyIn(addr, scratch, AbiFlock.size) !== AbiFlock.size) return -EFAULT;
  AbiFlock.read(view, 0, flockValue);
  return 0;
}
/** flock64_to_posix_lock. */
function checkFlock(file: FileDescription): number {
  const { l_whence: whence, l_start: offset, l_len: length } = flockValue;
  let begin: number;
  if (whence === SEEK_SET) begin = offset;
  else if (whence === SEEK_CUR) begin = file.currentPosition() + offset;
  else if (whence === SEEK_END) begin = (file.inode?.size ?? 0) + offset;
  else return -EINVAL;
  if (begin >= 2 ** 63) return -EOVERFLOW;
  if (begin < 0) return -EINVAL;
  let end = Number.POSITIVE_INFINITY;
  if (length > 0) {
    end = begin + length - 1;
    if (end >= 2 ** 63) return -EOVERFLOW;
  } else if (length < 0) {
    if (begin + length < 0) return -EINVAL;
    end = begin - 1;
    begin += length;
  }
  const type = flockValue.l_type;
  if (type !== F_RDLCK && type !== F_WRLCK && type !== F_UNLCK) return -EINVAL;
  lockStart = begin;
  lockEnd = end;
  return 0;
}

function getLock(task: Task, file: FileDescription, addr: number, description: boolean): number {
  let result = readFlock(task, addr);
  if (result < 0) return result;
  const type = flockValue.l_type;
  // A lock of no type can't conflict; OFD locks may be asked for it in newer kernels only.
  if (type !== F_RDLCK && type !== F_WRLCK) return -EINVAL;
  result = checkFlock(file);
  if (result < 0) return result;
  if (description && flockValue.l_pid !== 0) return -EINVAL;
  const conflict = file.inode?.locks?.conflict(description ? file : task.files, type, lockStart, lockEnd) ?? null;
  if (conflict === null) flockValue.l_type = F_UNLCK;
  else {
    flockValue.l_type = conflict.type;
    flockValue.l_whence = SEEK_SET;
    flockValue.l_start = conflict.start;
    flockValue.l_len = conflict.end === Number.POSITIVE_INFINITY ? 0 : conflict.end - conflict.start + 1;
    flockValue.l_pid = conflict.pid;
  }
  AbiFlock.write(view, 0, flockValue);
  return task.mm.copyOut(addr, scratch, AbiFlock.size) === AbiFlock.size ? 0 : -EFAULT;
}

function setLock(task: Task, file: FileDescription, addr: number, description: boolean, wait: boolean): SyscallResult {
  let result = readFlock(task, addr);
  if (result < 0) return result;
  result = checkFlock(file);
  if (result < 0) return result;
  const type = flockValue.l_type;
  if (type === F_RDLCK && !file.readable) return -EBADF;
  if (type === F_WRLCK && !file.writable) return -EBADF;
  if (description && flockValue.l_pid !== 0) return -EINVAL;
  const inode = file.inode;
  if (inode === null) return 0;
  const owner: LockOwner = description ? file : task.files;
  const pid = description ? -1 : task.threadGroup.id;
  const locks = locksOf(inode);
  result = locks.setRange(owner, pid, type, lockStart, lockEnd);
  releaseIfEmpty(inode);
  if (result !== -EAGAIN || !wait) return result;
  return waitForLock(task, file, inode, owner, pid, type, lockStart, lockEnd);
}

function* waitForLock(
  task: Task,
  file: FileDescription,
  inode: Inode,
  owner: LockOwner,
  pid: number,
  type: number,
  begin: number,
  end: number,
): Blocking {
  file.incRef();
  try {
    for (;;) {
      const locks: FileLocks = locksOf(inode);
      const result = locks.setRange(owner, pid, type, begin, end);
      if (result !== -EAGAIN) return result;
      if (pid >= 0) {
        const deadlock = locks.beginWait(owner, locks.conflict(owner, type, begin, end)!.owner);
        if (deadlock < 0) return deadlock;
      }
      const why = yield task.wait.on(locks.released, EPOLLIN);
      locks.endWait(owner);
      if (why === INTERRUPTED) return -ERESTARTSYS;
    }
  } finally {
    releaseIfEmpty(inode);
    file.decRef();
  }
}

function sysFlock(task: Task, args: ContextPage): SyscallResult {
  const command = args.argUint32(1);
  const type = command & ~LOCK_NB;
  // Mandatory locks never did anything here; newer kernels say so and ignore them.
  if ((type & LOCK_MAND) !== 0) return 0;
  if (type !== LOCK_SH && type !== LOCK_EX && type !== LOCK_UN) return -EINVAL;
  const file = fileArg(task, args, 0);
  if (file === null) return -EBADF;
  if (type !== LOCK_UN && (file.flags & 3) === 3) return -EBADF;
  const inode = file.inode;
  if (inode === null) return 0;
  if (type === LOCK_UN) {
    inode.locks?.removeFlock(file);
    releaseIfEmpty(inode);
    return 0;
  }
  const result = locksOf(inode).setFlock(file, type === LOCK_EX);
  if (result !== -EAGAIN || (command & LOCK_NB) !== 0) {
    releaseIfEmpty(inode);
    return result;
  }
  return waitForFlock(task, file, inode, type === LOCK_EX);
}

function* waitForFlock(task: Task, file: FileDescription, inode: Inode, exclusive: boolean): Blocking {
  file.incRef();
  try {
    for (;;) {
      const locks = locksOf(inode);
      const result = locks.setFlock(file, exclusive);
      if (result !== -EAGAIN) return result;
      if ((yield task.wait.on(locks.released, EPOLLIN)) === INTERRUPTED) return -ERESTARTSYS;
    }
  } finally {
    releaseIfEmpty(inode);
    file.decRef();
  }
}

// -- Owners of SIGIO.

function getOwner(file: FileDescription): number {
  const { owner } = file;
  if (owner === null) return 0;
  return owner.kind === F_OWNER_PGRP ? -owner.id : owner.id;
}

function setOwner(task: Task, file: FileDescription, who: number): number {
  if (who === -(2 ** 31)) return -EINVAL;
  return storeOwner(task, file, who < 0 ? F_OWNER_PGRP : F_OWNER_PID, Math.abs(who));
}

function storeOwner(task: Task, file: FileDescription, kind: number, id: number): number {
  const { kernel } = task;
  const exists =
    kind === F_OWNER_PGRP ? kernel.processGroups.has(id) : kind === F_OWNER_TID ? kernel.tasks.has(id) : kernel.processOf(id) !== undefined;
  if (id !== 0 && !exists) return -ESRCH;
  const owner = (file.owner ??= new FileOwner());
  owner.kind = kind;
  owner.id = id;
  owner.uid = task.credentials.ruid;
  owner.euid = task.credentials.euid;
  return 0;
}

function getOwnerEx(task: Task, file: FileDescription, addr: number): number {
  ownerValue.type = file.owner?.kind ?? F_OWNER_TID;
  ownerValue.pid = file.owner?.id ?? 0;
  AbiOwnerEx.write(view, 0, ownerValue);
  return task.mm.copyOut(addr, scratch, AbiOwnerEx.size) === AbiOwnerEx.size ? 0 : -EFAULT;
}

function setOwnerEx(task: Task, file: FileDescription, addr: number): number {
  if (task.mm.copyIn(addr, scratch, AbiOwnerEx.size) !== AbiOwnerEx.size) return -EFAULT;
  AbiOwnerEx.read(view, 0, ownerValue);
  const { type, pid } = ownerValue;
  if (type !== F_OWNER_TID && type !== F_OWNER_PID && type !== F_OWNER_PGRP) return -EINVAL;
  return pid < 0 ? -ESRCH : storeOwner(task, file, type, pid);
}

function setSignal(file: FileDescription, signal: number): number {
  if (!(signal >= 0 && signal <= MAX_SIGNAL)) return -EINVAL;
  file.owner ??= new FileOwner();
  file.owner.signal = signal;
  return 0;
}

function setLease(task: Task, file: FileDescription, type: number): number {
  const inode = file.inode;
  if (inode === null) return -EINVAL;
  if (task.credentials.fsuid !== inode.uid && !task.credentials.capable(CAP_LEASE)) return -EACCES;
  if (!inode.isRegular) return -EINVAL;
  return type === F_UNLCK ? -EAGAIN : -EINVAL;
}

function writeHint(task: Task, file: FileDescription, command: number, addr: number): number {
  const inode = file.inode;
  if (command === F_GET_RW_HINT || command === F_GET_FILE_RW_HINT) {
    if (command === F_GET_FILE_RW_HINT) return -EINVAL; // gone since 5.17
    view.setUint32(0, inode?.writeHint ?? 0, true);
    view.setUint32(4, 0, true);
    return task.mm.copyOut(addr, scratch, 8) === 8 ? 0 : -EFAULT;
  }
  if (command === F_SET_FILE_RW_HINT) return -EINVAL;
  if (task.mm.copyIn(addr, scratch, 8) !== 8) return -EFAULT;
  const hint = view.getUint32(0, true);
  if (view.getUint32(4, true) !== 0 || hint > RWH_WRITE_LIFE_EXTREME) return -EINVAL;
  if (inode !== null) inode.writeHint = hint;
  return 0;
}

// -- ioctl.

const FIGETBSZ = 2;
const FIFREEZE = 0xc0045877;
const FITHAW = 0xc0045878;
const FS_IOC_FIEMAP = 0xc020660b;
const FICLONE = 0x40049409;
const FICLONERANGE = 0x4020940d;
const FIDEDUPERANGE = 0xc0189436;

/** ioctl(2): the commands that every file has; the rest is the description's. */
function sysIoctl(task: Task, args: ContextPage): SyscallResult {
  const fd = args.argInt32(0);
  const file = task.files.getReal(fd);
  if (file === null) return -EBADF;
  const command = args.argUint32(1);
  const addr = args.argAddress(2);
  switch (command) {
    case FIOCLEX:
      task.files.setCloseOnExec(fd, true);
      return 0;
    case FIONCLEX:
      task.files.setCloseOnExec(fd, false);
      return 0;
    case FIONBIO:
    case FIOASYNC: {
      const on = task.mm.readUint32(addr);
      if (on < 0) return -EFAULT;
      const flag = command === FIONBIO ? O_NONBLOCK : FASYNC;
      const flags = on !== 0 ? file.flags | flag : file.flags & ~flag;
      const result = file.flagsChange(task, flags & SETTABLE);
      if (result < 0) return result;
      file.flags = flags;
      updateNotifier(task.kernel, file, fd);
      return 0;
    }
    case FIOQSIZE:
      if (file.inode === null || !(file.inode.isDirectory || file.inode.isRegular || file.inode.isSymlink)) return -ENOTTY;
      return task.mm.writeUint64(addr, file.inode.isDirectory || file.inode.isRegular ? file.inode.size : 0);
    case FIGETBSZ:
      return task.mm.writeUint32(addr, file.inode?.superBlock.blockSize ?? 4096);
    case FIFREEZE:
    case FITHAW:
      return task.credentials.capable(CAP_SYS_ADMIN) ? -EOPNOTSUPP : -EPERM;
    case FS_IOC_FIEMAP:
    case FICLONE:
    case FICLONERANGE:
    case FIDEDUPERANGE:
      return -EOPNOTSUPP;
    case FIONREAD:
      if (file.inode?.isRegular) {
        const left = Math.max(-(2 ** 31), Math.min(file.inode.size - file.currentPosition(), 2 ** 31 - 1));
        return task.mm.writeUint32(addr, left);
      }
      break;
  }
  const result = file.ioctl(task, command, args.argSize(2));
  return typeof result === 'number' ? result : hold(file, result);
}

export const fcntlSyscalls: readonly SyscallEntry[] = [
  partial('fcntl', sysFcntl, 'F_SETLEASE is refused, F_NOTIFY gives EINVAL; signals chosen by F_SETSIG come without si_fd and si_band'),
  full('flock', sysFlock),
  partial('ioctl', sysIoctl, 'commands of the files that are there; FIEMAP, FICLONE and FIDEDUPERANGE give EOPNOTSUPP'),
];
