import { writeSync } from 'node:fs';
import { constants } from 'node:os';

/** Exit status of sbx's own failures, as docker and env(1) have it. */
export const EXIT_SBX = 125;

/** What sbx has to say, on stderr: lines for people, or JSON objects. The program's own output is never touched. */
export class Messages {
  constructor(
    readonly json = false,
    readonly env: NodeJS.ProcessEnv = process.env,
  ) {}

  /** `fields` are for machines only. */
  say(level: 'info' | 'warning' | 'error', message: string, fields: Readonly<Record<string, unknown>> = {}): void {
    if (this.json) {
      write(`${JSON.stringify({ level, message, ...fields })}\n`);
      return;
    }
    const { NO_COLOR, TERM } = this.env;
    // Asked only when there is something to say: Node's tty module takes milliseconds to load.
    const colour = NO_COLOR === undefined && TERM !== 'dumb' && isTerminal(2);
    const prefix = colour ? `\x1b[${level === 'error' ? '1;31' : level === 'warning' ? '1;33' : '2'}msbx:\x1b[0m ` : 'sbx: ';
    write(`${message.replace(/^(?=.)/gm, prefix)}\n`);
  }
}

function isTerminal(fd: number): boolean {
  return (require('node:tty') as typeof import('node:tty')).isatty(fd);
}

/** Writes the answer of a command to stdout. Ends this process where nobody reads it (as SIGPIPE would) or it can't be written. */
export function print(text: string): void {
  const error = writeAll(1, text);
  if (error === null) return;
  if (error.code === 'EPIPE') process.exit(128 + constants.signals.SIGPIPE);
  new Messages().say('error', `cannot write to stdout: ${reasonOf(error)}`);
  process.exit(EXIT_SBX);
}

function reasonOf({ message }: NodeJS.ErrnoException): string {
  return /^\w+: (.*), write$/.exec(message)?.[1] ?? message;
}

/** On stderr. Nobody may read it any more: then it is lost. */
function write(text: string): void {
  writeAll(2, text);
}

/** Writes all of it, whatever kind of file it is; the error that ended it, or null. */
function writeAll(fd: number, text: string): NodeJS.ErrnoException | null {
  let bytes = Buffer.from(text);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(fd, bytes));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return error as NodeJS.ErrnoException;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
  return null;
}
