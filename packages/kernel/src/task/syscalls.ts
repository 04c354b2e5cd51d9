import {
  CLONE_ARGS_SIZE_VER0,
  CLONE_DETACHED,
  CLONE_FILES,
  CLONE_FS,
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
  CLONE_PARENT,
  CLONE_SIGHAND,
  CLONE_SYSVSEM,
  CLONE_THREAD,
  CLONE_VFORK,
  CLONE_VM,
  E2BIG,
  EACCES,
  EFAULT,
  EINVAL,
  ENOMEM,
  EPERM,
  ESRCH,
} from '@sbx/abi';
import type { ContextPage } from '@sbx/platform';
import { full, partial, type SyscallEntry } from '../syscalls/entry.js';
import type { Blocking } from '../wait/blocking.js';
import { type CloneRequest, cloneTask, forkRequest } from './clone.js';
import { exitGroup, exitTask } from './exit.js';
import { ProcessGroup, Session } from './process-group.js';
import { PID_MAX, type Task } from './task.js';
import { sysWait4, sysWaitid } from './wait.js';

const PAGE = 4096;
const CLONE_ARGS_KNOWN = 88;
const MAX_PID_NS_LEVEL = 32;
const CAP_CHECKPOINT_RESTORE = 40;
const CAP_SYS_ADMIN = 21;
const cloneArgs = new Uint8Array(PAGE);
/** clone3's set_tid: a thread id for each nested pid namespace. */
const setTidWords = new Int32Array(MAX_PID_NS_LEVEL);
const setTidBytes = new Uint8Array(setTidWords.buffer);
const cloneView = new DataView(cloneArgs.buffer);

function sysFork(task: Task): number | Blocking {
  return cloneTask(task, forkRequest());
}

function sysVfork(task: Task): number | Blocking {
  return cloneTask(task, forkRequest(CLONE_VFORK | CLONE_VM));
}

/** clone(flags, stack, parent_tid, child_tid, tls): the amd64 order. */
function sysClone(task: Task, args: ContextPage): number | Blocking {
  const flags = args.argUint32(0);
  const request = forkRequest(flags - (flags % 256), flags % 256);
  request.stack = args.argAddress(1);
  request.parentTid = args.argAddress(2);
  request.childTid = args.argAddress(3);
  request.tlsLow = args.argUint32(4);
  request.tlsHigh = args.argHigh(4);
  request.pidfd = request.parentTid;
  if (request.stack < 0) return -EINVAL;
  return cloneTask(task, request);
}

function field(offset: number): number {
  const high = cloneView.getUint32(offset + 4, true);
  return high < 2 ** 21 ? high * 2 ** 32 + cloneView.getUint32(offset, true) : -1;
}

function sysClone3(task: Task, args: ContextPage): number | Blocking {
  const address = args.argAddress(0);
  const size = args.argSize(1);
  if (size > PAGE || size < 0) return -E2BIG;
  if (size < CLONE_ARGS_SIZE_VER0) return -EINVAL;
  cloneArgs.fill(0, 0, CLONE_ARGS_KNOWN);
  if (task.mm.copyIn(address, cloneArgs, size) !== size) return -EFAULT;
  for (let i = CLONE_ARGS_KNOWN; i < size; i++) if (cloneArgs[i] !== 0) return -E2BIG;
  const request = parseCloneArgs(task);
  return typeof request === 'number' ? request : cloneTask(task, request);
}

/** Decodes and checks the `struct clone_args` in the scratch. */
function parseCloneArgs(task: Task): CloneRequest | number {
  const flags = field(0);
  const exitSignal = field(32);
  const stack = field(40);
  const stackSize = field(48);
  const setTid = field(64);
  const setTidSize = field(72);
  if (setTidSize < 0 || setTidSize > MAX_PID_NS_LEVEL || (setTid === 0) !== (setTidSize === 0)) return -EINVAL;
  if (exitSignal < 0 || exitSignal > 64) return -EINVAL;
  if (setTidSize > 0 && task.mm.copyIn(setTid, setTidBytes, 4 * setTidSize) !== 4 * setTidSize) return -EFAULT;
  const low = flags % 2 ** 32;
  if (flags < 0 || flags >= 2 ** 34 || (low & (CLONE_DETACHED | (0xff & ~CLONE_NEWTIME))) !== 0) return -EINVAL;
  if ((low & (CLONE_THREAD | CLONE_PARENT)) !== 0 && exitSignal !== 0) return -EINVAL;
  if ((stack === 0) !== (stackSize === 0) || stack < 0 || stackSize < 0) return -EINVAL;
  const request = forkRequest(flags, exitSignal);
  request.pidfd = field(8);
  request.childTid = field(16);
  request.parentTid = field(24);
  request.stack = stack + stackSize;
  request.tlsLow = cloneView.getUint32(56, true);
  request.tlsHigh = cloneView.getUint32(60, true);
  if (setTidSize > 0) {
    if (setTidSize > 1) return -EINVAL;
    request.setTid = setTidWords[0];
    if (request.setTid < 1 || request.setTid >= PID_MAX) return -EINVAL;
    if (!task.credentials.capable(CAP_SYS_ADMIN) && !task.credentials.capable(CAP_CHECKPOINT_RESTORE)) return -EPERM;
  }
  return request;
}

function sysExit(task: Task, args: ContextPage): number {
  exitTask(task, (args.argInt32(0) & 0xff) << 8);
  return 0;
}

function sysExitGroup(task: Task, args: ContextPage): number {
  exitGroup(task.threadGroup, (args.argInt32(0) & 0xff) << 8);
  task.attention = true;
  return 0;
}

function sysGetpid(task: Task): number {
  return task.threadGroup.id;
}
function sysGettid(task: Task): number {
  return task.id;
}
function sysGetppid(task: Task): number {
  const { parent } = task.threadGroup;
  return parent === null ? 0 : parent.id;
}
function sysGetpgrp(task: Task): number {
  return task.threadGroup.processGroup.id;
}
function sysGetpgid(task: Task, args: ContextPage): number {
  const pid = args.argInt32(0);
  const group = pid === 0 ? task.threadGroup : task.kernel.processOf(pid);
  return group === undefined ? -ESRCH : group.processGroup.id;
}
function sysGetsid(task: Task, args: ContextPage): number {
  const pid = args.argInt32(0);
  const group = pid === 0 ? task.threadGroup : task.kernel.processOf(pid);
  return group === undefined ? -ESRCH : group.session.id;
}

function sysSetpgid(task: Task, args: ContextPage): number {
  const { kernel, threadGroup: own } = task;
  const pid = args.argInt32(0) || own.id;
  const pgid = args.argInt32(1) || pid;
  if (pgid < 0) return -EINVAL;
  const group = kernel.processes.get(pid);
  if (group === undefined || group.tasks.length === 0) return -ESRCH;
  if (group !== own) {
    if (group.parent !== own) return -ESRCH;
    if (group.session !== own.session) return -EPERM;
    if (group.didExec) return -EACCES;
  }
  if (group.session.id === group.id) return -EPERM;
  let target = kernel.processGroups.get(pgid);
  if (pgid !== pid && (target === undefined || target.session !== own.session)) return -EPERM;
  if (target === undefined) {
    target = new ProcessGroup(pgid, group.session);
    kernel.processGroups.set(pgid, target);
  }
  kernel.moveToProcessGroup(group, target);
  return 0;
}

function sysSetsid(task: Task): number {
  const { kernel, threadGroup: group } = task;
  if (kernel.processGroups.has(group.id)) return -EPERM;
  const target = new ProcessGroup(group.id, new Session(group.id));
  kernel.processGroups.set(group.id, target);
  kernel.moveToProcessGroup(group, target);
  return group.id;
}

function sysSetTidAddress(task: Task, args: ContextPage): number {
  const address = args.argAddress(0);
  task.clearChildTid = Math.max(address, 0);
  return task.id;
}

const UNSHARE_KNOWN =
  CLONE_THREAD |
  CLONE_FS |
  CLONE_NEWNS |
  CLONE_SIGHAND |
  CLONE_VM |
  CLONE_FILES |
  CLONE_SYSVSEM |
  CLONE_NEWUTS |
  CLONE_NEWIPC |
  CLONE_NEWNET |
  CLONE_NEWUSER |
  CLONE_NEWPID |
  CLONE_NEWCGROUP |
  CLONE_NEWTIME;

function sysUnshare(task: Task, args: ContextPage): number {
  const flags = args.argUint32(0);
  if ((flags & ~UNSHARE_KNOWN) !== 0) return -EINVAL;
  if ((flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)) !== 0 && task.threadGroup.tasks.length > 1) return -EINVAL;
  if ((flags & (UNSHARE_KNOWN & ~(CLONE_THREAD | CLONE_FS | CLONE_SIGHAND | CLONE_VM | CLONE_FILES | CLONE_SYSVSEM))) !== 0) return -EPERM;
  if ((flags & CLONE_FILES) !== 0 && !task.files.mayCopy) return -ENOMEM;
  if ((flags & CLONE_FS) !== 0) {
    const { fs } = task;
    task.fs = fs.copy();
    fs.decRef();
  }
  if ((flags & CLONE_FILES) !== 0) {
    const { files } = task;
    task.files = files.copy();
    files.decRef(task);
  }
  return 0;
}

export const taskSyscalls: readonly SyscallEntry[] = [
  full('fork', sysFork),
  full('vfork', sysVfork),
  partial('clone', sysClone, 'no namespaces (EPERM), CLONE_PTRACE and CLONE_UNTRACED have no effect'),
  partial('clone3', sysClone3, 'no namespaces (EPERM), no CLONE_INTO_CGROUP (EINVAL)'),
  full('exit', sysExit),
  full('exit_group', sysExitGroup),
  full('wait4', sysWait4),
  full('waitid', sysWaitid),
  full('getpid', sysGetpid),
  full('gettid', sysGettid),
  full('getppid', sysGetppid),
  full('getpgrp', sysGetpgrp),
  full('getpgid', sysGetpgid),
  full('getsid', sysGetsid),
  full('setpgid', sysSetpgid),
  full('setsid', sysSetsid),
  full('set_tid_address', sysSetTidAddress),
  partial('unshare', sysUnshare, 'CLONE_FS and CLONE_FILES; namespaces give EPERM'),
];
