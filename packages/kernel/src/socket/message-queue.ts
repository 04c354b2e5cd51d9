import type { FileDescription } from '../vfs/file-description.js';
import { arrived, departed } from './in-flight.js';
import type { PeerCredentials } from './socket.js';

/** Memory that all sockets of a sandbox may hold in queued messages. */
const MAX_QUEUED = 256 * 2 ** 20;
/** What a message costs besides its bytes (as Linux counts an sk_buff). */
export const MESSAGE_OVERHEAD = 512;
/** What a description in a message costs. */
const FILE_OVERHEAD = 64;
let queuedBytes = 0;

/** Bytes on their way, with what was sent along. */
export interface Message {
  readonly bytes: Uint8Array;
  /** How much of `bytes` was read. */
  read: number;
  readonly files: FileDescription[];
  /** What it counts against MAX_QUEUED. */
  readonly charge: number;
  readonly credentials: PeerCredentials;
  /** Address of the sender, for datagrams. */
  readonly from: Uint8Array;
  /** Called when the message was taken or dropped: the sender has room again. */
  readonly taken: (cost: number) => void;
}

/** What a message of `length` bytes with `files` descriptions costs, or -1 if the sandbox may not queue that much more. */
export function chargeFor(length: number, files: number): number {
  const charge = length + MESSAGE_OVERHEAD + files * FILE_OVERHEAD;
  return queuedBytes + charge <= MAX_QUEUED ? charge : -1;
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
    queuedBytes += message.charge;
    departed(message.files);
    this.bytes += message.bytes.length;
    this.#messages.push(message);
  }
  /** Says that `length` more bytes of the first message were read. */
  consume(length: number): void {
    this.#messages[0].read += length;
    this.bytes -= length;
  }
  /** Takes the descriptions out of a message; the caller owns them. */
  takeFiles(message: Message): FileDescription[] {
    arrived(message.files);
    return message.files.splice(0);
  }
  /** Takes the first message off. */
  shift(): void {
    const message = this.#messages.shift()!;
    queuedBytes -= message.charge;
    this.bytes -= message.bytes.length - message.read;
    message.taken(message.bytes.length + MESSAGE_OVERHEAD);
  }
  /** All descriptions in the messages. */
  *files(): Iterable<FileDescription> {
    for (const message of this.#messages) yield* message.files;
  }
  /** Drops everything; descriptions that nobody received are closed. */
  clear(): void {
    while (this.#messages.length > 0) {
      const files = this.takeFiles(this.#messages[0]);
      this.shift();
      for (const file of files) file.decRef();
    }
  }
}
