import {
  EBADF,
  EFAULT,
  EINVAL,
  EOPNOTSUPP,
  ESPIPE,
  O_APPEND,
  RWF_APPEND,
  RWF_DSYNC,
  RWF_NOWAIT,
  RWF_SUPPORTED,
  RWF_SYNC,
  SEEK_MAX,
} from '@sbx/abi';
import type { ContextPage } from '@sbx/platform';
import { full, type SyscallEntry } from '../syscalls/entry.js';
import type { Task } from '../task/task.js';
import type { Blocking, SyscallResult } from '../wait/blocking.js';
import { argPosition, fileArg, importIovecs, isUserRange, MAX_TRANSFER } from './arguments.js';
import type { FileDescription } from './file-description.js';
import { hold, readDescription, writeDescription } from './transfer.js';

/** At the description's own position. */
const CURRENT = -1;

/** @hotpath */
function sysRead(task: Task, args: ContextPage): SyscallResult {
  const file = fileArg(task, args, 0);
  return file === null ? -EBADF : readUser(task, file, args.argAddress(1), args.argSize(2), CURRENT);
}
/** @hotpath */
function sysWrite(task: Task, args: ContextPage): SyscallResult {
  const file = fileArg(task, args, 0);
  return file === null ? -EBADF : writeUser(task, file, args.argAddress(1), args.argSize(2), CURRENT);
}
/** @hotpath */
function sysPread64(task: Task, args: ContextPage): SyscallResult {
  const position = argPosition(args, 3);
  if (position < 0) return -EINVAL;
  const file = fileArg(task, args, 0);
  if (file === null) return -EBADF;
  return file.seekable ? readUser(task, file, args.argAddress(1), args.argSize(2), position) : -ESPIPE;
}
/** @hotpath */
function sysPwrite64(task: Task, args: ContextPage): SyscallResult {
  const position = argPosition(args, 3);
  if (position < 0) return -EINVAL;
  const file = fileArg(task, args, 0);
  if (file === null) return -EBADF;
  return file.seekable ? writeUser(task, file, args.argAddress(1), args.argSize(2), position) : -ESPIPE;
}

/** @hotpath */
function readUser(task: Task, file: FileDescription, addr: number, count: number, offset: number): SyscallResult {
  if (!file.readable) return -EBADF;
  if (!isUserRange(addr, count)) return -EFAULT;
  task.io.setUser(task.mm, addr, count < MAX_TRANSFER ? count : MAX_TRANSFER);
  return readDescription(task, file, offset, false);
}
/** @hotpath */
function writeUser(task: Task, file: FileDescription, addr: number, count: number, offset: number): SyscallResult {
  if (!file.writable) return -EBADF;
  if (!isUserRange(addr, count)) return -EFAULT;
  task.io.setUser(task.mm, addr, count < MAX_TRANSFER ? count : MAX_TRANSFER);
  return writeDescription(task, file, offset, false);
}

function sysReadv(task: Task, args: ContextPage): SyscallResult {
  return vectored(task, args, false, CURRENT, 0);
}
function sysWritev(task: Task, args: ContextPage): SyscallResult {
  return vectored(task, args, true, CURRENT, 0);
}
function sysPreadv(task: Task, args: ContextPage): SyscallResult {
  const position = argPosition(args, 3);
  return position < 0 ? -EINVAL : vectored(task, args, false, position, 0);
}
function sysPwritev(task: Task, args: ContextPage): SyscallResult {
  const position = argPosition(args, 3);
  return position < 0 ? -EINVAL : vectored(task, args, true, position, 0);
}
function sysPreadv2(task: Task, args: ContextPage): SyscallResult {
  const position = argPosition(args, 3);
  // Only -1 itself means the current position.
  if (position < 0 && !isMinusOne(args, 3)) return -EINVAL;
  return vectored(task, args, false, position, args.argInt32(5));
}
function sysPwritev2(task: Task, args: ContextPage): SyscallResult {
  const position = argPosition(args, 3);
  if (position < 0 && !isMinusOne(args, 3)) return -EINVAL;
  return vectored(task, args, true, position, args.argInt32(5));
}
function isMinusOne(args: ContextPage, i: number): boolean {
  return args.argUint32(i) === 0xffffffff && args.argHigh(i) === 0xffffffff;
}

/** readv(2) and its relatives. `position` is CURRENT or where; `flags` are RWF_*. */
function vectored(task: Task, args: ContextPage, write: boolean, position: number, flags: number): SyscallResult {
  const file = fileArg(task, args, 0);
  if (file === null) return -EBADF;
  if (position >= 0 && !file.seekable) return -ESPIPE;
  const count = args.argSize(2);
  const imported = importIovecs(task, args.argAddress(1), count);
  if (imported < 0) return imported;
  if (write ? !file.writable : !file.readable) return -EBADF;
  if (task.io.remaining === 0) return 0;
  if (flags === 0) return write ? writeDescription(task, file, position, false) : readDescription(task, file, position, false);
  if ((flags & ~RWF_SUPPORTED) !== 0) return -EOPNOTSUPP;
  const nowait = (flags & RWF_NOWAIT) !== 0;
  if (nowait && !file.supportsNowait) return -EOPNOTSUPP;
  if (!write) return readDescription(task, file, position, nowait);
  const append = (flags & RWF_APPEND) !== 0 && (file.flags & O_APPEND) === 0;
  if (append) file.flags |= O_APPEND;
  const result = writeDescription(task, file, position, nowait);
  if (append) file.flags &= ~O_APPEND;
  if (typeof result !== 'number' || result <= 0 || (flags & (RWF_DSYNC | RWF_SYNC)) === 0) return result;
  const synced = file.fsync(task, (flags & RWF_SYNC) === 0);
  if (typeof synced !== 'number') return afterSync(file, synced, result);
  return synced < 0 ? synced : result;
}

function* afterSync(file: FileDescription, sync: Blocking, written: number): Blocking {
  const result = yield* hold(file, sync);
  return result < 0 ? result : written;
}

function sysLseek(task: Task, args: ContextPage): number {
  const file = fileArg(task, args, 0);
  if (file === null) return -EBADF;
  const whence = args.argUint32(2);
  if (whence > SEEK_MAX) return -EINVAL;
  return file.seek(task, args.argOffset(1), whence);
}

export const ioSyscalls: readonly SyscallEntry[] = [
  full('read', sysRead),
  full('write', sysWrite),
  full('pread64', sysPread64),
  full('pwrite64', sysPwrite64),
  full('readv', sysReadv),
  full('writev', sysWritev),
  full('preadv', sysPreadv),
  full('pwritev', sysPwritev),
  full('preadv2', sysPreadv2),
  full('pwritev2', sysPwritev2),
  full('lseek', sysLseek),
];
