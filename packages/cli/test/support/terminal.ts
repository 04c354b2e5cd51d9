import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ENVIRONMENT } from '../programs/support/run.js';

const driver = fileURLToPath(new URL('terminal_driver.py', import.meta.url));
/** Catches hangs. */
const PATIENCE_MS = 30_000;

export interface TerminalOptions {
  readonly rows?: number;
  readonly columns?: number;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A program on a pseudo terminal of the host, and somebody who types and reads. */
export class Terminal {
  /** Everything that came so far. */
  output = '';
  /** How much of it was waited for. */
  #seen = 0;
  readonly #child: ChildProcess;
  readonly #answers: Record<string, unknown>[] = [];

  constructor(command: readonly string[], { rows = 24, columns = 80, cwd, env = {} }: TerminalOptions = {}) {
    this.#child = spawn('python3', [driver, String(rows), String(columns), ...command], {
      cwd,
      env: { ...ENVIRONMENT, TERM: 'dumb', ...env },
      stdio: ['pipe', 'pipe', 'inherit', 'pipe'],
    });
    this.#child.stdin!.on('error', () => {});
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.output += text;
    });
    createInterface({ input: this.#child.stdio[3] as Readable }).on('line', (line) => this.#answers.push(JSON.parse(line)));
  }

  /** Types; `\r` is the return key. */
  type(text: string): void {
    this.#command({ type: text });
  }

  resize(rows: number, columns: number): void {
    this.#command({ resize: [rows, columns] });
  }

  /** Waits for text after what was waited for before; returns what came up to its end. */
  async expect(text: string | RegExp): Promise<string> {
    const giveUp = performance.now() + PATIENCE_MS;
    for (;;) {
      const rest = this.output.slice(this.#seen);
      const at = typeof text === 'string' ? rest.indexOf(text) : rest.search(text);
      if (at >= 0) {
        const length = typeof text === 'string' ? text.length : text.exec(rest)![0].length;
        this.#seen += at + length;
        return rest.slice(0, at + length);
      }
      if (performance.now() > giveUp) throw new Error(`the terminal never showed ${text}, but:\n${JSON.stringify(rest)}`);
      await delay(10);
    }
  }

  /** Process id of the program. */
  async pid(): Promise<number> {
    return (await this.#answer('pid')) as number;
  }

  /** The terminal's modes, as the host has them. */
  async modes(): Promise<unknown> {
    this.#answers.splice(0, this.#answers.length, ...this.#answers.filter((answer) => !('modes' in answer)));
    this.#command({ modes: true });
    return this.#answer('modes');
  }

  /** Waits for the program's end: its exit status, 128 + signal. */
  async exit(): Promise<number> {
    return (await this.#answer('exit')) as number;
  }

  close(): void {
    this.#child.stdin!.end();
  }

  #command(command: object): void {
    this.#child.stdin!.write(`${JSON.stringify(command)}\n`);
  }

  async #answer(name: string): Promise<unknown> {
    const giveUp = performance.now() + PATIENCE_MS;
    for (;;) {
      const found = this.#answers.find((answer) => name in answer);
      if (found !== undefined) return found[name];
      if (performance.now() > giveUp) throw new Error(`no ${name} from the terminal; it showed:\n${JSON.stringify(this.output)}`);
      await delay(10);
    }
  }
}
