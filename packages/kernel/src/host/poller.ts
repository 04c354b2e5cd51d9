import { EEXIST, EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EPOLLET } from '@sbx/abi';
import { binding, type PollHandle } from './binding.js';
import { hostAddress, hostCall, hostNumber, hostWords, MISC_AT } from './host.js';

const SYS_EPOLL_CREATE1 = hostNumber('epoll_create1');
const SYS_EPOLL_CTL = hostNumber('epoll_ctl');
const SYS_EPOLL_PWAIT = hostNumber('epoll_pwait');
const SYS_CLOSE = hostNumber('close');

/** `struct epoll_event` is packed on amd64 only. */
const EVENT_SIZE = process.arch === 'arm64' ? 16 : 12;
const DATA_WORD = process.arch === 'arm64' ? 2 : 1;
const MAX_EVENTS = 64;
/** Where events come to: behind what a call in progress may have put into the buffer. */
const EVENTS_AT = MISC_AT + 4096;

/** Somebody who waits for a host descriptor. */
export interface PollTarget {
  /** EPOLL* bits that came up. Must not throw. */
  onReady(events: number): void;
}

/**
 * Waits for host descriptors: one epoll set of our own, and one `uv_poll` on it. Descriptors themselves are never given to libuv, which would make them
 * non-blocking for everybody who shares them.
 *
 * Notification is edge-triggered: after a registration at once if the descriptor is ready, later whenever something new happened. So whoever found nothing
 * to read and then waits can't miss anything, and a descriptor that stays ready while nobody reads costs nothing.
 */
export class HostPoller {
  readonly #epoll: number;
  readonly #handle: PollHandle;
  readonly #targets = new Map<number, PollTarget>();
  #waiters = 0;
  #nextToken = 1;

  private constructor(epoll: number, handle: (callback: () => void) => PollHandle) {
    this.#epoll = epoll;
    this.#handle = handle(() => this.#collect());
  }

  /** Makes a poller. Before the sentry is sealed: it needs epoll_create1. Throws when the host refuses it. */
  static create(): HostPoller {
    const epoll = hostCall(SYS_EPOLL_CREATE1, EPOLL_CLOEXEC);
    if (epoll < 0) throw new Error(`the host refuses an epoll set (errno ${-epoll})`);
    return new HostPoller(epoll, (callback) => {
      const handle = binding.pollOpen(epoll, callback);
      if (typeof handle === 'number') throw new Error(`the host refuses to poll an epoll set (errno ${-handle})`);
      return handle;
    });
  }

  /** Registers `fd` for `events` (EPOLLIN, EPOLLOUT …): a token, or -errno (-EPERM: it can't be polled, it is always ready). */
  add(fd: number, events: number, target: PollTarget): number {
    const token = this.#nextToken;
    this.#event(events, token);
    const result = hostCall(SYS_EPOLL_CTL, this.#epoll, EPOLL_CTL_ADD, fd, hostAddress + MISC_AT);
    if (result === -EEXIST) throw new Error(`descriptor ${fd} is polled already`);
    if (result < 0) return result;
    this.#nextToken = token === 0x7fffffff ? 1 : token + 1;
    this.#targets.set(token, target);
    return token;
  }

  /** Notifies the target anew if `fd` is ready now. */
  rearm(fd: number, token: number, events: number): void {
    this.#event(events, token);
    hostCall(SYS_EPOLL_CTL, this.#epoll, EPOLL_CTL_MOD, fd, hostAddress + MISC_AT);
  }

  /** Takes `fd` out. Before it is closed. */
  remove(fd: number, token: number): void {
    this.#targets.delete(token);
    hostCall(SYS_EPOLL_CTL, this.#epoll, EPOLL_CTL_DEL, fd, hostAddress + MISC_AT);
  }

  /** Somebody waits: as long as there are any, notifications come and Node stays alive. */
  hold(): void {
    if (this.#waiters++ === 0) binding.pollStart(this.#handle, 1);
  }
  release(): void {
    if (--this.#waiters === 0) binding.pollStart(this.#handle, 0);
  }

  /** Gives up the set; no notification comes any more. */
  close(): void {
    this.#targets.clear();
    binding.pollClose(this.#handle);
    hostCall(SYS_CLOSE, this.#epoll);
  }

  #event(events: number, token: number): void {
    const word = MISC_AT >>> 2;
    hostWords[word] = (events | EPOLLET) >>> 0;
    hostWords[word + DATA_WORD] = token;
    hostWords[word + DATA_WORD + 1] = 0;
  }

  #collect(): void {
    const count = hostCall(SYS_EPOLL_PWAIT, this.#epoll, hostAddress + EVENTS_AT, MAX_EVENTS, 0, 0, 8);
    if (count <= 0) return;
    // A target may make host calls: what came is taken out of the buffer first.
    const tokens: number[] = [];
    const events: number[] = [];
    for (let i = 0; i < count; i++) {
      const word = (EVENTS_AT + i * EVENT_SIZE) >>> 2;
      events.push(hostWords[word]);
      tokens.push(hostWords[word + DATA_WORD]);
    }
    for (let i = 0; i < count; i++) this.#targets.get(tokens[i])?.onReady(events[i]);
  }
}
