import type { FileDescription } from '../vfs/file-description.js';
import type { PeerCredentials } from './socket.js';

/** Memory that all sockets of a sandbox may hold in queued messages. */
const MAX_QUEUED = 256 * 2 ** 20;
/** What a message costs besides its bytes (as Linux counts an sk_buff). */
export const MESSAGE_OVERHEAD = 512;
let queuedBytes = 0;

/** Bytes on their way, with what was sent along. */
export interface Message {
  readonly bytes: Uint8Array;
  /** How much of `bytes` was read. */
  read: number;
  files: FileDescription[];
  readonly credentials: PeerCredentials;
  /** Address of the sender, for datagrams. */
  readonly from: Uint8Array;
  /** Called when the message was taken or dropped: the sender has room again. */
  readonly taken: (cost: number) => void;
}

/** Whether the sandbox may queue `length` more bytes. */
export function mayQueue(length: number): boolean {
  return queuedBytes + length + MESSAGE_OVERHEAD <= MAX_QUEUED;
}

/** The messages that a socket has not received yet, in order. */
export class MessageQueue {
  readonly #messages: Message[] = [];
  /** Unread bytes. */
  bytes = 0;

  get length(): number {
    return this.#messages.length;
  }
  get first(): Message | undefined {
    return this.#messages[0];
  }
  at(index: number): Message | undefined {
    return this.#messages[index];
  }

  push(message: Message): void {
    queuedBytes += message.bytes.length + MESSAGE_OVERHEAD;
    this.bytes += message.bytes.length;
    this.#messages.push(message);
  }
  /** Says that `length` more bytes of the first message were read. */
  consume(length: number): void {
    this.#messages[0].read += length;
    this.bytes -= length;
  }
  /** Takes the first message off. */
  shift(): void {
    const message = this.#messages.shift()!;
    const cost = message.bytes.length + MESSAGE_OVERHEAD;
    queuedBytes -= cost;
    this.bytes -= message.bytes.length - message.read;
    message.taken(cost);
  }
  /** Drops everything; descriptions that nobody received are closed. */
  clear(): void {
    while (this.#messages.length > 0) {
      for (const file of this.#messages[0].files) file.decRef();
      this.shift();
    }
  }
}
