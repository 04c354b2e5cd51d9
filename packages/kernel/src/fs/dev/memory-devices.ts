import {
  CAP_SYS_ADMIN,
  EFAULT,
  EINVAL,
  ENODEV,
  ENOSPC,
  ENXIO,
  EPERM,
  EPOLLIN,
  EPOLLRDNORM,
  ERESTARTSYS,
  RNDADDENTROPY,
  RNDADDTOENTCNT,
  RNDCLEARPOOL,
  RNDGETENTCNT,
  RNDRESEEDCRNG,
  RNDZAPENTCNT,
} from '@sbx/abi';
import type { IoBuffer } from '../../io/io-buffer.js';
import { type Mappable, ZERO_MAPPING } from '../../mm/mappable.js';
import type { Task } from '../../task/task.js';
import type { DeviceDriver } from '../../vfs/devices.js';
import { FileDescription } from '../../vfs/file-description.js';
import { type Blocking, INTERRUPTED, type SyscallResult } from '../../wait/blocking.js';
import { WaitQueue } from '../../wait/wait-queue.js';

/** Bytes that a transfer moves before others get a turn. */
const TURN = 2 ** 20;
/** What the random devices say of their entropy: a full pool. */
export const POOL_BITS = 256;

const scratch = new Uint8Array(4096);

/** A device without a position: seeking succeeds and means nothing. */
abstract class MemoryDevice extends FileDescription {
  override get seekable(): boolean {
    return true;
  }
  override seek(_task: Task, _offset: number, _whence: number): number {
    return 0;
  }
  protected override release(): void {}
}

/** /dev/null: always empty, takes everything. */
export class NullDevice extends MemoryDevice {
  override read(): number {
    return 0;
  }
  override write(_task: Task, io: IoBuffer): number {
    return io.remaining;
  }
}

/** A device that gives bytes without end: a turn at a time, so that a large read holds nobody up. */
abstract class EndlessDevice extends MemoryDevice {
  override read(_task: Task, io: IoBuffer): SyscallResult {
    this.fill(io, TURN);
    return io.remaining === 0 || io.faulted ? io.result : this.#goOn(_task, io);
  }
  *#goOn(task: Task, io: IoBuffer): Blocking {
    while (io.remaining > 0 && !io.faulted) {
      if ((yield task.wait.until(task.kernel.clock.monotonic())) === INTERRUPTED) return io.done > 0 ? io.done : -ERESTARTSYS;
      this.fill(io, TURN);
    }
    return io.result;
  }
  /** Puts up to `length` bytes into `io`. */
  protected abstract fill(io: IoBuffer, length: number): void;
}

/** /dev/zero; a private mapping of it is anonymous memory. */
export class ZeroDevice extends EndlessDevice {
  protected override fill(io: IoBuffer, length: number): void {
    io.zero(Math.min(length, io.remaining));
  }
  override write(_task: Task, io: IoBuffer): SyscallResult {
    return io.remaining;
  }
  override mappable(_task: Task, _prot: number, _shared: boolean): Mappable | number {
    return ZERO_MAPPING;
  }
}

/** /dev/full: as /dev/zero, but no room for anything. */
export class FullDevice extends ZeroDevice {
  override write(): SyscallResult {
    return -ENOSPC;
  }
  override mappable(): Mappable | number {
    return -ENODEV;
  }
}

/** /dev/urandom (random(4)). What is written to it changes nothing: the kernel's source needs no help. */
export class RandomDevice extends EndlessDevice {
  readonly #queue: WaitQueue | null;

  constructor(
    flags: number,
    private readonly random: (bytes: Uint8Array) => void,
    pollable: boolean,
  ) {
    super(flags);
    this.#queue = pollable ? new WaitQueue() : null;
  }
  /** Never woken: there is always entropy. */
  override get waitQueue(): WaitQueue | null {
    return this.#queue;
  }
  override poll(): number {
    return this.#queue === null ? super.poll() : EPOLLIN | EPOLLRDNORM;
  }
  protected override fill(io: IoBuffer, length: number): void {
    let left = Math.min(length, io.remaining);
    while (left > 0) {
      const piece = Math.min(left, scratch.length);
      this.random(piece === scratch.length ? scratch : scratch.subarray(0, piece));
      if (io.put(scratch, 0, piece) < piece) break;
      left -= piece;
    }
    scratch.fill(0);
  }
  override write(_task: Task, io: IoBuffer): SyscallResult {
    this.#drain(io, TURN);
    return io.remaining === 0 || io.faulted ? io.result : this.#writeOn(_task, io);
  }
  *#writeOn(task: Task, io: IoBuffer): Blocking {
    while (io.remaining > 0 && !io.faulted) {
      if ((yield task.wait.until(task.kernel.clock.monotonic())) === INTERRUPTED) return io.done > 0 ? io.done : -ERESTARTSYS;
      this.#drain(io, TURN);
    }
    return io.result;
  }
  #drain(io: IoBuffer, length: number): void {
    while (length > 0 && io.remaining > 0) {
      const n = io.get(scratch, 0, Math.min(scratch.length, io.remaining));
      if (n === 0) return;
      length -= n;
    }
  }

  override ioctl(task: Task, command: number, argument: number): SyscallResult {
    const { mm, credentials } = task;
    switch (command) {
      case RNDGETENTCNT:
        return mm.writeUint32(argument, POOL_BITS);
      case RNDADDTOENTCNT: {
        if (!credentials.capable(CAP_SYS_ADMIN)) return -EPERM;
        const bits = mm.readUint32(argument);
        return bits < 0 ? -EFAULT : bits >= 2 ** 31 ? -EINVAL : 0;
      }
      case RNDADDENTROPY: {
        if (!credentials.capable(CAP_SYS_ADMIN)) return -EPERM;
        const bits = mm.readUint32(argument);
        const size = mm.readUint32(argument + 4);
        if (bits < 0 || size < 0) return -EFAULT;
        if (bits >= 2 ** 31 || size >= 2 ** 31) return -EINVAL;
        const io = task.io.setUser(mm, argument + 8, size);
        this.#drain(io, TURN);
        return io.faulted ? -EFAULT : 0;
      }
      case RNDZAPENTCNT:
      case RNDCLEARPOOL:
      case RNDRESEEDCRNG:
        return credentials.capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
      default:
        return -EINVAL;
    }
  }
}

/** The driver of major 1: by minor, as in Linux (Documentation/admin-guide/devices.txt). Memory itself, ports and the log are not there. */
export const memoryDriver: DeviceDriver = {
  name: 'mem',
  open(caller, _inode, minor, flags) {
    const { kernel } = caller;
    switch (minor) {
      case 3:
        return new NullDevice(flags);
      case 5:
        return new ZeroDevice(flags);
      case 7:
        return new FullDevice(flags);
      case 8:
        return new RandomDevice(flags, (bytes) => kernel.random(bytes), true);
      case 9:
        return new RandomDevice(flags, (bytes) => kernel.random(bytes), false);
      default:
        return -ENXIO;
    }
  },
};
