import { EAGAIN, ENOMEM, EOPNOTSUPP, RWF_NOWAIT } from '@sbx/abi';
import { ACCESS_READ, ACCESS_WRITE, MEMORY_SYSTEM, type Memory } from '@sbx/platform';
import { DATA_AT, DATA_SIZE, hostAddress, hostBytes, hostCall, hostNumber, IOVEC_AT, put64 } from '../../host/host.js';
import { callInPool, type Held } from '../../host/pool-call.js';
import { hostStat, statFd } from '../../host/stat.js';
import type { IoBuffer } from '../../io/io-buffer.js';
import { allocateUnderPressure } from '../../mm/reclaim.js';
import type { Task } from '../../task/task.js';
import { type Blocking, INTERRUPTED, type WakeReason } from '../../wait/blocking.js';
import { PAGE_SIZE } from '../tmpfs/file-pages.js';

const SYS_PREAD64 = hostNumber('pread64');
const SYS_PWRITE64 = hostNumber('pwrite64');
const SYS_PREADV2 = hostNumber('preadv2');
const SYS_PWRITEV2 = hostNumber('pwritev2');

/** Pieces of application memory in one call. */
const SEGMENTS = 64;
/** Bytes that are moved before other tasks get a turn. */
const TURN = 2 ** 20;
/** Bytes that one call in the thread pool moves. */
const POOL_PIECE = 256 * 1024;

const offsets = new Float64Array(SEGMENTS);
const lengths = new Float64Array(SEGMENTS);

/** The position of a stream: where the host's own file position is. */
export const STREAM = -1;

/** How a host file wants to be read and written. */
export interface HostStream {
  /** Calls may wait for another machine: contents move in the thread pool. */
  readonly slow: boolean;
  /** RWF_NOWAIT works for reads. Set to false when the host says that it does not. */
  readsWithoutWaiting: boolean;
}

/** Fills the list of pieces for a vectored call: how many. @hotpath */
function putSegments(io: IoBuffer, memory: Memory, max: number, access: number): number {
  const count = io.gather(offsets, lengths, max, access);
  for (let i = 0; i < count; i++) {
    put64(IOVEC_AT + i * 16, memory.address(offsets[i]));
    put64(IOVEC_AT + i * 16 + 8, lengths[i]);
  }
  return count;
}

/**
 * Reads up to TURN bytes from `fd` at `position` (STREAM: at its own) straight into the buffer. Returns 0, or -errno of the host, -EAGAIN when the contents
 * are not in the host's memory and `flags` has RWF_NOWAIT; what was moved before counts in any case (`io.done`). `readEnded` says that the end was reached.
 * @hotpath
 */
export function readNow(fd: number, io: IoBuffer, position: number, flags: number): number {
  const begin = io.done;
  readEnded = false;
  if (io.kernelBytes !== null) return readKernel(fd, io, position, flags);
  const { memory } = io.translator!;
  for (;;) {
    const moved = io.done - begin;
    const count = putSegments(io, memory, TURN - moved, ACCESS_WRITE);
    if (count === 0) return 0;
    const at = position < 0 ? -1 : position + moved;
    const n = hostCall(SYS_PREADV2, fd, hostAddress + IOVEC_AT, count, at, 0, flags);
    if (n < 0) return n;
    io.skip(n);
    if (n < io.gathered) {
      // Less than asked for: the end, or (without waiting, from a stream) all there is now.
      readEnded = n === 0;
      return 0;
    }
    if (position < 0) return 0;
  }
}
/** After `readNow`: the last call gave 0 bytes. */
export let readEnded = false;

/** Into a kernel buffer, through the transfer buffer. Files may wait for the disk here, streams not for whoever writes to them. */
function readKernel(fd: number, io: IoBuffer, position: number, flags: number): number {
  const begin = io.done;
  while (io.remaining > 0) {
    const want = Math.min(io.remaining, DATA_SIZE);
    const at = position < 0 ? -1 : position + io.done - begin;
    put64(IOVEC_AT, hostAddress + DATA_AT);
    put64(IOVEC_AT + 8, want);
    const n = hostCall(SYS_PREADV2, fd, hostAddress + IOVEC_AT, 1, at, 0, position < 0 ? flags : 0);
    if (n < 0) return n;
    if (n === 0) readEnded = true;
    else io.put(hostBytes, DATA_AT, n);
    if (n < want || position < 0) return 0;
  }
  return 0;
}

/**
 * Writes up to min(`max`, TURN) bytes from the buffer to `fd` at `position` (STREAM: its own). `flags`: RWF_*. 0 or -errno; what was moved counts in any
 * case. A short write ends it.
 * @hotpath
 */
export function writeNow(fd: number, io: IoBuffer, position: number, max: number, flags: number): number {
  const begin = io.done;
  if (io.kernelBytes !== null) return writeKernel(fd, io, position, max, flags);
  const { memory } = io.translator!;
  const most = max < TURN ? max : TURN;
  for (;;) {
    const moved = io.done - begin;
    if (moved >= most) return 0;
    const count = putSegments(io, memory, most - moved, ACCESS_READ);
    if (count === 0) return 0;
    const at = position < 0 ? -1 : position + moved;
    const n = hostCall(SYS_PWRITEV2, fd, hostAddress + IOVEC_AT, count, at, 0, flags);
    if (n < 0) return n;
    io.skip(n);
    if (n < io.gathered || position < 0) return 0;
  }
}

function writeKernel(fd: number, io: IoBuffer, position: number, max: number, flags: number): number {
  const begin = io.done;
  for (let left = Math.min(max, io.remaining); left > 0; ) {
    const want = Math.min(left, DATA_SIZE);
    hostBytes.set(io.kernelBytes!.subarray(io.done, io.done + want), DATA_AT);
    put64(IOVEC_AT, hostAddress + DATA_AT);
    put64(IOVEC_AT + 8, want);
    const at = position < 0 ? -1 : position + io.done - begin;
    const n = hostCall(SYS_PWRITEV2, fd, hostAddress + IOVEC_AT, 1, at, 0, flags);
    if (n < 0) return n;
    io.segment(n, ACCESS_READ);
    io.advance(n);
    left -= n;
    if (n < want || position < 0) return 0;
  }
  return 0;
}

/**
 * Reads into the buffer at `position` without keeping the kernel waiting for a disk: what is in the host's memory at once, the rest in the thread pool.
 * `size` is the length that the file had lately; `file` owns `fd`. Returns the bytes, or -errno, or the rest of the work.
 * @hotpath
 */
export function readFile(
  task: Task,
  file: Held,
  stream: HostStream,
  fd: number,
  io: IoBuffer,
  position: number,
  size: number,
): number | Blocking {
  const begin = io.done;
  if (stream.slow && io.kernelBytes === null) return readOn(task, file, stream, fd, io, position, true);
  for (;;) {
    const at = position + io.done - begin;
    const result = readNow(fd, io, at, stream.readsWithoutWaiting ? RWF_NOWAIT : 0);
    if (result < 0) {
      if (result === -EOPNOTSUPP && stream.readsWithoutWaiting) {
        stream.readsWithoutWaiting = false;
        continue;
      }
      if (result === -EAGAIN) return readOn(task, file, stream, fd, io, position + io.done - begin, true);
      return io.done > begin ? io.done : result;
    }
    // A read that is short, but not at the end, found only a part in memory: the next round says which.
    if (io.faulted && io.done === begin) return statFd(fd) === 0 && position >= hostStat.size ? 0 : io.result;
    if (io.remaining === 0 || io.faulted || readEnded || position + io.done - begin === size) return io.result;
    if (io.done - begin >= TURN) return readOn(task, file, stream, fd, io, position + io.done - begin, false);
  }
}

/** Goes on with a read: in the thread pool where the host would have to wait (`inPool`), else after others had their turn. */
function* readOn(task: Task, file: Held, stream: HostStream, fd: number, io: IoBuffer, position: number, inPool: boolean): Blocking {
  const base = position - io.done;
  for (;;) {
    let result: number;
    const before = io.done;
    if (inPool) result = yield* readPiece(task, file, fd, io, base + before);
    else {
      if ((yield task.wait.until(task.kernel.clock.monotonic())) === INTERRUPTED) return io.result;
      result = readNow(fd, io, base + before, stream.readsWithoutWaiting ? RWF_NOWAIT : 0);
    }
    if (result < 0 && result !== -EAGAIN) return io.done > 0 ? io.done : result;
    if (io.remaining === 0 || io.faulted || (result === 0 && (readEnded || io.done === before))) return io.result;
    inPool = stream.slow || result === -EAGAIN;
  }
}

/**
 * Reads one piece in the thread pool, into pages of our own: the program's may be copied by a fork or unmapped while the call is under way. 0 or -errno.
 */
function* readPiece(task: Task, file: Held, fd: number, io: IoBuffer, position: number): Generator<void, number, WakeReason> {
  const { memory } = io.translator!;
  const want = Math.min(io.remaining, POOL_PIECE);
  const buffer = PoolBuffer.make(task, file, want);
  if (buffer === null) return readNow(fd, io, position, 0);
  const n = yield* callInPool(task, buffer, SYS_PREAD64, fd, memory.address(buffer.offset), want, position);
  readEnded = n === 0;
  if (n > 0) io.putMemory(memory, buffer.offset, n);
  buffer.decRef();
  return n < 0 ? n : 0;
}

/** Writes up to `max` bytes in the thread pool, from pages of our own: the bytes written, or -errno if there are none. */
export function* writeInPool(
  task: Task,
  file: Held,
  fd: number,
  io: IoBuffer,
  position: number,
  max: number,
): Generator<void, number, WakeReason> {
  const { memory } = task.kernel;
  let written = 0;
  while (written < max) {
    const buffer = PoolBuffer.make(task, file, Math.min(max - written, POOL_PIECE));
    if (buffer === null) return written > 0 ? written : -ENOMEM;
    const length = io.getMemory(memory, buffer.offset, Math.min(max - written, POOL_PIECE));
    if (length === 0) {
      buffer.decRef();
      break;
    }
    const n = yield* callInPool(task, buffer, SYS_PWRITE64, fd, memory.address(buffer.offset), length, position + written);
    buffer.decRef();
    if (n < 0) return written > 0 ? written : n;
    written += n;
    if (n < length) break;
  }
  return written;
}

/** Pages that a call in the pool works on, and the file that it works with: given back when the call is over and nobody looks at the pages any more. */
class PoolBuffer implements Held {
  #users = 1;
  private constructor(
    private readonly memory: Memory,
    readonly offset: number,
    private readonly length: number,
    private readonly file: Held,
  ) {}
  static make({ mm }: Task, file: Held, bytes: number): PoolBuffer | null {
    const { memory } = mm;
    const length = Math.ceil(bytes / PAGE_SIZE) * PAGE_SIZE;
    const offset = allocateUnderPressure(memory, length, MEMORY_SYSTEM, mm);
    if (offset < 0) return null;
    file.incRef();
    return new PoolBuffer(memory, offset, length, file);
  }
  incRef(): void {
    this.#users++;
  }
  decRef(): void {
    if (--this.#users > 0) return;
    this.memory.decRef(this.offset, this.length);
    this.file.decRef();
  }
}
