import {
  EACCES,
  EINVAL,
  EPERM,
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLPRI,
  EPOLLRDHUP,
  EPOLLRDNORM,
  EPOLLWRNORM,
  O_RDWR,
  O_WRONLY,
  S_IFMT,
} from '@sbx/abi';
import { hostAddress, hostCall, hostNumber, hostWords, MISC_AT } from '../../host/host.js';
import type { HostServices } from '../../host/host-services.js';
import type { PollTarget } from '../../host/poller.js';
import { hostStat, statFd } from '../../host/stat.js';
import { ATTR_SIZE, type AttributeChange, type Caller, Inode } from '../../vfs/inode.js';
import { MAY_READ, MAY_WRITE } from '../../vfs/permission.js';
import type { Stat } from '../../vfs/stat.js';
import type { Vfs } from '../../vfs/vfs.js';
import { type WaitEntry, WaitQueue } from '../../wait/wait-queue.js';
import { visibleIno } from '../host/host-device.js';
import { HostPages } from '../host/host-pages.js';
import { PageCache } from '../host/page-cache.js';

const SYS_CLOSE = hostNumber('close');
const SYS_PPOLL = hostNumber('ppoll');
const SYS_FTRUNCATE = hostNumber('ftruncate');

/** What epoll and poll are asked about. */
const ALL_EVENTS = EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | EPOLLRDNORM | EPOLLWRNORM;
const POLL_WORD = MISC_AT >>> 2;
const TIMEOUT_AT = MISC_AT + 16;

/** What a descriptor is, as far as its calls differ. */
export const KIND_FILE = 0;
export const KIND_PIPE = 1;
export const KIND_SOCKET = 2;
export const KIND_TERMINAL = 3;
/** Other character devices, and what else can be polled. */
export const KIND_DEVICE = 4;
export type HostFdKind = 0 | 1 | 2 | 3 | 4;

/** How bytes are moved so that the kernel never waits. */
/** Plain calls: a regular file, or a non-blocking descriptor of our own. */
export const PLAIN = 0;
/** RWF_NOWAIT. */
export const WITHOUT_WAITING = 1;
/** recvmsg and sendmsg with MSG_DONTWAIT. */
export const SOCKET_CALLS = 2;
/** poll first, then no more than surely does not wait. (If others use the descriptor at the same time, they may be faster: then it waits for them.) */
export const POLL_FIRST = 3;
export type WayToMove = 0 | 1 | 2 | 3;

/** Decides about terminal modes while the sandbox owns the host's terminal. */
export interface TerminalOwner {
  /** A program sets modes: `command` is TCSETS, TCSETSW, TCSETSF (or TCSETS2 …), `termios` the structure. 0 or -errno. */
  setModes(command: number, termios: Uint8Array): number;
}

/** The waiters for a host descriptor: the host is asked for readiness as long as there are any. */
class HostWaitQueue extends WaitQueue {
  constructor(private readonly inode: HostFdInode) {
    super();
  }
  override add(entry: WaitEntry): void {
    const first = this.isEmpty;
    super.add(entry);
    if (first) this.inode.startPolling();
  }
  override remove(entry: WaitEntry): void {
    const before = this.isEmpty;
    super.remove(entry);
    if (!before && this.isEmpty) this.inode.stopPolling();
  }
}

/** What is behind a descriptor that came from the host: shared by all descriptions that programs open on it (/dev/stdin). Closes it at the end. */
export abstract class HostFdInode extends Inode implements PollTarget {
  /** Opening it through /proc/self/fd makes another description of the same descriptor, whatever its type. */
  override get opensItself(): boolean {
    return true;
  }
  readonly waitQueue: WaitQueue = new HostWaitQueue(this);
  /** Page cache of a regular file that is mapped. */
  pages: HostPages | null = null;
  /** The sandbox owns the terminal: who sets its modes. */
  terminal: TerminalOwner | null = null;
  /** Registration with the poller; 0: none yet; -1: it can't be polled, so it is always ready. */
  #token = 0;

  /** From `hostStat`. */
  constructor(
    vfs: Vfs,
    private readonly services: HostServices,
    readonly fd: number,
    readonly kind: HostFdKind,
    /** How the host has it open: O_RDONLY, O_WRONLY, O_RDWR. */
    readonly access: number,
    /** How bytes are moved without waiting. Changes when the host does not know a way. */
    public way: WayToMove,
    /** Shown instead of the host's type, or 0. */
    private readonly shownType: number,
  ) {
    super(vfs.anonymous, visibleIno(hostStat.inoLow, hostStat.inoHigh), hostStat.mode);
    this.update();
  }

  /** Takes attributes over from `hostStat`. */
  update(): void {
    const s = hostStat;
    this.mode = this.shownType === 0 ? s.mode : (s.mode & ~S_IFMT) | this.shownType;
    this.nlink = s.nlink;
    this.uid = s.uid;
    this.gid = s.gid;
    this.rdev = s.rdev;
    this.size = s.size;
    this.blocks = s.blocks;
    this.atimeSec = s.atimeSec;
    this.atimeNsec = s.atimeNsec;
    this.mtimeSec = s.mtimeSec;
    this.mtimeNsec = s.mtimeNsec;
    this.ctimeSec = s.ctimeSec;
    this.ctimeNsec = s.ctimeNsec;
  }
  refresh(): void {
    if (statFd(this.fd) === 0) this.update();
  }

  override getAttributes(_caller: Caller, stat: Stat): number {
    this.refresh();
    this.copyAttributes(stat);
    return 0;
  }
  /** The host's access mode decides: programs got the descriptor, whoever they are. */
  override permission(_caller: Caller, mask: number): number {
    if ((mask & MAY_READ) !== 0 && this.access === O_WRONLY) return -EACCES;
    return (mask & MAY_WRITE) !== 0 && this.access !== O_WRONLY && this.access !== O_RDWR ? -EACCES : 0;
  }
  override setAttributes(_caller: Caller, change: AttributeChange): number {
    // What was handed in are contents, not the object: its mode, owner and times stay the host's.
    if ((change.valid & ATTR_SIZE) === 0) return -EPERM;
    if (this.kind !== KIND_FILE) return -EINVAL;
    const result = hostCall(SYS_FTRUNCATE, this.fd, change.size);
    if (result === 0) this.pages?.resized(this.fd);
    this.refresh();
    return result;
  }
  override dynamicName(): string {
    switch (this.kind) {
      case KIND_PIPE:
        return `pipe:[${this.ino}]`;
      case KIND_SOCKET:
        return this.shownType === 0 ? `socket:[${this.ino}]` : `pipe:[${this.ino}]`;
      case KIND_FILE:
        return `host:[${this.ino}]`;
      default:
        return `host-device:[${this.rdev >>> 8}:${this.rdev & 0xff}]`;
    }
  }

  /** The page cache of a regular file. */
  cachedPages(): HostPages {
    const { fd } = this;
    const { kernel } = this.superBlock;
    this.pages ??= new HostPages(PageCache.of(kernel.memory, kernel.limits.memory), { readDescriptor: fd, writeDescriptor: fd });
    if (statFd(fd) === 0) {
      this.update();
      this.pages.validate();
    }
    return this.pages;
  }

  // -- Readiness.

  /** What the descriptor is ready for now: EPOLL* bits. */
  poll(): number {
    hostWords[POLL_WORD] = this.fd;
    hostWords[POLL_WORD + 1] = ALL_EVENTS;
    hostWords.fill(0, TIMEOUT_AT >>> 2, (TIMEOUT_AT >>> 2) + 4);
    const n = hostCall(SYS_PPOLL, hostAddress + MISC_AT, 1, hostAddress + TIMEOUT_AT, 0, 8);
    return n <= 0 ? 0 : (hostWords[POLL_WORD + 1] >>> 16) & (ALL_EVENTS | EPOLLERR | EPOLLHUP);
  }
  startPolling(): void {
    if (this.#token === 0) {
      const token = this.services.poller.add(this.fd, ALL_EVENTS, this);
      this.#token = token < 0 ? -1 : token;
    }
    if (this.#token > 0) this.services.poller.hold();
  }
  stopPolling(): void {
    if (this.#token > 0) this.services.poller.release();
  }
  onReady(events: number): void {
    this.waitQueue.wake(events);
  }

  protected override evict(): void {
    this.pages?.dispose();
    if (this.#token > 0) this.services.poller.remove(this.fd, this.#token);
    hostCall(SYS_CLOSE, this.fd);
  }
}
