import type { Task } from './task.js';

/** Tasks that want to run, in order. A linked list through the tasks: nothing is allocated. */
export class RunQueue {
  #first: Task | null = null;
  #last: Task | null = null;
  length = 0;

  get first(): Task | null {
    return this.#first;
  }

  push(task: Task): void {
    if (task.queued) return;
    task.queued = true;
    task.runNext = null;
    if (this.#last === null) this.#first = task;
    else this.#last.runNext = task;
    this.#last = task;
    this.length++;
  }

  /** Puts a task at the head. */
  unshift(task: Task): void {
    if (task.queued) return;
    task.queued = true;
    task.runNext = this.#first;
    this.#first = task;
    if (this.#last === null) this.#last = task;
    this.length++;
  }

  shift(): Task | null {
    const task = this.#first;
    if (task === null) return null;
    this.#first = task.runNext;
    if (this.#first === null) this.#last = null;
    task.runNext = null;
    task.queued = false;
    this.length--;
    return task;
  }
}
