import {
  EAGAIN,
  EFAULT,
  EINVAL,
  EPOLLIN,
  EPOLLRDNORM,
  FIONREAD,
  IN_ALL_EVENTS,
  IN_DELETE_SELF,
  IN_IGNORED,
  IN_ISDIR,
  IN_MOVE_SELF,
  IN_Q_OVERFLOW,
} from '@sbx/abi';
import type { IoBuffer } from '../io/io-buffer.js';
import type { Kernel } from '../kernel.js';
import type { Task } from '../task/task.js';
import type { SyscallResult } from '../wait/blocking.js';
import { WaitQueue } from '../wait/wait-queue.js';
import { FileDescription } from './file-description.js';
import type { Inode } from './inode.js';
import { type InodeWatch, InodeWatches } from './inode-watches.js';

/** fs.inotify.* of sysctl: events that wait in one instance, instances and watches of one user. */
export const MAX_QUEUED_EVENTS = 16384;
export const MAX_INSTANCES = 128;
export const MAX_WATCHES = 65536;

/** Size of struct inotify_event without its name. */
const HEADER = 16;

/** What all users together may have: who may change users must not be able to fill the kernel's heap. */
const MAX_ALL_EVENTS = 262144;
const MAX_ALL_WATCHES = 262144;

/** What a kernel's programs have together. */
class Total {
  events = 0;
  watches = 0;
  readonly users = new Map<number, Usage>();
}
/** What a user has. */
class Usage {
  instances = 0;
  watches = 0;
  constructor(
    readonly total: Total,
    readonly uid: number,
  ) {}
}
const totals = new WeakMap<Kernel, Total>();

function usageOf(kernel: Kernel, uid: number): Usage {
  let total = totals.get(kernel);
  if (total === undefined) totals.set(kernel, (total = new Total()));
  return total.users.get(uid) ?? new Usage(total, uid);
}

interface Event {
  readonly wd: number;
  readonly mask: number;
  readonly cookie: number;
  readonly name: string;
}

/** Bytes of an event in a read: the name is padded with NULs to a multiple of the header's size, and there is at least one. */
function eventSize(event: Event): number {
  return event.name === '' ? HEADER : HEADER + Math.ceil((event.name.length + 1) / HEADER) * HEADER;
}

/** A watch: keeps its inode alive. */
class Watch implements InodeWatch {
  constructor(
    readonly instance: InotifyDescription,
    readonly wd: number,
    readonly inode: Inode,
    public mask: number,
    /** IN_ONESHOT; IN_EXCL_UNLINK. */
    public once: boolean,
    public skipUnlinked: boolean,
  ) {}

  onEvent(mask: number, name: string, cookie: number, unlinked: boolean): void {
    if (unlinked && this.skipUnlinked && name !== '') return;
    // As in Linux, the events of an inode's own end and move don't say what it was.
    const kept = (mask & IN_MOVE_SELF) !== 0 ? IN_ALL_EVENTS : IN_ALL_EVENTS | IN_ISDIR;
    this.instance.queue({ wd: this.wd, mask: mask & kept, cookie, name });
    if (this.once) this.instance.endWatch(this);
  }
  onDeleted(): void {
    if ((this.mask & IN_DELETE_SELF) !== 0) this.instance.queue({ wd: this.wd, mask: IN_DELETE_SELF, cookie: 0, name: '' });
    this.instance.endWatch(this);
  }
}

/** An inotify instance (inotify(7)). */
export class InotifyDescription extends FileDescription {
  readonly #queue: Event[] = [];
  /** Events of `#queue` that were read already. */
  #head = 0;
  readonly #wait = new WaitQueue();
  readonly #watches = new Map<number, Watch>();
  readonly #byInode = new Map<Inode, Watch>();
  readonly #usage: Usage;
  #lastWd = 0;

  /** The caller has checked `mayCreate`. */
  constructor(flags: number, task: Task) {
    super(flags);
    this.#usage = usageOf(task.kernel, task.credentials.ruid);
    this.#usage.instances++;
    this.#usage.total.users.set(this.#usage.uid, this.#usage);
  }

  /** Whether the user may have one more instance. */
  static mayCreate(task: Task): boolean {
    return usageOf(task.kernel, task.credentials.ruid).instances < MAX_INSTANCES;
  }

  override get anonymousName(): string {
    return 'anon_inode:inotify';
  }
  override get waitQueue(): WaitQueue {
    return this.#wait;
  }
  override poll(): number {
    return this.#queue.length > this.#head ? EPOLLIN | EPOLLRDNORM : 0;
  }

  /** The watch on an inode, or null. */
  watchOf(inode: Inode): { readonly wd: number; mask: number } | null {
    return this.#byInode.get(inode) ?? null;
  }

  /** Adds a watch: its descriptor, or -1 when the user has too many. */
  addWatch(inode: Inode, mask: number, once: boolean, skipUnlinked: boolean): number {
    const usage = this.#usage;
    if (usage.watches >= MAX_WATCHES || usage.total.watches >= MAX_ALL_WATCHES) return -1;
    usage.watches++;
    usage.total.watches++;
    do this.#lastWd = this.#lastWd >= 0x7fffffff ? 1 : this.#lastWd + 1;
    while (this.#watches.has(this.#lastWd));
    inode.incRef();
    const watch = new Watch(this, this.#lastWd, inode, mask, once, skipUnlinked);
    this.#watches.set(watch.wd, watch);
    this.#byInode.set(inode, watch);
    inode.watches ??= new InodeWatches(inode);
    inode.watches.add(watch);
    return watch.wd;
  }

  /** Changes the watch on an inode: its descriptor. */
  changeWatch(inode: Inode, mask: number, once: boolean, skipUnlinked: boolean): number {
    const watch = this.#byInode.get(inode)!;
    watch.mask = mask;
    watch.once = once;
    watch.skipUnlinked = skipUnlinked;
    return watch.wd;
  }

  /** inotify_rm_watch(2): 0 or -EINVAL. */
  removeWatch(wd: number): number {
    const watch = this.#watches.get(wd);
    if (watch === undefined) return -EINVAL;
    this.endWatch(watch);
    return 0;
  }

  /** Ends a watch and says so. */
  endWatch(watch: Watch): void {
    if (!this.#forget(watch)) return;
    this.queue({ wd: watch.wd, mask: IN_IGNORED, cookie: 0, name: '' });
    watch.inode.decRef();
  }

  #forget(watch: Watch): boolean {
    if (!this.#watches.delete(watch.wd)) return false;
    this.#byInode.delete(watch.inode);
    watch.inode.watches?.remove(watch);
    this.#usage.watches--;
    this.#usage.total.watches--;
    return true;
  }

  /** Puts an event into the queue, unless it repeats the last one or the queue is full. */
  queue(event: Event): void {
    const events = this.#queue;
    const waiting = events.length - this.#head;
    if (waiting > 0) {
      const last = events[events.length - 1];
      if (last.wd === event.wd && last.mask === event.mask && last.name === event.name) return;
    }
    if (waiting >= MAX_QUEUED_EVENTS || this.#usage.total.events >= MAX_ALL_EVENTS) {
      if (waiting > 0 && events[events.length - 1].mask === IN_Q_OVERFLOW) return;
      events.push({ wd: -1, mask: IN_Q_OVERFLOW, cookie: 0, name: '' });
    } else events.push(event);
    this.#usage.total.events++;
    this.#wait.wake(EPOLLIN | EPOLLRDNORM);
  }

  /** Does nothing (noop_llseek). */
  override seek(): number {
    return 0;
  }
  override read(_task: Task, io: IoBuffer, _offset: number): number {
    const events = this.#queue;
    if (this.#head === events.length) return -EAGAIN;
    if (eventSize(events[this.#head]) > io.remaining) return -EINVAL;
    const begin = io.done;
    while (this.#head < events.length) {
      const event = events[this.#head];
      const size = eventSize(event);
      if (size > io.remaining) break;
      const bytes = Buffer.alloc(size);
      bytes.writeInt32LE(event.wd, 0);
      bytes.writeUInt32LE(event.mask >>> 0, 4);
      bytes.writeUInt32LE(event.cookie, 8);
      bytes.writeUInt32LE(size - HEADER, 12);
      bytes.write(event.name, HEADER, 'latin1');
      if (io.put(bytes, 0, size) < size) return io.done > begin + size ? io.done - begin : -EFAULT;
      this.#head++;
      this.#usage.total.events--;
    }
    if (this.#head === events.length) {
      events.length = 0;
      this.#head = 0;
    } else if (this.#head >= 1024) {
      events.splice(0, this.#head);
      this.#head = 0;
    }
    return io.done - begin;
  }

  override ioctl(task: Task, command: number, argument: number): SyscallResult {
    if (command !== FIONREAD) return super.ioctl(task, command, argument);
    let bytes = 0;
    for (let i = this.#head; i < this.#queue.length; i++) bytes += eventSize(this.#queue[i]);
    return task.mm.writeUint32(argument, bytes);
  }

  protected override release(): void {
    for (const watch of [...this.#watches.values()]) {
      this.#forget(watch);
      watch.inode.decRef();
    }
    const usage = this.#usage;
    usage.total.events -= this.#queue.length - this.#head;
    if (--usage.instances === 0) usage.total.users.delete(usage.uid);
  }
}
