import {
  EAGAIN,
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLPRI,
  EPOLLRDHUP,
  EPOLLRDNORM,
  EPOLLWRNORM,
  ERESTARTSYS,
  IN_ACCESS,
  IN_MODIFY,
  O_NONBLOCK,
} from '@sbx/abi';
import type { Task } from '../task/task.js';
import { type Blocking, INTERRUPTED, type SyscallResult } from '../wait/blocking.js';
import type { FileDescription } from './file-description.js';
import { notify } from './notify.js';

/** What a reader waits for, and a writer. */
export const READ_EVENTS = EPOLLIN | EPOLLRDNORM | EPOLLHUP | EPOLLERR | EPOLLRDHUP | EPOLLPRI;
export const WRITE_EVENTS = EPOLLOUT | EPOLLWRNORM | EPOLLHUP | EPOLLERR;

/** Reads into `task.io`, waiting unless the description is O_NONBLOCK: the bytes, or -errno. `offset` as in `FileDescription.read`. @hotpath */
export function readDescription(task: Task, file: FileDescription, offset: number, nonblocking: boolean): SyscallResult {
  const result = file.read(task, task.io, offset);
  if (typeof result !== 'number') return hold(file, result, IN_ACCESS);
  if (result > 0) {
    if (file.dentry !== null) notify(file.dentry, IN_ACCESS);
    return result;
  }
  if (result !== -EAGAIN || nonblocking || (file.flags & O_NONBLOCK) !== 0 || file.waitQueue === null) return result;
  return waitAndRead(task, file, offset);
}

function* waitAndRead(task: Task, file: FileDescription, offset: number): Blocking {
  file.incRef();
  try {
    for (;;) {
      if ((yield task.wait.on(file.waitQueue!, READ_EVENTS)) === INTERRUPTED) return -ERESTARTSYS;
      let result = file.read(task, task.io, offset);
      if (typeof result !== 'number') result = yield* result;
      if (result === -EAGAIN && (file.flags & O_NONBLOCK) === 0) continue;
      if (result > 0 && file.dentry !== null) notify(file.dentry, IN_ACCESS);
      return result;
    }
  } finally {
    file.decRef();
  }
}

/**
 * Writes from `task.io`, waiting unless the description is O_NONBLOCK: the bytes, or -errno. Where the file is a stream (`continuesWrites`) a blocking write
 * goes on until everything is written.
 * @hotpath
 */
export function writeDescription(task: Task, file: FileDescription, offset: number, nonblocking: boolean): SyscallResult {
  const result = file.write(task, task.io, offset);
  if (typeof result !== 'number') return hold(file, result, IN_MODIFY);
  if (result > 0 && file.dentry !== null) notify(file.dentry, IN_MODIFY);
  if (nonblocking || (file.flags & O_NONBLOCK) !== 0) return result;
  if (result === -EAGAIN ? file.waitQueue === null : !(result > 0 && file.continuesWrites && mustContinue(task))) return result;
  return waitAndWrite(task, file, offset);
}

function mustContinue(task: Task): boolean {
  return task.io.remaining > 0 && !task.io.faulted;
}

function* waitAndWrite(task: Task, file: FileDescription, offset: number): Blocking {
  file.incRef();
  try {
    for (;;) {
      if ((yield task.wait.on(file.waitQueue!, WRITE_EVENTS)) === INTERRUPTED) return task.io.done > 0 ? task.io.done : -ERESTARTSYS;
      let result = file.write(task, task.io, offset);
      if (typeof result !== 'number') result = yield* result;
      if (result === -EAGAIN && (file.flags & O_NONBLOCK) === 0) continue;
      if (result < 0) return task.io.done > 0 ? task.io.done : result;
      if (result > 0 && file.dentry !== null) notify(file.dentry, IN_MODIFY);
      if (file.continuesWrites && mustContinue(task)) continue;
      return task.io.done;
    }
  } finally {
    file.decRef();
  }
}

/** Keeps a description alive while an operation on it waits: another thread may close its descriptor meanwhile. `event`: IN_* to tell on success, or 0. */
export function* hold(file: FileDescription, blocking: Blocking, event = 0): Blocking {
  file.incRef();
  try {
    const result = yield* blocking;
    if (event !== 0 && result > 0 && file.dentry !== null) notify(file.dentry, event);
    return result;
  } finally {
    file.decRef();
  }
}
