import {
  AF_UNIX,
  EADDRINUSE,
  EAGAIN,
  ECONNREFUSED,
  ECONNRESET,
  EEXIST,
  EFAULT,
  EINVAL,
  EISCONN,
  EMSGSIZE,
  ENOBUFS,
  ENOTCONN,
  EOPNOTSUPP,
  EPERM,
  EPIPE,
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLRDHUP,
  EPOLLRDNORM,
  EPOLLWRBAND,
  EPOLLWRNORM,
  EPROTOTYPE,
  FIONREAD,
  MSG_NOSIGNAL,
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITALL,
  S_IFSOCK,
  SIGPIPE,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  TIOCOUTQ,
} from '@sbx/abi';
import type { IoBuffer } from '../io/io-buffer.js';
import type { Task } from '../task/task.js';
import { makeNode } from '../vfs/directory-operations.js';
import type { FileDescription } from '../vfs/file-description.js';
import type { Inode } from '../vfs/inode.js';
import { inodePermission, MAY_WRITE } from '../vfs/permission.js';
import type { SyscallResult } from '../wait/blocking.js';
import { WaitQueue } from '../wait/wait-queue.js';
import { mayBeGarbage, type Queueing } from './in-flight.js';
import { chargeFor, MESSAGE_OVERHEAD, type Message, MessageQueue } from './message-queue.js';
import { type PeerCredentials, type ReceivedMessage, type SentControl, Socket } from './socket.js';

const SIOCOUTQ = TIOCOUTQ;
const FAMILY_SIZE = 2;
const PATH_SIZE = 108;
/** Longest piece of a stream that is queued as one message. */
const STREAM_PIECE = 32768;
const MAX_BACKLOG = 4096;
/** Datagrams that wait at a socket before senders have to (net.unix.max_dgram_qlen). */
const MAX_DATAGRAMS = 10;
const SHUT_READ = 1;
const SHUT_WRITE = 2;
const UNNAMED = new Uint8Array([AF_UNIX, 0]);

/** The abstract names of a sandbox: byte strings after the leading zero. */
export class AbstractNames {
  readonly #sockets = new Map<string, UnixSocket>();
  #next = 0;
  get(name: string): UnixSocket | undefined {
    return this.#sockets.get(name);
  }
  set(name: string, socket: UnixSocket): void {
    this.#sockets.set(name, socket);
  }
  delete(name: string): void {
    this.#sockets.delete(name);
  }
  /** A free name of five hexadecimal digits (autobind, unix(7)). */
  automatic(): string {
    do this.#next = (this.#next + 1) % 2 ** 20;
    while (this.#sockets.has(this.#next.toString(16).padStart(5, '0')));
    return this.#next.toString(16).padStart(5, '0');
  }
  /** For /proc/net/unix. */
  entries(): Iterable<[string, UnixSocket]> {
    return this.#sockets.entries();
  }
}

/** What a message says of its sender, if the sender doesn't; a connection says the effective ids. */
function senderOf(task: Task): PeerCredentials {
  return { pid: task.threadGroup.id, uid: task.credentials.ruid, gid: task.credentials.rgid };
}
function credentialsOf(task: Task): PeerCredentials {
  return { pid: task.threadGroup.id, uid: task.credentials.euid, gid: task.credentials.egid };
}

/** An AF_UNIX socket (unix(7)): stream, datagram or sequenced packets. */
export class UnixSocket extends Socket implements Queueing {
  readonly #queue = new WaitQueue();
  readonly #incoming = new MessageQueue();
  /** Bytes that this socket has sent and nobody has received (with overhead): bounded by its send buffer. */
  #inFlight = 0;
  #peer: UnixSocket | null = null;
  /** The peer was there and is gone. */
  #peerGone = false;
  #released = false;
  /** A connection that nobody accepted yet. */
  #embryo = false;
  /** Datagram sockets that found this one's queue full, and those whose queues this one found full. */
  #waitingSenders: Set<UnixSocket> | null = null;
  #waitsFor: Set<UnixSocket> | null = null;
  #shutdown = 0;
  #error = 0;
  #name: Uint8Array = UNNAMED;
  #peerName: Uint8Array = UNNAMED;
  #abstract: string | null = null;
  #inode: Inode | null = null;
  #backlog = -1;
  #pending: UnixSocket[] = [];
  #credentials: PeerCredentials = { pid: 0, uid: 0xffffffff, gid: 0xffffffff };
  readonly #names: AbstractNames;

  constructor(task: Task, type: number, flags: number) {
    super(AF_UNIX, type, 0, flags);
    this.#names = task.kernel.abstractNames;
    const { sockfs } = task.kernel.vfs;
    sockfs.attach(sockfs.newInode(task, S_IFSOCK | 0o777, 'socket'), this);
  }

  /** Connects two new sockets with each other (socketpair(2)). */
  static pair(task: Task, a: UnixSocket, b: UnixSocket): void {
    a.#peer = b;
    b.#peer = a;
    a.#credentials = b.#credentials = credentialsOf(task);
  }

  override get waitQueue(): WaitQueue {
    return this.#queue;
  }
  override get isListening(): boolean {
    return this.#backlog >= 0;
  }
  override get peerCredentials(): PeerCredentials {
    return this.#credentials;
  }
  override takeError(): number {
    const error = this.#error;
    this.#error = 0;
    return error;
  }
  get #isConnectionBased(): boolean {
    return this.type !== SOCK_DGRAM;
  }

  override poll(): number {
    if (this.#backlog >= 0) return this.#pending.length > 0 ? EPOLLIN | EPOLLRDNORM : 0;
    let events = 0;
    const connected = this.#isConnectionBased;
    const readClosed = (this.#shutdown & SHUT_READ) !== 0 || (connected && this.#peerGone);
    if (this.#error !== 0) events |= EPOLLERR;
    if (this.#incoming.length > 0 || readClosed) events |= EPOLLIN | EPOLLRDNORM;
    if (readClosed) events |= EPOLLRDHUP;
    if (this.#shutdown === (SHUT_READ | SHUT_WRITE) || (connected && this.#peer === null)) events |= EPOLLHUP;
    if (this.#hasRoom && !this.#mustWaitFor(this.#peer)) events |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
    return events;
  }
  /** Whether a datagram to `target` would have to wait (max_dgram_qlen); then this socket's queue is woken once it does not. */
  #mustWaitFor(target: UnixSocket | null): boolean {
    if (target === null || this.#isConnectionBased || target === this || target.#peer === this) return false;
    if (target.#incoming.length <= MAX_DATAGRAMS || target.#released) return false;
    (target.#waitingSenders ??= new Set()).add(this);
    (this.#waitsFor ??= new Set()).add(target);
    return true;
  }
  #wakeSenders(): void {
    if (this.#waitingSenders === null) return;
    const senders = this.#waitingSenders;
    this.#waitingSenders = null;
    for (const sender of senders) {
      sender.#waitsFor!.delete(this);
      sender.#queue.wake(EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
    }
  }
  /** Linux calls a socket writable while a quarter of its buffer is used at most. */
  get #hasRoom(): boolean {
    return this.#inFlight * 4 <= this.sendBuffer;
  }

  override bind(task: Task, address: Uint8Array): number {
    if (address.length < FAMILY_SIZE || address.length > FAMILY_SIZE + PATH_SIZE || address[0] !== AF_UNIX || address[1] !== 0)
      return -EINVAL;
    if (this.#name !== UNNAMED) return address.length === FAMILY_SIZE ? 0 : -EINVAL;
    if (address.length === FAMILY_SIZE || address[FAMILY_SIZE] === 0) return this.#bindAbstract(address);
    const path = pathOf(address);
    const { fs } = task;
    const result = makeNode(task, fs.cwdMount, fs.cwdDentry, path, S_IFSOCK | 0o777, 0);
    if (result < 0) return result === -EEXIST ? -EADDRINUSE : result;
    const place = task.kernel.vfs.resolve(task, path, 0);
    if (typeof place === 'number') return place;
    this.#inode = place.dentry.inode!;
    this.#inode.endpoint = this;
    this.#inode.incRef();
    this.#name = withTerminator(address);
    return 0;
  }

  #bindAbstract(address: Uint8Array): number {
    const name = address.length === FAMILY_SIZE ? this.#names.automatic() : latin1(address.subarray(FAMILY_SIZE + 1));
    if (this.#names.get(name) !== undefined) return -EADDRINUSE;
    this.#names.set(name, this);
    this.#abstract = name;
    this.#name = address.length === FAMILY_SIZE ? abstractAddress(name) : address.slice();
    return 0;
  }

  /** The socket that an address names: -ECONNREFUSED when nobody is there. */
  #find(task: Task, address: Uint8Array): UnixSocket | number {
    if (address.length <= FAMILY_SIZE || address.length > FAMILY_SIZE + PATH_SIZE || address[0] !== AF_UNIX) return -EINVAL;
    let found: object | null | undefined;
    if (address[FAMILY_SIZE] === 0) found = this.#names.get(latin1(address.subarray(FAMILY_SIZE + 1)));
    else {
      const place = task.kernel.vfs.resolve(task, pathOf(address));
      if (typeof place === 'number') return place;
      const inode = place.dentry.inode!;
      const allowed = inodePermission(task, inode, MAY_WRITE);
      if (allowed < 0) return allowed;
      if ((inode.mode & 0o170000) !== S_IFSOCK) return -ECONNREFUSED;
      found = inode.endpoint;
    }
    if (!(found instanceof UnixSocket)) return -ECONNREFUSED;
    return found.type === this.type ? found : -EPROTOTYPE;
  }

  override connect(task: Task, address: Uint8Array): SyscallResult {
    if (this.type === SOCK_DGRAM) return this.#connectDatagram(task, address);
    const listener = this.#find(task, address);
    if (typeof listener === 'number') return listener;
    if (listener.#backlog < 0 || (listener.#shutdown & SHUT_READ) !== 0) return -ECONNREFUSED;
    if (listener.#pending.length > listener.#backlog) return -EAGAIN;
    if (this.#backlog >= 0) return -EINVAL;
    if (this.#peer !== null || this.#peerGone) return -EISCONN;
    const server = new UnixSocket(task, this.type, 0);
    server.#embryo = true;
    server.#name = listener.#name;
    server.#peer = this;
    server.#peerName = this.#name;
    server.#credentials = credentialsOf(task);
    this.#peer = server;
    this.#peerName = listener.#name;
    this.#credentials = listener.#credentials;
    listener.#pending.push(server);
    listener.#queue.wake(EPOLLIN | EPOLLRDNORM, 1);
    this.#queue.wake(EPOLLOUT);
    return 0;
  }

  /** What a connect that found the backlog full waits on. */
  backlogQueue(task: Task, address: Uint8Array): WaitQueue | null {
    const listener = this.#find(task, address);
    return typeof listener === 'number' ? null : listener.#queue;
  }

  #connectDatagram(task: Task, address: Uint8Array): number {
    if (address.length >= FAMILY_SIZE && address[0] === 0 && address[1] === 0) {
      this.#disconnect();
      return 0;
    }
    const target = this.#find(task, address);
    if (typeof target === 'number') return target;
    if (target.#peer !== null && target.#peer !== this) return -EPERM;
    this.#peer = target;
    this.#peerName = target.#name;
    this.#peerGone = false;
    this.#queue.wake(EPOLLOUT);
    return 0;
  }
  #disconnect(): void {
    this.#peer = null;
    this.#peerGone = false;
    this.#peerName = UNNAMED;
  }

  override listen(task: Task, backlog: number): number {
    if (this.type === SOCK_DGRAM) return -EOPNOTSUPP;
    if (this.#name === UNNAMED || this.#peer !== null) return -EINVAL;
    this.#backlog = Math.min(backlog < 0 ? MAX_BACKLOG : backlog, MAX_BACKLOG);
    this.#credentials = credentialsOf(task);
    return 0;
  }

  override accept(): UnixSocket | number {
    if (this.type === SOCK_DGRAM) return -EOPNOTSUPP;
    if (this.#backlog < 0) return -EINVAL;
    const next = this.#pending.shift();
    if (next === undefined) return (this.#shutdown & SHUT_READ) !== 0 ? -EINVAL : -EAGAIN;
    next.#embryo = false;
    this.#queue.wake(EPOLLOUT);
    return next;
  }

  override getName(): Uint8Array {
    return this.#name;
  }
  override getPeerName(): Uint8Array | number {
    return this.#peer === null && !this.#peerGone ? -ENOTCONN : this.#peerName;
  }

  override shutdown(how: number): number {
    if (how < 0 || how > 2) return -EINVAL;
    const mode = how + 1;
    this.#shutdown |= mode;
    const peer = this.#peer;
    if (peer !== null && this.#isConnectionBased) {
      if ((mode & SHUT_READ) !== 0) peer.#shutdown |= SHUT_WRITE;
      if ((mode & SHUT_WRITE) !== 0) peer.#shutdown |= SHUT_READ;
      peer.#wakeAll();
    }
    this.#wakeAll();
    return 0;
  }
  #wakeAll(): void {
    this.#queue.wake(EPOLLIN | EPOLLOUT | EPOLLHUP | EPOLLRDHUP | EPOLLRDNORM | EPOLLWRNORM | EPOLLERR);
  }

  override send(task: Task, io: IoBuffer, address: Uint8Array | null, control: SentControl, flags: number): number {
    if ((flags & MSG_OOB) !== 0) return -EOPNOTSUPP;
    return this.#isConnectionBased
      ? this.#sendConnected(task, io, address, control, flags)
      : this.#sendDatagram(task, io, address, control);
  }

  #sendConnected(task: Task, io: IoBuffer, address: Uint8Array | null, control: SentControl, flags: number): number {
    if (address !== null && this.type === SOCK_STREAM) return this.#peer !== null ? -EISCONN : -EOPNOTSUPP;
    const peer = this.#peer;
    if (peer === null && !this.#peerGone) return -ENOTCONN;
    if (peer === null || (this.#shutdown & SHUT_WRITE) !== 0 || (peer.#shutdown & SHUT_READ) !== 0) {
      if ((flags & MSG_NOSIGNAL) === 0 && this.type === SOCK_STREAM) task.kernel.signalTask(task, SIGPIPE);
      return -EPIPE;
    }
    if (this.type === SOCK_SEQPACKET) {
      if (io.remaining > this.sendBuffer) return -EMSGSIZE;
      return this.#post(task, io, io.remaining, peer, control) ?? io.result;
    }
    if (io.remaining === 0) {
      for (const file of control.files) file.decRef();
      return 0;
    }
    let rest = control;
    do {
      const room = this.sendBuffer - this.#inFlight;
      if (room <= MESSAGE_OVERHEAD && this.#inFlight > 0) return io.done > 0 ? io.done : -EAGAIN;
      const failed = this.#post(task, io, Math.min(io.remaining, STREAM_PIECE, Math.max(room - MESSAGE_OVERHEAD, 1)), peer, rest);
      if (failed !== null) return io.done > 0 ? io.done : failed;
      rest = { files: [], credentials: control.credentials };
    } while (io.remaining > 0 && !io.faulted);
    return io.result;
  }

  #sendDatagram(task: Task, io: IoBuffer, address: Uint8Array | null, control: SentControl): number {
    if (this.passCredentials && this.#name === UNNAMED) this.#bindAbstract(UNNAMED);
    let target = this.#peer;
    if (address !== null) {
      const found = this.#find(task, address);
      if (typeof found === 'number') return found;
      target = found;
    } else if (target === null ? this.#peerGone : target.#released) {
      this.#disconnect();
      return -ECONNREFUSED;
    }
    if (target === null) return -ENOTCONN;
    if (io.remaining > this.sendBuffer) return -EMSGSIZE;
    if (target.#peer !== null && target.#peer !== this) return -EPERM;
    if ((this.#shutdown & SHUT_WRITE) !== 0 || (target.#shutdown & SHUT_READ) !== 0) return -EPIPE;
    if (this.#mustWaitFor(target)) return -EAGAIN;
    return this.#post(task, io, io.remaining, target, control) ?? io.result;
  }

  /** Queues one message of `length` bytes at `target`: null, or -errno. */
  #post(task: Task, io: IoBuffer, length: number, target: UnixSocket, control: SentControl): number | null {
    const cost = length + MESSAGE_OVERHEAD;
    if (this.#inFlight > 0 && this.#inFlight + cost > this.sendBuffer + MESSAGE_OVERHEAD) return -EAGAIN;
    const charge = chargeFor(length, control.files.length);
    if (charge < 0) return -ENOBUFS;
    const bytes = new Uint8Array(length);
    const before = io.done;
    if (io.get(bytes, 0, length) < length) {
      // A message that can't be read whole is none: nothing of it was sent, and its descriptions stay with the caller.
      io.done = before;
      return -EFAULT;
    }
    this.#inFlight += cost;
    const message: Message = {
      bytes,
      read: 0,
      charge,
      files: [...control.files],
      credentials: control.credentials ?? senderOf(task),
      from: this.#name,
      taken: (size) => {
        this.#inFlight -= size;
        if (this.#hasRoom) this.#queue.wake(EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
      },
    };
    target.#incoming.push(message);
    target.#queue.wake(EPOLLIN | EPOLLRDNORM);
    return null;
  }

  override receive(_task: Task, io: IoBuffer, message: ReceivedMessage, flags: number): number {
    if ((flags & MSG_OOB) !== 0) return -EOPNOTSUPP;
    if (this.#isConnectionBased && this.#peer === null && !this.#peerGone && this.#incoming.length === 0) {
      return this.type === SOCK_STREAM ? -EINVAL : -ENOTCONN;
    }
    const first = this.#incoming.first;
    if (first === undefined) {
      if (this.#error !== 0) return -this.takeError();
      return (this.#shutdown & SHUT_READ) !== 0 || (this.#isConnectionBased && this.#peerGone) ? 0 : -EAGAIN;
    }
    return this.type === SOCK_STREAM ? this.#receiveStream(io, message, flags) : this.#receivePacket(io, message, flags, first);
  }

  #receivePacket(io: IoBuffer, out: ReceivedMessage, flags: number, message: Message): number {
    const { length } = message.bytes;
    const moved = io.put(message.bytes, 0, Math.min(length, io.remaining));
    out.address = this.type === SOCK_DGRAM && message.from !== UNNAMED ? message.from : new Uint8Array(0);
    out.credentials = message.credentials;
    out.fullLength = length;
    if (moved < length && !io.faulted) out.flags |= MSG_TRUNC;
    this.#giveFiles(out, message, flags);
    if ((flags & MSG_PEEK) === 0) {
      this.#incoming.shift();
      if (this.#incoming.length <= MAX_DATAGRAMS) this.#wakeSenders();
    }
    return io.faulted ? io.result : (flags & MSG_TRUNC) !== 0 ? length : moved;
  }

  /** A stream reads across messages, but not past one that carries descriptors, nor into another sender's when credentials are asked for. */
  #receiveStream(io: IoBuffer, out: ReceivedMessage, flags: number): number {
    const peek = (flags & MSG_PEEK) !== 0;
    let index = 0;
    for (let message = this.#incoming.first; message !== undefined && io.remaining > 0; message = this.#incoming.at(index)) {
      if (out.credentials !== null && this.passCredentials && !sameCredentials(out.credentials, message.credentials)) break;
      out.credentials = message.credentials;
      const hadFiles = message.files.length > 0;
      const moved = io.put(message.bytes, message.read, message.bytes.length - message.read);
      if (io.faulted && moved === 0) break;
      this.#giveFiles(out, message, flags);
      if (peek) index++;
      else {
        this.#incoming.consume(moved);
        if (message.read < message.bytes.length) break;
        this.#incoming.shift();
      }
      if (hadFiles) break;
    }
    if (io.remaining > 0 && (flags & MSG_WAITALL) !== 0 && !peek && !io.faulted && !this.#peerGone && (this.#shutdown & SHUT_READ) === 0)
      return -EAGAIN;
    return io.result;
  }

  /** Hands descriptors to the receiver; a peek gives copies. */
  #giveFiles(out: ReceivedMessage, message: Message, flags: number): void {
    if (message.files.length === 0) return;
    if ((flags & MSG_PEEK) === 0) {
      out.files = this.#incoming.takeFiles(message);
      return;
    }
    for (const file of message.files) file.incRef();
    out.files = [...message.files];
  }

  override flush(): number {
    mayBeGarbage();
    return 0;
  }
  *queuedFiles(): Iterable<FileDescription> {
    yield* this.#incoming.files();
    for (const embryo of this.#pending) yield* embryo.queuedFiles();
  }
  dropQueue(): void {
    this.#incoming.clear();
    for (const embryo of this.#pending) embryo.dropQueue();
  }

  override ioctl(task: Task, command: number, argument: number): SyscallResult {
    if (command === FIONREAD) {
      const bytes = this.type === SOCK_STREAM ? this.#incoming.bytes : (this.#incoming.first?.bytes.length ?? 0);
      return task.mm.writeUint32(argument, bytes) < 0 ? -EFAULT : 0;
    }
    if (command === SIOCOUTQ) return task.mm.writeUint32(argument, this.#inFlight) < 0 ? -EFAULT : 0;
    return super.ioctl(task, command, argument);
  }

  protected override release(): void {
    if (this.#abstract !== null) this.#names.delete(this.#abstract);
    if (this.#inode !== null) {
      if (this.#inode.endpoint === this) this.#inode.endpoint = null;
      this.#inode.decRef();
    }
    this.#released = true;
    const hadUnread = this.#incoming.length > 0 || this.#embryo;
    this.#incoming.clear();
    this.#wakeSenders();
    for (const target of this.#waitsFor ?? []) target.#waitingSenders?.delete(this);
    mayBeGarbage();
    for (const waiting of this.#pending) waiting.decRef();
    this.#pending = [];
    const peer = this.#peer;
    if (peer !== null && peer.#peer === this) {
      peer.#peer = null;
      peer.#peerGone = true;
      if (hadUnread && this.#isConnectionBased) peer.#error = ECONNRESET;
      peer.#wakeAll();
    }
    this.#peer = null;
  }
}

function sameCredentials(a: PeerCredentials, b: PeerCredentials): boolean {
  return a.pid === b.pid && a.uid === b.uid && a.gid === b.gid;
}
function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}
function pathOf(address: Uint8Array): string {
  return latin1(address.subarray(FAMILY_SIZE)).split('\0')[0];
}
/** A path address as getsockname gives it: with its terminating zero. */
function withTerminator(address: Uint8Array): Uint8Array {
  const length = FAMILY_SIZE + pathOf(address).length;
  const copy = new Uint8Array(length + 1);
  copy.set(address.subarray(0, length));
  return copy;
}
function abstractAddress(name: string): Uint8Array {
  return Uint8Array.from([AF_UNIX, 0, 0, ...Buffer.from(name, 'latin1')]);
}
