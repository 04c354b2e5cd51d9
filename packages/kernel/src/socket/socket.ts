import {
  EACCES,
  EDOM,
  EINVAL,
  ENOPROTOOPT,
  EOPNOTSUPP,
  EPERM,
  O_RDWR,
  S_IFSOCK,
  SO_ACCEPTCONN,
  SO_BROADCAST,
  SO_DEBUG,
  SO_DOMAIN,
  SO_ERROR,
  SO_KEEPALIVE,
  SO_LINGER,
  SO_OOBINLINE,
  SO_PASSCRED,
  SO_PEERCRED,
  SO_PRIORITY,
  SO_PROTOCOL,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SO_RCVLOWAT,
  SO_RCVTIMEO,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SO_SNDLOWAT,
  SO_SNDTIMEO,
  SO_TYPE,
} from '@sbx/abi';
import type { IoBuffer } from '../io/io-buffer.js';
import type { Task } from '../task/task.js';
import { FileDescription } from '../vfs/file-description.js';
import type { SyscallResult } from '../wait/blocking.js';

/** Default and greatest size of a socket's buffer (net.core.wmem_default, wmem_max). */
export const DEFAULT_BUFFER = 212992;
const MAX_BUFFER = 212992;
const MIN_RECEIVE_BUFFER = 2304;
const MIN_SEND_BUFFER = 4608;
const CAP_NET_ADMIN = 12;
const NEVER = Number.POSITIVE_INFINITY;

/** Process id, user and group that a message or a connection carries. */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** What recvmsg gives besides the bytes. Reused by each call. */
export class ReceivedMessage {
  /** The sender's address (a `struct sockaddr`), or empty. */
  address: Uint8Array = new Uint8Array(0);
  /** Descriptions that were passed (SCM_RIGHTS); the receiver takes the references over. */
  files: FileDescription[] = [];
  credentials: PeerCredentials | null = null;
  /** MSG_* flags to report. */
  flags = 0;
  /** The whole length of a datagram that was cut. */
  fullLength = 0;

  clear(): this {
    this.address = new Uint8Array(0);
    this.files = [];
    this.credentials = null;
    this.flags = 0;
    this.fullLength = 0;
    return this;
  }
}

/** What sendmsg sends besides the bytes. */
export interface SentControl {
  /** Each with a reference that goes to the receiver, or back to the caller after an error. */
  readonly files: readonly FileDescription[];
  readonly credentials: PeerCredentials | null;
}

/** An option's value: a number, or bytes of a structure. */
export type OptionValue = number | Uint8Array;

/**
 * A socket of any family. Operations do not wait: -EAGAIN where they would, and the system call waits on `waitQueue` for at most the socket's timeout.
 * Addresses are `struct sockaddr` bytes.
 */
export abstract class Socket extends FileDescription {
  sendBuffer = DEFAULT_BUFFER;
  receiveBuffer = DEFAULT_BUFFER;
  /** Nanoseconds that a blocking operation waits (SO_RCVTIMEO, SO_SNDTIMEO). */
  receiveTimeout = NEVER;
  sendTimeout = NEVER;
  passCredentials = false;
  #lowWater = 1;
  #lingers = false;
  #lingerSeconds = 0;
  readonly #flags = new Map<number, number>();

  constructor(
    readonly domain: number,
    readonly type: number,
    readonly protocol: number,
    flags: number,
  ) {
    super(O_RDWR | flags);
  }

  override get continuesWrites(): boolean {
    return this.type === 1;
  }
  override get supportsNowait(): boolean {
    return true;
  }

  abstract bind(task: Task, address: Uint8Array): number;
  abstract connect(task: Task, address: Uint8Array): SyscallResult;
  abstract getName(): Uint8Array;
  abstract getPeerName(): Uint8Array | number;
  abstract shutdown(how: number): number;
  /** Sends from `io`: bytes, or -errno. `address`: of the receiver, or null. */
  abstract send(task: Task, io: IoBuffer, address: Uint8Array | null, control: SentControl, flags: number): number;
  /** Receives into `io`: bytes, or -errno. */
  abstract receive(task: Task, io: IoBuffer, message: ReceivedMessage, flags: number): number;
  listen(_task: Task, _backlog: number): number {
    return -EOPNOTSUPP;
  }
  /** The next connection, with one reference; -EAGAIN when there is none yet. */
  accept(): Socket | number {
    return -EOPNOTSUPP;
  }
  get isListening(): boolean {
    return false;
  }
  /** SO_PEERCRED of a connected socket. */
  get peerCredentials(): PeerCredentials {
    return { pid: 0, uid: 0xffffffff, gid: 0xffffffff };
  }
  /** Takes the pending error (SO_ERROR). */
  takeError(): number {
    return 0;
  }

  /** setsockopt(SOL_SOCKET): `value` is the option's bytes. */
  setOption(task: Task, option: number, value: DataView): number {
    const number = value.byteLength >= 4 ? value.getInt32(0, true) : 0;
    switch (option) {
      case SO_SNDBUF:
      case SO_SNDBUFFORCE:
        this.sendBuffer = Math.max(MIN_SEND_BUFFER, bufferSize(number));
        return 0;
      case SO_RCVBUF:
      case SO_RCVBUFFORCE:
        this.receiveBuffer = Math.max(MIN_RECEIVE_BUFFER, bufferSize(number));
        return 0;
      case SO_RCVTIMEO:
      case SO_SNDTIMEO: {
        if (value.byteLength < 16) return -EINVAL;
        const seconds = value.getInt32(4, true) * 2 ** 32 + value.getUint32(0, true);
        const micros = value.getInt32(8, true);
        if (micros < 0 || micros >= 1e6) return -EDOM;
        const timeout = seconds < 0 ? 0 : seconds === 0 && micros === 0 ? NEVER : seconds * 1e9 + micros * 1e3;
        if (option === SO_RCVTIMEO) this.receiveTimeout = timeout;
        else this.sendTimeout = timeout;
        return 0;
      }
      case SO_PASSCRED:
        this.passCredentials = number !== 0;
        return 0;
      case SO_RCVLOWAT:
        this.#lowWater = number < 0 ? 0x7fffffff : Math.max(1, number);
        return 0;
      case SO_PRIORITY:
        if ((number < 0 || number > 6) && !task.credentials.capable(CAP_NET_ADMIN)) return -EPERM;
        this.#flags.set(option, number);
        return 0;
      case SO_DEBUG:
        if (number !== 0 && !task.credentials.capable(CAP_NET_ADMIN)) return -EACCES;
        this.#flags.set(option, number !== 0 ? 1 : 0);
        return 0;
      case SO_OOBINLINE:
      case SO_REUSEADDR:
      case SO_REUSEPORT:
      case SO_KEEPALIVE:
      case SO_BROADCAST:
        this.#flags.set(option, number !== 0 ? 1 : 0);
        return 0;
      case SO_LINGER:
        if (value.byteLength < 8) return -EINVAL;
        this.#lingers = number !== 0;
        if (this.#lingers) this.#lingerSeconds = value.getInt32(4, true);
        return 0;
      default:
        return -ENOPROTOOPT;
    }
  }

  /** getsockopt(SOL_SOCKET), or -ENOPROTOOPT as `null`. */
  getOption(option: number): OptionValue | null {
    switch (option) {
      case SO_TYPE:
        return this.type;
      case SO_DOMAIN:
        return this.domain;
      case SO_PROTOCOL:
        return this.protocol;
      case SO_ERROR:
        return this.takeError();
      case SO_ACCEPTCONN:
        return this.isListening ? 1 : 0;
      case SO_SNDBUF:
        return this.sendBuffer;
      case SO_RCVBUF:
        return this.receiveBuffer;
      case SO_PASSCRED:
        return this.passCredentials ? 1 : 0;
      case SO_RCVLOWAT:
        return this.#lowWater;
      case SO_SNDLOWAT:
        return 1;
      case SO_PRIORITY:
      case SO_DEBUG:
      case SO_OOBINLINE:
      case SO_REUSEADDR:
      case SO_REUSEPORT:
      case SO_KEEPALIVE:
      case SO_BROADCAST:
        return this.#flags.get(option) ?? 0;
      case SO_LINGER:
        return new Uint8Array(new Int32Array([this.#lingers ? 1 : 0, this.#lingerSeconds]).buffer);
      case SO_RCVTIMEO:
        return encodeTimeout(this.receiveTimeout);
      case SO_SNDTIMEO:
        return encodeTimeout(this.sendTimeout);
      case SO_PEERCRED: {
        const { pid, uid, gid } = this.peerCredentials;
        return new Uint8Array(new Uint32Array([pid, uid, gid]).buffer);
      }
      default:
        return null;
    }
  }

  override read(task: Task, io: IoBuffer): number {
    const result = this.receive(task, io, scratchMessage, 0);
    // At once: whoever waits for the end of a pipe should not have to wait for the next read.
    scratchMessage.clear();
    return result;
  }
  override write(task: Task, io: IoBuffer): number {
    return this.send(task, io, null, NO_CONTROL, 0);
  }
}

/** For read(2): what else came with the bytes is dropped. */
class DroppedMessage extends ReceivedMessage {
  override clear(): this {
    for (const file of this.files) file.decRef();
    return super.clear();
  }
}
const scratchMessage = new DroppedMessage();
export const NO_CONTROL: SentControl = { files: [], credentials: null };
export const SOCKET_MODE = S_IFSOCK | 0o777;

/** What Linux makes of SO_SNDBUF and SO_RCVBUF: doubled, and at most twice net.core.wmem_max. */
function bufferSize(wanted: number): number {
  return Math.min(wanted >>> 0, MAX_BUFFER) * 2;
}
function encodeTimeout(timeout: number): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  const ns = timeout === NEVER ? 0 : timeout;
  view.setUint32(0, Math.floor(ns / 1e9), true);
  view.setUint32(8, Math.floor((ns % 1e9) / 1e3), true);
  return bytes;
}
