import { writeSync } from 'node:fs';
import { decodeSyscall, hostArch, resultToString, type SyscallName, syscallName, traceLine } from '@sbx/abi';
import type { Kernel, SyscallTracer, Task } from '@sbx/kernel';

/** Calls of which nothing is left to look at when they return, or that never return: they are decoded before. */
const DECODED_BEFORE: ReadonlySet<string> = new Set<SyscallName>(['execve', 'execveat', 'exit', 'exit_group', 'rt_sigreturn']);
const NEVER_RETURN: ReadonlySet<string> = new Set<SyscallName>(['exit', 'exit_group']);
/** Lines are kept until so many bytes are together, or the event loop turns. */
const CHUNK = 65536;

/** Writes every system call to a descriptor, a line each, as `strace -f` does. */
export class Strace implements SyscallTracer {
  /** Calls under way, by task: their arguments, or what was decoded of them before. */
  readonly #calls = new Map<Task, { sysno: number; words: Uint32Array; before: string | null }>();
  #lines: string[] = [];
  #length = 0;
  #scheduled = false;

  constructor(readonly fd: number) {}

  enter(task: Task, sysno: number): void {
    const words = argumentsOf(task);
    const name = syscallName(hostArch, sysno) ?? '';
    const before = DECODED_BEFORE.has(name) ? decodeSyscall(hostArch, sysno, words, { memory: task.mm }) : null;
    if (NEVER_RETURN.has(name)) this.#write(task, `${before} = ?`);
    else this.#calls.set(task, { sysno, words, before });
  }

  exit(task: Task, result: number): void {
    const call = this.#calls.get(task);
    if (call === undefined) return;
    this.#calls.delete(task);
    const { sysno, words, before } = call;
    const line =
      before === null
        ? traceLine(hostArch, sysno, words, result, task.mm)
        : `${before} = ${resultToString(syscallName(hostArch, sysno) ?? '', result)}`;
    this.#write(task, line);
  }

  /** Writes the calls that have not returned, and all that is left. */
  end(): void {
    for (const [task, { sysno, words, before }] of this.#calls) {
      const text = before ?? decodeSyscall(hostArch, sysno, words);
      this.#write(task, `${text.slice(0, -1)} <unfinished ...>`);
    }
    this.#calls.clear();
    this.#flush();
  }

  #write(task: Task, text: string): void {
    const line = `[pid ${String(task.id).padStart(5)}] ${text}\n`;
    this.#lines.push(line);
    this.#length += line.length;
    if (this.#length >= CHUNK) this.#flush();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => this.#flush());
    }
  }

  #flush(): void {
    this.#scheduled = false;
    const bytes = Buffer.from(this.#lines.join(''), 'latin1');
    this.#lines = [];
    this.#length = 0;
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.fd, bytes, at);
    } catch {
      // A full disk, a closed pipe: the program goes on without.
    }
  }
}

/** The six argument registers, as they are now. */
function argumentsOf({ page }: Task): Uint32Array {
  const words = new Uint32Array(12);
  for (let i = 0; i < 6; i++) {
    words[2 * i] = page.argUint32(i);
    words[2 * i + 1] = page.argHigh(i);
  }
  return words;
}

/** Starts to trace a kernel. */
export function trace(kernel: Kernel, fd: number | null): Strace | null {
  if (fd === null) return null;
  const strace = new Strace(fd);
  kernel.tracer = strace;
  return strace;
}
