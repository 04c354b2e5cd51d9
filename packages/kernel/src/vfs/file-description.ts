import { EBADF, EINVAL, EISDIR, ENODEV, ENOTDIR, ENOTTY, EOPNOTSUPP, ESPIPE, O_PATH } from '@sbx/abi';
import type { IoBuffer } from '../io/io-buffer.js';
import type { Mappable } from '../mm/mappable.js';
import type { Task } from '../task/task.js';
import type { SyscallResult } from '../wait/blocking.js';
import type { WaitQueue } from '../wait/wait-queue.js';
import type { AsyncNotifier } from './async-notifier.js';
import type { Dentry } from './dentry.js';
import type { DirectoryEmitter } from './directory.js';
import { removeDescriptionLocks } from './file-locks.js';
import type { FileOwner } from './file-owner.js';
import type { Caller, Inode } from './inode.js';
import type { Mount } from './mount.js';
import { notifyClose } from './notify.js';
import type { Stat } from './stat.js';

/** EPOLL* bits of a file that never blocks. */
export const ALWAYS_READY = 0x145; // EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM

/** Somebody who must hear when a description is released. */
export interface ReleaseWatcher {
  fileReleased(): void;
}

/** fs.file-max: descriptions that may exist at one time. They live in the kernel's own heap, so there is a bound beside RLIMIT_NOFILE. */
export const MAX_FILES = 262144;
let live = 0;
/** How many descriptions exist (fs.file-nr). */
export function liveDescriptions(): number {
  return live;
}

/**
 * An open file description: what `open` makes and descriptors refer to (shared by dup and fork). File systems derive from it.
 *
 * Operations never block: where nothing can be moved now they return -EAGAIN, and the system call waits on `waitQueue` unless the description is
 * O_NONBLOCK. The rare operation that has to wait in another way returns a generator.
 * See the example of {@link Kernel}.
 */
export abstract class FileDescription {
  /** References: descriptors, mappings, system calls under way. */
  #references = 1;
  /** Current position, for seekable files. */
  position = 0;
  /**
   * Where it was opened: set by `attach`, held by a reference on both. Null for what has no place and no inode of its own (eventfd, epoll): such a
   * description overrides `anonymousName` (and `stat`, if Linux shows something special).
   */
  mount: Mount | null = null;
  dentry: Dentry | null = null;
  /** Who gets SIGIO (F_SETOWN), or null. */
  owner: FileOwner | null = null;
  /** What sends SIGIO while FASYNC is set, or null. */
  notifier: AsyncNotifier | null = null;
  /** Who must hear of the release: epoll instances. Null while there are none. */
  #watchers: Set<ReleaseWatcher> | null = null;
  /** Whether the open counts as a writer of the inode (`Inode.acquireWrite`). */
  countsAsWriter = false;

  /** @param flags - access mode and status flags (O_*), as fcntl(F_GETFL) shows them. May change (F_SETFL). */
  constructor(public flags: number) {
    live++;
  }

  /** Says where the description was opened; takes a reference on both. Called once, by the VFS. @hotpath */
  attach(mount: Mount, dentry: Dentry): void {
    this.mount = mount;
    this.dentry = dentry;
    mount.incRef();
    dentry.incRef();
  }
  /** The open inode, or null for what has none. @hotpath */
  get inode(): Inode | null {
    return this.dentry === null ? null : this.dentry.inode;
  }
  /** Opened with O_PATH: names a place, can't be read, written or asked anything else. */
  get pathOnly(): boolean {
    return (this.flags & O_PATH) !== 0;
  }
  /** For descriptions without a dentry: what /proc/PID/fd shows, "anon_inode:[eventfd]". */
  get anonymousName(): string {
    return 'anon_inode:[unknown]';
  }

  /** Further lines of /proc/PID/fdinfo about what only this kind of file has ("eventfd-count: …\n"). */
  describe(): string {
    return '';
  }

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

  /** Whether a blocking write that moved only a part waits and goes on until all is written (pipes, stream sockets, terminals). */
  get continuesWrites(): boolean {
    return false;
  }
  /** Whether RWF_NOWAIT is served: regular files, which never wait here, and what honours O_NONBLOCK. */
  get supportsNowait(): boolean {
    return this.seekable;
  }
  /** F_GETPIPE_SZ and F_SETPIPE_SZ: -EBADF for what is no pipe. */
  getPipeSize(): number {
    return -EBADF;
  }
  setPipeSize(_task: Task, _size: number): number {
    return -EBADF;
  }

  /** The rest of open(2) that may have to wait (a fifo's other end): before the descriptor exists. 0, -errno or a generator of such. */
  finishOpen(_task: Task): SyscallResult {
    return 0;
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
  /** Where the next read or write without an offset takes place: `position`, but for a file whose position lies elsewhere (a descriptor of the host's). */
  currentPosition(): number {
    return this.position;
  }
  /** Sets where that is, in bytes. */
  moveTo(position: number): void {
    this.position = position;
  }
  /** Moves `position` (SEEK_*). */
  seek(_task: Task, _offset: number, _whence: number): number {
    return -ESPIPE;
  }
  /** ioctl(2): `command` is 32 bits, `argument` what the third argument is as an address. -ENOTTY for what this file does not know. */
  ioctl(_task: Task, _command: number, _argument: number): SyscallResult {
    return -ENOTTY;
  }
  /**
   * Gives directory entries to `emitter`, from `position` on (which it moves): 0 or more when done or when the emitter is full, or -errno. See directory.ts.
   */
  readDirectory(_task: Task, _emitter: DirectoryEmitter): SyscallResult {
    return -ENOTDIR;
  }
  /** What mmap of `length` bytes (whole pages) at `offset` maps, or -ENODEV. `prot`, `shared` and the range let devices refuse. */
  mappable(_task: Task, _prot: number, _shared: boolean, _offset: number, _length: number): Mappable | number {
    return -ENODEV;
  }
  /** fsync(2); `dataOnly`: fdatasync(2). -EINVAL for what has no store. */
  fsync(_task: Task, _dataOnly: boolean): SyscallResult {
    return -EINVAL;
  }
  /** fallocate(2): `mode` FALLOC_FL_*, checked for validity as a combination; the range is sane. */
  allocate(_task: Task, _mode: number, _offset: number, _length: number): SyscallResult {
    return (this.inode?.isDirectory ?? false) ? -EISDIR : -EOPNOTSUPP;
  }
  /** memfd seals: F_GET_SEALS; -EINVAL where there are none. */
  getSeals(): number {
    return -EINVAL;
  }
  /** F_ADD_SEALS: adds to the seals (F_SEAL_*). 0 or -errno; -EINVAL where there are none. */
  addSeals(_task: Task, _seals: number): number {
    return -EINVAL;
  }
  /** fcntl(F_SETFL) is about to set `flags` (the settable ones): 0 or -errno. The VFS stores them. */
  flagsChange(_task: Task, _flags: number): number {
    return 0;
  }
  /** Called at each close of a descriptor (POSIX locks of `task`'s files are dropped by the caller). */
  flush(_task: Task): number {
    return 0;
  }
  /** fstat(2). */
  stat(caller: Caller, stat: Stat): number {
    const inode = this.inode;
    if (inode !== null) return inode.getAttributes(caller, stat);
    return caller.kernel.vfs.anonymousInode.getAttributes(caller, stat);
  }
  /** The last reference is gone. */
  protected abstract release(): void;

  /** Adds a reference: for whoever keeps the description. @hotpath */
  incRef(): void {
    this.#references++;
  }
  /** Drops a reference; the last one releases the description. @hotpath */
  decRef(): void {
    if (--this.#references > 0) return;
    live--;
    if (this.#watchers !== null) for (const watcher of [...this.#watchers]) watcher.fileReleased();
    const dentry = this.dentry;
    this.notifier?.stop();
    if (dentry === null) {
      this.release();
      return;
    }
    if (!this.pathOnly) {
      notifyClose(this);
      removeDescriptionLocks(this);
    }
    this.release();
    if (this.countsAsWriter) dentry.inode!.releaseWrite();
    dentry.decRef();
    this.mount!.decRef();
  }
  /** How many references there are. */
  get references(): number {
    return this.#references;
  }
  /** `watcher` hears of the release, until `unwatch`. */
  watch(watcher: ReleaseWatcher): void {
    (this.#watchers ??= new Set()).add(watcher);
  }
  /** `watcher` hears no more. */
  unwatch(watcher: ReleaseWatcher): void {
    this.#watchers?.delete(watcher);
  }

  /** Whether the access mode permits reading. @hotpath */
  get readable(): boolean {
    const mode = this.flags & (O_PATH | 3);
    return mode === 0 || mode === 2;
  }
  /** Whether the access mode permits writing. @hotpath */
  get writable(): boolean {
    const mode = this.flags & (O_PATH | 3);
    return mode === 1 || mode === 2;
  }
  /** Reads at `offset` into a kernel buffer (loader, sendfile): bytes or -errno. Only for files that never block. */
  readKernel(task: Task, bytes: Uint8Array, offset: number): number {
    const result = this.read(task, task.kernelIo.setKernel(bytes), offset);
    return typeof result === 'number' ? result : -EBADF;
  }
}
