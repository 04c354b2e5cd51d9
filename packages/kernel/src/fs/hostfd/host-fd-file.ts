import { EINVAL, O_APPEND, O_DSYNC, RWF_APPEND, S_IFBLK, S_IFMT, SEEK_CUR, SEEK_DATA, SEEK_END, SEEK_HOLE, SEEK_SET } from '@sbx/abi';
import { hostCall, hostNumber } from '../../host/host.js';
import { callInPool } from '../../host/pool-call.js';
import { hostStat, statFd } from '../../host/stat.js';
import type { IoBuffer } from '../../io/io-buffer.js';
import type { Mappable } from '../../mm/mappable.js';
import type { Task } from '../../task/task.js';
import { FileDescription } from '../../vfs/file-description.js';
import type { Caller } from '../../vfs/inode.js';
import { MAX_FILE_SIZE, writeLimit } from '../../vfs/regular-file.js';
import type { Stat } from '../../vfs/stat.js';
import { type Blocking, INTERRUPTED, type SyscallResult } from '../../wait/blocking.js';
import { readEnded, readNow, STREAM, writeNow } from '../host/host-transfer.js';
import type { HostFdInode } from './host-fd-inode.js';

const SYS_LSEEK = hostNumber('lseek');
const SYS_FSYNC = hostNumber('fsync');
const SYS_FDATASYNC = hostNumber('fdatasync');
const SYS_FALLOCATE = hostNumber('fallocate');

/**
 * An open regular file (or block device) of the host that was handed in. Its position is the host's: the caller's shell goes on where the program stopped
 * (`(sbx run a; sbx run b) > file`).
 */
export class HostFdFile extends FileDescription {
  /** @param inherited - the description that was handed in; else one that a program opened anew, with a position of its own */
  constructor(
    flags: number,
    readonly host: HostFdInode,
    private readonly inherited: boolean,
  ) {
    super(flags);
  }

  override get seekable(): boolean {
    return true;
  }

  override read(task: Task, io: IoBuffer, offset: number): SyscallResult {
    const { host } = this;
    host.pages?.flush(0, Number.POSITIVE_INFINITY);
    const before = io.done;
    const at = offset >= 0 ? offset : this.inherited ? STREAM : this.position;
    const result = readNow(host.fd, io, at, 0);
    const done = io.done - before;
    if (offset < 0) this.#moved(done);
    if (done === 0) return result < 0 ? result : io.result;
    if (result < 0 || io.remaining === 0 || io.faulted || readEnded || done < 2 ** 20) return done;
    return this.#readOn(task, io, offset < 0 ? -1 : offset + done);
  }

  /** A long read: others have their turn in between. */
  *#readOn(task: Task, io: IoBuffer, offset: number): Blocking {
    let position = offset;
    for (;;) {
      if ((yield task.wait.until(task.kernel.clock.monotonic())) === INTERRUPTED) return io.done;
      const before = io.done;
      const at = position >= 0 ? position : this.inherited ? STREAM : this.position;
      const result = readNow(this.host.fd, io, at, 0);
      const done = io.done - before;
      if (position < 0) this.#moved(done);
      else position += done;
      if (result < 0 || done < 2 ** 20 || io.remaining === 0 || io.faulted) return io.done;
    }
  }

  override write(task: Task, io: IoBuffer, offset: number): SyscallResult {
    if (io.remaining === 0) return 0;
    const { host } = this;
    const append = (this.flags & O_APPEND) !== 0;
    const where = append ? this.#size() : offset >= 0 ? offset : this.currentPosition();
    const count = writeLimit(task, where, io.remaining);
    if (count < 0) return count;
    host.pages?.beforeWrite(host.fd);
    const before = io.done;
    const result = this.#writePiece(io, offset, count, append);
    const done = io.done - before;
    if (done === 0) return result < 0 ? result : io.result;
    if (result === 0 && done < count && !io.faulted) return this.#writeOn(task, io, offset < 0 ? -1 : offset + done, count - done, append);
    return (this.flags & O_DSYNC) === 0 ? done : this.#afterSync(task, done);
  }

  #writePiece(io: IoBuffer, offset: number, count: number, append: boolean): number {
    const { host } = this;
    const before = io.done;
    const where = append || host.pages === null ? -1 : offset >= 0 ? offset : this.currentPosition();
    const at = offset >= 0 ? offset : this.inherited ? STREAM : this.position;
    const result = writeNow(host.fd, io, at, count, append ? RWF_APPEND : 0);
    const done = io.done - before;
    if (offset < 0) this.#moved(done);
    if (done > 0) host.pages?.wrote(host.fd, host.fd, where < 0 ? this.#size() - done : where, done);
    return result;
  }

  /** A long write: others have their turn in between. */
  *#writeOn(task: Task, io: IoBuffer, offset: number, count: number, append: boolean): Blocking {
    let position = offset;
    for (let left = count; left > 0 && !io.faulted; ) {
      if ((yield task.wait.until(task.kernel.clock.monotonic())) === INTERRUPTED) break;
      const before = io.done;
      const result = this.#writePiece(io, position, left, append);
      const done = io.done - before;
      if (position >= 0) position += done;
      left -= done;
      if (result < 0 || done === 0) break;
    }
    return (this.flags & O_DSYNC) === 0 ? io.done : yield* this.#afterSync(task, io.done);
  }
  *#afterSync(task: Task, written: number): Blocking {
    const result = yield* callInPool(task, this, SYS_FDATASYNC, this.host.fd);
    return result < 0 ? result : written;
  }

  /** After a transfer at the current position. The host's own has moved by itself; ours shows in /proc. */
  #moved(bytes: number): void {
    this.position = this.inherited ? this.currentPosition() : this.position + bytes;
  }
  override moveTo(position: number): void {
    this.position = position;
    if (this.inherited) hostCall(SYS_LSEEK, this.host.fd, position, SEEK_SET);
  }
  override currentPosition(): number {
    if (!this.inherited) return this.position;
    const position = hostCall(SYS_LSEEK, this.host.fd, 0, SEEK_CUR);
    return position < 0 ? 0 : position;
  }
  #size(): number {
    return statFd(this.host.fd) < 0 ? 0 : hostStat.size;
  }

  override seek(_task: Task, offset: number, whence: number): number {
    const { fd } = this.host;
    if (this.inherited) {
      const position = hostCall(SYS_LSEEK, fd, offset, whence);
      if (position >= 0) this.position = position;
      return position;
    }
    let position = offset;
    if (whence === SEEK_CUR) position += this.position;
    else if (whence === SEEK_END) position += this.#end();
    else if (whence === SEEK_DATA || whence === SEEK_HOLE) return this.#seekElsewhere(offset, whence);
    else if (whence !== SEEK_SET) return -EINVAL;
    if (!(position >= 0 && position <= MAX_FILE_SIZE)) return -EINVAL;
    this.position = position;
    return position;
  }
  /** Asks the host, whose position stays what it is. */
  #seekElsewhere(offset: number, whence: number): number {
    const { fd } = this.host;
    const saved = hostCall(SYS_LSEEK, fd, 0, SEEK_CUR);
    const position = hostCall(SYS_LSEEK, fd, offset, whence);
    hostCall(SYS_LSEEK, fd, saved, SEEK_SET);
    if (position >= 0 && whence !== SEEK_END) this.position = position;
    return position;
  }
  #end(): number {
    return (this.host.mode & S_IFMT) === S_IFBLK ? Math.max(0, this.#seekElsewhere(0, SEEK_END)) : this.#size();
  }

  override stat(caller: Caller, stat: Stat): number {
    return this.host.getAttributes(caller, stat);
  }
  override mappable(_task: Task, _prot: number, _shared: boolean): Mappable | number {
    return this.host.cachedPages();
  }
  override fsync(task: Task, dataOnly: boolean): SyscallResult {
    const written = this.host.pages?.writeBack(0, Number.POSITIVE_INFINITY) ?? 0;
    if (written < 0) return written;
    return callInPool(task, this, dataOnly ? SYS_FDATASYNC : SYS_FSYNC, this.host.fd);
  }
  override *allocate(task: Task, mode: number, offset: number, length: number): Blocking {
    this.host.pages?.flush(0, Number.POSITIVE_INFINITY);
    const result = yield* callInPool(task, this, SYS_FALLOCATE, this.host.fd, mode, offset, length);
    this.host.refresh();
    this.host.pages?.changed(this.host.fd, offset, Number.POSITIVE_INFINITY);
    return result;
  }
  protected override release(): void {}
}
