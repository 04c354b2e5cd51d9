import { sysnoName } from './syscalls/names.js';
import { HISTORY, type Task } from './task/task.js';

const STATES = ['runnable', 'running', 'blocked', 'stopped', 'zombie', 'dead'];

/** A report for people of what every task did last, a line for each of at most 50: part of a panic. See the example of {@link sendToGroup}. */
export function describeTasks(tasks: Iterable<Task>): string {
  const lines: string[] = [];
  for (const task of tasks) {
    const calls: string[] = [];
    for (let i = 0; i < HISTORY; i++) {
      const sysno = task.history[(task.historyIndex + i) & (HISTORY - 1)];
      if (sysno >= 0) calls.push(sysnoName(sysno));
    }
    lines.push(
      `task ${task.id} (process ${task.threadGroup.id}, ${JSON.stringify(task.name)}) ${STATES[task.state]}: ${calls.join(' ') || 'no calls'}`,
    );
    if (lines.length === 50) return `${lines.join('\n')}\n…`;
  }
  return lines.join('\n');
}
