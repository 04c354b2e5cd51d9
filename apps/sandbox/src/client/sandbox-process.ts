import { Socket } from 'node:net';
import { constants } from 'node:os';
import { Readable, type Writable } from 'node:stream';
import { SandboxError } from './errors.js';
import type { TerminalSize } from './options.js';
import { checkTerminalSize } from './validate.js';

/** How a program ended. */
export interface ExitResult {
  /** What it gave to exit(2); null when a signal ended it. */
  readonly exitCode: number | null;
  /** The signal that ended it: `SIGKILL`; or null. */
  readonly signal: NodeJS.Signals | null;
}

/** What a `SandboxProcess` needs of its sandbox. */
export interface ProcessControl {
  signal(signo: number, tree: boolean): void;
  resize(size: TerminalSize): void;
}

/** This process's ends of a program's streams: descriptors. `stderr` is null for a program with a terminal. */
export interface StreamDescriptors {
  readonly stdin: number;
  readonly stdout: number;
  readonly stderr: number | null;
}

const names = Object.entries(constants.signals) as [NodeJS.Signals, number][];

/** The number of a signal, given as name or number. */
export function signalNumber(signal: NodeJS.Signals | number): number {
  const signo = typeof signal === 'number' ? signal : constants.signals[signal];
  if (!(Number.isInteger(signo) && signo > 0 && signo <= 64)) throw new SandboxError('ERR_SBX_OPTION', `unknown signal '${signal}'`);
  return signo;
}

/** The name of a signal (realtime signals, which Node does not name, as `SIGRTMIN+n`). */
export function signalName(signo: number): NodeJS.Signals {
  return names.find(([, number]) => number === signo)?.[0] ?? (`SIGRTMIN+${signo - 34}` as NodeJS.Signals);
}

/**
 * A program that runs in a sandbox, with Node's streams for its stdin, stdout and stderr. The streams are pipes: a program that writes faster than they are
 * read waits, and so does whoever writes to `stdin` faster than it reads. A program whose output nobody reads may therefore never end.
 *
 * @example
 * import { Sandbox } from '@sbx/sandbox';
 *
 * await using sandbox = await Sandbox.create();
 * const child = await sandbox.spawn('cat');
 * child.stdin.write('to and fro');
 * String((await child.stdout[Symbol.asyncIterator]().next()).value); // 'to and fro'
 * child.kill('SIGINT');
 * (await child.wait()).signal; // 'SIGINT'
 */
export class SandboxProcess {
  /** The program's process id inside the sandbox. */
  readonly pid: number;
  /** What the program reads: `end` tells it that there is no more. What is written after the program has closed it is lost. */
  readonly stdin: Writable;
  /** What the program writes; with a terminal, what the terminal shows. Ends when nobody has it open any more, which may be after the program's end. */
  readonly stdout: Readable;
  /** Empty for a program with a terminal. */
  readonly stderr: Readable;
  /** How the program ended, once it has. */
  exit: ExitResult | null = null;
  /** Why it was killed by us (its `timeout`, its `signal`), or null. */
  killedBecause: SandboxError | null = null;
  readonly #control: ProcessControl;
  readonly #exited: Promise<ExitResult>;
  #settle!: { resolve: (result: ExitResult) => void; reject: (error: Error) => void };

  /** @internal */
  constructor(pid: number, streams: StreamDescriptors, control: ProcessControl) {
    this.pid = pid;
    this.#control = control;
    this.#exited = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // Who does not wait does not want to know.
    this.#exited.catch(() => {});
    this.stdin = new Socket({ fd: streams.stdin, readable: false, writable: true });
    // The program may close its end, or leave, at any time: what is written then is lost, as in a shell.
    this.stdin.on('error', () => {});
    this.stdout = openOutput(streams.stdout);
    this.stderr = streams.stderr === null ? Readable.from([]) : openOutput(streams.stderr);
  }

  /**
   * Waits for the program's end, not for that of its streams. Rejects with a `SandboxError` when the sandbox is gone before: ERR_SBX_CLOSED, ERR_SBX_WALL_TIME,
   * ERR_SBX_SENTRY_DIED or ERR_SBX_KERNEL_PANIC. A program that its `timeout` or `signal` killed is no error: `killedBecause` says so.
   */
  wait(): Promise<ExitResult> {
    return this.#exited;
  }

  /**
   * Sends a signal to the program, as kill(2) does; it comes without an answer, a moment later. No effect after its end.
   * @throws SandboxError ERR_SBX_OPTION for a signal that there is not: a name that Node does not know (signal(7)), a number outside of 1 to 64
   */
  kill(signal: NodeJS.Signals | number = 'SIGTERM'): void {
    const signo = signalNumber(signal);
    if (this.exit === null) this.#control.signal(signo, false);
  }

  /** Kills (SIGKILL) the program and everything that it started, also what has outlived it. `because`: what `killedBecause` shall say. */
  killTree(because: SandboxError | null = null): void {
    if (this.exit === null) this.killedBecause ??= because;
    this.#control.signal(constants.signals.SIGKILL, true);
  }

  /**
   * Tells the program's terminal its size (TIOCSWINSZ in ioctl_tty(2)); the program gets SIGWINCH. No effect after its end, or without a terminal.
   * @throws SandboxError ERR_SBX_OPTION for a size that is none
   *
   * @example
   * import { text } from 'node:stream/consumers';
   * import { Sandbox } from '@sbx/sandbox';
   *
   * await using sandbox = await Sandbox.create();
   * const shell = await sandbox.spawn('sh', ['-c', 'read go; stty size'], { tty: { columns: 80, rows: 24 } });
   * shell.resize({ columns: 132, rows: 50 });
   * shell.stdin.write('\n');
   * (await text(shell.stdout)).endsWith('50 132\r\n'); // true
   */
  resize(size: TerminalSize): void {
    const checked = checkTerminalSize(size);
    if (this.exit === null) this.#control.resize(checked);
  }

  /** @internal The program has ended. */
  ended(code: number | null, signo: number | null): void {
    this.exit = { exitCode: code, signal: signo === null ? null : signalName(signo) };
    this.stdin.destroy();
    this.#settle.resolve(this.exit);
  }

  /** @internal The sandbox is gone. */
  failed(error: SandboxError): void {
    if (this.exit !== null) return;
    this.stdin.destroy();
    this.stdout.destroy();
    this.stderr.destroy();
    this.#settle.reject(error);
  }
}

function openOutput(fd: number): Readable {
  const socket = new Socket({ fd, readable: true, writable: false });
  socket.on('error', () => {});
  return socket;
}
