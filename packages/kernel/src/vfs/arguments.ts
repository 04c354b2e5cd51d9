import { AT_FDCWD, EBADF, EFAULT, EINVAL, ENOENT, ENOTDIR, PATH_MAX } from '@sbx/abi';
import type { ContextPage } from '@sbx/platform';
import { TASK_SIZE } from '../mm/constants.js';
import type { Task } from '../task/task.js';
import type { Dentry } from './dentry.js';
import type { FileDescription } from './file-description.js';
import type { Mount } from './mount.js';

/** No call moves more bytes at once (MAX_RW_COUNT). */
export const MAX_TRANSFER = 0x7ffff000;
/** Most buffers of one readv. */
const MAX_IOVECS = 1024;
const SLASH = 47;

/** A path argument as a byte string; -EFAULT, -ENAMETOOLONG, or -ENOENT for an empty one. */
export function copyPath(task: Task, addr: number): string | number {
  const path = task.mm.copyInString(addr, PATH_MAX);
  return path === '' ? -ENOENT : path;
}
/** As `copyPath`, but an empty path is returned (AT_EMPTY_PATH). */
export function copyPathOrEmpty(task: Task, addr: number): string | number {
  return task.mm.copyInString(addr, PATH_MAX);
}

/** Where a path argument begins: the result of `startAt`. Read it before the next call. */
export const start: { mount: Mount; dentry: Dentry } = { mount: null as unknown as Mount, dentry: null as unknown as Dentry };

/**
 * Sets `start` for a path relative to descriptor `dirfd` (AT_FDCWD: the working directory). The descriptor does not matter for an absolute path. 0, -EBADF,
 * or -ENOTDIR for what has no place in the tree.
 * @hotpath
 */
export function startAt(task: Task, dirfd: number, path: string): number {
  if (dirfd === AT_FDCWD || (path.length > 0 && path.charCodeAt(0) === SLASH)) {
    start.mount = task.fs.cwdMount;
    start.dentry = task.fs.cwdDentry;
    return 0;
  }
  const file = task.files.get(dirfd);
  if (file === null) return -EBADF;
  if (file.dentry === null) {
    if (path.length > 0) return -ENOTDIR;
    start.mount = task.kernel.vfs.anonymousMount;
    start.dentry = start.mount.root;
    return 0;
  }
  start.mount = file.mount!;
  start.dentry = file.dentry;
  return 0;
}

/** A signed 64-bit file position: exact up to 2^53, beyond that a number that is too large for every file; negative stays negative (-1). */
export function argPosition(args: ContextPage, i: number): number {
  const position = args.argOffset(i);
  if (!Number.isNaN(position)) return position;
  return args.argHigh(i) >= 2 ** 31 ? -1 : 2 ** 53 - 1;
}

/** Whether a buffer lies in the range that programs may have at all (access_ok). @hotpath */
export function isUserRange(addr: number, length: number): boolean {
  return addr >= 0 && length >= 0 && addr + length <= TASK_SIZE;
}

const iovecs = new Uint8Array(16 * MAX_IOVECS);
const iovecWords = new Uint32Array(iovecs.buffer);

/** Prepares `task.io` for `count` buffers that the array at `addr` lists (import_iovec): 0, -EINVAL or -EFAULT. */
export function importIovecs(task: Task, addr: number, count: number): number {
  if (count < 0 || count > MAX_IOVECS) return -EINVAL;
  const io = task.io;
  io.reset(task.mm);
  if (count === 0) return 0;
  if (task.mm.copyIn(addr, iovecs, count * 16) !== count * 16) return -EFAULT;
  for (let i = 0; i < count; i++) if (iovecWords[i * 4 + 3] >= 0x80000000) return -EINVAL;
  let left = MAX_TRANSFER;
  for (let i = 0; i < count; i++) {
    const base = iovecWords[i * 4 + 1] * 2 ** 32 + iovecWords[i * 4];
    let length = iovecWords[i * 4 + 3] * 2 ** 32 + iovecWords[i * 4 + 2];
    if (base + length > TASK_SIZE) return -EFAULT;
    if (length > left) length = left;
    left -= length;
    if (length > 0) io.push(base, length);
  }
  return 0;
}

/** The description of a descriptor argument that must be open for more than its place (fdget); null: -EBADF. @hotpath */
export function fileArg(task: Task, args: ContextPage, i: number): FileDescription | null {
  return task.files.getReal(args.argInt32(i));
}
