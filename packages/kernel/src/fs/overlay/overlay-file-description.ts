import { EBADF, O_APPEND, O_TRUNC } from '@sbx/abi';
import type { IoBuffer } from '../../io/io-buffer.js';
import type { Mappable } from '../../mm/mappable.js';
import type { Task } from '../../task/task.js';
import { FileDescription } from '../../vfs/file-description.js';
import type { Caller } from '../../vfs/inode.js';
import type { Stat } from '../../vfs/stat.js';
import type { Blocking, SyscallResult } from '../../wait/blocking.js';
import type { OverlayFile } from './overlay-file.js';

/**
 * An open regular file of the overlay: passes everything on to a description in the layer that counts. One that was opened for reading goes over to the upper
 * layer when the file has been copied up; mappings that were made before keep showing the lower file, as in Linux's overlayfs.
 */
export class OverlayFileDescription extends FileDescription {
  /** The lower description after the change, for mappings made through it. */
  #retired: FileDescription | null = null;

  /** Takes over one reference of `layer`. */
  constructor(
    flags: number,
    readonly file: OverlayFile,
    private layer: FileDescription,
    private isUpper: boolean,
  ) {
    super(flags & ~O_TRUNC);
  }

  override get seekable(): boolean {
    return true;
  }

  /** @hotpath */
  #current(): FileDescription {
    if (!this.isUpper && this.file.upper !== null) {
      const upper = this.file.superBlock.open(this.file.upper, this.flags);
      if (typeof upper !== 'number') {
        this.#retired = this.layer;
        this.layer = upper;
        this.isUpper = true;
      }
    }
    return this.layer;
  }

  /** @hotpath */
  override read(task: Task, io: IoBuffer, offset: number): SyscallResult {
    const result = this.#current().read(task, io, offset < 0 ? this.position : offset);
    if (typeof result !== 'number') return this.#finishRead(result, offset < 0);
    if (result > 0 && offset < 0) this.position += result;
    return result;
  }
  *#finishRead(blocking: Blocking, moves: boolean): Blocking {
    const result = yield* blocking;
    if (result > 0 && moves) this.position += result;
    return result;
  }

  /** @hotpath */
  override write(task: Task, io: IoBuffer, offset: number): SyscallResult {
    if (!this.isUpper) return -EBADF;
    const { layer } = this;
    layer.flags = this.flags;
    const result = layer.write(task, io, offset < 0 ? this.position : offset);
    if (typeof result !== 'number') return this.#finishWrite(result, offset < 0);
    this.#wrote(result, offset < 0);
    return result;
  }
  *#finishWrite(blocking: Blocking, moves: boolean): Blocking {
    const result = yield* blocking;
    this.#wrote(result, moves);
    return result;
  }
  #wrote(result: number, moves: boolean): void {
    if (result <= 0) return;
    if (moves) this.position = (this.flags & O_APPEND) !== 0 ? this.layer.inode!.size : this.position + result;
    this.file.sync();
  }

  override seek(task: Task, offset: number, whence: number): number {
    const layer = this.#current();
    layer.position = this.position;
    const result = layer.seek(task, offset, whence);
    if (result >= 0) this.position = result;
    return result;
  }

  override stat(caller: Caller, stat: Stat): number {
    const result = this.#current().stat(caller, stat);
    if (result < 0) return result;
    this.file.sync();
    this.file.patch(stat);
    return 0;
  }

  override mappable(task: Task, prot: number, shared: boolean, offset: number, length: number): Mappable | number {
    return this.#current().mappable(task, prot, shared, offset, length);
  }
  override fsync(task: Task, dataOnly: boolean): SyscallResult {
    return this.#current().fsync(task, dataOnly);
  }
  override allocate(task: Task, mode: number, offset: number, length: number): SyscallResult {
    const result = this.#current().allocate(task, mode, offset, length);
    if (typeof result !== 'number') return this.#finishWrite(result, false);
    this.file.sync();
    return result;
  }
  override ioctl(task: Task, command: number, argument: number): SyscallResult {
    return this.#current().ioctl(task, command, argument);
  }
  override getSeals(): number {
    return this.layer.getSeals();
  }

  protected override release(): void {
    this.layer.decRef();
    this.#retired?.decRef();
  }
}
