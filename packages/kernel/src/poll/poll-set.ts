import { EPOLLERR, EPOLLHUP } from '@sbx/abi';
import type { Task } from '../task/task.js';
import type { FileDescription } from '../vfs/file-description.js';

/** What poll and select look at: descriptions with the events that are asked for. Holds a reference on each while a call waits. */
export class PollSet {
  readonly files: (FileDescription | null)[] = [];
  readonly events: number[] = [];

  add(file: FileDescription | null, events: number): void {
    this.files.push(file);
    this.events.push(events | EPOLLERR | EPOLLHUP);
  }

  /** Registers the task's next wait with every description. */
  wait(task: Task, deadline: number): void {
    for (let i = 0; i < this.files.length; i++) {
      const queue = this.files[i]?.waitQueue ?? null;
      if (queue !== null) task.wait.also(queue, this.events[i]);
    }
    task.wait.until(deadline);
  }

  hold(): void {
    for (const file of this.files) file?.incRef();
  }
  release(): void {
    for (const file of this.files) file?.decRef();
  }
}
