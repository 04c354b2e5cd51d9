import { errnoName, syscallNames } from '@sbx/abi';
import { MEMORY_ANONYMOUS } from '@sbx/platform';
import { describeTasks } from '../../../src/kernel-report.js';
import type { Task } from '../../../src/task/task.js';
import type { SyscallTracer } from '../../../src/trace/tracer.js';
import { liveDescriptions } from '../../../src/vfs/file-description.js';
import { ERESTARTSYS } from '../../../src/wait/restart.js';
import { type Booted, boot, type Limits } from '../../support/boot.js';
import { ENVIRONMENT } from './host.js';
import { describeEnd, type Outcome } from './outcome.js';

const environment = Object.entries(ENVIRONMENT).map(([name, value]) => `${name}=${value}`);
const names = syscallNames('amd64');

/** Which system calls a program made, and the errors that they gave. */
export class CallRecord implements SyscallTracer {
  readonly calls = new Map<string, Set<string>>();
  enter(_task: Task, sysno: number): void {
    this.#errors(sysno);
  }
  exit(task: Task, result: number): void {
    if (result < 0 && result > -ERESTARTSYS && task.sysno >= 0) this.#errors(task.sysno).add(errnoName(-result) ?? String(-result));
  }
  #errors(sysno: number): Set<string> {
    const name = names[sysno] ?? `#${sysno}`;
    let errors = this.calls.get(name);
    if (errors === undefined) this.calls.set(name, (errors = new Set()));
    return errors;
  }
}

/** How a program is run. Default: as this process's user, for a minute at most. */
export interface RunOptions {
  /** Milliseconds. */
  readonly timeout?: number;
  readonly args?: readonly string[];
  readonly uid?: number;
  readonly gid?: number;
}

/** A kernel in which programs run one after the other. A program that makes it panic or hang costs it; the next one gets a new one. */
export class GuestSandbox {
  #booted: Booted | null = null;
  #runs = 0;
  /** What the last program called. */
  record = new CallRecord();

  constructor(readonly limits?: Limits) {}

  get booted(): Booted {
    this.#booted ??= start(this.limits);
    return this.#booted;
  }

  /** Runs a program (a file of the host) to its end and returns how that was. Processes that it leaves are killed. */
  async run(binary: string, options: RunOptions = {}): Promise<Outcome> {
    const { timeout = 60_000, args = [], uid = process.getuid?.(), gid = process.getgid?.() } = options;
    const { kernel } = this.booted;
    const cwd = `/tmp/guest-${++this.#runs}`;
    this.booted.put('/bin/program', binary);
    kernel.vfs.mkdirAll(kernel.vfs.kernelCaller, cwd, 0o777);
    const before = { memory: kernel.memory.usage(MEMORY_ANONYMOUS), descriptions: liveDescriptions() };
    this.record = new CallRecord();
    kernel.tracer = this.record;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not done after ${timeout / 1000} s:\n${describeTasks(kernel.tasks.values())}`)), timeout);
    });
    try {
      const running = this.booted.run(['/bin/program', ...args], environment, { uid, gid, cwd });
      const { status, stdout, stderr } = await Promise.race([running, late]);
      await Promise.race([this.#settle(), late]);
      this.#checkLeaks(before);
      return { end: describeEnd(status), stdout, stderr };
    } catch (error) {
      this.stop();
      throw error;
    } finally {
      clearTimeout(timer);
      kernel.tracer = null;
    }
  }

  /** Kills what is left and waits until it is gone. */
  async #settle(): Promise<void> {
    const { kernel } = this.booted;
    while (!kernel.isEmpty) {
      kernel.killAll();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** After a program nothing of it may be left: no task, no anonymous memory, no description. */
  #checkLeaks(before: { memory: number; descriptions: number }): void {
    const { kernel } = this.booted;
    const memory = kernel.memory.usage(MEMORY_ANONYMOUS) - before.memory;
    const descriptions = liveDescriptions() - before.descriptions;
    const processes = kernel.processes.size - 1;
    const left = [
      memory > 0 ? `${memory} bytes of anonymous memory` : '',
      descriptions > 0 ? `${descriptions} file descriptions` : '',
      processes > 0 || kernel.tasks.size > 0 ? `${processes} processes, ${kernel.tasks.size} tasks` : '',
    ].filter((text) => text !== '');
    if (left.length > 0) throw new Error(`the kernel still holds ${left.join(', ')} of the program`);
  }

  stop(): void {
    this.#booted?.shutdown();
    this.#booted = null;
  }
}

function start(limits?: Limits): Booted {
  const booted = boot(undefined, limits);
  const { vfs } = booted.kernel;
  vfs.mkdirAll(vfs.kernelCaller, '/tmp', 0o1777);
  return booted;
}
