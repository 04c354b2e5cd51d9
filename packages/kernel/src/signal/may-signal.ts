import { SIGCONT } from '@sbx/abi';
import type { Task } from '../task/task.js';
import type { ThreadGroup } from '../task/thread-group.js';

const CAP_KILL = 5;

/** Whether the task may signal the process (kill(2)): by user ids, or SIGCONT within the session. Init, which has no thread, is root's. */
export function maySignal(task: Task, group: ThreadGroup, signo: number): boolean {
  const own = task.credentials;
  if (own.capable(CAP_KILL) || group === task.threadGroup) return true;
  if (group.tasks.length === 0) return false;
  const target = group.leader.credentials;
  if (own.euid === target.suid || own.euid === target.ruid || own.ruid === target.suid || own.ruid === target.ruid) return true;
  return signo === SIGCONT && group.session === task.threadGroup.session;
}
