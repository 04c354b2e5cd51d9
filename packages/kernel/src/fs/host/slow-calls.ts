import { EPOLLIN } from '@sbx/abi';
import { binding } from '../../host/binding.js';
import { hostCallAsync, hostNumber } from '../../host/host.js';
import { STATX_FLAGS, STATX_MASK, STATX_SIZE, takeStatx } from '../../host/stat.js';
import type { Kernel } from '../../kernel.js';
import type { Caller } from '../../vfs/inode.js';
import { PENDING } from '../../vfs/pending.js';
import { WaitQueue } from '../../wait/wait-queue.js';
import type { HostDirectory } from './host-directory.js';

const SYS_STATX = hostNumber('statx');
const SYS_OPENAT = hostNumber('openat');

/** Calls under way at one time; more are made synchronously. */
const MAX_CALLS = 32;
/** How long a result may wait for the system call that asked for it, and serves others that ask the same. */
const VALID_MS = 500;
/** A place for a name (NUL-terminated), and behind it for a result. */
const NAME_SIZE = 256;
const SLOT_SIZE = 1024;

/** One call: under way while `result` is null. */
interface SlowCall {
  readonly isStat: boolean;
  readonly queue: WaitQueue;
  result: number | null;
  /** When it was done. */
  at: number;
  /** Of statx. */
  bytes: Uint8Array | null;
}

/**
 * Names that are looked up and files that are opened on network and FUSE file systems: in the thread pool. The first time a system call asks, the call begins and
 * the answer is PENDING; the system call starts over when it is done and finds the result here. Only system calls that start over (`Vfs.mayPend`) are answered so;
 * the kernel itself, and the overlay on its behalf, waits.
 */
export class SlowCalls {
  readonly #calls = new Map<string, SlowCall>();
  #underWay = 0;
  readonly #memory = binding.hostBuffer(MAX_CALLS * SLOT_SIZE);
  readonly #bytes = new Uint8Array(this.#memory.buffer);
  readonly #free = Array.from({ length: MAX_CALLS }, (_, i) => i * SLOT_SIZE);

  constructor(
    private readonly kernel: Kernel,
    private readonly closeFd: (fd: number) => void,
  ) {}

  /** Whether the caller can be answered PENDING, and there is room for a call. */
  mayPend(caller: Caller): boolean {
    const { vfs } = this.kernel;
    return vfs.mayPend && caller !== vfs.kernelCaller && this.#underWay < MAX_CALLS;
  }

  /** As `statxAt` on a directory: 0 (`hostStat`), -errno, or PENDING. */
  stat(directory: HostDirectory, name: string): number {
    const key = this.#key(directory, name, 'stat');
    const call = this.#find(key);
    if (call === null) {
      return this.#begin(directory, name, key, true, (fd, slot) =>
        hostCallAsync(SYS_STATX, fd, this.#address(slot), STATX_FLAGS, STATX_MASK, this.#address(slot + NAME_SIZE)),
      );
    }
    if (call.result === null) return this.#wait(call);
    if (call.result === 0) takeStatx(call.bytes!);
    return call.result;
  }

  /** openat: the descriptor, which is the caller's; -errno, or PENDING. */
  open(directory: HostDirectory, name: string, flags: number): number {
    const key = this.#key(directory, name, `open ${flags}`);
    const call = this.#find(key);
    if (call === null)
      return this.#begin(directory, name, key, false, (fd, slot) => hostCallAsync(SYS_OPENAT, fd, this.#address(slot), flags, 0));
    if (call.result === null) return this.#wait(call);
    this.#calls.delete(key);
    return call.result;
  }

  /** The directory was changed by ourselves: what was seen of the name is not true any more. */
  forget(directory: HostDirectory, name: string): void {
    this.#calls.delete(this.#key(directory, name, 'stat'));
  }

  /** Gives up descriptors that nobody came for. */
  dispose(): void {
    for (const [key, call] of this.#calls) this.#drop(key, call);
  }

  #key(directory: HostDirectory, name: string, what: string): string {
    return `${directory.device.hostDevice} ${directory.inoHigh} ${directory.inoLow} ${what} ${name}`;
  }
  #address(slot: number): number {
    return this.#memory.address + slot;
  }

  #find(key: string): SlowCall | null {
    const call = this.#calls.get(key);
    if (call === undefined) return null;
    if (call.result === null || Date.now() - call.at < VALID_MS) return call;
    this.#drop(key, call);
    return null;
  }
  #drop(key: string, call: SlowCall): void {
    this.#calls.delete(key);
    if (!call.isStat && call.result !== null && call.result >= 0) this.closeFd(call.result);
  }

  #wait(call: SlowCall): number {
    this.kernel.vfs.pending = call.queue;
    return PENDING;
  }

  #begin(
    directory: HostDirectory,
    name: string,
    key: string,
    isStat: boolean,
    make: (fd: number, slot: number) => Promise<number>,
  ): number {
    const fd = directory.pin();
    if (fd < 0) return fd;
    if (this.#calls.size > 4 * MAX_CALLS) for (const [old, call] of this.#calls) if (call.result !== null) this.#drop(old, call);
    const slot = this.#free.pop()!;
    this.#bytes.fill(0, slot, slot + SLOT_SIZE);
    for (let i = 0; i < name.length; i++) this.#bytes[slot + i] = name.charCodeAt(i);
    const call: SlowCall = { isStat, queue: new WaitQueue(), result: null, at: 0, bytes: null };
    this.#calls.set(key, call);
    this.#underWay++;
    directory.incRef();
    make(fd, slot).then((result) => {
      if (isStat) call.bytes = this.#bytes.slice(slot + NAME_SIZE, slot + NAME_SIZE + STATX_SIZE);
      call.result = result;
      call.at = Date.now();
      this.#underWay--;
      this.#free.push(slot);
      directory.unpin(fd);
      directory.decRef();
      // Forgotten meanwhile, and opened for nobody.
      if (this.#calls.get(key) !== call && !isStat && result >= 0) this.closeFd(result);
      call.queue.wake(EPOLLIN);
    });
    return this.#wait(call);
  }
}
