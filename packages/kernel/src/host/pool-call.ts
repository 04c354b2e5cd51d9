import { EINTR, EPOLLIN } from '@sbx/abi';
import type { Task } from '../task/task.js';
import { INTERRUPTED, type WakeReason } from '../wait/blocking.js';
import { WaitQueue } from '../wait/wait-queue.js';
import { hostCallAsync } from './host.js';

/** What must stay as it is until the call is over: an open file whose host descriptor it uses. */
export interface Held {
  incRef(): void;
  decRef(): void;
}

/**
 * Makes a host call in the thread pool and waits for it: its result, or -EINTR when the task is killed meanwhile. `held` keeps a reference until the call is
 * over, also if nobody waits any more: else its descriptor could be another file's when the call begins.
 */
export function* callInPool(task: Task, held: Held, number: number, a = 0, b = 0, c = 0, d = 0): Generator<void, number, WakeReason> {
  const queue = new WaitQueue();
  let result: number | null = null;
  held.incRef();
  hostCallAsync(number, a, b, c, d).then((value) => {
    result = value;
    held.decRef();
    queue.wake(EPOLLIN);
  });
  while (result === null) {
    if ((yield task.wait.uninterruptible(queue, EPOLLIN)) === INTERRUPTED) return -EINTR;
  }
  return result;
}
