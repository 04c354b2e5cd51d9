import type { FileDescription, Kernel, ThreadGroup } from '@sbx/kernel';
import { mark } from '../boot/marks.js';
import type { Prepared } from '../sentry/prepare.js';
import type { RunRequest } from '../sentry/run-request.js';
import { assemble } from './assemble.js';
import { CallerTerminal } from './caller-terminal.js';
import { ExitStatus } from './exit-status.js';
import { HostTerminal } from './host-terminal.js';
import { startProgram } from './programs.js';
import { forwardSignals } from './signals.js';
import { takeStdio } from './stdio.js';
import { type Strace, trace } from './strace.js';
import { describeUnknownCalls } from './unknown-calls.js';
import { watch } from './watchdog.js';

/** Exit status of a sandbox that ran out of time, as timeout(1) has it; of sbx's own failures; of one that was interrupted twice. */
const TIMED_OUT = 124;
const FAILED = 125;
const INTERRUPTED = 130;
/** Node must not leave while programs wait for nothing but each other. */
const FOREVER = 2 ** 30;

/** Runs one program in a new sandbox, with this process's stdin, stdout and stderr. The exit status for this process. */
export function runCommand(prepared: Prepared, request: RunRequest): Promise<number> {
  return new Promise((resolve) => new CommandRun(prepared, request, resolve).start());
}

class CommandRun {
  readonly #kernel: Kernel;
  readonly #strace: Strace | null;
  readonly #timers: NodeJS.Timeout[] = [];
  #terminal: CallerTerminal | null = null;
  #finished = false;

  constructor(
    readonly prepared: Prepared,
    readonly request: RunRequest,
    readonly resolve: (status: number) => void,
  ) {
    this.#kernel = assemble(prepared, {
      log: (line) => request.say('warning', line),
      onPanic: (report) => {
        request.say('error', `the sandbox's kernel failed, which is a bug in sbx:\n${report}`);
        this.#finish(FAILED);
      },
    });
    this.#strace = trace(this.#kernel, prepared.strace);
  }

  start(): void {
    const { config, argv, cwd, tty, timeout, ignoredSignals } = this.request;
    const kernel = this.#kernel;
    watch(kernel, this.request.watchdog);
    const files = this.#openFiles(tty);
    const start = { argv, env: config.env, cwd: cwd ?? this.prepared.plan.cwd, files, terminal: this.#terminal?.pty.terminal ?? null };
    const program = startProgram(kernel, config, start);
    if ('status' in program) {
      this.#terminal?.close();
      this.request.say('error', program.message);
      this.#finish(program.status);
      return;
    }
    mark('program loaded');
    program.onExit = () => void this.#exited(program);
    forwardSignals(kernel, program, ignoredSignals, { onSecondInterrupt: tty ? null : () => this.#finish(INTERRUPTED) });
    this.#timers.push(setInterval(() => {}, FOREVER));
    if (timeout !== null) this.#timers.push(setTimeout(() => this.#finish(TIMED_OUT), timeout));
  }

  #openFiles(tty: boolean): FileDescription[] {
    const host = tty ? HostTerminal.find() : null;
    const stdio = takeStdio(this.#kernel, this.prepared.devNull);
    if (!tty) return stdio;
    this.#terminal = new CallerTerminal(this.#kernel, host, stdio);
    return this.#terminal.open();
  }

  async #exited(program: ThreadGroup): Promise<void> {
    mark('program has ended');
    const exit = ExitStatus.fromWait(program.exitStatus);
    await this.#terminal?.finish();
    const unknown = describeUnknownCalls(this.#kernel);
    if (exit.shellStatus !== 0 && unknown !== null && !this.#finished) this.request.say('warning', unknown);
    this.#finish(exit.shellStatus);
  }

  #sayStats(): void {
    const { name, counts } = this.prepared.platform;
    const figures = Object.entries(counts?.call(this.prepared.platform) ?? {});
    this.request.say('info', `platform ${name}: ${figures.map(([what, n]) => `${what} ${n}`).join(', ')}`, Object.fromEntries(figures));
  }

  #finish(status: number): void {
    if (this.#finished) return;
    this.#finished = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#kernel.killAll();
    if (this.request.stats) this.#sayStats();
    this.#strace?.end();
    this.#terminal?.close();
    this.resolve(status);
  }
}
