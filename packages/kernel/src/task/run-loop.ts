import { SIGBUS, SIGSEGV } from '@sbx/abi';
import {
  type AddressSpace,
  CONTEXT_FIELDS,
  type Context,
  EVENT_FAILED,
  EVENT_INTERRUPT,
  EVENT_SIGNAL,
  EVENT_SIGNAL_MAYBE_CPUID,
  EVENT_SYSCALL,
  type EventKind,
} from '@sbx/platform';
import { switchCoverage } from '#kcov';
import { binding, type TurnHandle } from '../host/binding.js';
import type { Kernel } from '../kernel.js';
import { FAULT_OK, FAULT_OUT_OF_MEMORY } from '../mm/constants.js';
import { faultCode, faultSignal } from '../mm/fault.js';
import { deliverSignals, EXITING, forceSignal, RESUME } from '../signal/deliver.js';
import { SignalInfo } from '../signal/signal-info.js';
import type { SyscallHandler } from '../syscalls/entry.js';
import { INTERRUPTED, WOKEN } from '../wait/blocking.js';
import { isRestart } from '../wait/restart.js';
import { exitTask } from './exit.js';
import { idleSpace } from './idle-space.js';
import { RunLengths } from './run-lengths.js';
import { RunQueue } from './run-queue.js';
import { HISTORY, TASK_BLOCKED, TASK_RUNNABLE, TASK_RUNNING, TASK_STOPPED, TASK_ZOMBIE, type Task } from './task.js';
import { emulateUmip, resolveRepeatedWrite, USER_WRITE } from './umip-amd64.js';

/** How long the loop runs before Node's event loop gets its turn. */
const SLICE_NS = 10e6;
/** How long a task may run on native threads while others wait for one; then it goes to the end of the queue. */
const QUANTUM_NS = 10e6;
/** What an event, or a wait that has ended, counts against the quantum, beside the time in user mode. */
const EVENT_NS = 5e3;
/** How long a task that makes one system call after the other goes on while others wait. */
const TURN_NS = 1e6;
/** A task that had so many long runs one after the other is busy: it gets a native thread where others want to run, too. */
const BUSY = 3;
/** How long the loop sleeps for running tasks before it goes back to Node's event loop. */
const WAIT_NS = 500e3;
/** A deadline nearer than this is waited for here, because Node's timers count whole milliseconds. */
const NEAR_NS = 2e6;
/** Vectors. */
const GENERAL_PROTECTION = 13;
const PAGE_FAULT = 14;

/**
 * Runs the tasks: collects platform events, serves system calls and faults, delivers signals, resumes. One slice at a time from Node's event loop; sleeps
 * there when nothing can run.
 *
 * A task is in exactly one place: the run queue (RUNNABLE), a native thread (RUNNING), its wait (BLOCKED), nowhere (STOPPED, ZOMBIE).
 */
export class RunLoop {
  readonly queue = new RunQueue();
  /** Tasks on native threads, by context. */
  readonly #running = new Map<Context, Task>();
  /** Calls `#turn` from the event loop. */
  readonly #turns: TurnHandle;
  #scheduled = false;
  #timeout: NodeJS.Timeout | null = null;
  #stopped = false;
  /** The platform has refused an address space, and none was given back since. */
  #spacesOut = false;
  /** When the oldest of the running tasks was started. */
  #quantumEnd = Number.POSITIVE_INFINITY;
  #now = 0;
  readonly #runsHere = new RunLengths();
  readonly #runsOnThreads = new RunLengths();

  constructor(
    private readonly kernel: Kernel,
    private readonly handlers: readonly SyscallHandler[],
    private readonly unknown: SyscallHandler,
  ) {
    this.#turns = binding.turnOpen(() => this.#turn());
  }

  /** Makes sure that a slice runs soon. */
  schedule(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    binding.turnRequest(this.#turns);
  }

  /** Ends the loop for good; running tasks are brought back first. */
  stop(): void {
    this.#stopped = true;
    binding.turnClose(this.#turns);
    if (this.#timeout !== null) clearTimeout(this.#timeout);
    for (const context of this.#running.keys()) context.interrupt();
    const giveUp = this.kernel.clock.monotonic() + 5e9;
    while (this.#running.size > 0 && this.kernel.clock.monotonic() < giveUp) {
      this.kernel.platform.wait(1e6);
      for (let context = this.kernel.platform.poll(); context !== null; context = this.kernel.platform.poll())
        this.#running.delete(context);
    }
  }

  /** Puts a new task into the queue. */
  enqueue(task: Task): void {
    task.state = TASK_RUNNABLE;
    this.queue.push(task);
    this.schedule();
  }

  /** Puts a task that had to wait into the queue. */
  wake(task: Task): void {
    task.state = TASK_RUNNABLE;
    this.#requeue(task);
    this.schedule();
  }

  /**
   * Puts a task that has run before into the queue: at its head as long as its quantum lasts, so that a task that makes many calls, or waits most of the time,
   * does not stand behind those that only compute at each of them. @hotpath
   */
  #requeue(task: Task): void {
    task.quantumUsed += EVENT_NS;
    if (task.quantumUsed < QUANTUM_NS) {
      this.queue.unshift(task);
      return;
    }
    task.quantumUsed = 0;
    this.queue.push(task);
  }

  #turn(): void {
    if (this.#stopped) return;
    try {
      // Whoever schedules a slice in here is served by #rest: the event loop does not have to hear of it.
      this.#slice();
    } catch (error) {
      this.kernel.panic(error);
      return;
    }
    this.#scheduled = false;
    if (!this.#stopped) this.#rest();
  }

  /** After a slice: go on after Node's turn, or sleep until a timer or an event. */
  #rest(): void {
    const { platform, timers, clock } = this.kernel;
    if (this.queue.length > 0 || (this.#running.size > 0 && !platform.arm())) {
      this.schedule();
      return;
    }
    // While programs run, their vDSO's view of time is kept up to date.
    const refresh = this.#running.size > 0 ? (this.kernel.vdso?.time.nextRefresh ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
    const next = Math.min(timers.next, this.#quantumEnd, refresh);
    if (next === Number.POSITIVE_INFINITY) return;
    const delay = next - clock.monotonic();
    if (delay <= NEAR_NS) {
      if (delay > 0) platform.wait(delay);
      this.schedule();
      return;
    }
    if (this.#timeout !== null) clearTimeout(this.#timeout);
    this.#timeout = setTimeout(this.#onTimeout, Math.min(Math.floor((delay - NEAR_NS / 2) / 1e6), 2 ** 30));
  }

  readonly #onTimeout = (): void => {
    this.#timeout = null;
    this.schedule();
  };

  #slice(): void {
    const { platform, timers, clock } = this.kernel;
    this.#now = clock.monotonic();
    const { vdso } = this.kernel;
    if (vdso !== null && this.#now >= vdso.time.nextRefresh) vdso.time.refresh();
    const end = this.#now + SLICE_NS;
    while (!this.#stopped) {
      for (let context = platform.poll(); context !== null; context = platform.poll()) this.#collect(context);
      switchCoverage(null);
      if (timers.next <= this.#now) timers.run(this.#now);
      if (this.#now >= end) return;
      const goOn = this.#step(end);
      switchCoverage(null);
      if (!goOn) return;
      this.#now = clock.monotonic();
    }
  }

  /** Runs one task, or waits for those that run. False: nothing can be done now. */
  #step(end: number): boolean {
    const { platform } = this.kernel;
    const task = this.queue.first;
    if (task === null) return this.#running.size > 0 && platform.wait(WAIT_NS);
    if (this.#running.size >= platform.concurrency && task.longRuns >= BUSY && task.blocking === null) return this.#awaitRunning();
    this.queue.shift();
    if (task.state !== TASK_RUNNABLE) return true;
    switchCoverage(task);
    if (task.blocking !== null) {
      if (this.#continue(task)) this.#requeue(task);
      return true;
    }
    if (task.attention && !this.#returnSlow(task, 0)) return true;
    if (task.longRuns < BUSY || (this.queue.length === 0 && this.#running.size === 0)) return this.#runHere(task, end);
    this.#start(task);
    return true;
  }

  /** All native threads are busy: waits for one, and takes the longest-running task off when its quantum is over. */
  #awaitRunning(): boolean {
    if (this.kernel.platform.wait(WAIT_NS)) return true;
    if (this.#now >= this.#quantumEnd && this.queue.length > 0) {
      for (const context of this.#running.keys()) {
        context.interrupt();
        break;
      }
      this.#quantumEnd = this.#now + QUANTUM_NS;
    }
    return false;
  }

  /** Hands a task to a native thread. */
  #start(task: Task): void {
    const space = task.mm.hardware ?? this.#newAddressSpace(task);
    if (space === null) return;
    if (this.#running.size === 0) this.#quantumEnd = this.#now + QUANTUM_NS;
    task.state = TASK_RUNNING;
    this.#running.set(task.context, task);
    task.runningSince = this.#now;
    task.context.start(space);
  }

  /** Takes a task whose run on a native thread has ended. */
  #collect(context: Context): void {
    const task = this.#running.get(context);
    if (task === undefined) return;
    this.#running.delete(context);
    if (this.#running.size === 0) this.#quantumEnd = Number.POSITIVE_INFINITY;
    this.#now = this.kernel.clock.monotonic();
    const run = this.#now - task.runningSince;
    task.longRuns = this.#runsOnThreads.isLong(run) ? task.longRuns + 1 : 0;
    task.userTime += run;
    task.quantumUsed += run;
    task.runningSince = -1;
    if (this.#handle(task, task.page.event as EventKind)) this.#requeue(task);
  }

  /**
   * Runs a task on this thread until it blocks or the slice is over; when others can run, too, until its turn is over or it has work of its own to do. So tasks
   * that only talk with each other, or wait for each other, take turns here, which is faster than any native thread. Those that are busy get threads, as long as there are others. @hotpath
   */
  #runHere(task: Task, end: number): boolean {
    const { clock, timers, platform } = this.kernel;
    const { queue } = this;
    const running = this.#running;
    let turnEnd = this.#now + TURN_NS;
    for (;;) {
      const space = task.mm.hardware ?? this.#newAddressSpace(task);
      if (space === null) return true;
      task.state = TASK_RUNNING;
      const limit = Math.min(timers.next, queue.length > 0 || running.size > 0 ? Math.min(turnEnd, end) : end);
      const start = this.#now;
      // `| 0`: a small integer is passed to native code without allocation, a floating-point number is not. It is at most a slice.
      const event = task.context.switch(space, -1, limit > start ? (limit - start) | 0 : 1);
      this.#now = clock.monotonic();
      const run = this.#now - start;
      task.userTime += run;
      const long = this.#runsHere.isLong(run);
      task.longRuns = long ? task.longRuns + 1 : 0;
      if (!this.#handle(task, event)) return true;
      if (running.size > 0) {
        for (let context = platform.poll(); context !== null; context = platform.poll()) this.#collect(context);
        // They may have sent a signal, or ended the process.
        if (task.attention) return this.#endTurn(task, event);
      }
      if (queue.length > 0 && (long || this.#now >= turnEnd)) return this.#endTurn(task, event);
      // Nobody else is there, or all have their threads: the turn begins anew, except for a task that should get one as well.
      if (queue.length === 0) {
        if (running.size > 0 && task.longRuns >= BUSY) return this.#endTurn(task, event);
        turnEnd = this.#now + TURN_NS;
      }
      if (event === EVENT_INTERRUPT || this.#now >= end || timers.next <= this.#now) return this.#endTurn(task, event);
    }
  }

  /** Puts a task behind the others. False: the event loop has something to do. */
  #endTurn(task: Task, event: EventKind): boolean {
    task.quantumUsed = 0;
    this.queue.push(task);
    return event !== EVENT_INTERRUPT;
  }

  /** An address space for a task; where the platform has no more, one that is idle. Null: there is none, and the task comes again. */
  #newAddressSpace(task: Task): AddressSpace | null {
    const { mm } = task;
    const free = this.#spacesOut ? null : mm.addressSpace();
    if (free !== null) return free;
    for (let idle = idleSpace(this.kernel, mm, this.#now); idle !== null; idle = idleSpace(this.kernel, mm, this.#now)) {
      idle.releaseAddressSpace();
      const space = mm.addressSpace();
      if (space === null) continue;
      mm.hardwareSince = this.#now;
      return space;
    }
    if (!this.#spacesOut) {
      this.#spacesOut = true;
      mm.whenAddressSpace().then(() => {
        this.#spacesOut = false;
      });
    }
    task.state = TASK_RUNNABLE;
    if (this.queue.length === 0 && this.#running.size === 0) {
      mm.whenAddressSpace().then(() => this.wake(task));
      return null;
    }
    if (this.#running.size > 0 && !this.kernel.platform.wait(WAIT_NS)) {
      // It comes back behind this task; when it has had its time it is idle then.
      const [longest] = this.#running.values();
      longest.quantumUsed = QUANTUM_NS;
      longest.context.interrupt();
    }
    this.queue.push(task);
    return null;
  }

  /** Acts on an event. True: the task wants to go on in user mode (state RUNNABLE, not queued). @hotpath */
  #handle(task: Task, event: EventKind): boolean {
    switchCoverage(task);
    task.state = TASK_RUNNABLE;
    switch (event) {
      case EVENT_SYSCALL:
        return this.#syscall(task);
      case EVENT_SIGNAL:
      case EVENT_SIGNAL_MAYBE_CPUID:
        task.sysno = -1;
        this.#fault(task);
        return this.#return(task, 0);
      case EVENT_FAILED:
        throw new Error(this.kernel.platform.failure() ?? 'the platform failed');
      default:
        task.sysno = -1;
        return this.#return(task, 0);
    }
  }

  /** Serves a system call. @hotpath */
  #syscall(task: Task): boolean {
    const { page } = task;
    const sysno = page.sysno;
    task.sysno = sysno;
    task.history[task.historyIndex] = sysno;
    task.historyIndex = (task.historyIndex + 1) & (HISTORY - 1);
    const tracer = this.kernel.tracer;
    if (tracer !== null) tracer.enter(task, sysno);
    const handler = sysno < this.handlers.length ? this.handlers[sysno] : this.unknown;
    const result = handler(task, page);
    if (typeof result === 'number') return this.#finish(task, result);
    task.blocking = result;
    task.wakeReason = WOKEN;
    return this.#continue(task);
  }

  /** Resumes the rest of a blocked system call. True when it is done and the task wants to go on in user mode. */
  #continue(task: Task): boolean {
    const blocking = task.blocking!;
    const { wait } = task;
    wait.clear();
    const next = blocking.next(task.wakeReason);
    if (next.done) {
      wait.clear();
      task.blocking = null;
      return this.#finish(task, next.value);
    }
    // The state may have changed under the generator's feet (it killed its own process).
    task.state = TASK_BLOCKED;
    task.wakeReason = WOKEN;
    task.voluntarySwitches++;
    if (wait.deadline !== Number.POSITIVE_INFINITY) this.kernel.timers.arm(task.waitTimer, wait.deadline);
    if (task.attention && this.kernel.mustInterrupt(task)) this.kernel.wakeTask(task, INTERRUPTED);
    return false;
  }

  /** A system call has its result. @hotpath */
  #finish(task: Task, result: number): boolean {
    const tracer = this.kernel.tracer;
    if (tracer !== null) tracer.exit(task, result);
    if (task.sysno >= 0) task.page.setResult(result);
    return this.#return(task, result);
  }

  /** On the way back to user mode. @hotpath */
  #return(task: Task, result: number): boolean {
    if (!task.attention && !isRestart(result)) return true;
    return this.#returnSlow(task, result);
  }

  /** Exit, stops, signals, in Linux's order; task work last. */
  #returnSlow(task: Task, result: number): boolean {
    if (task.state >= TASK_ZOMBIE) return false;
    for (;;) {
      task.attention = false;
      const outcome = deliverSignals(task, result);
      if (outcome === RESUME) {
        if (task.attention) continue;
        // What registers itself again has its turn at the next return.
        for (let left = task.work.length; left > 0; left--) task.work.shift()!.run(task);
        return true;
      }
      if (outcome === EXITING) {
        exitTask(task, Math.max(task.threadGroup.exitStatus, 0));
        return false;
      }
      task.state = TASK_STOPPED;
      task.attention = true;
      return false;
    }
  }

  /** A fault or trap: page faults go to the memory manager, the rest become signals. */
  #fault(task: Task): void {
    const { page } = task;
    const word = CONTEXT_FIELDS.faultAddressLow >> 2;
    task.faultErrorCode = page.errorCode;
    task.faultVector = page.vector;
    let signo = page.signo;
    let code = page.sigcode;
    if (page.vector === GENERAL_PROTECTION && emulateUmip(task)) return;
    if (page.vector === PAGE_FAULT && (signo === SIGSEGV || signo === SIGBUS)) {
      const outcome = task.mm.handleFault(page.faultAddress, page.access);
      if (outcome === FAULT_OK) {
        if (page.errorCode === USER_WRITE) resolveRepeatedWrite(task);
        return;
      }
      if (outcome === FAULT_OUT_OF_MEMORY) {
        this.kernel.outOfMemory(task);
        return;
      }
      if (page.errorCode === USER_WRITE && emulateUmip(task)) return;
      signo = faultSignal(outcome);
      code = faultCode(outcome);
    }
    task.faultLow = page.u32[word];
    task.faultHigh = page.u32[word + 1];
    forceSignal(task, SignalInfo.fault(signo, code, task.faultLow, task.faultHigh));
  }
}
