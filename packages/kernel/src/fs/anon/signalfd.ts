import { EAGAIN, EBADF, EFAULT, EINVAL, EPOLLIN, O_RDWR, SFD_CLOEXEC, SFD_NONBLOCK } from '@sbx/abi';
import type { ContextPage } from '@sbx/platform';
import type { IoBuffer } from '../../io/io-buffer.js';
import type { SignalInfo } from '../../signal/signal-info.js';
import { full, type SyscallEntry } from '../../syscalls/entry.js';
import type { Task } from '../../task/task.js';
import { FileDescription } from '../../vfs/file-description.js';
import type { WaitQueue } from '../../wait/wait-queue.js';
import { installAnonymous } from './install.js';

const INFO_SIZE = 128;
const UNBLOCKABLE = 0x40100; // SIGKILL, SIGSTOP
const words = new Uint32Array(2);
const wordBytes = new Uint8Array(words.buffer);
const info = new Uint8Array(INFO_SIZE);
const view = new DataView(info.buffer);

/** Signals as a file (signalfd(2)). Reads the signals of whoever reads; readiness is that of the task that made it. */
export class SignalFd extends FileDescription {
  constructor(
    readonly task: Task,
    public low: number,
    public high: number,
    flags: number,
  ) {
    super(O_RDWR | flags);
  }
  override get anonymousName(): string {
    return 'anon_inode:[signalfd]';
  }
  override get waitQueue(): WaitQueue {
    return this.task.signals.arrival;
  }
  override poll(): number {
    const own = this.task.signals.pending;
    const shared = this.task.threadGroup.signals.pending;
    return (((own.low | shared.low) & this.low) | ((own.high | shared.high) & this.high)) !== 0 ? EPOLLIN : 0;
  }
  /** Does nothing (noop_llseek). */
  override seek(): number {
    return 0;
  }
  override read(task: Task, io: IoBuffer): number {
    if (io.remaining < INFO_SIZE) return -EINVAL;
    while (io.remaining >= INFO_SIZE) {
      const next = task.signals.pending.take(~this.low, ~this.high) ?? task.threadGroup.signals.pending.take(~this.low, ~this.high);
      if (next === null) break;
      encode(next);
      if (io.put(info, 0, INFO_SIZE) < INFO_SIZE) break;
    }
    return io.done === 0 && !io.faulted ? -EAGAIN : io.result;
  }
  protected override release(): void {}
}

/** Fills the scratch with a `struct signalfd_siginfo`. */
function encode(signal: SignalInfo): void {
  const { words: w, code } = signal;
  info.fill(0);
  view.setUint32(0, signal.signo, true);
  view.setInt32(4, w[1], true);
  view.setInt32(8, code, true);
  const isFault = code > 0 && code < 128 && [4, 5, 7, 8, 11].includes(signal.signo);
  if (isFault) {
    view.setInt32(72, w[4], true);
    view.setInt32(76, w[5], true);
    return;
  }
  if (code === -2) {
    view.setInt32(24, w[4], true); // ssi_tid
    view.setInt32(32, w[5], true); // ssi_overrun
    view.setInt32(44, w[6], true); // ssi_int
    view.setInt32(48, w[6], true); // ssi_ptr
    view.setInt32(52, w[7], true);
    return;
  }
  view.setInt32(12, w[4], true); // ssi_pid
  view.setInt32(16, w[5], true); // ssi_uid
  if (signal.signo === 17 && code > 0) {
    view.setInt32(40, w[6], true); // ssi_status
    view.setInt32(56, w[8], true); // ssi_utime
    view.setInt32(64, w[10], true); // ssi_stime
  } else if (code < 0) {
    view.setInt32(44, w[6], true);
    view.setInt32(48, w[6], true);
    view.setInt32(52, w[7], true);
  }
}

function create(task: Task, fd: number, address: number, size: number, flags: number): number {
  if ((flags & ~(SFD_CLOEXEC | SFD_NONBLOCK)) !== 0 || size !== 8) return -EINVAL;
  if (task.mm.copyIn(address, wordBytes, 8) !== 8) return -EFAULT;
  const low = (words[0] & ~UNBLOCKABLE) >>> 0;
  const high = words[1];
  if (fd === -1) return installAnonymous(task, new SignalFd(task, low, high, flags & SFD_NONBLOCK), (flags & SFD_CLOEXEC) !== 0);
  const file = task.files.getReal(fd);
  if (file === null) return -EBADF;
  if (!(file instanceof SignalFd)) return -EINVAL;
  file.low = low;
  file.high = high;
  file.waitQueue.wake(EPOLLIN);
  return fd;
}

export const signalfdSyscalls: readonly SyscallEntry[] = [
  full('signalfd', (task: Task, args: ContextPage) => create(task, args.argInt32(0), args.argAddress(1), args.argSize(2), 0)),
  full('signalfd4', (task: Task, args: ContextPage) =>
    create(task, args.argInt32(0), args.argAddress(1), args.argSize(2), args.argInt32(3)),
  ),
];
