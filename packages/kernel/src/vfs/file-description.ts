import { EBADF, EINVAL, ENODEV, ENOTDIR, ENOTTY, ESPIPE } from '@sbx/abi';
import type { IoBuffer } from '../io/io-buffer.js';
import type { Mappable } from '../mm/mappable.js';
import type { Task } from '../task/task.js';
import type { SyscallResult } from '../wait/blocking.js';
import type { WaitQueue } from '../wait/wait-queue.js';

/** EPOLL* bits of a file that never blocks. */
export const ALWAYS_READY = 0x145; // EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM

/**
 * An open file description: what `open` makes and descriptors refer to (shared by dup and fork). File systems derive from it.
 *
 * Operations never block: where nothing can be moved now they return -EAGAIN, and the system call waits on `waitQueue` unless the description is
 * O_NONBLOCK. The rare operation that has to wait in another way returns a generator.
 */
export abstract class FileDescription {
  /** References: descriptors, mappings, system calls under way. */
  #references = 1;
  /** Current position, for seekable files. */
  position = 0;

  /** @param flags - access mode and status flags (O_*), as fcntl(F_GETFL) shows them */
  constructor(public flags: number) {}

  /** Woken (EPOLL* bits) when readiness may have changed; null for files that are always ready. */
  get waitQueue(): WaitQueue | null {
    return null;
  }
  /** Current readiness, EPOLL* bits. */
  poll(): number {
    return ALWAYS_READY;
  }
  /** False for pipes, sockets, terminals: pread, pwrite and lseek give ESPIPE. */
  get seekable(): boolean {
    return false;
  }

  /**
   * Reads into `io`. `offset` is where (pread); -1: at `position`, which moves (or, for what is not seekable, from the stream). Returns bytes, 0 at the end,
   * or -errno (-EAGAIN: nothing now).
   */
  read(_task: Task, _io: IoBuffer, _offset: number): SyscallResult {
    return -EINVAL;
  }
  /** Writes from `io`; as `read`. Honours O_APPEND. */
  write(_task: Task, _io: IoBuffer, _offset: number): SyscallResult {
    return -EINVAL;
  }
  /** Moves `position` (SEEK_*). */
  seek(_task: Task, _offset: number, _whence: number): number {
    return -ESPIPE;
  }
  ioctl(_task: Task, _command: number, _argument: number): SyscallResult {
    return -ENOTTY;
  }
  /** Reads directory entries as `struct linux_dirent64` into `io`. */
  readDirectory(_task: Task, _io: IoBuffer): SyscallResult {
    return -ENOTDIR;
  }
  /** What mmap maps, or -ENODEV. `prot` and `shared` let devices refuse. */
  mappable(_task: Task, _prot: number, _shared: boolean): Mappable | number {
    return -ENODEV;
  }
  fsync(_task: Task, _dataOnly: boolean): SyscallResult {
    return -EINVAL;
  }
  /** Called at each close of a descriptor (POSIX locks of `task`'s files are dropped by the caller). */
  flush(_task: Task): number {
    return 0;
  }
  /** The last reference is gone. */
  protected abstract release(): void;

  incRef(): void {
    this.#references++;
  }
  decRef(): void {
    if (--this.#references === 0) this.release();
  }
  get references(): number {
    return this.#references;
  }

  /** Whether the access mode permits reading; writing. */
  get readable(): boolean {
    return (this.flags & 3) === 0 || (this.flags & 3) === 2;
  }
  get writable(): boolean {
    return (this.flags & 3) === 1 || (this.flags & 3) === 2;
  }
  /** Reads at `offset` into a kernel buffer (loader, sendfile): bytes or -errno. Only for files that never block. */
  readKernel(task: Task, bytes: Uint8Array, offset: number): number {
    const result = this.read(task, task.kernelIo.setKernel(bytes), offset);
    return typeof result === 'number' ? result : -EBADF;
  }
}
