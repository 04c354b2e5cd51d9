import { readSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { isSentryError, prepare, SentryError } from '@sbx/sandbox/sentry';
import { JsonLines, jsonLine } from '../protocol/lines.js';
import { type ClientMessage, CONTROL_FD, type CreateMessage, PROTOCOL_VERSION, type SentryMessage } from '../protocol/messages.js';

/** A client sends environments and arguments: Linux's own bound for them is 2 MiB. */
const MAX_MESSAGE = 16 * 2 ** 20;

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
    if (create.type !== 'create' || create.version !== PROTOCOL_VERSION)
      throw new SentryError('ERR_SBX_START', 'client and sentry are of different versions');
    const prepared = prepare(create.config, { program: null, strace: create.strace, kcov: false });
    const kernel = prepared.kernel.run() as typeof import('../kernel/index.js');
    kernel.serve(prepared, create, openControl(lines, early));
  } catch (error) {
    if (!isSentryError(error)) throw error;
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
    const messages = lines.push(Buffer.from(bytes.subarray(0, n)));
    if (messages.length > 0) return messages as [CreateMessage, ...ClientMessage[]];
  }
}

function openControl(lines: JsonLines, early: ClientMessage[]): Control {
  const socket = new Socket({ fd: CONTROL_FD, readable: true, writable: true });
  // The client is gone: 'close' says so too.
  socket.on('error', () => {});
  return {
    send: (message) => void socket.write(jsonLine(message)),
    start(onMessage, onEnd) {
      for (const message of early) onMessage(message);
      socket.on('data', (bytes) => {
        for (const message of lines.push(bytes)) onMessage(message as ClientMessage);
      });
      socket.on('close', onEnd);
    },
  };
}
