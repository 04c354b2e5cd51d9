import {
  AF_UNIX,
  EAFNOSUPPORT,
  EAGAIN,
  EBADF,
  EFAULT,
  EINTR,
  EINVAL,
  EMSGSIZE,
  ENOBUFS,
  ENOPROTOOPT,
  ENOTSOCK,
  EOPNOTSUPP,
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPROTONOSUPPORT,
  ESOCKTNOSUPPORT,
  MSG_CMSG_CLOEXEC,
  MSG_DONTWAIT,
  MSG_WAITFORONE,
  O_NONBLOCK,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  SOL_SOCKET,
} from '@sbx/abi';
import type { ContextPage } from '@sbx/platform';
import { installAnonymous } from '../fs/anon/install.js';
import { full, partial, type SyscallEntry } from '../syscalls/entry.js';
import type { Task } from '../task/task.js';
import * as timespec from '../time/timespec.js';
import { readTimespec } from '../time/timespec.js';
import { isUserRange, MAX_TRANSFER } from '../vfs/arguments.js';
import { type Blocking, INTERRUPTED, type SyscallResult, TIMED_OUT } from '../wait/blocking.js';
import { ERESTARTSYS } from '../wait/restart.js';
import type { WaitQueue } from '../wait/wait-queue.js';
import { MAX_CONTROL, parseControl, storeControl } from './control-messages.js';
import { NO_CONTROL, ReceivedMessage, type SentControl, Socket } from './socket.js';
import { UnixSocket } from './unix-socket.js';

const ADDRESS_SIZE = 128;
const MSGHDR_SIZE = 56;
const MMSGHDR_SIZE = 64;
const MAX_IOVECS = 1024;
const MAX_MESSAGES = 1024;
const TYPE_MASK = 0xf;
const NET_ONLY_UNIX = 'AF_UNIX only; other families give EAFNOSUPPORT';
const READ = EPOLLIN | EPOLLHUP | EPOLLERR;
const WRITE = EPOLLOUT | EPOLLHUP | EPOLLERR;
const scratch = new Uint8Array(Math.max(ADDRESS_SIZE, MSGHDR_SIZE));
const view = new DataView(scratch.buffer);

function socketArg(task: Task, args: ContextPage): Socket | number {
  const file = task.files.getReal(args.argInt32(0));
  if (file === null) return -EBADF;
  return file instanceof Socket ? file : -ENOTSOCK;
}

/** Checks domain, type and protocol, and makes a socket with one reference. */
function makeSocket(task: Task, domain: number, typeFlags: number, protocol: number): Socket | number {
  const type = typeFlags & TYPE_MASK;
  if ((typeFlags & ~(TYPE_MASK | SOCK_CLOEXEC | SOCK_NONBLOCK)) !== 0) return -EINVAL;
  if (domain < 0 || domain >= 46 || domain !== AF_UNIX) return -EAFNOSUPPORT;
  if (type > 10) return -EINVAL;
  if (protocol !== 0 && protocol !== AF_UNIX) return -EPROTONOSUPPORT;
  // Linux takes a raw socket of this family as a datagram one.
  const real = type === SOCK_RAW ? SOCK_DGRAM : type;
  if (real !== SOCK_STREAM && real !== SOCK_DGRAM && real !== SOCK_SEQPACKET) return -ESOCKTNOSUPPORT;
  return new UnixSocket(task, real, typeFlags & SOCK_NONBLOCK);
}

function sysSocket(task: Task, args: ContextPage): number {
  const type = args.argInt32(1);
  const socket = makeSocket(task, args.argInt32(0), type, args.argInt32(2));
  return typeof socket === 'number' ? socket : installAnonymous(task, socket, (type & SOCK_CLOEXEC) !== 0);
}

function sysSocketpair(task: Task, args: ContextPage): number {
  const type = args.argInt32(1);
  const a = makeSocket(task, args.argInt32(0), type, args.argInt32(2));
  if (typeof a === 'number') return a;
  const b = makeSocket(task, args.argInt32(0), type, args.argInt32(2)) as UnixSocket;
  UnixSocket.pair(task, a as UnixSocket, b);
  const closeOnExec = (type & SOCK_CLOEXEC) !== 0;
  const first = installAnonymous(task, a, closeOnExec);
  if (first < 0) {
    b.decRef();
    return first;
  }
  const second = installAnonymous(task, b, closeOnExec);
  if (second < 0) {
    task.files.close(task, first);
    return second;
  }
  view.setInt32(0, first, true);
  view.setInt32(4, second, true);
  if (task.mm.copyOut(args.argAddress(3), scratch, 8) === 8) return 0;
  task.files.close(task, first);
  task.files.close(task, second);
  return -EFAULT;
}

/** Reads a `struct sockaddr`: its bytes, or -errno. */
function readAddress(task: Task, address: number, length: number): Uint8Array | number {
  if (length < 0 || length > ADDRESS_SIZE) return -EINVAL;
  const bytes = new Uint8Array(length);
  return task.mm.copyIn(address, bytes, length) === length ? bytes : -EFAULT;
}

/** Stores an address and its length, cut to the room that the program says it has. `lengthAddress` 0: nothing is wanted. */
function storeAddress(task: Task, bytes: Uint8Array, address: number, lengthAddress: number): number {
  if (address === 0) return 0;
  if (task.mm.copyIn(lengthAddress, scratch, 4) !== 4) return -EFAULT;
  const room = view.getInt32(0, true);
  if (room < 0) return -EINVAL;
  const used = Math.min(room, bytes.length);
  if (task.mm.copyOut(address, bytes, used) !== used) return -EFAULT;
  view.setInt32(0, bytes.length, true);
  return task.mm.copyOut(lengthAddress, scratch, 4) === 4 ? 0 : -EFAULT;
}

/** Runs `attempt` until it does not say -EAGAIN: waits on `queue` unless told not to, at most `timeout` nanoseconds. */
function untilReady(
  task: Task,
  socket: Socket,
  queue: WaitQueue,
  events: number,
  nowait: boolean,
  timeout: number,
  attempt: () => number,
): SyscallResult {
  const result = attempt();
  if (result !== -EAGAIN || nowait || (socket.flags & O_NONBLOCK) !== 0 || timeout === 0) return result;
  return waitUntilReady(task, socket, queue, events, timeout, attempt);
}

function* waitUntilReady(task: Task, socket: Socket, queue: WaitQueue, events: number, timeout: number, attempt: () => number): Blocking {
  const deadline = task.kernel.clock.monotonic() + timeout;
  socket.incRef();
  try {
    for (;;) {
      const why = yield task.wait.on(queue, events, deadline);
      // With a timeout (SO_RCVTIMEO, SO_SNDTIMEO) the call is not made again: it would wait too long (sock_intr_errno).
      if (why === INTERRUPTED) return timeout === Number.POSITIVE_INFINITY ? -ERESTARTSYS : -EINTR;
      const result = attempt();
      if (result !== -EAGAIN) return result;
      if (why === TIMED_OUT) return -EAGAIN;
    }
  } finally {
    socket.decRef();
  }
}

function sysBind(task: Task, args: ContextPage): number {
  const socket = socketArg(task, args);
  if (typeof socket === 'number') return socket;
  const address = readAddress(task, args.argAddress(1), args.argInt32(2));
  return typeof address === 'number' ? address : socket.bind(task, address);
}

function sysConnect(task: Task, args: ContextPage): SyscallResult {
  const socket = socketArg(task, args);
  if (typeof socket === 'number') return socket;
  const address = readAddress(task, args.argAddress(1), args.argInt32(2));
  if (typeof address === 'number') return address;
  const attempt = (): number => socket.connect(task, address) as number;
  const result = attempt();
  if (result !== -EAGAIN || (socket.flags & O_NONBLOCK) !== 0 || !(socket instanceof UnixSocket)) return result;
  const queue = socket.backlogQueue(task, address);
  return queue === null ? result : waitUntilReady(task, socket, queue, EPOLLOUT, socket.sendTimeout, attempt);
}

function sysListen(task: Task, args: ContextPage): number {
  const socket = socketArg(task, args);
  return typeof socket === 'number' ? socket : socket.listen(task, args.argInt32(1));
}

function accept(task: Task, args: ContextPage, flags: number): SyscallResult {
  if ((flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) !== 0) return -EINVAL;
  const socket = socketArg(task, args);
  if (typeof socket === 'number') return socket;
  const address = args.argAddress(1);
  const lengthAddress = args.argAddress(2);
  return untilReady(task, socket, socket.waitQueue!, READ, false, socket.receiveTimeout, () => {
    const accepted = socket.accept();
    if (typeof accepted === 'number') return accepted;
    accepted.flags |= flags & SOCK_NONBLOCK;
    const fd = installAnonymous(task, accepted, (flags & SOCK_CLOEXEC) !== 0);
    if (fd < 0) return fd;
    const peer = accepted.getPeerName();
    const stored = storeAddress(task, typeof peer === 'number' ? new Uint8Array(0) : peer, address, lengthAddress);
    if (stored >= 0) return fd;
    task.files.close(task, fd);
    return stored;
  });
}

function sysGetsockname(task: Task, args: ContextPage): number {
  const socket = socketArg(task, args);
  if (typeof socket === 'number') return socket;
  return args.argAddress(1) === 0 ? -EFAULT : storeAddress(task, socket.getName(), args.argAddress(1), args.argAddress(2));
}
function sysGetpeername(task: Task, args: ContextPage): number {
  const socket = socketArg(task, args);
  if (typeof socket === 'number') return socket;
  const name = socket.getPeerName();
  if (typeof name === 'number') return name;
  return args.argAddress(1) === 0 ? -EFAULT : storeAddress(task, name, args.argAddress(1), args.argAddress(2));
}
function sysShutdown(task: Task, args: ContextPage): number {
  const socket = socketArg(task, args);
  return typeof socket === 'number' ? socket : socket.shutdown(args.argInt32(1));
}

function send(task: Task, socket: Socket, address: Uint8Array | null, control: SentControl, flags: number): SyscallResult {
  const { io } = task;
  const nowait = (flags & MSG_DONTWAIT) !== 0;
  let rest = control;
  const attempt = (): number => {
    const before = io.done;
    const result = socket.send(task, io, address, rest, flags);
    if (io.done > before) rest = NO_CONTROL;
    // A blocking stream send goes on until everything is on its way.
    if (result >= 0 && io.remaining > 0 && !io.faulted && socket.continuesWrites && !nowait && (socket.flags & O_NONBLOCK) === 0)
      return -EAGAIN;
    return result < 0 && io.done > 0 ? io.done : result;
  };
  const result = untilReady(task, socket, socket.waitQueue!, WRITE, nowait, socket.sendTimeout, attempt);
  return typeof result === 'number' ? finishSend(result, control, io.done) : afterSend(task, result, control);
}
function* afterSend(task: Task, rest: Blocking, control: SentControl): Blocking {
  const result = yield* rest;
  return finishSend(result < 0 && task.io.done > 0 ? task.io.done : result, control, task.io.done);
}
/** Descriptors that did not go out are given back. */
function finishSend(result: number, control: SentControl, done: number): number {
  if (result < 0 && done === 0) for (const file of control.files) file.decRef();
  return result;
}

function sysSendto(task: Task, args: ContextPage): SyscallResult {
  const socket = socketArg(task, args);
  if (typeof socket === 'number') return socket;
  const length = args.argSize(2);
  if (!isUserRange(args.argAddress(1), length)) return -EFAULT;
  let address: Uint8Array | null = null;
  if (args.argAddress(4) !== 0) {
    const read = readAddress(task, args.argAddress(4), args.argInt32(5));
    if (typeof read === 'number') return read;
    address = read;
  }
  task.io.setUser(task.mm, args.argAddress(1), Math.min(length, MAX_TRANSFER));
  return send(task, socket, address, NO_CONTROL, args.argUint32(3));
}

/** A `struct msghdr` in numbers. */
interface Header {
  name: number;
  nameLength: number;
  control: number;
  controlLength: number;
}

function word(offset: number): number {
  const high = view.getUint32(offset + 4, true);
  return high < 2 ** 15 ? high * 2 ** 32 + view.getUint32(offset, true) : -1;
}

/** Reads a msghdr and puts its buffers into `task.io`. */
function readHeader(task: Task, at: number): Header | number {
  if (task.mm.copyIn(at, scratch, MSGHDR_SIZE) !== MSGHDR_SIZE) return -EFAULT;
  const header = { name: word(0), nameLength: view.getInt32(8, true), control: word(32), controlLength: word(40) };
  const iov = word(16);
  const count = word(24);
  if (count < 0 || count > MAX_IOVECS) return -EMSGSIZE;
  if (header.name === 0) header.nameLength = 0;
  if (header.nameLength < 0) return -EINVAL;
  const bytes = new Uint8Array(count * 16);
  if (count > 0 && task.mm.copyIn(iov, bytes, bytes.length) !== bytes.length) return -EFAULT;
  const iovs = new DataView(bytes.buffer);
  const { io } = task;
  io.reset(task.mm);
  for (let i = 0; i < count; i++) {
    const high = iovs.getUint32(i * 16 + 4, true);
    const lengthHigh = iovs.getUint32(i * 16 + 12, true);
    const base = high < 2 ** 15 ? high * 2 ** 32 + iovs.getUint32(i * 16, true) : -1;
    const length = lengthHigh < 2 ** 21 ? lengthHigh * 2 ** 32 + iovs.getUint32(i * 16 + 8, true) : -1;
    if (length < 0) return -EINVAL;
    if (!isUserRange(base, length)) return -EFAULT;
    io.push(base, Math.min(length, MAX_TRANSFER - io.remaining));
  }
  return header;
}

function sendMessage(task: Task, socket: Socket, at: number, flags: number): SyscallResult {
  const header = readHeader(task, at);
  if (typeof header === 'number') return header;
  let address: Uint8Array | null = null;
  if (header.name !== 0 && header.nameLength > 0) {
    const read = readAddress(task, header.name, Math.min(header.nameLength, ADDRESS_SIZE));
    if (typeof read === 'number') return read;
    address = read;
  }
  let control: SentControl = NO_CONTROL;
  if (header.controlLength !== 0) {
    if (header.controlLength < 0 || header.controlLength > MAX_CONTROL) return -ENOBUFS;
    const bytes = new Uint8Array(header.controlLength);
    if (task.mm.copyIn(header.control, bytes, bytes.length) !== bytes.length) return -EFAULT;
    const parsed = parseControl(task, bytes);
    if (typeof parsed === 'number') return parsed;
    control = parsed;
  }
  return send(task, socket, address, control, flags);
}

function sysSendmsg(task: Task, args: ContextPage): SyscallResult {
  const socket = socketArg(task, args);
  return typeof socket === 'number' ? socket : sendMessage(task, socket, args.argAddress(1), args.argUint32(2));
}

/** Stores a message's length in its mmsghdr. */
function storeLength(task: Task, at: number, length: number): boolean {
  view.setUint32(0, length, true);
  return task.mm.copyOut(at + MSGHDR_SIZE, scratch, 4) === 4;
}

function* sysSendmmsg(task: Task, args: ContextPage): Blocking {
  const socket = socketArg(task, args);
  if (typeof socket === 'number') return socket;
  const vector = args.argAddress(1);
  const count = Math.min(args.argUint32(2), MAX_MESSAGES);
  const flags = args.argUint32(3);
  for (let i = 0; i < count; i++) {
    const at = vector + i * MMSGHDR_SIZE;
    const sent = sendMessage(task, socket, at, flags);
    const result = typeof sent === 'number' ? sent : yield* sent;
    if (result < 0) return i > 0 ? i : result;
    if (!storeLength(task, at, result)) return i > 0 ? i : -EFAULT;
  }
  return count;
}

function receive(task: Task, socket: Socket, message: ReceivedMessage, flags: number): SyscallResult {
  const { io } = task;
  const attempt = (): number => {
    const result = socket.receive(task, io, message, flags);
    return result < 0 && result !== -EAGAIN && io.done > 0 ? io.done : result;
  };
  const result = untilReady(task, socket, socket.waitQueue!, READ, (flags & MSG_DONTWAIT) !== 0, socket.receiveTimeout, attempt);
  if (typeof result === 'number') return result < 0 && io.done > 0 ? io.done : result;
  return partialReceive(task, result);
}
/** MSG_WAITALL that ends early gives what there is. */
function* partialReceive(task: Task, rest: Blocking): Blocking {
  const result = yield* rest;
  return result < 0 && task.io.done > 0 ? task.io.done : result;
}

function* withMessage(rest: Blocking, finish: (result: number) => number): Blocking {
  return finish(yield* rest);
}

function sysRecvfrom(task: Task, args: ContextPage): SyscallResult {
  const socket = socketArg(task, args);
  if (typeof socket === 'number') return socket;
  const length = args.argSize(2);
  if (!isUserRange(args.argAddress(1), length)) return -EFAULT;
  const address = args.argAddress(4);
  const lengthAddress = args.argAddress(5);
  const message = new ReceivedMessage();
  task.io.setUser(task.mm, args.argAddress(1), Math.min(length, MAX_TRANSFER));
  const result = receive(task, socket, message, args.argUint32(3));
  const finish = (received: number): number => {
    for (const file of message.files) file.decRef();
    if (received < 0) return received;
    const stored = storeAddress(task, message.address, address, lengthAddress);
    return stored < 0 ? stored : received;
  };
  return typeof result === 'number' ? finish(result) : withMessage(result, finish);
}

function receiveMessage(task: Task, socket: Socket, at: number, flags: number): SyscallResult {
  const header = readHeader(task, at);
  if (typeof header === 'number') return header;
  const message = new ReceivedMessage();
  const result = receive(task, socket, message, flags);
  const finish = (received: number): number => storeMessage(task, socket, at, header, message, flags, received);
  return typeof result === 'number' ? finish(result) : withMessage(result, finish);
}

function storeMessage(
  task: Task,
  socket: Socket,
  at: number,
  header: Header,
  message: ReceivedMessage,
  flags: number,
  received: number,
): number {
  if (received < 0) {
    for (const file of message.files) file.decRef();
    return received;
  }
  const closeOnExec = (flags & MSG_CMSG_CLOEXEC) !== 0;
  const room = header.control === 0 || header.controlLength < 0 ? 0 : header.controlLength;
  const used = storeControl(task, header.control, room, message, socket.passCredentials, closeOnExec);
  if (used < 0) return used;
  if (header.name !== 0) {
    const length = Math.min(header.nameLength, message.address.length);
    if (task.mm.copyOut(header.name, message.address, length) !== length) return -EFAULT;
    view.setUint32(0, message.address.length, true);
    if (task.mm.copyOut(at + 8, scratch, 4) !== 4) return -EFAULT;
  }
  view.setUint32(0, used, true);
  view.setUint32(4, 0, true);
  view.setUint32(8, message.flags | (flags & MSG_CMSG_CLOEXEC), true);
  return task.mm.copyOut(at + 40, scratch, 12) === 12 ? received : -EFAULT;
}

function sysRecvmsg(task: Task, args: ContextPage): SyscallResult {
  const socket = socketArg(task, args);
  return typeof socket === 'number' ? socket : receiveMessage(task, socket, args.argAddress(1), args.argUint32(2));
}

function* sysRecvmmsg(task: Task, args: ContextPage): Blocking {
  const socket = socketArg(task, args);
  if (typeof socket === 'number') return socket;
  const vector = args.argAddress(1);
  const count = Math.min(args.argUint32(2), MAX_MESSAGES);
  let flags = args.argUint32(3);
  const timeout = args.argAddress(4);
  let deadline = Number.POSITIVE_INFINITY;
  if (timeout !== 0) {
    const read = readTimespec(task, timeout);
    if (read < 0) return read;
    deadline = task.kernel.clock.monotonic() + timespec.duration;
  }
  for (let i = 0; i < count; i++) {
    const at = vector + i * MMSGHDR_SIZE;
    const got = receiveMessage(task, socket, at, flags & ~MSG_WAITFORONE);
    const result = typeof got === 'number' ? got : yield* got;
    if (result < 0) return i > 0 ? i : result;
    if (!storeLength(task, at, result)) return i > 0 ? i : -EFAULT;
    if ((flags & MSG_WAITFORONE) !== 0) flags |= MSG_DONTWAIT;
    if (task.kernel.clock.monotonic() >= deadline) return i + 1;
  }
  return count;
}

function sysSetsockopt(task: Task, args: ContextPage): number {
  const socket = socketArg(task, args);
  if (typeof socket === 'number') return socket;
  const length = args.argInt32(4);
  if (length < 0) return -EINVAL;
  if (args.argInt32(1) !== SOL_SOCKET) return -EOPNOTSUPP;
  if (length < 4) return -EINVAL;
  const used = Math.min(length, ADDRESS_SIZE);
  const bytes = new Uint8Array(used);
  if (task.mm.copyIn(args.argAddress(3), bytes, used) !== used) return -EFAULT;
  return socket.setOption(task, args.argInt32(2), new DataView(bytes.buffer));
}

function sysGetsockopt(task: Task, args: ContextPage): number {
  const socket = socketArg(task, args);
  if (typeof socket === 'number') return socket;
  const lengthAddress = args.argAddress(4);
  if (task.mm.copyIn(lengthAddress, scratch, 4) !== 4) return -EFAULT;
  const room = view.getInt32(0, true);
  if (room < 0) return -EINVAL;
  if (args.argInt32(1) !== SOL_SOCKET) return -EOPNOTSUPP;
  const value = socket.getOption(args.argInt32(2));
  if (value === null) return -ENOPROTOOPT;
  const bytes = typeof value === 'number' ? new Uint8Array(new Int32Array([value]).buffer) : value;
  const used = Math.min(room, bytes.length);
  if (task.mm.copyOut(args.argAddress(3), bytes, used) !== used) return -EFAULT;
  view.setInt32(0, used, true);
  return task.mm.copyOut(lengthAddress, scratch, 4) === 4 ? 0 : -EFAULT;
}

export const socketSyscalls: readonly SyscallEntry[] = [
  partial('socket', sysSocket, NET_ONLY_UNIX),
  partial('socketpair', sysSocketpair, NET_ONLY_UNIX),
  full('bind', sysBind),
  full('connect', sysConnect),
  full('listen', sysListen),
  full('accept', (task, args) => accept(task, args, 0)),
  full('accept4', (task, args) => accept(task, args, args.argInt32(3))),
  full('getsockname', sysGetsockname),
  full('getpeername', sysGetpeername),
  full('shutdown', sysShutdown),
  partial('sendto', sysSendto, 'no MSG_OOB (EOPNOTSUPP)'),
  partial('sendmsg', sysSendmsg, 'no MSG_OOB (EOPNOTSUPP)'),
  partial('sendmmsg', sysSendmmsg, 'no MSG_OOB (EOPNOTSUPP)'),
  partial('recvfrom', sysRecvfrom, 'no MSG_OOB (EOPNOTSUPP)'),
  partial('recvmsg', sysRecvmsg, 'no MSG_OOB (EOPNOTSUPP)'),
  partial('recvmmsg', sysRecvmmsg, 'no MSG_OOB (EOPNOTSUPP)'),
  partial('setsockopt', sysSetsockopt, 'SOL_SOCKET only'),
  partial('getsockopt', sysGetsockopt, 'SOL_SOCKET only'),
];
