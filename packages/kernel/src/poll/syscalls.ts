import {
  EBADF,
  EFAULT,
  EINTR,
  EINVAL,
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLPRI,
  EPOLLRDBAND,
  EPOLLRDNORM,
  EPOLLWRBAND,
  EPOLLWRNORM,
  POLLNVAL,
  RLIMIT_NOFILE,
} from '@sbx/abi';
import type { ContextPage } from '@sbx/platform';
import { full, type SyscallEntry } from '../syscalls/entry.js';
import type { RestartBlock, Task } from '../task/task.js';
import * as timespec from '../time/timespec.js';
import { readTimespec, readTimevalLoosely, writeDuration, writeDurationAsTimeval } from '../time/timespec.js';
import { MAX_DESCRIPTORS } from '../vfs/fd-table.js';
import { type Blocking, INTERRUPTED, type SyscallResult, TIMED_OUT } from '../wait/blocking.js';
import { ERESTART_RESTARTBLOCK, ERESTARTNOHAND } from '../wait/restart.js';
import { PollSet } from './poll-set.js';

const POLLFD_SIZE = 8;
const SIGSET_SIZE = 8;
const NEVER = Number.POSITIVE_INFINITY;
const IN_SET = EPOLLRDNORM | EPOLLRDBAND | EPOLLIN | EPOLLHUP | EPOLLERR;
const OUT_SET = EPOLLWRBAND | EPOLLWRNORM | EPOLLOUT | EPOLLERR;
const EXCEPT_SET = EPOLLPRI;
const maskWords = new Uint32Array(2);
const maskBytes = new Uint8Array(maskWords.buffer);
const argument = new Uint8Array(16);
const argumentView = new DataView(argument.buffer);

/** The pollfds of a call in the kernel's memory. */
class PollCall {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly set = new PollSet();
  constructor(
    readonly address: number,
    readonly count: number,
  ) {
    this.bytes = new Uint8Array(count * POLLFD_SIZE);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Looks the descriptors up. */
  resolve(task: Task): void {
    for (let i = 0; i < this.count; i++) {
      const fd = this.view.getInt32(i * POLLFD_SIZE, true);
      this.set.add(fd < 0 ? null : task.files.getReal(fd), this.view.getUint16(i * POLLFD_SIZE + 4, true));
    }
  }

  /** Fills in what is ready: the number of descriptors with news. */
  scan(): number {
    let ready = 0;
    for (let i = 0; i < this.count; i++) {
      const file = this.set.files[i];
      const fd = this.view.getInt32(i * POLLFD_SIZE, true);
      const revents = file !== null ? file.poll() & this.set.events[i] : fd < 0 ? 0 : POLLNVAL;
      this.view.setUint16(i * POLLFD_SIZE + 6, revents, true);
      if (revents !== 0) ready++;
    }
    return ready;
  }

  /** The result of a call that a signal ends. */
  interruption(task: Task, deadline: number, restartable: boolean): number {
    if (!restartable) return -ERESTARTNOHAND;
    task.restartBlock = new PollRestart(this.address, this.count, deadline);
    return -ERESTART_RESTARTBLOCK;
  }

  /** Stores the revents fields: only those are the kernel's to write. */
  store(task: Task): number {
    for (let i = 0; i < this.count; i++) {
      const at = i * POLLFD_SIZE + 6;
      if (task.mm.copyOut(this.address + at, this.bytes.subarray(at, at + 2), 2) !== 2) return -EFAULT;
    }
    return 0;
  }
}

/** The rest of a poll that a signal without handler interrupted. */
class PollRestart implements RestartBlock {
  constructor(
    readonly address: number,
    readonly count: number,
    readonly deadline: number,
  ) {}
  restart(task: Task): SyscallResult {
    return poll(task, this.address, this.count, this.deadline, true);
  }
}

/** Whether a signal is there that the mask lets through: it ends a call that finds nothing, even one that would not wait. */
function interrupted(task: Task): boolean {
  return task.attention && task.kernel.mustInterrupt(task);
}

/** Polls until `deadline`. `restartable`: poll(2), which continues after a stop; else an interruption is for ppoll's handler to see. */
function poll(task: Task, address: number, count: number, deadline: number, restartable: boolean): SyscallResult {
  if (count > Math.min(task.threadGroup.limits.soft[RLIMIT_NOFILE], MAX_DESCRIPTORS)) return -EINVAL;
  if (address < 0) return -EFAULT;
  const call = new PollCall(address, count);
  if (count > 0 && task.mm.copyIn(address, call.bytes, call.bytes.length) !== call.bytes.length) return -EFAULT;
  call.resolve(task);
  const ready = call.scan();
  if (ready === 0 && interrupted(task)) return call.interruption(task, deadline, restartable);
  if (ready > 0 || deadline <= task.kernel.clock.monotonic()) return call.store(task) < 0 ? -EFAULT : ready;
  return pollWait(task, call, deadline, restartable);
}

function* pollWait(task: Task, call: PollCall, deadline: number, restartable: boolean): Blocking {
  call.set.hold();
  try {
    for (;;) {
      call.set.wait(task, deadline);
      const why = yield;
      const ready = call.scan();
      if (ready > 0 || why === TIMED_OUT) return call.store(task) < 0 ? -EFAULT : ready;
      if (why === INTERRUPTED) return call.interruption(task, deadline, restartable);
    }
  } finally {
    call.set.release();
  }
}

function sysPoll(task: Task, args: ContextPage): SyscallResult {
  const timeout = args.argInt32(2);
  const deadline = timeout < 0 ? NEVER : timeout === 0 ? 0 : task.kernel.clock.monotonic() + timeout * 1e6;
  return poll(task, args.argAddress(0), args.argUint32(1), deadline, true);
}

/** Reads a relative timespec or timeval at `address`: the deadline (NEVER for a null pointer, 0: don't wait), or -errno as a negative number. */
function readDeadline(task: Task, address: number, read: (task: Task, address: number) => number): number {
  if (address === 0) return NEVER;
  const result = read(task, address);
  if (result < 0) return result;
  return timespec.duration === 0 ? 0 : task.kernel.clock.monotonic() + timespec.duration;
}

/** Installs the temporary signal mask of ppoll, pselect and epoll_pwait. */
export function useSignalMask(task: Task, address: number, size: number): number {
  if (address === 0) return 0;
  if (size !== SIGSET_SIZE) return -EINVAL;
  if (task.mm.copyIn(address, maskBytes, SIGSET_SIZE) !== SIGSET_SIZE) return -EFAULT;
  task.signals.setTemporaryMask(maskWords[0], maskWords[1]);
  task.attention = true;
  return 0;
}

/** After a call with a temporary mask: only an interruption keeps it, for the signals that it lets in; else the old one is back before any is delivered. */
export function withSignalMask(task: Task, result: SyscallResult): SyscallResult {
  if (!task.signals.restoreMask) return result;
  return typeof result === 'number' ? settleMask(task, result) : settleMaskLater(task, result);
}
function settleMask(task: Task, result: number): number {
  if (result !== -ERESTARTNOHAND && result !== -EINTR) task.signals.restoreSavedMask();
  return result;
}
function* settleMaskLater(task: Task, rest: Blocking): Blocking {
  return settleMask(task, yield* rest);
}

/** Runs `call` and then stores what is left of the time, as Linux does for select and ppoll. */
function withRemaining(task: Task, result: SyscallResult, deadline: number, store: (left: number) => number): SyscallResult {
  if (typeof result === 'number') return finishTimed(task, result, deadline, store);
  return waitThenStore(task, result, deadline, store);
}
function* waitThenStore(task: Task, rest: Blocking, deadline: number, store: (left: number) => number): Blocking {
  return finishTimed(task, yield* rest, deadline, store);
}
/** A timeout that can't be written back is not an error (it may be in read-only memory), but then the call can't be made again. */
function finishTimed(task: Task, result: number, deadline: number, store: (left: number) => number): number {
  settleMask(task, result);
  if (deadline === NEVER || deadline === 0) return result;
  const stored = store(Math.max(0, deadline - task.kernel.clock.monotonic()));
  return stored < 0 && result === -ERESTARTNOHAND ? -EINTR : result;
}

function sysPpoll(task: Task, args: ContextPage): SyscallResult {
  const timeout = args.argAddress(2);
  const deadline = readDeadline(task, timeout, readTimespec);
  if (deadline < 0) return deadline;
  const masked = useSignalMask(task, args.argAddress(3), args.argSize(4));
  if (masked < 0) return masked;
  const result = poll(task, args.argAddress(0), args.argUint32(1), deadline, false);
  return withRemaining(task, result, deadline, (left) => writeDuration(task, timeout, left));
}

/** The sets of a select call: one bit a descriptor; input and output of the three kinds. */
class SelectCall {
  readonly length: number;
  readonly wanted: Uint8Array[] = [];
  readonly found: Uint8Array[] = [];
  readonly set = new PollSet();
  readonly #fds: number[] = [];
  constructor(
    readonly count: number,
    readonly addresses: readonly number[],
  ) {
    this.length = Math.ceil(count / 64) * 8;
  }

  /** Reads the sets and looks the descriptors up: 0, -EFAULT or -EBADF. */
  read(task: Task): number {
    for (const address of this.addresses) {
      const bytes = new Uint8Array(this.length);
      if (address !== 0 && task.mm.copyIn(address, bytes, this.length) !== this.length) return -EFAULT;
      this.wanted.push(bytes);
      this.found.push(new Uint8Array(this.length));
    }
    for (let fd = 0; fd < this.count; fd++) {
      let events = 0;
      if (this.#has(0, fd)) events |= IN_SET;
      if (this.#has(1, fd)) events |= OUT_SET;
      if (this.#has(2, fd)) events |= EXCEPT_SET;
      if (events === 0) continue;
      const file = task.files.getReal(fd);
      if (file === null) return -EBADF;
      this.#fds.push(fd);
      this.set.add(file, events);
    }
    return 0;
  }

  #has(kind: number, fd: number): boolean {
    return (this.wanted[kind][fd >> 3] & (1 << (fd & 7))) !== 0;
  }

  scan(): number {
    let ready = 0;
    for (const bytes of this.found) bytes.fill(0);
    for (let i = 0; i < this.#fds.length; i++) {
      const fd = this.#fds[i];
      const now = this.set.files[i]!.poll();
      ready += this.#mark(0, fd, now & IN_SET) + this.#mark(1, fd, now & OUT_SET) + this.#mark(2, fd, now & EXCEPT_SET);
    }
    return ready;
  }
  #mark(kind: number, fd: number, events: number): number {
    if (events === 0 || !this.#has(kind, fd)) return 0;
    this.found[kind][fd >> 3] |= 1 << (fd & 7);
    return 1;
  }

  store(task: Task): number {
    for (let kind = 0; kind < 3; kind++) {
      const address = this.addresses[kind];
      if (address !== 0 && task.mm.copyOut(address, this.found[kind], this.length) !== this.length) return -EFAULT;
    }
    return 0;
  }
}

function select(task: Task, args: ContextPage, deadline: number): SyscallResult {
  const wanted = args.argInt32(0);
  if (wanted < 0) return -EINVAL;
  const count = Math.min(wanted, task.files.capacity);
  const call = new SelectCall(count, [args.argAddress(1), args.argAddress(2), args.argAddress(3)]);
  const read = call.read(task);
  if (read < 0) return read;
  const ready = call.scan();
  if (ready === 0 && interrupted(task)) return -ERESTARTNOHAND;
  if (ready > 0 || deadline <= task.kernel.clock.monotonic()) return call.store(task) < 0 ? -EFAULT : ready;
  return selectWait(task, call, deadline);
}

function* selectWait(task: Task, call: SelectCall, deadline: number): Blocking {
  call.set.hold();
  try {
    for (;;) {
      call.set.wait(task, deadline);
      const why = yield;
      const ready = call.scan();
      if (ready > 0 || why === TIMED_OUT) return call.store(task) < 0 ? -EFAULT : ready;
      if (why === INTERRUPTED) return -ERESTARTNOHAND;
    }
  } finally {
    call.set.release();
  }
}

function sysSelect(task: Task, args: ContextPage): SyscallResult {
  const timeout = args.argAddress(4);
  const deadline = readDeadline(task, timeout, readTimevalLoosely);
  if (deadline < 0) return deadline;
  return withRemaining(task, select(task, args, deadline), deadline, (left) => writeDurationAsTimeval(task, timeout, left));
}

/** pselect6: the last argument points to the mask's address and size. */
function sysPselect6(task: Task, args: ContextPage): SyscallResult {
  const timeout = args.argAddress(4);
  const packed = args.argAddress(5);
  const deadline = readDeadline(task, timeout, readTimespec);
  if (deadline < 0) return deadline;
  if (packed !== 0) {
    if (task.mm.copyIn(packed, argument, 16) !== 16) return -EFAULT;
    const high = argumentView.getUint32(4, true);
    const address = high < 2 ** 15 ? high * 2 ** 32 + argumentView.getUint32(0, true) : -1;
    const masked = useSignalMask(task, address, argumentView.getUint32(8, true));
    if (masked < 0) return masked;
  }
  return withRemaining(task, select(task, args, deadline), deadline, (left) => writeDuration(task, timeout, left));
}

export const pollSyscalls: readonly SyscallEntry[] = [
  full('poll', sysPoll),
  full('ppoll', sysPpoll),
  full('select', sysSelect),
  full('pselect6', sysPselect6),
];
