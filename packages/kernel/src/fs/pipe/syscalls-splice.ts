import {
  EAGAIN,
  EBADF,
  EFAULT,
  EINVAL,
  EPIPE,
  EPOLLIN,
  EPOLLRDNORM,
  ERESTARTSYS,
  ESPIPE,
  IN_ACCESS,
  IN_MODIFY,
  O_APPEND,
  O_NONBLOCK,
  SIGPIPE,
  SPLICE_F_GIFT,
  SPLICE_F_MORE,
  SPLICE_F_MOVE,
  SPLICE_F_NONBLOCK,
} from '@sbx/abi';
import type { ContextPage } from '@sbx/platform';
import { full, type SyscallEntry } from '../../syscalls/entry.js';
import type { Task } from '../../task/task.js';
import { fileArg, importIovecs, MAX_TRANSFER } from '../../vfs/arguments.js';
import type { FileDescription } from '../../vfs/file-description.js';
import { notify } from '../../vfs/notify.js';
import { MAX_FILE_SIZE } from '../../vfs/regular-file.js';
import { begin, copyBetween } from '../../vfs/syscalls-copy.js';
import { READ_EVENTS, WRITE_EVENTS } from '../../vfs/transfer.js';
import { type Blocking, INTERRUPTED, type SyscallResult } from '../../wait/blocking.js';
import { PAGE_SIZE } from './pipe.js';
import { PipeDescription } from './pipe-description.js';

const SPLICE_FLAGS = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT;

function sysSplice(task: Task, args: ContextPage): SyscallResult {
  const size = args.argSize(4);
  if (size === 0) return 0;
  const flags = args.argUint32(5);
  if ((flags & ~SPLICE_FLAGS) !== 0) return -EINVAL;
  const input = fileArg(task, args, 0);
  const output = fileArg(task, args, 2);
  if (input === null || output === null) return -EBADF;
  const inAddr = args.argAddress(1);
  const outAddr = args.argAddress(3);
  if (input instanceof PipeDescription && inAddr !== 0) return -ESPIPE;
  if (output instanceof PipeDescription && outAddr !== 0) return -ESPIPE;
  const inOffset = readOffset(task, inAddr);
  if (inOffset < -1) return inOffset;
  const outOffset = readOffset(task, outAddr);
  if (outOffset < -1) return outOffset;
  if (!input.readable || !output.writable) return -EBADF;
  const count = Math.min(size < 0 ? MAX_TRANSFER : size, MAX_TRANSFER);
  const nonblocking = (flags & SPLICE_F_NONBLOCK) !== 0;
  if (input instanceof PipeDescription) {
    if (output instanceof PipeDescription) {
      if (input.pipe === output.pipe) return -EINVAL;
      const never = nonblocking || ((input.flags | output.flags) & O_NONBLOCK) !== 0;
      return run(task, input, output, () => pipeToPipe(task, input, output, count), never, 0, 0);
    }
    if (outOffset >= 0 && !output.seekable) return -EINVAL;
    if ((output.flags & O_APPEND) !== 0) return -EINVAL;
    return run(task, input, output, () => pipeToFile(task, input, output, outOffset, count), nonblocking, 0, outAddr);
  }
  if (!(output instanceof PipeDescription)) return -EINVAL;
  if (inOffset >= 0 && !input.seekable) return -EINVAL;
  if (input.inode?.isDirectory) return -EINVAL;
  return run(task, input, output, () => fileToPipe(task, input, output, inOffset, count), nonblocking, inAddr, 0);
}

/** An offset that a pointer leads to; -1 without one. -EFAULT and -EINVAL are below -1. */
function readOffset(task: Task, addr: number): number {
  if (addr === 0) return -1;
  const offset = task.mm.readUint64(addr);
  if (offset < 0) return -EFAULT;
  return offset >= 2 ** 63 ? -EINVAL : Math.min(offset, MAX_FILE_SIZE);
}

/** What a step of a splice that moved nothing waits for. */
let waitsFor: FileDescription;
let waitEvents = 0;

/** Makes steps until one moves something or fails for another reason than that it had to wait. Offsets behind pointers are moved on. */
function run(
  task: Task,
  input: FileDescription,
  output: FileDescription,
  step: () => SyscallResult,
  nonblocking: boolean,
  inAddr: number,
  outAddr: number,
): SyscallResult {
  const result = step();
  if (typeof result === 'number') {
    if (result !== -EAGAIN || nonblocking || waitsFor.waitQueue === null) return finish(task, input, output, result, inAddr, outAddr);
    if ((waitsFor.flags & O_NONBLOCK) !== 0) return result;
  }
  return runWaiting(task, input, output, result, step, inAddr, outAddr);
}

function* runWaiting(
  task: Task,
  input: FileDescription,
  output: FileDescription,
  result: SyscallResult,
  step: () => SyscallResult,
  inAddr: number,
  outAddr: number,
): Blocking {
  input.incRef();
  output.incRef();
  try {
    for (;;) {
      if (typeof result !== 'number') result = yield* result;
      if (result !== -EAGAIN || waitsFor.waitQueue === null || (waitsFor.flags & O_NONBLOCK) !== 0) {
        return finish(task, input, output, result, inAddr, outAddr);
      }
      if ((yield task.wait.on(waitsFor.waitQueue, waitEvents)) === INTERRUPTED) return -ERESTARTSYS;
      result = step();
    }
  } finally {
    input.decRef();
    output.decRef();
  }
}

function finish(task: Task, input: FileDescription, output: FileDescription, result: number, inAddr: number, outAddr: number): number {
  if (result <= 0) return result;
  if (input.dentry !== null) notify(input.dentry, IN_ACCESS);
  if (output.dentry !== null) notify(output.dentry, IN_MODIFY);
  for (const addr of [inAddr, outAddr]) {
    if (addr === 0) continue;
    const offset = task.mm.readUint64(addr);
    if (offset < 0 || task.mm.writeUint64(addr, offset + result) < 0) return -EFAULT;
  }
  return result;
}

function again(file: FileDescription, events: number): number {
  waitsFor = file;
  waitEvents = events;
  return -EAGAIN;
}

function noReaders(task: Task): number {
  task.kernel.signalTask(task, SIGPIPE);
  return -EPIPE;
}

/** Moves slots from one pipe to the other; a slot that is too long is divided, its page shared. */
function pipeToPipe(task: Task, input: PipeDescription, output: PipeDescription, count: number): number {
  const from = input.pipe;
  const to = output.pipe;
  if (from.isEmpty) return from.writers === 0 ? 0 : again(input, READ_EVENTS);
  if (to.readers === 0) return noReaders(task);
  if (to.isFull) return again(output, WRITE_EVENTS);
  let moved = 0;
  while (moved < count && !from.isEmpty && !to.isFull) {
    const length = Math.min(from.slotLength(0), count - moved);
    from.shareSlot(0, to, length);
    from.take(length);
    moved += length;
  }
  to.waitQueue.wake(EPOLLIN | EPOLLRDNORM);
  return moved;
}

/** Writes what is in the pipe to a file: all that is there, at most `count`. */
function pipeToFile(task: Task, input: PipeDescription, output: FileDescription, offset: number, count: number): SyscallResult {
  const { pipe } = input;
  let moved = 0;
  while (moved < count) {
    if (pipe.isEmpty) {
      if (moved > 0 || pipe.writers === 0) break;
      return again(input, READ_EVENTS);
    }
    const length = Math.min(pipe.slotLength(0), count - moved);
    const bytes = pipe.memory.bytes(pipe.slotOffset(0), length);
    const put = output.write(task, task.kernelIo.setKernel(bytes), offset < 0 ? -1 : offset + moved);
    if (typeof put !== 'number') return afterWrite(put, pipe, moved);
    if (put <= 0) {
      if (moved > 0) break;
      return put === -EAGAIN ? again(output, WRITE_EVENTS) : put;
    }
    pipe.take(put);
    moved += put;
    if (put < length) break;
  }
  return moved;
}
function* afterWrite(writing: Blocking, pipe: PipeDescription['pipe'], moved: number): Blocking {
  const put = yield* writing;
  if (put <= 0) return moved > 0 ? moved : put;
  pipe.take(put);
  return moved + put;
}

/** Reads from a file into pages of the pipe, as long as there is room and data. */
function fileToPipe(task: Task, input: FileDescription, output: PipeDescription, offset: number, count: number): SyscallResult {
  const { pipe } = output;
  if (pipe.readers === 0) return noReaders(task);
  if (pipe.isFull) return again(output, WRITE_EVENTS);
  let moved = 0;
  let error = 0;
  while (moved < count && !pipe.isFull) {
    const page = pipe.newPage(task.mm);
    if (page < 0) {
      error = page;
      break;
    }
    // Pages of a regular file stay pages: the first piece ends where the file's page ends.
    const position = offset < 0 ? input.currentPosition() : offset + moved;
    const room = input.seekable ? PAGE_SIZE - (position % PAGE_SIZE) : PAGE_SIZE;
    const bytes = pipe.memory.bytes(page, Math.min(room, count - moved));
    const got = input.read(task, task.kernelIo.setKernel(bytes), offset < 0 ? -1 : offset + moved);
    if (typeof got !== 'number') return afterRead(got, pipe, page, moved);
    if (got <= 0) {
      pipe.freePage(page);
      error = got;
      break;
    }
    pipe.push(page, 0, got, 0);
    moved += got;
    if (got < bytes.length) break;
  }
  if (moved > 0) {
    pipe.waitQueue.wake(EPOLLIN | EPOLLRDNORM);
    return moved;
  }
  return error === -EAGAIN ? again(input, READ_EVENTS) : error;
}
function* afterRead(reading: Blocking, pipe: PipeDescription['pipe'], page: number, moved: number): Blocking {
  const got = yield* reading;
  if (got > 0) pipe.push(page, 0, got, 0);
  else pipe.freePage(page);
  if (got > 0 || moved > 0) pipe.waitQueue.wake(EPOLLIN | EPOLLRDNORM);
  return got > 0 ? moved + got : moved > 0 ? moved : got;
}

function sysTee(task: Task, args: ContextPage): SyscallResult {
  const flags = args.argUint32(3);
  if ((flags & ~SPLICE_FLAGS) !== 0) return -EINVAL;
  const size = args.argSize(2);
  if (size === 0) return 0;
  const input = fileArg(task, args, 0);
  const output = fileArg(task, args, 1);
  if (input === null || output === null) return -EBADF;
  if (!input.readable || !output.writable) return -EBADF;
  if (!(input instanceof PipeDescription) || !(output instanceof PipeDescription) || input.pipe === output.pipe) return -EINVAL;
  const never = (flags & SPLICE_F_NONBLOCK) !== 0 || ((input.flags | output.flags) & O_NONBLOCK) !== 0;
  const count = Math.min(size < 0 ? MAX_TRANSFER : size, MAX_TRANSFER);
  return run(task, input, output, () => copyPipe(task, input, output, count), never, 0, 0);
}

/** Lets the second pipe have what is in the first, too. */
function copyPipe(task: Task, input: PipeDescription, output: PipeDescription, count: number): number {
  const from = input.pipe;
  const to = output.pipe;
  if (from.isEmpty) return from.writers === 0 ? 0 : again(input, READ_EVENTS);
  if (to.readers === 0) return noReaders(task);
  if (to.isFull) return again(output, WRITE_EVENTS);
  let moved = 0;
  for (let i = 0; i < from.slots && moved < count && !to.isFull; i++) {
    const length = Math.min(from.slotLength(i), count - moved);
    from.shareSlot(i, to, length);
    moved += length;
  }
  to.waitQueue.wake(EPOLLIN | EPOLLRDNORM);
  return moved;
}

function sysVmsplice(task: Task, args: ContextPage): SyscallResult {
  const flags = args.argUint32(3);
  if ((flags & ~SPLICE_FLAGS) !== 0) return -EINVAL;
  const file = fileArg(task, args, 0);
  if (file === null || (!file.readable && !file.writable)) return -EBADF;
  const imported = importIovecs(task, args.argAddress(1), args.argSize(2));
  if (imported < 0) return imported;
  if (!(file instanceof PipeDescription)) return -EBADF;
  if (task.io.remaining === 0) return 0;
  const step = (): number => {
    const result = file.writable ? file.write(task, task.io, -1) : file.read(task, task.io, -1);
    return result === -EAGAIN ? again(file, file.writable ? WRITE_EVENTS : READ_EVENTS) : result;
  };
  return run(task, file, file, step, (flags & SPLICE_F_NONBLOCK) !== 0, 0, 0);
}

/** sendfile(2): into a pipe it is a splice, into anything else a copy. */
function sysSendfile(task: Task, args: ContextPage): SyscallResult {
  const offsetAddr = args.argAddress(2);
  let offset = -1;
  if (offsetAddr !== 0) {
    const given = task.mm.readUint64(offsetAddr);
    if (given < 0) return -EFAULT;
    offset = given >= 2 ** 63 ? -2 : Math.min(given, MAX_FILE_SIZE);
  }
  const input = fileArg(task, args, 1);
  if (input === null || !input.readable) return -EBADF;
  if (offset !== -1 && !input.seekable) return -ESPIPE;
  if (offset === -2) return -EINVAL;
  const output = fileArg(task, args, 0);
  if (output === null || !output.writable) return -EBADF;
  const inode = input.inode;
  if (inode === null || !inode.isRegular) return -EINVAL;
  if ((output.flags & O_APPEND) !== 0) return -EINVAL;
  if (output.inode?.isDirectory) return -EINVAL;
  const size = args.argSize(3);
  if (size < 0) return -EINVAL;
  const count = Math.min(size, MAX_TRANSFER);
  if (count === 0) return 0;
  if (output instanceof PipeDescription) {
    const never = ((input.flags | output.flags) & O_NONBLOCK) !== 0;
    return run(task, input, output, () => fileToPipe(task, input, output, offset, count), never, offsetAddr, 0);
  }
  return begin(
    copyBetween(task, input, offset, output, -1, count, (moved) =>
      offsetAddr === 0 ? 0 : task.mm.writeUint64(offsetAddr, offset + moved),
    ),
  );
}

export const spliceSyscalls: readonly SyscallEntry[] = [
  full('sendfile', sysSendfile),
  full('splice', sysSplice),
  full('tee', sysTee),
  full('vmsplice', sysVmsplice),
];
