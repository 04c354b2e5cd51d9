import {
  EBADF,
  EEXIST,
  EINVAL,
  ELOOP,
  ENOENT,
  ENOSPC,
  EPERM,
  EPOLLERR,
  EPOLLET,
  EPOLLEXCLUSIVE,
  EPOLLHUP,
  EPOLLIN,
  EPOLLONESHOT,
  EPOLLOUT,
  EPOLLRDNORM,
  EPOLLWAKEUP,
  O_RDWR,
} from '@sbx/abi';
import { FileDescription } from '../vfs/file-description.js';
import { type WaitEntry, WaitQueue } from '../wait/wait-queue.js';

/** Epoll instances may watch each other this deep. */
const MAX_NESTING = 5;
/** Descriptions that all epoll instances of a sandbox may watch together (as /proc/sys/fs/epoll/max_user_watches bounds it). */
export const MAX_WATCHES = 200_000;
const CONTROL_BITS = EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE | EPOLLWAKEUP;
const EXCLUSIVE_ALLOWED = (EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLET | EPOLLEXCLUSIVE | EPOLLWAKEUP) >>> 0;

/** Watches in use, of all instances. */
let watches = 0;

/** One watched descriptor: registered with the description for as long as it is in the set. */
class EpollItem implements WaitEntry {
  queue: WaitQueue | null = null;
  next: WaitEntry | null = null;
  previous: WaitEntry | null = null;
  exclusive = false;
  /** What wakes it: the events asked for, with errors and hang-ups. 0: disabled by EPOLLONESHOT. */
  events = 0;
  /** The events as the program gave them. */
  requested = 0;
  dataLow = 0;
  dataHigh = 0;
  /** In the list of items that may be ready. */
  listed = false;

  constructor(
    readonly epoll: Epoll,
    readonly file: FileDescription,
    readonly fd: number,
  ) {}

  set(requested: number, dataLow: number, dataHigh: number): void {
    this.requested = requested;
    this.events = ((requested & ~CONTROL_BITS) | EPOLLERR | EPOLLHUP) >>> 0;
    this.exclusive = (requested & EPOLLEXCLUSIVE) !== 0;
    this.dataLow = dataLow;
    this.dataHigh = dataHigh;
  }
  /** What the program would be told now. */
  get ready(): number {
    return this.file.poll() & this.events;
  }
  onWake(): void {
    this.epoll.mayBeReady(this);
  }
  /** The description is gone. */
  fileReleased(): void {
    this.epoll.drop(this);
  }
}

/** Receives what is ready: an event and the program's data. */
export type EpollSink = (events: number, dataLow: number, dataHigh: number) => boolean;

/**
 * An epoll instance (epoll(7)). Items register with what they watch, and list themselves when woken; waiting looks only at listed items. A level-triggered item
 * stays listed until it is found not ready.
 */
export class Epoll extends FileDescription {
  /** By descriptor and description: a descriptor may be reused while the description lives on through a duplicate. */
  readonly #items = new Map<number, EpollItem[]>();
  #listed: EpollItem[] = [];
  readonly #queue = new WaitQueue();

  constructor() {
    super(O_RDWR);
  }
  override get anonymousName(): string {
    return 'anon_inode:[eventpoll]';
  }
  override get waitQueue(): WaitQueue {
    return this.#queue;
  }
  /** Does nothing (noop_llseek). */
  override seek(): number {
    return 0;
  }
  override poll(): number {
    return this.#listed.some((item) => item.ready !== 0) ? EPOLLIN | EPOLLRDNORM : 0;
  }

  /** How deep instances are nested below this one; more than MAX_NESTING, or a circle through `top`, is a refusal. */
  #depth(top: Epoll, level: number): number {
    if (level > MAX_NESTING) return level;
    let deepest = level;
    for (const items of this.#items.values()) {
      for (const { file } of items) {
        if (!(file instanceof Epoll)) continue;
        if (file === top) return MAX_NESTING + 1;
        deepest = Math.max(deepest, file.#depth(top, level + 1));
      }
    }
    return deepest;
  }

  #find(fd: number, file: FileDescription): EpollItem | undefined {
    return this.#items.get(fd)?.find((item) => item.file === file);
  }

  add(fd: number, file: FileDescription, events: number, dataLow: number, dataHigh: number): number {
    if (file.waitQueue === null) return -EPERM;
    if (file === this) return -EINVAL;
    if ((events & EPOLLEXCLUSIVE) !== 0 && (file instanceof Epoll || (events & ~EXCLUSIVE_ALLOWED) >>> 0 !== 0)) return -EINVAL;
    if (this.#find(fd, file) !== undefined) return -EEXIST;
    if (file instanceof Epoll && file.#depth(this, 1) >= MAX_NESTING) return -ELOOP;
    if (watches >= MAX_WATCHES) return -ENOSPC;
    watches++;
    const item = new EpollItem(this, file, fd);
    item.set(events, dataLow, dataHigh);
    const items = this.#items.get(fd);
    if (items === undefined) this.#items.set(fd, [item]);
    else items.push(item);
    file.watch(item);
    file.waitQueue.add(item);
    if (item.ready !== 0) this.mayBeReady(item);
    return 0;
  }

  modify(fd: number, file: FileDescription, events: number, dataLow: number, dataHigh: number): number {
    const item = this.#find(fd, file);
    if (item === undefined) return -ENOENT;
    if ((events & EPOLLEXCLUSIVE) !== 0 || item.exclusive) return -EINVAL;
    item.set(events, dataLow, dataHigh);
    if (item.ready !== 0) this.mayBeReady(item);
    return 0;
  }

  delete(fd: number, file: FileDescription): number {
    const item = this.#find(fd, file);
    if (item === undefined) return -ENOENT;
    this.drop(item);
    return 0;
  }

  /** Forgets an item. */
  drop(item: EpollItem): void {
    item.queue?.remove(item);
    item.file.unwatch(item);
    watches--;
    const items = this.#items.get(item.fd)!;
    items.splice(items.indexOf(item), 1);
    if (items.length === 0) this.#items.delete(item.fd);
    if (item.listed) this.#listed.splice(this.#listed.indexOf(item), 1);
    item.listed = false;
  }

  /** An item was woken. */
  mayBeReady(item: EpollItem): void {
    if (!item.listed) {
      item.listed = true;
      this.#listed.push(item);
    }
    this.#queue.wake(EPOLLIN | EPOLLRDNORM);
  }

  /** Gives at most `max` ready events to `sink`, which says whether it could take one. The number given. */
  collect(max: number, sink: EpollSink): number {
    const candidates = this.#listed;
    this.#listed = [];
    let given = 0;
    const keep: EpollItem[] = [];
    let i = 0;
    for (; i < candidates.length && given < max; i++) {
      const item = candidates[i];
      const events = item.ready;
      if (events === 0) {
        item.listed = false;
        continue;
      }
      if (!sink(events, item.dataLow, item.dataHigh)) break;
      given++;
      if ((item.requested & EPOLLONESHOT) !== 0) {
        item.events = 0;
        item.listed = false;
      } else if ((item.requested & EPOLLET) !== 0) item.listed = false;
      else keep.push(item);
    }
    // Those not looked at come first next time, for fairness.
    this.#listed = [...candidates.slice(i), ...keep, ...this.#listed];
    return given;
  }

  /** For /proc/PID/fdinfo: descriptor, events and data of each item. */
  override describe(): string {
    let text = '';
    for (const items of this.#items.values()) {
      for (const item of items) {
        const data = `${item.dataHigh.toString(16)}${item.dataLow.toString(16).padStart(8, '0')}`.replace(/^0+(?=.)/, '');
        text += `tfd: ${String(item.fd).padStart(8)} events: ${item.requested.toString(16).padStart(8)} data: ${data.padStart(16)}\n`;
      }
    }
    return text;
  }

  protected override release(): void {
    for (const items of [...this.#items.values()]) for (const item of [...items]) this.drop(item);
  }
}

/** The description behind an epoll descriptor, or -EBADF, -EINVAL. */
export function toEpoll(file: FileDescription | null): Epoll | number {
  if (file === null) return -EBADF;
  return file instanceof Epoll ? file : -EINVAL;
}
