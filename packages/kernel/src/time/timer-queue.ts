/** Something that happens at a time. Owned by whoever arms it; in at most one queue. */
export interface Timer {
  /** Nanoseconds of the monotonic clock. Set by `arm`. */
  deadline: number;
  /** Position in the heap, or -1. Owned by the queue. */
  heapIndex: number;
  /** Called when the time has come, after the timer left the queue. May arm itself again. */
  expire(now: number): void;
}

/** Timers by deadline: a binary heap whose entries know their place, so that cancelling is cheap and nothing is allocated. */
export class TimerQueue {
  readonly #heap: Timer[] = [];

  /** The earliest deadline, or Infinity. @hotpath */
  get next(): number {
    return this.#heap.length === 0 ? Number.POSITIVE_INFINITY : this.#heap[0].deadline;
  }

  /** Sets (or moves) a timer. */
  arm(timer: Timer, deadline: number): void {
    if (timer.heapIndex >= 0) this.cancel(timer);
    timer.deadline = deadline;
    timer.heapIndex = this.#heap.length;
    this.#heap.push(timer);
    this.#up(timer.heapIndex);
  }

  cancel(timer: Timer): void {
    const index = timer.heapIndex;
    if (index < 0) return;
    timer.heapIndex = -1;
    const last = this.#heap.pop()!;
    if (last === timer) return;
    this.#heap[index] = last;
    last.heapIndex = index;
    this.#up(index);
    this.#down(last.heapIndex);
  }

  /** Expires all timers that are due. */
  run(now: number): void {
    while (this.#heap.length > 0 && this.#heap[0].deadline <= now) {
      const timer = this.#heap[0];
      this.cancel(timer);
      timer.expire(now);
    }
  }

  #up(start: number): void {
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (this.#heap[parent].deadline <= this.#heap[index].deadline) return;
      this.#swap(index, parent);
      index = parent;
    }
  }

  #down(start: number): void {
    let index = start;
    for (;;) {
      let least = index;
      for (const child of [2 * index + 1, 2 * index + 2]) {
        if (child < this.#heap.length && this.#heap[child].deadline < this.#heap[least].deadline) least = child;
      }
      if (least === index) return;
      this.#swap(index, least);
      index = least;
    }
  }

  #swap(a: number, b: number): void {
    const heap = this.#heap;
    [heap[a], heap[b]] = [heap[b], heap[a]];
    heap[a].heapIndex = a;
    heap[b].heapIndex = b;
  }
}
