import type { Credentials } from '../../auth/credentials.js';
import type { Kernel } from '../../kernel.js';
import type { MemoryManager } from '../../mm/memory-manager.js';
import { TASK_ZOMBIE, type Task } from '../../task/task.js';
import type { ThreadGroup } from '../../task/thread-group.js';
import type { Caller } from '../../vfs/inode.js';
import { asTask } from '../pseudo/caller.js';

const CAP_SYS_PTRACE = 19;

/**
 * What a directory /proc/PID or /proc/PID/task/TID is about. Holds it weakly: cached names must not keep the memory of processes that are gone.
 */
export class Subject {
  readonly #group: WeakRef<ThreadGroup>;
  readonly #thread: WeakRef<Task> | null;

  /** @param thread - the thread, or null for the process as a whole */
  constructor(
    readonly kernel: Kernel,
    /** Number that the directory is called by. */
    readonly id: number,
    group: ThreadGroup,
    thread: Task | null,
  ) {
    this.#group = new WeakRef(group);
    this.#thread = thread === null ? null : new WeakRef(thread);
  }

  /** The process, or null when it is gone. */
  get group(): ThreadGroup | null {
    const group = this.#group.deref();
    return group !== undefined && this.kernel.processes.get(group.id) === group ? group : null;
  }
  /** Whether it is about one thread (a directory under `task`). */
  get isThread(): boolean {
    return this.#thread !== null;
  }
  /** Whether it still exists (perhaps as a zombie). */
  get exists(): boolean {
    if (this.#thread === null) return this.group !== null;
    const task = this.#thread.deref();
    return task === undefined ? this.isInit : this.kernel.tasks.get(this.id) === task;
  }
  /** The kernel itself, as pid 1: it has no threads. */
  get isInit(): boolean {
    return this.group === this.kernel.init;
  }
  /** The thread, or the process's leader; null when it is gone, and for init. */
  get task(): Task | null {
    if (this.#thread === null) {
      const group = this.group;
      return group === null || group.tasks.length === 0 ? null : group.leader;
    }
    const task = this.#thread.deref();
    return task !== undefined && this.kernel.tasks.get(this.id) === task ? task : null;
  }
  /** The task while it has memory, files and a place in the tree: before its exit. */
  get live(): Task | null {
    const task = this.task;
    return task !== null && task.state < TASK_ZOMBIE ? task : null;
  }
  get mm(): MemoryManager | null {
    const task = this.live;
    return task === null || task.mm.references === 0 ? null : task.mm;
  }
}

/** Whose the files about a task are: its effective user's, or root's where it does not let itself be looked into. */
export function ownerOf(subject: Subject, always: boolean): Credentials | null {
  const task = subject.task;
  if (task === null) return null;
  return always || isDumpable(task) ? task.credentials : null;
}

function isDumpable(task: Task): boolean {
  return task.mm.dumpable === 1;
}

/**
 * Whether the caller may look into a task (`ptrace(2)`, access mode checking, PTRACE_MODE_READ_FSCREDS; with `real`, the real ids count, as for
 * PTRACE_MODE_ATTACH_REALCREDS).
 */
export function mayInspect(caller: Caller, target: Task, real = false): boolean {
  if (asTask(caller)?.threadGroup === target.threadGroup) return true;
  const own = caller.credentials;
  if (own.capable(CAP_SYS_PTRACE)) return true;
  const other = target.credentials;
  const uid = real ? own.ruid : own.fsuid;
  const gid = real ? own.rgid : own.fsgid;
  const sameUser = uid === other.euid && uid === other.suid && uid === other.ruid;
  const sameGroup = gid === other.egid && gid === other.sgid && gid === other.rgid;
  if (!sameUser || !sameGroup || !isDumpable(target)) return false;
  return (other.permittedLow & ~own.permittedLow) === 0 && (other.permittedHigh & ~own.permittedHigh) === 0;
}
