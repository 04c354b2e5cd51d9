import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, closeSync, constants } from 'node:fs';
import type { Socket } from 'node:net';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { binding } from '../binding.js';
import { checkSentryMessage } from '../protocol/check.js';
import { JsonLines, jsonLine } from '../protocol/lines.js';
import type { ClientMessage, SentryMessage } from '../protocol/messages.js';
import { SandboxError } from './errors.js';
import { nodeBinary } from './node-binary.js';

/** The sentry's words are kept up to this length. */
const MAX_REPORT = 64 * 1024;
/** Messages of a sentry are short; a longer one means that it has been taken over. */
const MAX_MESSAGE = 2 ** 20;
/** How long a sentry may take to end by itself. */
const PATIENCE_MS = 5000;
const EAGAIN = -11;
/** Descriptors that are under way are few; this long nobody is expected to take none of them. */
const DESCRIPTOR_RETRY_MS = 1;

/** How a sentry ended. */
export interface SentryEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What it and its launcher wrote to stderr, the end of it. */
  readonly report: string;
}

/** The package's root: src/client/ is two levels below it, dist/ one. */
function packageRoot(): string {
  const here = path.dirname(fileURLToPath(import.meta.url));
  return path.basename(here) === 'client' ? path.dirname(path.dirname(here)) : path.dirname(here);
}

function findLauncher(root: string): string {
  const candidates = [path.join(root, 'build/Release/sbx-launch'), path.join(root, `prebuilds/linux-${process.arch}/sbx-launch`)];
  for (const file of candidates) {
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {}
  }
  throw new SandboxError('ERR_SBX_UNSUPPORTED', `@sbx/sandbox has no launcher for this machine (${candidates.join(', ')})`);
}

/**
 * A sentry: a process of its own, started through the launcher, so that it dies when this one does. Talks in messages (protocol/messages.ts); knows nothing of
 * what they mean.
 */
export class SentryProcess {
  readonly #child: ChildProcess;
  readonly #control: Socket;
  /** Our end of the socket over which descriptors go; -1 when closed. */
  #descriptors: number;
  readonly #lines = new JsonLines(MAX_MESSAGE);
  #report = '';
  /** Settles when the process is gone and everything that it said has been read. */
  readonly ended: Promise<SentryEnd>;

  /**
   * Starts a sentry. `onMessage` gets its messages, `onBroken` what is wrong with them. Throws a `SandboxError` when it can't be started.
   */
  constructor(onMessage: (message: SentryMessage) => void, onBroken: (error: Error) => void) {
    const root = packageRoot();
    const pair = binding.socketPair();
    if (typeof pair === 'number') throw new SandboxError('ERR_SBX_START', `the host refuses a socket (errno ${-pair})`);
    const [ours, theirs] = pair;
    this.#descriptors = ours;
    try {
      this.#child = spawn(
        findLauncher(root),
        [`--parent=${process.pid}`, path.join(root, 'dist/sentry/boot.cjs'), path.join(root, 'dist/sentry/serve.cjs')],
        {
          stdio: ['ignore', 'ignore', 'pipe', 'pipe', theirs],
          env: { ...process.env, SBX_NODE: nodeBinary() },
          cwd: '/',
          // Signals of this process's terminal are not for the sentry.
          detached: true,
        },
      );
    } finally {
      closeSync(theirs);
    }
    this.#control = this.#child.stdio[3] as Socket;
    // It may be gone at any time: the end of the process says so.
    this.#control.on('error', () => {});
    this.#control.on('data', (bytes: Buffer) => {
      try {
        for (const message of this.#lines.push(bytes)) onMessage(checkSentryMessage(message));
      } catch (error) {
        onBroken(error as Error);
      }
    });
    const stderr = this.#child.stderr as Readable;
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#report = (this.#report + text).slice(-MAX_REPORT);
    });
    this.ended = new Promise((resolve) => {
      let failure = '';
      this.#child.on('error', (error) => {
        failure = `cannot start the sentry: ${error.message}\n`;
        this.#closeDescriptors();
        if (this.#child.pid === undefined) resolve({ code: null, signal: null, report: failure });
      });
      this.#child.on('close', (code, signal) => {
        this.#closeDescriptors();
        resolve({ code, signal, report: (failure + this.#report).trimEnd() });
      });
    });
  }

  send(message: ClientMessage): void {
    this.#control.write(jsonLine(message));
  }

  /** Passes descriptors on; the caller still has to close its own. */
  async sendDescriptors(number: number, fds: readonly number[]): Promise<void> {
    for (;;) {
      const result = this.#descriptors < 0 ? 0 : binding.sendDescriptors(this.#descriptors, number, fds);
      // Other errors: the sentry is gone, which is told elsewhere.
      if (result !== EAGAIN) return;
      await delay(DESCRIPTOR_RETRY_MS);
    }
  }

  /** Whether it keeps this process's event loop alive. */
  set referenced(value: boolean) {
    for (const handle of [this.#child, this.#control, this.#child.stderr as Socket]) {
      if (value) handle.ref();
      else handle.unref();
    }
  }

  /** Lets it end: programs are killed, files closed. By force when it takes too long. */
  async end(): Promise<SentryEnd> {
    this.#control.end();
    const timer = setTimeout(() => this.kill(), PATIENCE_MS);
    try {
      return await this.ended;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends it at once. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #closeDescriptors(): void {
    if (this.#descriptors >= 0) closeSync(this.#descriptors);
    this.#descriptors = -1;
  }
}
