import type { SharedSignals } from '../signal/shared-signals.js';
import type { ProcessTimers } from '../time/process-timers.js';
import { WaitQueue } from '../wait/wait-queue.js';
import type { ProcessGroup, Session } from './process-group.js';
import type { ResourceLimits } from './resource-limits.js';
import { TASK_ZOMBIE, type Task } from './task.js';

/**
 * A process: the threads that share a pid, signal handlers and resource limits.
 * Made by `spawnProcess` and fork(2); see the example of {@link Kernel}.
 */
export class ThreadGroup {
  /** Live threads and zombies that were not reaped, leader first. */
  readonly tasks: Task[] = [];
  readonly children = new Set<ThreadGroup>();
  /** Woken (EPOLLIN) when a child changes state. */
  readonly childWait = new WaitQueue();
  /** Woken (EPOLLIN) when one of the threads has exited: execve waits for that. */
  readonly threadExit = new WaitQueue();
  /** Woken (EPOLLIN) when the process has exited: pidfds. */
  readonly exitWait = new WaitQueue();
  parent: ThreadGroup | null;
  /** The process spawned from the host that it descends from, whatever sessions and parents came in between: nothing that a program does changes it. */
  origin: ThreadGroup = this;
  /** The thread of the parent that made this process, or one that took over when it exited; null when the parent is init. */
  parentTask: Task | null = null;
  /** Set once by exit_group or a fatal signal: all threads leave with this wait status. */
  exitStatus = -1;
  /** The thread that waits in execve for the others to leave, or null. */
  execTask: Task | null = null;
  /** Whether execve has happened since fork (setpgid refuses then). */
  didExec = false;
  /** The wait status of a stop or continue that the parent has not seen yet, or -1. */
  pendingStop = -1;
  pendingContinue = false;
  /** All threads have exited; the status waits for the parent. */
  isZombie = false;
  /** Called once when the process has exited, before its parent is told. Set by whoever spawned it from the host. */
  onExit: () => void = () => {};
  /** Stopped by job control. */
  stopped = false;
  /** Interval and POSIX timers, or null while there are none. */
  timers: ProcessTimers | null = null;
  /** Signal sent to the parent at exit (SIGCHLD, or what clone gave). */
  exitSignal = 17;
  /** It gave up the session's controlling terminal for itself and its children (TIOCNOTTY). */
  leftTerminal = false;
  /** Badness added for the OOM killer, -1000 to 1000 (/proc/PID/oom_score_adj), and the least that may be set without privilege. */
  oomScoreAdj = 0;
  oomScoreAdjMin = 0;
  /** Whether it adopts orphans (prctl PR_SET_CHILD_SUBREAPER). */
  isSubreaper = false;
  /** Path of the executable (byte string), for /proc/self/exe. */
  executable = '';
  /** Monotonic nanoseconds of the start. */
  startTime = 0;
  /** CPU time of threads that are gone, and of reaped children (nanoseconds). */
  deadUserTime = 0;
  deadSystemTime = 0;
  childrenUserTime = 0;
  childrenSystemTime = 0;
  /** Largest resident set of the memory that was left (by exit or execve), in bytes. */
  peakResident = 0;
  /** Largest resident set of a reaped child or its children, in bytes. */
  childrenPeakResident = 0;

  constructor(
    /** The pid: thread id of the leader. */
    readonly id: number,
    parent: ThreadGroup | null,
    public processGroup: ProcessGroup,
    /** Handlers and process-wide pending signals. */
    public signals: SharedSignals,
    readonly limits: ResourceLimits,
  ) {
    this.parent = parent;
  }

  /** The first thread (absent only in init, which is the kernel itself). */
  get leader(): Task {
    return this.tasks[0];
  }
  /** Threads that have not exited. */
  get liveThreads(): number {
    let count = 0;
    for (const task of this.tasks) if (task.state < TASK_ZOMBIE) count++;
    return count;
  }
  get session(): Session {
    return this.processGroup.session;
  }
}
