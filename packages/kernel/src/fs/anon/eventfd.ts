import { EAGAIN, EFD_CLOEXEC, EFD_NONBLOCK, EFD_SEMAPHORE, EINVAL, EPOLLERR, EPOLLIN, EPOLLOUT, O_NONBLOCK, O_RDWR } from '@sbx/abi';
import type { ContextPage } from '@sbx/platform';
import type { IoBuffer } from '../../io/io-buffer.js';
import { full, type SyscallEntry } from '../../syscalls/entry.js';
import type { Task } from '../../task/task.js';
import { FileDescription } from '../../vfs/file-description.js';
import { WaitQueue } from '../../wait/wait-queue.js';
import { installAnonymous } from './install.js';

const TWO_32 = 2 ** 32;
const words = new Uint32Array(2);
const bytes = new Uint8Array(words.buffer);

/** An event counter (eventfd(2)): 64 bits, kept as halves. */
export class EventFd extends FileDescription {
  #low: number;
  #high = 0;
  readonly #semaphore: boolean;
  readonly #queue = new WaitQueue();

  constructor(initial: number, flags: number, semaphore: boolean) {
    super(O_RDWR | flags);
    this.#low = initial;
    this.#semaphore = semaphore;
  }
  override get anonymousName(): string {
    return 'anon_inode:[eventfd]';
  }
  override get waitQueue(): WaitQueue {
    return this.#queue;
  }
  override get supportsNowait(): boolean {
    return true;
  }
  get #isZero(): boolean {
    return this.#low === 0 && this.#high === 0;
  }
  override poll(): number {
    let events = this.#isZero ? 0 : EPOLLIN;
    // Writable while at least 1 can be added: the most is 2^64 - 2.
    if (this.#high !== 0xffffffff || this.#low < 0xfffffffe) events |= EPOLLOUT;
    if (this.#high === 0xffffffff && this.#low === 0xffffffff) events |= EPOLLERR;
    return events;
  }

  /** Does nothing (noop_llseek). */
  override seek(): number {
    return 0;
  }
  override read(_task: Task, io: IoBuffer): number {
    if (io.remaining < 8) return -EINVAL;
    if (this.#isZero) return -EAGAIN;
    if (this.#semaphore) {
      words[0] = 1;
      words[1] = 0;
      if (this.#low === 0) {
        this.#low = 0xffffffff;
        this.#high--;
      } else this.#low--;
    } else {
      words[0] = this.#low;
      words[1] = this.#high;
      this.#low = this.#high = 0;
    }
    io.put(bytes, 0, 8);
    this.#queue.wake(EPOLLOUT);
    return io.result;
  }

  override write(_task: Task, io: IoBuffer): number {
    if (io.remaining < 8) return -EINVAL;
    if (io.get(bytes, 0, 8) < 8) return io.result;
    const [low, high] = words;
    if (low === 0xffffffff && high === 0xffffffff) return -EINVAL;
    const sum = this.#low + low;
    const carry = sum >= TWO_32 ? 1 : 0;
    const top = this.#high + high + carry;
    const rest = sum - carry * TWO_32;
    if (top >= TWO_32 || (top === 0xffffffff && rest === 0xffffffff)) {
      io.rewind(8);
      return -EAGAIN;
    }
    this.#low = rest;
    this.#high = top;
    if (low !== 0 || high !== 0) this.#queue.wake(EPOLLIN);
    return 8;
  }
  protected override release(): void {}
}

function create(task: Task, initial: number, flags: number): number {
  if ((flags & ~(EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE)) !== 0) return -EINVAL;
  const file = new EventFd(initial, flags & O_NONBLOCK, (flags & EFD_SEMAPHORE) !== 0);
  return installAnonymous(task, file, (flags & EFD_CLOEXEC) !== 0);
}

export const eventfdSyscalls: readonly SyscallEntry[] = [
  full('eventfd', (task: Task, args: ContextPage) => create(task, args.argUint32(0), 0)),
  full('eventfd2', (task: Task, args: ContextPage) => create(task, args.argUint32(0), args.argInt32(1))),
];
