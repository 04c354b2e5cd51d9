import { EACCES, EINVAL, EIO, ESRCH, SEEK_CUR, SEEK_SET } from '@sbx/abi';
import { ACCESS_READ, ACCESS_WRITE } from '@sbx/platform';
import type { IoBuffer } from '../../io/io-buffer.js';
import { TASK_SIZE } from '../../mm/constants.js';
import type { MemoryManager } from '../../mm/memory-manager.js';
import type { Task } from '../../task/task.js';
import { FileDescription } from '../../vfs/file-description.js';
import type { Caller } from '../../vfs/inode.js';
import { MAX_FILE_SIZE } from '../../vfs/regular-file.js';
import { type Blocking, INTERRUPTED, type SyscallResult } from '../../wait/blocking.js';
import { ProcessBytes } from './proc-inode.js';
import { mayInspect } from './subject.js';

const scratch = new Uint8Array(4096);
/** Bytes moved before others get a turn. */
const TURN = 2 ** 20;

/**
 * Moves bytes between the memory of a program and a transfer, with a debugger's rights: at most `length` from `address` on. Returns the bytes moved; fewer
 * at the end of what is mapped.
 */
function transfer(mm: MemoryManager, address: number, length: number, io: IoBuffer, write: boolean): number {
  let moved = 0;
  while (moved < length && io.remaining > 0) {
    const wanted = Math.min(length - moved, scratch.length, io.remaining);
    if (write) {
      const got = io.get(scratch, 0, wanted);
      if (got === 0) break;
      const put = poke(mm, address + moved, got);
      moved += put;
      if (put < got) break;
    } else {
      const got = peek(mm, address + moved, wanted);
      if (got === 0) break;
      const put = io.put(scratch, 0, got);
      moved += put;
      if (put < wanted) break;
    }
  }
  return moved;
}

/** Reads up to `length` bytes (at most a page) of a program's memory into the scratch. */
function peek(mm: MemoryManager, address: number, length: number): number {
  let done = 0;
  while (done < length) {
    const offset = mm.resolveForced(address + done, length - done, ACCESS_READ);
    if (offset < 0) break;
    const n = mm.resolvedLength;
    scratch.set(mm.memory.bytes(offset, n), done);
    done += n;
  }
  return done;
}
function poke(mm: MemoryManager, address: number, length: number): number {
  let done = 0;
  while (done < length) {
    const offset = mm.resolveForced(address + done, length - done, ACCESS_WRITE);
    if (offset < 0) break;
    const n = mm.resolvedLength;
    mm.memory.bytes(offset, n).set(scratch.subarray(done, done + n));
    done += n;
  }
  return done;
}

/** /proc/PID/mem: a program's memory, by address. */
export class ProcessMemory extends ProcessBytes {
  override open(caller: Caller, flags: number): FileDescription | number {
    const { task, mm } = this.subject;
    if (task === null) return this.subject.exists ? -EACCES : -ESRCH;
    if (!mayInspect(caller, task)) return -EACCES;
    return new MemoryDescription(flags, mm);
  }
}

class MemoryDescription extends FileDescription {
  /** @param mm - the memory as it was at the open: after the program's end or execve nothing more can be read */
  constructor(
    flags: number,
    private readonly mm: MemoryManager | null,
  ) {
    super(flags);
  }
  override get seekable(): boolean {
    return true;
  }
  override seek(_task: Task, offset: number, whence: number): number {
    if (whence === SEEK_CUR) offset += this.position;
    else if (whence !== SEEK_SET) return -EINVAL;
    if (!(offset >= 0 && offset <= MAX_FILE_SIZE)) return -EINVAL;
    this.position = offset;
    return offset;
  }
  override read(task: Task, io: IoBuffer, offset: number): SyscallResult {
    return this.#move(task, io, offset, false);
  }
  override write(task: Task, io: IoBuffer, offset: number): SyscallResult {
    return this.#move(task, io, offset, true);
  }

  #move(task: Task, io: IoBuffer, offset: number, write: boolean): SyscallResult {
    const { mm } = this;
    if (mm === null || mm.references === 0 || io.remaining === 0) return 0;
    const at = offset < 0 ? this.position : offset;
    if (at >= TASK_SIZE) return -EIO;
    const moved = transfer(mm, at, TURN, io, write);
    if (moved === TURN && io.remaining > 0) return this.#goOn(task, mm, io, at, offset < 0, write);
    if (offset < 0) this.position += moved;
    return moved > 0 ? moved : io.faulted ? io.result : -EIO;
  }
  *#goOn(task: Task, mm: MemoryManager, io: IoBuffer, start: number, moves: boolean, write: boolean): Blocking {
    let total = TURN;
    while (io.remaining > 0 && mm.references > 0) {
      if ((yield task.wait.until(task.kernel.clock.monotonic())) === INTERRUPTED) break;
      const moved = transfer(mm, start + total, TURN, io, write);
      total += moved;
      if (moved < TURN) break;
    }
    if (moves) this.position += total;
    return total;
  }
  protected override release(): void {}
}

/** A file that shows a range of a program's memory, or bytes that the kernel has of it. */
export class ProcessRange extends ProcessBytes {
  constructor(
    superBlock: ConstructorParameters<typeof ProcessBytes>[0],
    ino: number,
    mode: number,
    subject: ConstructorParameters<typeof ProcessBytes>[3],
    readonly kind: 'cmdline' | 'environ' | 'auxv',
  ) {
    super(superBlock, ino, mode, subject);
  }
  override open(caller: Caller, flags: number): FileDescription | number {
    const { task, mm } = this.subject;
    if (task === null && !this.subject.exists) return -ESRCH;
    // Everybody may see a program's arguments.
    if (this.kind !== 'cmdline' && task !== null && !mayInspect(caller, task)) return -EACCES;
    return new RangeDescription(flags, this, this.kind === 'cmdline' ? null : mm);
  }
}

class RangeDescription extends FileDescription {
  constructor(
    flags: number,
    private readonly file: ProcessRange,
    /** The memory at the open; null: whatever the process has at each read (cmdline). */
    private readonly mm: MemoryManager | null,
  ) {
    super(flags);
  }
  override get seekable(): boolean {
    return true;
  }
  override seek(_task: Task, offset: number, whence: number): number {
    if (whence === SEEK_CUR) offset += this.position;
    else if (whence !== SEEK_SET) return -EINVAL;
    if (!(offset >= 0 && offset <= MAX_FILE_SIZE)) return -EINVAL;
    this.position = offset;
    return offset;
  }

  override read(_task: Task, io: IoBuffer, offset: number): number {
    const { kind, subject } = this.file;
    if (kind === 'cmdline' && !subject.exists) return -ESRCH;
    const mm = kind === 'cmdline' ? subject.mm : this.mm;
    if (mm === null || mm.references === 0 || io.remaining === 0) return 0;
    const at = offset < 0 ? this.position : offset;
    let moved = 0;
    if (kind === 'auxv') moved = io.put(mm.auxv, Math.min(at, mm.auxv.length), Math.max(0, Math.min(mm.auxv.length - at, io.remaining)));
    else {
      const { layout } = mm;
      const start = kind === 'cmdline' ? layout.argStart : layout.envStart;
      const end = kind === 'cmdline' ? argumentsEnd(mm) : layout.envEnd;
      if (start > 0 && start + at < end) moved = transfer(mm, start + at, end - start - at, io, false);
    }
    if (offset < 0) this.position += moved;
    return moved > 0 ? moved : io.faulted ? io.result : 0;
  }
  protected override release(): void {}
}

/**
 * Where the arguments end. A program that has written a longer title over them (setproctitle) has overwritten their last zero: its title then goes on to
 * the first zero, into the environment.
 */
function argumentsEnd(mm: MemoryManager): number {
  const { argStart, argEnd, envEnd } = mm.layout;
  if (argEnd <= argStart || peek(mm, argEnd - 1, 1) !== 1 || scratch[0] === 0) return argEnd;
  for (let at = argStart; at < envEnd; at += scratch.length) {
    const got = peek(mm, at, Math.min(scratch.length, envEnd - at));
    const zero = scratch.indexOf(0);
    if (zero >= 0 && zero < got) return at + zero + 1;
    if (got === 0) break;
  }
  return envEnd;
}
