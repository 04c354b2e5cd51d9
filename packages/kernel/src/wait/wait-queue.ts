/** Somebody who wants to know when a condition may have changed. Owned by whoever registers it; in at most one queue. */
export interface WaitEntry {
  /** The EPOLL* bits that the waiter cares for; a wake-up without any of them passes it by. */
  events: number;
  /** An exclusive waiter uses up one wake-up of `wake(events, limit)`, as in Linux: accept and futex wake one, poll wakes all. */
  exclusive: boolean;
  /** Called synchronously by `wake`. May remove itself or add others; must not throw. */
  onWake(events: number): void;
  /** Links of the list, owned by the queue. */
  queue: WaitQueue | null;
  next: WaitEntry | null;
  previous: WaitEntry | null;
}

/** The waiters for one object (pipe, child exit, futex word), first come first. Waking does not allocate. */
export class WaitQueue {
  #first: WaitEntry | null = null;
  #last: WaitEntry | null = null;

  get isEmpty(): boolean {
    return this.#first === null;
  }

  add(entry: WaitEntry): void {
    if (entry.queue !== null) throw new Error('WaitQueue.add: the entry is in a queue already');
    entry.queue = this;
    entry.previous = this.#last;
    entry.next = null;
    if (this.#last === null) this.#first = entry;
    else this.#last.next = entry;
    this.#last = entry;
  }

  remove(entry: WaitEntry): void {
    if (entry.queue !== this) return;
    if (entry.previous === null) this.#first = entry.next;
    else entry.previous.next = entry.next;
    if (entry.next === null) this.#last = entry.previous;
    else entry.next.previous = entry.previous;
    entry.queue = null;
    entry.next = null;
    entry.previous = null;
  }

  /**
   * Wakes the waiters for any of `events` in order, at most `limit` exclusive ones. Waiters added meanwhile are not woken. Returns how many exclusive ones
   * were.
   */
  wake(events: number, limit = Number.POSITIVE_INFINITY): number {
    let exclusive = 0;
    const last = this.#last;
    let entry = this.#first;
    while (entry !== null) {
      const next: WaitEntry | null = entry === last ? null : entry.next;
      if ((entry.events & events) !== 0) {
        if (entry.exclusive && ++exclusive > limit) return limit;
        entry.onWake(events);
      }
      entry = next;
    }
    return exclusive;
  }
}
