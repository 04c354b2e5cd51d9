import { ENOENT, SEEK_SET } from '@sbx/abi';
import { DATA_AT, hostAddress, hostBytes, hostCall, hostNumber } from '../../host/host.js';
import { callInPool } from '../../host/pool-call.js';
import { hostStat, statFd } from '../../host/stat.js';
import type { Task } from '../../task/task.js';
import { DirectoryDescription, type DirectoryEmitter, directoryEntryType } from '../../vfs/directory.js';
import type { SyscallResult } from '../../wait/blocking.js';
import { visibleIno } from './host-device.js';
import type { HostDirectory } from './host-directory.js';

const SYS_GETDENTS64 = hostNumber('getdents64');
const SYS_LSEEK = hostNumber('lseek');
const SYS_FSYNC = hostNumber('fsync');

/** Bytes that the host is asked for at once. */
const BATCH = 32768;
/** Position of the first entry after "." and "..". */
const FIRST = 2;
const HEADER = 19;
const MAX_CHECKPOINTS = 4096;

/**
 * An open directory of the host. Positions are ours: the host's are 64-bit hashes that a number can't hold. Entries are counted, from 2 on, and the host's
 * position is kept for the beginning of each batch, from where a seek counts forward.
 */
export class HostDirectoryDescription extends DirectoryDescription {
  /** The batch that was read last: records of getdents64. */
  #batch: Buffer = Buffer.alloc(0);
  #length = 0;
  /** Where in it the entry with position `#next` begins. */
  #at = 0;
  #next = FIRST;
  /** Positions at which batches began, and the host's positions there, as 64-bit integers. */
  readonly #positions: number[] = [FIRST];
  readonly #cookies: bigint[] = [0n];
  /** The host's position after the batch. */
  #end = 0n;
  /** The position after the host's entries, where those that the directory shows beside them begin; -1 until it is reached. */
  #firstShown = -1;

  constructor(
    flags: number,
    private readonly directory: HostDirectory,
    readonly fd: number,
  ) {
    super(flags);
  }

  override readDirectory(_task: Task, emitter: DirectoryEmitter): number {
    // A directory that was removed has no entries, not even these.
    if (this.position === 0 && statFd(this.fd) === 0 && hostStat.nlink === 0) return -ENOENT;
    if (!this.emitDots(emitter)) return 0;
    if (this.position !== this.#next) {
      const result = this.#seekTo(this.position);
      if (result < 0) return result;
    }
    for (;;) {
      if (this.#at >= this.#length) {
        const n = this.#read();
        if (n < 0) return n;
        if (n === 0) return this.#emitShown(emitter);
      }
      const at = this.#at;
      const batch = this.#batch;
      const size = batch.readUInt16LE(at + 16);
      if (!this.#isHidden(at)) {
        const name = this.#nameAt(at);
        const ino = visibleIno(batch.readUInt32LE(at), batch.readUInt32LE(at + 4));
        if (!emitter.emit(name, ino, batch[at + 18], this.#next + 1)) return 0;
        this.#next++;
      }
      this.#at += size;
      this.position = this.#next;
    }
  }

  #nameAt(at: number): string {
    const batch = this.#batch;
    return batch.toString('latin1', at + HEADER, batch.indexOf(0, at + HEADER));
  }

  /** "." and "..", which were given already, for the directory as programs see it; and names under which it shows something else. */
  #isHidden(at: number): boolean {
    const { shown } = this.directory;
    if (shown?.has(this.#nameAt(at))) return true;
    const b = this.#batch;
    if (b[at + HEADER] !== 46) return false;
    return b[at + HEADER + 1] === 0 || (b[at + HEADER + 1] === 46 && b[at + HEADER + 2] === 0);
  }

  /** After the host's entries, those that the directory shows beside them. */
  #emitShown(emitter: DirectoryEmitter): number {
    const { shown } = this.directory;
    if (shown === null) return 0;
    if (this.#firstShown < 0) this.#firstShown = this.#next;
    let at = this.#firstShown;
    for (const [name, inode] of shown) {
      if (at++ < this.position) continue;
      if (!emitter.emit(name, inode.ino, directoryEntryType(inode.mode), at)) return 0;
      this.position = this.#next = at;
    }
    return 0;
  }

  /** The next batch: its length, 0 at the end, or -errno. */
  #read(): number {
    const n = hostCall(SYS_GETDENTS64, this.fd, hostAddress + DATA_AT, BATCH);
    this.#at = 0;
    this.#length = Math.max(n, 0);
    if (n <= 0) return n;
    if (this.#batch.length < n) this.#batch = Buffer.alloc(n);
    this.#batch.set(hostBytes.subarray(DATA_AT, DATA_AT + n));
    const last = this.#positions.length - 1;
    if (this.#next > this.#positions[last] && last < MAX_CHECKPOINTS) {
      this.#positions.push(this.#next);
      this.#cookies.push(this.#end);
    }
    let record = 0;
    for (let at = 0; at < n; at += this.#batch.readUInt16LE(at + 16)) record = at;
    this.#end = this.#batch.readBigInt64LE(record + 8);
    return n;
  }

  /** Goes to the entry with the given position: from the batch that began last before it. */
  #seekTo(position: number): number {
    let i = this.#positions.length - 1;
    while (i > 0 && this.#positions[i] > position) i--;
    const moved = hostCall(SYS_LSEEK, this.fd, this.#cookies[i], SEEK_SET);
    if (moved < 0) return moved;
    this.#next = this.#positions[i];
    this.#end = this.#cookies[i];
    this.#at = this.#length = 0;
    this.#firstShown = -1;
    while (this.#next < position) {
      if (this.#at >= this.#length) {
        const n = this.#read();
        if (n < 0) return n;
        if (n === 0) {
          // Beyond the end: there the position stays.
          this.#firstShown = this.#next;
          this.#next = position;
          break;
        }
      }
      if (!this.#isHidden(this.#at)) this.#next++;
      this.#at += this.#batch.readUInt16LE(this.#at + 16);
    }
    return 0;
  }

  override fsync(task: Task, _dataOnly: boolean): SyscallResult {
    return callInPool(task, this, SYS_FSYNC, this.fd);
  }

  protected override release(): void {
    this.directory.superBlock.services.descriptors.close(this.fd);
  }
}
