import type { FileDescription, HostPty, Kernel } from '@sbx/kernel';
import type { HostTerminal } from './host-terminal.js';
import { TerminalRelay } from './terminal-relay.js';

/** What a terminal is taken to be when there is none. */
const NO_TERMINAL_SIZE = { columns: 80, rows: 24 };

/**
 * The program's terminal, as the caller's (`sbx run -t`): the caller's is made raw, so that its keys are the program's alone, and its size is passed on. Without
 * a terminal of the caller's, stdin is typed and what the program writes goes to stdout.
 */
export class CallerTerminal {
  readonly #host: HostTerminal | null;
  readonly #relay: TerminalRelay;
  readonly #stderr: FileDescription;
  #closed = false;

  /**
   * @param host - the caller's terminal, or null
   * @param stdio - this process's descriptors 0, 1 and 2, as files: belong to the terminal
   */
  constructor(kernel: Kernel, host: HostTerminal | null, [stdin, stdout, stderr]: FileDescription[]) {
    this.#host = host;
    this.#stderr = stderr;
    this.#relay = new TerminalRelay(kernel, stdin, stdout, host?.size ?? NO_TERMINAL_SIZE);
    this.#relay.pty.makeConsole();
    if (host === null) return;
    host.makeRaw();
    process.on('SIGWINCH', this.#onResize);
    process.on('SIGTSTP', this.#onStop);
    process.on('SIGCONT', this.#onContinue);
  }

  get pty(): HostPty {
    return this.#relay.pty;
  }

  /** Descriptors 0, 1 and 2 for the program. */
  open(): FileDescription[] {
    return this.#relay.open();
  }

  /** The program has ended: waits until what it wrote has been taken, then closes. */
  async finish(): Promise<void> {
    await this.#relay.finish();
    this.close();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#relay.close();
    this.#stderr.decRef();
    this.#host?.restore();
  }

  readonly #onResize = (): void => {
    const { columns, rows } = this.#host!.size;
    if (!this.#closed) this.#relay.pty.resize(columns, rows);
  };
  /** Somebody stops this process: the shell must find its terminal as it was. */
  readonly #onStop = (): void => {
    this.#host!.restore();
    process.kill(process.pid, 'SIGSTOP');
  };
  readonly #onContinue = (): void => {
    if (this.#closed) return;
    this.#host!.makeRaw();
    this.#onResize();
  };
}
