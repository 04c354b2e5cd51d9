import { EAGAIN, EEXIST, SIGKILL } from '@sbx/abi';
import type { Memory, Platform } from '@sbx/platform';
import { installFileSystems } from './fs/install.js';
import { describeTasks } from './kernel-report.js';
import type { MemoryManager } from './mm/memory-manager.js';
import { hasDeliverableSignal, interruptTask, sendToGroup, sendToTask } from './signal/send.js';
import { SharedSignals } from './signal/shared-signals.js';
import { SignalActions } from './signal/signal-actions.js';
import { SignalInfo } from './signal/signal-info.js';
import { AbstractNames } from './socket/unix-socket.js';
import { createSyscallTable, sysUnknown } from './syscalls/table.js';
import { exitGroup, notifyParent, stopGroup } from './task/exit.js';
import { ProcessGroup, Session } from './task/process-group.js';
import { ResourceLimits } from './task/resource-limits.js';
import { RunLoop } from './task/run-loop.js';
import { PID_MAX, TASK_BLOCKED, TASK_STOPPED, TASK_ZOMBIE, type Task } from './task/task.js';
import { ThreadGroup } from './task/thread-group.js';
import type { Clock } from './time/clock.js';
import { ProcessTimers } from './time/process-timers.js';
import { TimerQueue } from './time/timer-queue.js';
import type { SyscallTracer } from './trace/tracer.js';
import { Vdso } from './vdso/vdso.js';
import { Vfs } from './vfs/vfs.js';
import { INTERRUPTED, type WakeReason } from './wait/blocking.js';

export { PID_MAX } from './task/task.js';

const INIT_PID = 1;

/** What a signal of F_SETSIG tells (sigaction(2)): POLL_* code, events, descriptor. */
export interface IoSignal {
  readonly code: number;
  readonly band: number;
  readonly fd: number;
}

/** Bounds on what the sandbox's programs may use together. */
export interface KernelLimits {
  /** Live tasks (threads) of the whole sandbox. */
  readonly tasks: number;
  /** Bytes of application memory. */
  readonly memory: number;
}

/** What a kernel is made from. */
export interface KernelOptions {
  readonly platform: Platform;
  readonly clock: Clock;
  readonly limits: KernelLimits;
  readonly hostname: string;
  /** Fills a buffer with random bytes: the host's source, or a seeded one. */
  readonly random: (bytes: Uint8Array) => void;
  /** Called with one line for people: fatal signals, out of memory. */
  readonly log: (line: string) => void;
  /** Called once when the kernel can't go on; all programs are gone then. */
  readonly onPanic: (report: string) => void;
}

/**
 * The sandbox's kernel: what all its tasks share, and the entry point of this package. It lives on one JavaScript thread, so its state needs no locks.
 * Programs are started by `spawnProcess` (task/spawn.ts) and run from Node's event loop. An exception inside is a bug of ours: it goes to `onPanic` and is
 * not thrown.
 *
 * @example
 * import { randomFillSync } from 'node:crypto';
 * import { openSync } from 'node:fs';
 * import {
 *   Credentials,
 *   FileDescription,
 *   HostClock,
 *   HostFileSystem,
 *   IoBuffer,
 *   Kernel,
 *   mountStandardFileSystems,
 *   ResourceLimits,
 *   readHostMachine,
 *   spawnProcess,
 *   type Task,
 *   type ThreadGroup,
 * } from '@sbx/kernel';
 * import { MemoryFile } from '@sbx/platform';
 * import { systrapProvider } from '@sbx/systrap-platform';
 *
 * const MiB = 2 ** 20;
 * const memory = MemoryFile.create({ name: 'application', limit: 64 * MiB });
 * const kernelMemory = MemoryFile.create({ name: 'kernel', limit: 16 * MiB });
 * const platform = systrapProvider.create({ memory, kernelMemory, wake: () => kernel.loop.schedule() });
 * const kernel: Kernel = new Kernel({
 *   platform,
 *   clock: new HostClock(),
 *   limits: { tasks: 64, memory: 64 * MiB },
 *   hostname: 'example',
 *   random: (bytes) => randomFillSync(bytes),
 *   log: console.error,
 *   onPanic: console.error,
 * });
 *
 * // Programs see the host's processor.
 * readHostMachine();
 *
 * // The root is the host's, read-only; /proc, /sys and /dev are the kernel's own.
 * const root = HostFileSystem.create(kernel, { directoryFd: openSync('/', 'r'), readOnly: true, worldReadableOnly: true });
 * if (typeof root === 'number') throw new Error(`errno ${-root}`);
 * kernel.vfs.mountRoot(root, 'host');
 * mountStandardFileSystems(kernel); // 0
 *
 * // An open file whose other end is JavaScript.
 * class Output extends FileDescription {
 *   text = '';
 *   override write(_task: Task, io: IoBuffer): number {
 *     const bytes = Buffer.alloc(io.remaining);
 *     const count = io.get(bytes, 0, bytes.length);
 *     this.text += bytes.toString('latin1', 0, count);
 *     return count;
 *   }
 *   override release(): void {}
 * }
 * const output = new Output(1);
 *
 * const shell: ThreadGroup | number = spawnProcess(kernel, {
 *   program: 'sh',
 *   argv: ['sh', '-c', 'read name < /proc/sys/kernel/hostname; echo "$name $$"; exit 3'],
 *   envp: [],
 *   cwd: '/',
 *   credentials: Credentials.forUser(1000, 1000),
 *   files: [null, output],
 *   searchPath: '/usr/bin:/bin',
 *   limits: ResourceLimits.standard(64),
 *   umask: 0o022,
 *   terminal: null,
 * });
 * if (typeof shell === 'number') throw new Error(`errno ${-shell}`);
 * await new Promise<void>((resolve) => {
 *   shell.onExit = resolve;
 * });
 * output.text; // 'example 2\n'
 * shell.exitStatus; // 0x300: as wait(2) has it
 * kernel.loop.stop();
 * platform.destroy();
 * memory.destroy();
 * kernelMemory.destroy();
 */
export class Kernel {
  readonly platform: Platform;
  readonly clock: Clock;
  readonly limits: KernelLimits;
  /** Files: names, mounts, devices. The root is mounted by who assembles the kernel (`vfs.mountRoot`). */
  readonly vfs: Vfs;
  readonly timers = new TimerQueue();
  /** The abstract names of AF_UNIX sockets. */
  readonly abstractNames = new AbstractNames();
  readonly loop: RunLoop;
  /** Live tasks and unreaped leaders by thread id. */
  readonly tasks = new Map<number, Task>();
  /** Processes, zombies included, by pid. */
  readonly processes = new Map<number, ThreadGroup>();
  readonly processGroups = new Map<number, ProcessGroup>();
  /** Pid 1: the kernel itself. It has no task, adopts orphans and reaps them at once. */
  readonly init: ThreadGroup;
  /** Sees system calls, or null. */
  tracer: SyscallTracer | null = null;
  /** What uname and sethostname(2) show: byte strings. */
  hostname: string;
  domainname = '(none)';
  /** Calls that no handler serves, by number: counted for the line at the end. */
  readonly unknownCalls = new Map<number, number>();
  /** Tasks created since the start (/proc/stat, /proc/loadavg). */
  forks = 0;
  /** What programs read the clock with, or null. */
  readonly vdso: Vdso | null;
  /** Monotonic nanoseconds at the kernel's start. */
  readonly startTime: number;
  readonly #options: KernelOptions;
  #lastId = INIT_PID;
  #panicked = false;

  constructor(options: KernelOptions) {
    this.#options = options;
    this.platform = options.platform;
    this.clock = options.clock;
    this.startTime = options.clock.monotonic();
    this.limits = options.limits;
    this.vdso = Vdso.create(options.platform.memory, options.clock);
    this.vfs = new Vfs(this);
    installFileSystems(this.vfs);
    this.hostname = options.hostname;
    const group = new ProcessGroup(0, new Session(0));
    this.init = new ThreadGroup(INIT_PID, null, group, new SharedSignals(new SignalActions()), new ResourceLimits());
    this.processes.set(INIT_PID, this.init);
    this.loop = new RunLoop(this, createSyscallTable(), sysUnknown);
  }

  /** Application memory. */
  get memory(): Memory {
    return this.platform.memory;
  }

  /** Fills `bytes` from the kernel's random source (seedable). */
  random(bytes: Uint8Array): void {
    this.#options.random(bytes);
  }

  /** A line for the people who run the sandbox. */
  log(line: string): void {
    this.#options.log(line);
  }

  /** The process that a thread id belongs to, or undefined. */
  processOf(tid: number): ThreadGroup | undefined {
    return this.tasks.get(tid)?.threadGroup ?? this.processes.get(tid);
  }

  /** The id that was given last (/proc/loadavg). */
  get lastId(): number {
    return this.#lastId;
  }

  /** A free thread id: `wanted` (-EEXIST when taken), or the next one (-EAGAIN when there is none). */
  allocateId(wanted = 0): number {
    if (wanted > 0) return this.#isTaken(wanted) ? -EEXIST : wanted;
    for (let tries = 0; tries < PID_MAX; tries++) {
      this.#lastId = this.#lastId + 1 >= PID_MAX ? INIT_PID + 1 : this.#lastId + 1;
      if (!this.#isTaken(this.#lastId)) {
        this.forks++;
        return this.#lastId;
      }
    }
    return -EAGAIN;
  }

  /** An id is in use as long as a thread, process, group or session has it. */
  #isTaken(id: number): boolean {
    return this.tasks.has(id) || this.processes.has(id) || this.processGroups.has(id);
  }

  /** setpgid(2), when it has been found allowed. */
  moveToProcessGroup(process: ThreadGroup, target: ProcessGroup): void {
    const from = process.processGroup;
    if (from === target) return;
    from.members.delete(process);
    if (from.members.size === 0) {
      this.processGroups.delete(from.id);
      from.session.groups.delete(from);
    }
    process.processGroup = target;
    target.members.add(process);
  }

  /** Ends a task's wait: it becomes runnable and its generator is resumed with the reason. */
  wakeTask(task: Task, reason: WakeReason): void {
    if (task.state !== TASK_BLOCKED) return;
    if (reason === INTERRUPTED && !task.wait.interruptible && !this.#isDying(task)) return;
    this.timers.cancel(task.waitTimer);
    task.wakeReason = reason;
    this.loop.wake(task);
  }

  /** Lets a task out of a job-control stop. */
  continueTask(task: Task): void {
    if (task.state !== TASK_STOPPED) return;
    task.attention = true;
    this.loop.wake(task);
  }

  /** Whether a task that is about to wait has to be interrupted at once. */
  mustInterrupt(task: Task): boolean {
    if (this.#isDying(task)) return true;
    return task.wait.interruptible && (hasDeliverableSignal(task) || task.threadGroup.stopped);
  }
  #isDying(task: Task): boolean {
    const group = task.threadGroup;
    return group.exitStatus >= 0 || task.mustExit || task.signals.pending.has(SIGKILL) || group.signals.pending.has(SIGKILL);
  }

  /** Sends a thread the signal that its own call caused (SIGPIPE, SIGXFSZ), as if from itself, or one that tells of `io`. */
  signalTask(task: Task, signo: number, io?: IoSignal | null): void {
    const info = SignalInfo.user(signo, task.threadGroup.id, task.credentials.ruid);
    sendToTask(task, io === undefined ? info : this.#ioSignal(signo, io));
  }
  /** Sends a process a signal of the kernel's own, which may tell of `io`. */
  signalProcess(process: ThreadGroup, signo: number, io: IoSignal | null = null): void {
    sendToGroup(process, this.#ioSignal(signo, io));
  }
  #ioSignal(signo: number, io: IoSignal | null): SignalInfo {
    return io === null ? SignalInfo.kernel(signo) : SignalInfo.io(signo, io.code, io.band, io.fd);
  }
  /** Ends all threads of a process with a wait status, as exit_group(2) and fatal signals do. */
  exitGroup(group: ThreadGroup, status: number): void {
    exitGroup(group, status);
  }
  /** Stops a process, as job control does. */
  stopGroup(group: ThreadGroup, signo: number): void {
    stopGroup(group, signo);
  }
  /** Tells the parent that a process changed its state: SIGCHLD, and wait(2) looks again. */
  notifyParent(group: ThreadGroup, status: number): void {
    notifyParent(group, status);
  }
  /** Makes a task pass through signal delivery soon. */
  interruptTask(task: Task): void {
    interruptTask(task, false);
  }

  /** A page could not be had: the process is killed, as Linux's OOM killer does. */
  outOfMemory(task: Task): void {
    if (task.threadGroup.exitStatus >= 0) return;
    const used = Math.round(this.memory.totalUsage() / 2 ** 20);
    this.log(`out of memory: killed process ${task.threadGroup.id} (${task.name}); the sandbox uses ${used} MiB`);
    exitGroup(task.threadGroup, SIGKILL);
    task.attention = true;
  }

  /** The kernel itself could not get a page on behalf of whoever uses `mm`. */
  memoryExhausted(mm: MemoryManager): void {
    for (const task of this.tasks.values()) if (task.mm === mm && task.state < TASK_ZOMBIE) this.outOfMemory(task);
  }

  /** A program died of a signal. */
  logFatalSignal(task: Task, info: SignalInfo, _core: boolean): void {
    this.lastFatalSignal = {
      pid: task.threadGroup.id,
      signo: info.signo,
      code: info.code,
      address: info.words[5] * 2 ** 32 + (info.words[4] >>> 0),
    };
  }
  /** The last signal that killed a program: for `--verbose`. */
  lastFatalSignal: { pid: number; signo: number; code: number; address: number } | null = null;

  /** Kills every process of the sandbox; they are gone after the next slices. */
  killAll(): void {
    for (const group of this.processes.values()) if (group !== this.init) exitGroup(group, SIGKILL);
  }

  /** A process's timers, made at the first use. */
  timersOf(group: ThreadGroup): ProcessTimers {
    group.timers ??= new ProcessTimers(group, this.timers, () => this.clock.monotonic());
    return group.timers;
  }

  /** Whether no process is left. */
  get isEmpty(): boolean {
    for (const task of this.tasks.values()) if (task.state < TASK_ZOMBIE) return false;
    return true;
  }

  /** Our own bug reached the loop: the programs are stopped for good and the report goes to whoever embeds the kernel. */
  panic(error: unknown): void {
    if (this.#panicked) return;
    this.#panicked = true;
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    let tasks = '';
    try {
      tasks = describeTasks(this.tasks.values());
      this.loop.stop();
    } catch {}
    this.#options.onPanic(`${reason}\n${tasks}`);
  }
}
