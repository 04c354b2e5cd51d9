import { EBADF, EFAULT, EINTR, EINVAL, EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EPOLLIN } from '@sbx/abi';
import type { ContextPage } from '@sbx/platform';
import { installAnonymous } from '../fs/anon/install.js';
import { full, type SyscallEntry } from '../syscalls/entry.js';
import type { Task } from '../task/task.js';
import * as timespec from '../time/timespec.js';
import { readTimespec } from '../time/timespec.js';
import { type Blocking, INTERRUPTED, type SyscallResult, TIMED_OUT } from '../wait/blocking.js';
import { Epoll, toEpoll } from './epoll.js';
import { useSignalMask, withSignalMask } from './syscalls.js';

/** `struct epoll_event` on amd64 is packed: events at 0, data at 4. */
const EVENT_SIZE = 12;
const MAX_EVENTS = Math.floor((2 ** 31 - 1) / EVENT_SIZE);
const event = new Uint8Array(EVENT_SIZE);
const view = new DataView(event.buffer);

function sysEpollCreate(task: Task, args: ContextPage): number {
  return args.argInt32(0) <= 0 ? -EINVAL : installAnonymous(task, new Epoll(), false);
}
function sysEpollCreate1(task: Task, args: ContextPage): number {
  const flags = args.argInt32(0);
  return (flags & ~EPOLL_CLOEXEC) !== 0 ? -EINVAL : installAnonymous(task, new Epoll(), (flags & EPOLL_CLOEXEC) !== 0);
}

function sysEpollCtl(task: Task, args: ContextPage): number {
  const operation = args.argInt32(1);
  const fd = args.argInt32(2);
  if (operation !== EPOLL_CTL_DEL && task.mm.copyIn(args.argAddress(3), event, EVENT_SIZE) !== EVENT_SIZE) return -EFAULT;
  const own = task.files.getReal(args.argInt32(0));
  const target = task.files.getReal(fd);
  if (own === null || target === null) return -EBADF;
  const epoll = toEpoll(own);
  if (typeof epoll === 'number') return epoll;
  const events = view.getUint32(0, true);
  const low = view.getUint32(4, true);
  const high = view.getUint32(8, true);
  switch (operation) {
    case EPOLL_CTL_ADD:
      return epoll.add(fd, target, events, low, high);
    case EPOLL_CTL_MOD:
      return epoll.modify(fd, target, events, low, high);
    case EPOLL_CTL_DEL:
      return epoll.delete(fd, target);
    default:
      return -EINVAL;
  }
}

/** Stores what is ready: the number of events, or -EFAULT when not even the first could be stored. */
function collect(task: Task, epoll: Epoll, address: number, max: number): number {
  let at = address;
  let fault = false;
  const given = epoll.collect(max, (events, low, high) => {
    view.setUint32(0, events, true);
    view.setUint32(4, low, true);
    view.setUint32(8, high, true);
    if (task.mm.copyOut(at, event, EVENT_SIZE) !== EVENT_SIZE) {
      fault = true;
      return false;
    }
    at += EVENT_SIZE;
    return true;
  });
  return given === 0 && fault ? -EFAULT : given;
}

function epollWait(task: Task, args: ContextPage, deadline: number): SyscallResult {
  const address = args.argAddress(1);
  const max = args.argInt32(2);
  if (max <= 0 || max > MAX_EVENTS) return -EINVAL;
  if (address < 0) return -EFAULT;
  const epoll = toEpoll(task.files.getReal(args.argInt32(0)));
  if (typeof epoll === 'number') return epoll;
  const given = collect(task, epoll, address, max);
  if (given !== 0 || deadline <= task.kernel.clock.monotonic()) return given;
  return wait(task, epoll, address, max, deadline);
}

function* wait(task: Task, epoll: Epoll, address: number, max: number, deadline: number): Blocking {
  epoll.incRef();
  try {
    for (;;) {
      task.wait.also(epoll.waitQueue, EPOLLIN, true);
      task.wait.until(deadline);
      const why = yield;
      const given = collect(task, epoll, address, max);
      if (given !== 0 || why === TIMED_OUT) return given;
      if (why === INTERRUPTED) return -EINTR;
    }
  } finally {
    epoll.decRef();
  }
}

/** Milliseconds to a deadline: negative waits for ever. */
function deadlineOf(task: Task, timeout: number): number {
  if (timeout < 0) return Number.POSITIVE_INFINITY;
  return timeout === 0 ? 0 : task.kernel.clock.monotonic() + timeout * 1e6;
}

function sysEpollWait(task: Task, args: ContextPage): SyscallResult {
  return epollWait(task, args, deadlineOf(task, args.argInt32(3)));
}

function sysEpollPwait(task: Task, args: ContextPage): SyscallResult {
  const masked = useSignalMask(task, args.argAddress(4), args.argSize(5));
  return masked < 0 ? masked : withSignalMask(task, epollWait(task, args, deadlineOf(task, args.argInt32(3))));
}

function sysEpollPwait2(task: Task, args: ContextPage): SyscallResult {
  const timeout = args.argAddress(3);
  let deadline = Number.POSITIVE_INFINITY;
  if (timeout !== 0) {
    const read = readTimespec(task, timeout);
    if (read < 0) return read;
    deadline = timespec.duration === 0 ? 0 : task.kernel.clock.monotonic() + timespec.duration;
  }
  const masked = useSignalMask(task, args.argAddress(4), args.argSize(5));
  return masked < 0 ? masked : withSignalMask(task, epollWait(task, args, deadline));
}

export const epollSyscalls: readonly SyscallEntry[] = [
  full('epoll_create', sysEpollCreate),
  full('epoll_create1', sysEpollCreate1),
  full('epoll_ctl', sysEpollCtl),
  full('epoll_wait', sysEpollWait),
  full('epoll_pwait', sysEpollPwait),
  full('epoll_pwait2', sysEpollPwait2),
];
