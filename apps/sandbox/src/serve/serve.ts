import { readSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { isSentryError, prepare, SentryError } from '@sbx/sandbox/sentry';
import { JsonLines, jsonLine } from '../protocol/lines.js';
import { type ClientMessage, CONTROL_FD, type CreateMessage, PROTOCOL_VERSION, type SentryMessage } from '../protocol/messages.js';

/** A client sends environments and arguments: Linux's own bound for them is 2 MiB. */
const MAX_MESSAGE = 16 * 2 ** 20;
const EXIT_SBX = 125;

/** The stream of messages with the client. */
export interface Control {
  send(message: SentryMessage): void;
  /** Starts to read: each message, and the end when the client is gone. */
  start(onMessage: (message: ClientMessage) => void, onEnd: () => void): void;
}

/** Runs a sandbox for a client: the library's side is src/client. Does not return before the client is gone. */
export function serve(): void {
  const lines = new JsonLines(MAX_MESSAGE);
  const [create, ...early] = readFirst(lines);
  try {
    if (create?.type !== 'create' || create.version !== PROTOCOL_VERSION)
      throw new SentryError('ERR_SBX_START', 'client and sentry are of different versions');
    const prepared = prepare(create.config, { program: null, strace: create.strace, kcov: false, rewriteCallSites: true });
    const kernel = prepared.kernel.run() as typeof import('../kernel/index.js');
    kernel.serve(prepared, create, openControl(lines, early));
  } catch (error) {
    if (!isSentryError(error)) die('the sandbox cannot be started', error);
    writeSync(CONTROL_FD, jsonLine({ type: 'failed', code: error.code, message: error.message }));
  }
}

/** The first message, and what came with it, read before there is an event loop to speak of. */
function readFirst(lines: JsonLines): [CreateMessage, ...ClientMessage[]] {
  const bytes = Buffer.allocUnsafe(65536);
  for (;;) {
    const n = readSync(CONTROL_FD, bytes, 0, bytes.length, null);
    // The client is gone.
    if (n === 0) process.exit(0);
    const messages = take(() => lines.push(Buffer.from(bytes.subarray(0, n))));
    if (messages.length > 0) return messages as [CreateMessage, ...ClientMessage[]];
  }
}

/** Does what a message wants. One that is none comes from no client of ours, or one of another version: this process ends, and says why. */
function take<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    die('the client sent something that is no message', error);
  }
}

function die(what: string, error: unknown): never {
  writeSync(2, `sbx: ${what}: ${error instanceof Error ? error.stack : error}\n`);
  process.exit(EXIT_SBX);
}

function openControl(lines: JsonLines, early: ClientMessage[]): Control {
  const socket = new Socket({ fd: CONTROL_FD, readable: true, writable: true });
  // The client is gone: 'close' says so too.
  socket.on('error', () => {});
  return {
    send: (message) => void socket.write(jsonLine(message)),
    start(onMessage, onEnd) {
      const handle = (messages: unknown[]) => {
        for (const message of messages) take(() => onMessage(message as ClientMessage));
      };
      handle(early);
      socket.on('data', (bytes) => handle(take(() => lines.push(bytes))));
      socket.on('close', onEnd);
    },
  };
}
