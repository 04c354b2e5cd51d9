import { closeSync } from 'node:fs';
import { binding } from '../binding.js';
import { type CreateMessage, PROTOCOL_VERSION, type ReadyMessage, type SentryMessage, type SpawnMessage } from '../protocol/messages.js';
import { SandboxError, type SandboxErrorCode } from './errors.js';
import { SandboxProcess, type StreamDescriptors } from './sandbox-process.js';
import { type SentryEnd, SentryProcess } from './sentry-process.js';

/** A program that was asked for and is not answered yet, or that runs. */
interface Entry {
  readonly streams: StreamDescriptors;
  readonly resolve: (process: SandboxProcess) => void;
  readonly reject: (error: SandboxError) => void;
  process: SandboxProcess | null;
}

/**
 * A sandbox's conversation with its sentry: requests and what comes of them. Whatever ends the sentry, every promise settles.
 *
 * The event loop is kept alive by what is under way (the creation, programs that run, the closing), not by a sandbox that does nothing.
 */
export class Connection {
  readonly #sentry: SentryProcess;
  readonly #programs = new Map<number, Entry>();
  #creation: { resolve: (message: ReadyMessage) => void; reject: (error: SandboxError) => void } | null = null;
  /** Why there is no sandbox any more, or null. */
  #over: SandboxError | null = null;
  #closing: Promise<SentryEnd> | null = null;
  #panic: string | null = null;
  #nextId = 1;
  #wallTime: NodeJS.Timeout | undefined;

  constructor() {
    this.#sentry = new SentryProcess(
      (message) => this.#take(message),
      (error) => this.abort(new SandboxError('ERR_SBX_SENTRY_DIED', `the sentry sent something that is no message: ${error.message}`)),
    );
    void this.#sentry.ended.then((end) => this.#ended(end));
  }

  create(message: CreateMessage): Promise<ReadyMessage> {
    return new Promise((resolve, reject) => {
      this.#creation = { resolve, reject };
      this.#sentry.send(message);
    });
  }

  /** Ends the sandbox, by force, after this time. */
  limitTime(milliseconds: number): void {
    const over = () => this.abort(new SandboxError('ERR_SBX_WALL_TIME', `the sandbox has lasted ${milliseconds} ms (limits.wallTime)`));
    this.#wallTime = setTimeout(over, milliseconds).unref();
  }

  async spawn(request: Omit<SpawnMessage, 'type' | 'id'>): Promise<SandboxProcess> {
    if (this.#over !== null) throw this.#over;
    const { streams, theirs } = openStreams(request.tty !== null);
    const id = this.#nextId++;
    const answer = new Promise<SandboxProcess>((resolve, reject) => {
      this.#programs.set(id, { streams, resolve, reject, process: null });
    });
    this.#keepAlive();
    await this.#sentry.sendDescriptors(id, theirs);
    for (const fd of theirs) closeSync(fd);
    this.#sentry.send({ type: 'spawn', id, ...request });
    return answer;
  }

  /** Ends the sandbox. */
  async close(): Promise<void> {
    this.#fail(new SandboxError('ERR_SBX_CLOSED', 'the sandbox has been closed'));
    this.#closing ??= this.#sentry.end();
    this.#keepAlive();
    await this.#closing;
  }

  /** Ends the sandbox by force. */
  abort(error: SandboxError): void {
    this.#fail(error);
    this.#sentry.kill();
  }

  #take(message: SentryMessage): void {
    switch (message.type) {
      case 'ready':
        if (message.version === PROTOCOL_VERSION) this.#creation?.resolve(message);
        else
          this.abort(
            new SandboxError('ERR_SBX_START', `the sentry speaks version ${message.version} of the protocol, not ${PROTOCOL_VERSION}`),
          );
        this.#creation = null;
        break;
      case 'failed':
        this.abort(new SandboxError(message.code as SandboxErrorCode, message.message));
        break;
      case 'panic':
        this.#panic = message.report;
        break;
      case 'spawned':
        this.#spawned(message.id, message.pid);
        break;
      case 'spawnFailed': {
        const entry = this.#programs.get(message.id);
        if (entry === undefined || entry.process !== null) break;
        this.#programs.delete(message.id);
        closeStreams(entry.streams);
        entry.reject(new SandboxError('ERR_SBX_SPAWN', message.message, { errno: message.errno }));
        break;
      }
      case 'exited':
        this.#programs.get(message.id)?.process?.ended(message.code, message.signo);
        this.#programs.delete(message.id);
        break;
    }
    this.#keepAlive();
  }

  #spawned(id: number, pid: number): void {
    const entry = this.#programs.get(id);
    if (entry === undefined || entry.process !== null) return;
    entry.process = new SandboxProcess(pid, entry.streams, {
      signal: (signo, tree) => this.#sentry.send({ type: 'signal', id, signo, tree }),
      resize: ({ columns, rows }) => this.#sentry.send({ type: 'resize', id, columns, rows }),
    });
    entry.resolve(entry.process);
  }

  #ended(end: SentryEnd): void {
    if (this.#panic !== null) {
      this.#fail(new SandboxError('ERR_SBX_KERNEL_PANIC', "the sandbox's kernel failed, which is a bug in sbx", { report: this.#panic }));
      return;
    }
    const how = end.signal === null ? `exit status ${end.code}` : `signal ${end.signal}`;
    const last = end.report === '' ? '' : `: ${end.report.split('\n', 1)[0]}`;
    const code = this.#creation === null ? 'ERR_SBX_SENTRY_DIED' : 'ERR_SBX_START';
    this.#fail(new SandboxError(code, `the sentry has ended (${how})${last}`, { report: end.report }));
  }

  /** There is no sandbox any more. The first reason counts. */
  #fail(error: SandboxError): void {
    if (this.#over !== null) return;
    this.#over = error;
    clearTimeout(this.#wallTime);
    this.#creation?.reject(error);
    this.#creation = null;
    for (const { process, streams, reject } of this.#programs.values()) {
      if (process !== null) process.failed(error);
      else {
        closeStreams(streams);
        reject(error);
      }
    }
    this.#programs.clear();
  }

  #keepAlive(): void {
    this.#sentry.referenced = this.#creation !== null || this.#programs.size > 0 || this.#closing !== null;
  }
}

/** Pipes for a program's streams: our ends, and those for the sentry in the order stdin, stdout, stderr. */
function openStreams(tty: boolean): { streams: StreamDescriptors; theirs: number[] } {
  const opened: number[] = [];
  const open = (): [number, number] => {
    const pipe = binding.pipe();
    if (typeof pipe === 'number') {
      for (const fd of opened) closeSync(fd);
      throw new SandboxError('ERR_SBX_SPAWN', `the host refuses a pipe (errno ${-pipe})`);
    }
    opened.push(...pipe);
    return pipe;
  };
  const stdin = open();
  const stdout = open();
  const stderr = tty ? null : open();
  return {
    streams: { stdin: stdin[1], stdout: stdout[0], stderr: stderr?.[0] ?? null },
    theirs: [stdin[0], stdout[1], ...(stderr === null ? [] : [stderr[1]])],
  };
}

function closeStreams({ stdin, stdout, stderr }: StreamDescriptors): void {
  for (const fd of [stdin, stdout, stderr]) if (fd !== null) closeSync(fd);
}
