import type { Task } from '../task/task.js';
import type { ThreadGroup } from '../task/thread-group.js';

/** User-mode CPU time of one thread in nanoseconds, the run under way included. */
export function taskUserTime(task: Task): number {
  if (task.runningSince < 0) return task.userTime;
  return task.userTime + Math.max(0, task.kernel.clock.monotonic() - task.runningSince);
}
/** User-mode CPU time of a process in nanoseconds, dead threads included. */
export function processUserTime(group: ThreadGroup): number {
  let total = group.deadUserTime;
  for (const task of group.tasks) if (task.state < 4) total += taskUserTime(task);
  return total;
}
/** Time that the kernel worked for a process. */
export function processSystemTime(group: ThreadGroup): number {
  let total = group.deadSystemTime;
  for (const task of group.tasks) if (task.state < 4) total += task.systemTime;
  return total;
}
/** CPU time of one thread. */
export function taskCpuTime(task: Task): number {
  return taskUserTime(task) + task.systemTime;
}
