import { EAGAIN, EBADF, EFAULT, EFBIG, EINVAL, EISDIR, EOVERFLOW, ERESTARTSYS, IN_ACCESS, IN_MODIFY, O_APPEND, O_NONBLOCK } from '@sbx/abi';
import type { ContextPage } from '@sbx/platform';
import { full, type SyscallEntry } from '../syscalls/entry.js';
import type { Task } from '../task/task.js';
import { type Blocking, INTERRUPTED, type SyscallResult } from '../wait/blocking.js';
import { fileArg, MAX_TRANSFER } from './arguments.js';
import type { FileDescription } from './file-description.js';
import { notify } from './notify.js';
import { MAX_FILE_SIZE } from './regular-file.js';
import { WRITE_EVENTS } from './transfer.js';

/** Bytes that are moved at once, and bytes after which others get a turn. */
const CHUNK = 65536;
const TURN = 16 * CHUNK;

/**
 * Moves up to `count` bytes from `input` at `inOffset` (-1: its position) to `output` at `outOffset` (-1: its position), through a buffer: the work of
 * sendfile and copy_file_range. `input` is a regular file, so that what could not be written is simply read again. Returns the bytes moved, or -errno if
 * there were none. `done` is told the bytes at the end.
 */
export function* copyBetween(
  task: Task,
  input: FileDescription,
  inOffset: number,
  output: FileDescription,
  outOffset: number,
  count: number,
  finished: (moved: number) => number,
): Blocking {
  input.incRef();
  output.incRef();
  const buffer = new Uint8Array(Math.min(CHUNK, Math.max(count, 1)));
  let moved = 0;
  let error = 0;
  let sinceTurn = 0;
  try {
    while (moved < count) {
      const from = inOffset < 0 ? input.currentPosition() : inOffset + moved;
      let got = input.read(task, task.kernelIo.setKernel(buffer.subarray(0, Math.min(buffer.length, count - moved))), from);
      if (typeof got !== 'number') got = yield* got;
      if (got <= 0) {
        error = got;
        break;
      }
      const io = task.kernelIo.setKernel(buffer.subarray(0, got));
      let put = output.write(task, io, outOffset < 0 ? -1 : outOffset + moved);
      if (typeof put !== 'number') put = yield* put;
      if (put > 0) {
        moved += put;
        sinceTurn += put;
        if (inOffset < 0) input.moveTo(from + put);
      }
      if (put === -EAGAIN || (put > 0 && put < got && output.continuesWrites)) {
        if (output.waitQueue === null || (output.flags & O_NONBLOCK) !== 0) {
          error = put < 0 ? put : 0;
          break;
        }
        if ((yield task.wait.on(output.waitQueue, WRITE_EVENTS)) === INTERRUPTED) {
          error = -ERESTARTSYS;
          break;
        }
        continue;
      }
      if (put < got) {
        error = put < 0 ? put : 0;
        break;
      }
      if (sinceTurn >= TURN && moved < count) {
        sinceTurn = 0;
        if ((yield task.wait.until(task.kernel.clock.monotonic())) === INTERRUPTED) {
          error = -ERESTARTSYS;
          break;
        }
      }
    }
    if (moved > 0) {
      if (input.dentry !== null) notify(input.dentry, IN_ACCESS);
      if (output.dentry !== null) notify(output.dentry, IN_MODIFY);
      const result = finished(moved);
      return result < 0 ? result : moved;
    }
    return error;
  } finally {
    input.decRef();
    output.decRef();
  }
}

/** Runs a generator that may well not wait at all: its result, or the generator if it has to go on. */
export function begin(blocking: Blocking): SyscallResult {
  const first = blocking.next();
  return first.done ? first.value : resume(blocking);
}
function* resume(blocking: Blocking): Blocking {
  // The first wait was set up by `begin`; this yields for it.
  let why = yield;
  for (;;) {
    const step = blocking.next(why);
    if (step.done) return step.value;
    why = yield;
  }
}

/** Reads a file offset that a pointer argument leads to; -EFAULT, or -EINVAL for a negative one. */
function readOffset(task: Task, addr: number): number {
  const offset = task.mm.readUint64(addr);
  if (offset < 0) return -EFAULT;
  if (offset >= 2 ** 63) return -EINVAL;
  return Math.min(offset, MAX_FILE_SIZE);
}

function sysCopyFileRange(task: Task, args: ContextPage): SyscallResult {
  const input = fileArg(task, args, 0);
  const output = fileArg(task, args, 2);
  if (input === null || output === null) return -EBADF;
  const inAddr = args.argAddress(1);
  const outAddr = args.argAddress(3);
  const inOffset = inAddr === 0 ? input.currentPosition() : readOffset(task, inAddr);
  if (inOffset === -EFAULT) return -EFAULT;
  const outOffset = outAddr === 0 ? output.currentPosition() : readOffset(task, outAddr);
  if (outOffset === -EFAULT) return -EFAULT;
  if (args.argUint32(5) !== 0) return -EINVAL;
  const from = input.inode;
  const to = output.inode;
  if (from?.isDirectory || to?.isDirectory) return -EISDIR;
  if (from === null || to === null || !from.isRegular || !to.isRegular) return -EINVAL;
  if (!input.readable || !output.writable || (output.flags & O_APPEND) !== 0) return -EBADF;
  const size = args.argSize(4);
  let count = Math.min(size < 0 ? MAX_TRANSFER : size, MAX_TRANSFER);
  // A negative offset is a large one that runs over.
  if (inOffset < 0 || outOffset < 0) return count > 0 ? -EOVERFLOW : -EINVAL;
  if (outOffset >= MAX_FILE_SIZE && count > 0) return -EFBIG;
  count = Math.min(count, Math.max(0, from.size - inOffset));
  if (from === to && inOffset < outOffset + count && outOffset < inOffset + count) return -EINVAL;
  if (count === 0) return 0;
  return begin(
    copyBetween(task, input, inOffset, output, outOffset, count, (moved) => {
      let result = 0;
      if (inAddr === 0) input.moveTo(inOffset + moved);
      else result = task.mm.writeUint64(inAddr, inOffset + moved);
      if (outAddr === 0) output.moveTo(outOffset + moved);
      else if (result === 0) result = task.mm.writeUint64(outAddr, outOffset + moved);
      return result;
    }),
  );
}

export const copySyscalls: readonly SyscallEntry[] = [full('copy_file_range', sysCopyFileRange)];
