import type { Kernel, ThreadGroup } from '@sbx/kernel';
import type { Prepared } from '../sentry/prepare.js';
import type { RunRequest } from '../sentry/run-request.js';
import { assemble } from './assemble.js';
import { ExitStatus } from './exit-status.js';
import { startProgram } from './programs.js';
import { takeStdio } from './stdio.js';
import { describeUnknownCalls } from './unknown-calls.js';

/** Exit status of a sandbox that ran out of time, as timeout(1) has it; of sbx's own failures. */
const TIMED_OUT = 124;
const FAILED = 125;
/** Node must not leave while programs wait for nothing but each other. */
const FOREVER = 2 ** 30;

/** Runs one program in a new sandbox, with this process's stdin, stdout and stderr. The exit status for this process. */
export function runCommand(prepared: Prepared, request: RunRequest): Promise<number> {
  return new CommandRun(prepared, request).result;
}

class CommandRun {
  readonly result: Promise<number>;
  readonly #kernel: Kernel;
  #end: (status: number) => void = () => {};
  readonly #timers: NodeJS.Timeout[] = [];

  constructor(
    readonly prepared: Prepared,
    readonly request: RunRequest,
  ) {
    this.result = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#kernel = assemble(prepared, {
      log: (line) => request.say('warning', line),
      onPanic: (report) => this.#fail(report),
    });
    this.#start();
  }

  #start(): void {
    const { config, argv, cwd, timeout } = this.request;
    const files = takeStdio(this.#kernel, this.prepared.devNull);
    const program = startProgram(this.#kernel, config, { argv, env: config.env, cwd: cwd ?? this.prepared.plan.cwd, files });
    if ('status' in program) {
      this.request.say('error', program.message);
      this.#finish(program.status);
      return;
    }
    program.onExit = () => this.#exited(program);
    this.#timers.push(setInterval(() => {}, FOREVER));
    if (timeout !== null) this.#timers.push(setTimeout(() => this.#finish(TIMED_OUT), timeout));
  }

  #exited(program: ThreadGroup): void {
    const exit = ExitStatus.fromWait(program.exitStatus);
    const unknown = describeUnknownCalls(this.#kernel);
    if (exit.shellStatus !== 0 && unknown !== null) this.request.say('warning', unknown);
    this.#finish(exit.shellStatus);
  }

  #fail(report: string): void {
    this.request.say('error', `the sandbox's kernel failed, which is a bug in sbx:\n${report}`);
    this.#finish(FAILED);
  }

  #finish(status: number): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#kernel.killAll();
    this.#end(status);
  }
}
