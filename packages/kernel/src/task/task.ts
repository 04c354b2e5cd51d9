import type { Context, ContextPage } from '@sbx/platform';
import type { Credentials } from '../auth/credentials.js';
import { IoBuffer } from '../io/io-buffer.js';
import type { Kernel } from '../kernel.js';
import type { MemoryManager } from '../mm/memory-manager.js';
import type { TaskSignals } from '../signal/task-signals.js';
import type { Timer } from '../time/timer-queue.js';
import type { FdTable } from '../vfs/fd-table.js';
import type { FsContext } from '../vfs/fs-context.js';
import { type Blocking, type SyscallResult, TaskWait, TIMED_OUT, type WakeReason } from '../wait/blocking.js';
import { WaitQueue } from '../wait/wait-queue.js';
import type { IoContext } from './io-priority.js';
import type { TaskWork } from './task-work.js';
import type { ThreadGroup } from './thread-group.js';

/** Thread ids count up to this and start again (as /proc/sys/kernel/pid_max). */
export const PID_MAX = 32768;

/** Wants to run: in the run queue. */
export const TASK_RUNNABLE = 0;
/** Handed to the platform: application code runs. */
export const TASK_RUNNING = 1;
/** In a system call that waits: `blocking` holds the rest of it. */
export const TASK_BLOCKED = 2;
/** Stopped by a job-control signal (or ptrace). */
export const TASK_STOPPED = 3;
/** Has exited; waits to be reaped. */
export const TASK_ZOMBIE = 4;
/** Reaped: nothing may refer to it any more. */
export const TASK_DEAD = 5;
export type TaskState = 0 | 1 | 2 | 3 | 4 | 5;

/** The rest of an interrupted timed wait, which restart_syscall continues: plain data with an absolute deadline. */
export interface RestartBlock {
  restart(task: Task): SyscallResult;
}

/** Entries of a task's history of system calls (a power of two). */
export const HISTORY = 16;

/**
 * A thread of a guest program: what Linux's task_struct is. Created by clone and execve (task-clone.ts), run by the run loop (run-loop.ts), ended by
 * task-exit.ts. Everything here is owned by the kernel's JavaScript thread; only `page` is shared with native code while the task runs.
 */
export class Task {
  state: TaskState = TASK_RUNNABLE;
  /** The rest of a system call that waits, or null. */
  blocking: Blocking | null = null;
  /** How a pending wake-up resumes `blocking`. */
  wakeReason: WakeReason = 0;
  /** What the task waits for while blocked. */
  readonly wait: TaskWait;
  /** Ends the wait at its deadline. */
  readonly waitTimer: Timer;
  /** Guest buffers of the current system call. */
  readonly io = new IoBuffer();
  /** For reads and writes of kernel buffers on behalf of the task. */
  readonly kernelIo = new IoBuffer();
  /** Work to do just before the return to user mode. */
  readonly work: TaskWork[] = [];
  /** `comm`: at most 15 bytes (byte string). */
  name = '';
  /** Address to clear and wake at exit (set_tid_address), or 0. */
  clearChildTid = 0;
  /** Head of the robust futex list, or 0. */
  robustList = 0;
  /** Registered rseq area, or 0. */
  rseqAddress = 0;
  rseqSignature = 0;
  /** The wait status with which the task exited. */
  exitStatus = 0;
  /** The number of the system call in progress, or -1: restarts and tracing need it. */
  sysno = -1;
  /** True when the return to user mode must look at signals, exit, stops or task work. Set by whoever adds one. */
  attention = false;
  /** Another thread of the process calls execve: this one has to leave. */
  mustExit = false;
  /** What restart_syscall continues, or null. */
  restartBlock: RestartBlock | null = null;
  /** Where the last fault of a write that memory was found for came from, and its address: see umip-amd64.ts. */
  writeFaultRip = Number.NaN;
  writeFaultAddress = Number.NaN;
  /** The last fault, for signal frames: address halves, error code, vector. */
  faultLow = 0;
  faultHigh = 0;
  faultErrorCode = 0;
  faultVector = 0;
  /** The last system calls, for reports: a ring. */
  readonly history = new Int16Array(HISTORY).fill(-1);
  historyIndex = 0;
  /** The vfork parent that waits for this task's exec or exit, or null. */
  vforkParent: Task | null = null;
  /** Woken (EPOLLIN) when a vfork child has let go of this task's memory. */
  readonly vforkDone = new WaitQueue();
  /** Signal to get when the parent dies (PR_SET_PDEATHSIG), or 0. */
  parentDeathSignal = 0;
  /** Scheduling policy and priority as set; they don't change how the run loop schedules. */
  schedPolicy = 0;
  schedPriority = 0;
  nice = 0;
  /** What ioprio_set(2) set, or null: nothing was set. Shared by threads that CLONE_IO made. */
  ioContext: IoContext | null = null;
  /** NUMA policy as set by set_mempolicy(2) (MPOL_* mode with flags), and the low word of its nodes: kept, without effect. */
  memoryPolicy = 0;
  memoryPolicyNodes = 0;
  /** Execution domain and flags (personality(2)). */
  personality = 0;
  /** Timer slack in nanoseconds, as prctl shows it. */
  timerSlack = 50000;
  /** What PR_SET_TIMERSLACK 0 goes back to: the slack of the thread that made this one. */
  defaultTimerSlack = 50000;
  /** CPUs that sched_setaffinity(2) chose, a bit each as in memory; null: all. Kept and reported. Immutable. */
  affinity: Uint8Array | null = null;
  /** Nanoseconds of CPU time in user mode. */
  userTime = 0;
  /** When the run on another native thread began (nanoseconds), which `userTime` does not count yet; -1: there is none. */
  runningSince = -1;
  /** How many of its last runs in user mode, one after the other, were long (run-lengths.ts). */
  longRuns = 0;
  /** How much of its quantum it has used (nanoseconds), since it last went to the end of the run queue. */
  quantumUsed = 0;
  systemTime = 0;
  voluntarySwitches = 0;
  involuntarySwitches = 0;
  /** Links in the run queue. */
  runNext: Task | null = null;
  queued = false;

  constructor(
    readonly kernel: Kernel,
    /** Thread id in the sandbox's pid namespace; changes only when a thread other than the leader calls execve. */
    public id: number,
    public threadGroup: ThreadGroup,
    /** Where it runs. */
    readonly context: Context,
    public mm: MemoryManager,
    public files: FdTable,
    public fs: FsContext,
    public credentials: Credentials,
    readonly signals: TaskSignals,
  ) {
    this.wait = new TaskWait((reason) => kernel.wakeTask(this, reason));
    this.waitTimer = { deadline: 0, heapIndex: -1, expire: () => kernel.wakeTask(this, TIMED_OUT) };
  }

  /** Has `work` run before the next return to user mode. */
  registerWork(work: TaskWork): void {
    this.work.push(work);
    this.attention = true;
  }

  /** Registers and event of the thread. */
  get page(): ContextPage {
    return this.context.page;
  }
}
