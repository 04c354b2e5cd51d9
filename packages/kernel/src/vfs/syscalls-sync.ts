import {
  CAP_DAC_READ_SEARCH,
  EBADF,
  EINVAL,
  EOPNOTSUPP,
  EPERM,
  ESPIPE,
  POSIX_FADV_NOREUSE,
  S_IFBLK,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  SYNC_FILE_RANGE_WAIT_AFTER,
  SYNC_FILE_RANGE_WAIT_BEFORE,
  SYNC_FILE_RANGE_WRITE,
} from '@sbx/abi';
import type { ContextPage } from '@sbx/platform';
import { errnoOnly, full, partial, type SyscallEntry } from '../syscalls/entry.js';
import type { Task } from '../task/task.js';
import type { SyscallResult } from '../wait/blocking.js';
import { argPosition, fileArg } from './arguments.js';
import { hold } from './transfer.js';

function sync(task: Task, args: ContextPage, dataOnly: boolean): SyscallResult {
  const file = fileArg(task, args, 0);
  if (file === null) return -EBADF;
  const result = file.fsync(task, dataOnly);
  return typeof result === 'number' ? result : hold(file, result);
}
function sysFsync(task: Task, args: ContextPage): SyscallResult {
  return sync(task, args, false);
}
function sysFdatasync(task: Task, args: ContextPage): SyscallResult {
  return sync(task, args, true);
}
function sysSync(task: Task, _args: ContextPage): number {
  for (const mount of task.kernel.vfs.namespace.mounts.values()) mount.superBlock.sync(task);
  return 0;
}
function sysSyncfs(task: Task, args: ContextPage): number {
  const file = fileArg(task, args, 0);
  if (file === null) return -EBADF;
  return file.mount?.superBlock.sync(task) ?? 0;
}
function sysSyncFileRange(task: Task, args: ContextPage): SyscallResult {
  const file = fileArg(task, args, 0);
  if (file === null) return -EBADF;
  const flags = args.argUint32(3);
  if ((flags & ~(SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER)) !== 0) return -EINVAL;
  if (argPosition(args, 1) < 0 || argPosition(args, 2) < 0) return -EINVAL;
  const type = (file.inode?.mode ?? 0) & S_IFMT;
  if (type !== S_IFREG && type !== S_IFBLK && type !== S_IFDIR && type !== S_IFLNK) return -ESPIPE;
  if (flags === 0) return 0;
  const result = file.fsync(task, true);
  return typeof result === 'number' ? result : hold(file, result);
}

function sysReadahead(task: Task, args: ContextPage): number {
  const file = fileArg(task, args, 0);
  if (file === null || !file.readable) return -EBADF;
  const type = (file.inode?.mode ?? 0) & S_IFMT;
  return type === S_IFREG || type === S_IFBLK ? 0 : -EINVAL;
}
function sysFadvise64(task: Task, args: ContextPage): number {
  const file = fileArg(task, args, 0);
  if (file === null) return -EBADF;
  if (((file.inode?.mode ?? 0) & S_IFMT) === S_IFIFO) return -ESPIPE;
  const advice = args.argInt32(3);
  if (argPosition(args, 2) < 0 || advice < 0 || advice > POSIX_FADV_NOREUSE) return -EINVAL;
  return 0;
}

function sysOpenByHandleAt(task: Task, _args: ContextPage): number {
  return task.credentials.capable(CAP_DAC_READ_SEARCH) ? -EOPNOTSUPP : -EPERM;
}

export const syncSyscalls: readonly SyscallEntry[] = [
  full('fsync', sysFsync),
  full('fdatasync', sysFdatasync),
  full('sync', sysSync),
  full('syncfs', sysSyncfs),
  full('sync_file_range', sysSyncFileRange),
  full('readahead', sysReadahead),
  full('fadvise64', sysFadvise64),
  errnoOnly('name_to_handle_at', EOPNOTSUPP, 'no file system has handles'),
  partial('open_by_handle_at', sysOpenByHandleAt, 'no file system has handles: EOPNOTSUPP, or EPERM without CAP_DAC_READ_SEARCH'),
];
