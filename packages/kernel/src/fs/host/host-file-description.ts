import {
  EIO,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  O_APPEND,
  O_DSYNC,
  RWF_APPEND,
  SEEK_CUR,
  SEEK_DATA,
  SEEK_END,
  SEEK_HOLE,
} from '@sbx/abi';
import { hostCall, hostNumber } from '../../host/host.js';
import { callInPool } from '../../host/pool-call.js';
import { hostStat, statFd } from '../../host/stat.js';
import type { IoBuffer } from '../../io/io-buffer.js';
import type { Mappable } from '../../mm/mappable.js';
import type { Task } from '../../task/task.js';
import { removePrivileges } from '../../vfs/attributes.js';
import type { Caller } from '../../vfs/inode.js';
import { checkNewSize, RegularDescription, writeLimit } from '../../vfs/regular-file.js';
import type { Stat } from '../../vfs/stat.js';
import { type Blocking, INTERRUPTED, type SyscallResult } from '../../wait/blocking.js';
import type { HostFile } from './host-file.js';
import { readFile, writeInPool, writeNow } from './host-transfer.js';

const SYS_LSEEK = hostNumber('lseek');
const SYS_FSYNC = hostNumber('fsync');
const SYS_FDATASYNC = hostNumber('fdatasync');
const SYS_FALLOCATE = hostNumber('fallocate');

/** An open regular file of the host. Contents move between the program's memory and the host by the host's pread and pwrite. */
export class HostFileDescription extends RegularDescription {
  /** @param fd - the host descriptor that the descriptions with this access mode share */
  constructor(
    flags: number,
    readonly file: HostFile,
    readonly fd: number,
    private readonly mode: number,
  ) {
    super(flags);
  }

  /** @hotpath */
  override read(task: Task, io: IoBuffer, offset: number): SyscallResult {
    const { file } = this;
    const position = offset < 0 ? this.position : offset;
    if (file.pages !== null) file.pages.flush(position, io.remaining);
    const result = readFile(task, this, file.device, this.fd, io, position, file.size);
    if (typeof result !== 'number') return this.#finishRead(result, offset < 0 ? position : -1);
    if (result > 0 && offset < 0) this.position = position + result;
    return result;
  }

  *#finishRead(blocking: Blocking, position: number): Blocking {
    const result = yield* blocking;
    if (result > 0 && position >= 0) this.position = position + result;
    return result;
  }

  /** @hotpath */
  override write(task: Task, io: IoBuffer, offset: number): SyscallResult {
    if (io.remaining === 0) return 0;
    const { file, fd } = this;
    const append = (this.flags & O_APPEND) !== 0;
    let position = offset < 0 ? this.position : offset;
    if (append) {
      if (statFd(fd) < 0) return -EIO;
      position = hostStat.size;
    }
    const count = writeLimit(task, position, io.remaining);
    if (count < 0) return count;
    if ((file.mode & 0o6000) !== 0) {
      const removed = removePrivileges(task, this.dentry!);
      if (removed < 0) return removed;
    }
    file.pages?.beforeWrite(fd);
    if (file.device.slow && io.kernelBytes === null) return this.#writeOn(task, io, position, count, offset < 0);
    const before = io.done;
    const result = writeNow(fd, io, position, count, append ? RWF_APPEND : 0);
    const done = io.done - before;
    if (done === 0) return result < 0 ? result : io.result;
    this.#wrote(append, position, done, offset < 0);
    if (result === 0 && done < count && !io.faulted) return this.#writeOn(task, io, position + done, count - done, offset < 0, done);
    return (this.flags & O_DSYNC) === 0 ? done : this.#afterSync(task, done);
  }

  /** Goes on with a long write, or one on a slow file system. `done`: bytes that were written already. */
  *#writeOn(task: Task, io: IoBuffer, position: number, count: number, moves: boolean, done = 0): Blocking {
    const { file, fd } = this;
    let total = done;
    let left = count;
    let error = 0;
    while (left > 0 && !io.faulted) {
      let n: number;
      if (file.device.slow) n = yield* writeInPool(task, this, fd, io, position, left);
      else {
        if ((yield task.wait.until(task.kernel.clock.monotonic())) === INTERRUPTED) break;
        const before = io.done;
        error = writeNow(fd, io, position, left, 0);
        n = io.done > before ? io.done - before : error;
      }
      if (n <= 0) {
        error = n;
        break;
      }
      this.#wrote(false, position, n, moves);
      position += n;
      total += n;
      left -= n;
      if (file.device.slow) break;
    }
    if (total === 0) return error < 0 ? error : io.result;
    if ((this.flags & O_DSYNC) === 0) return total;
    return yield* this.#afterSync(task, total);
  }

  *#afterSync(task: Task, written: number): Blocking {
    const result = yield* callInPool(task, this, SYS_FDATASYNC, this.fd);
    return result < 0 ? result : written;
  }

  #wrote(append: boolean, position: number, length: number, moves: boolean): void {
    // Others may have appended at the same time: the host knows where this came to lie.
    if (append && statFd(this.fd) === 0) position = hostStat.size - length;
    this.file.wrote(this.fd, position, length);
    if (moves) this.position = position + length;
  }

  override seek(task: Task, offset: number, whence: number): number {
    if (whence === SEEK_CUR && offset === 0) return this.position;
    if ((whence === SEEK_END || whence === SEEK_DATA || whence === SEEK_HOLE) && statFd(this.fd) === 0) this.file.update();
    return super.seek(task, offset, whence);
  }
  protected override nextData(offset: number): number {
    return hostCall(SYS_LSEEK, this.fd, offset, SEEK_DATA);
  }
  protected override nextHole(offset: number): number {
    return hostCall(SYS_LSEEK, this.fd, offset, SEEK_HOLE);
  }

  override stat(caller: Caller, stat: Stat): number {
    this.file.changed();
    return this.file.getAttributes(caller, stat);
  }

  override mappable(_task: Task, _prot: number, _shared: boolean): Mappable | number {
    return this.file.cachedPages();
  }

  override fsync(task: Task, dataOnly: boolean): SyscallResult {
    const written = this.file.pages?.writeBack(0, Number.POSITIVE_INFINITY) ?? 0;
    if (written < 0) return written;
    return callInPool(task, this, dataOnly ? SYS_FDATASYNC : SYS_FSYNC, this.fd);
  }

  override allocate(task: Task, mode: number, offset: number, length: number): SyscallResult {
    if ((mode & (FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE)) === 0) {
      const limit = checkNewSize(task, this.file.size, offset + length);
      if (limit < 0) return limit;
    }
    this.file.pages?.flush(0, Number.POSITIVE_INFINITY);
    return this.#allocate(task, mode, offset, length);
  }
  *#allocate(task: Task, mode: number, offset: number, length: number): Blocking {
    const result = yield* callInPool(task, this, SYS_FALLOCATE, this.fd, mode, offset, length);
    if (result === 0) {
      this.file.refresh();
      this.file.pages?.changed(this.fd, offset, mode === 0 || mode === FALLOC_FL_KEEP_SIZE ? 0 : Number.POSITIVE_INFINITY);
    }
    return result;
  }

  protected override release(): void {
    this.file.closeHost(this.mode);
  }
}
