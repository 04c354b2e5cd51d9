import { CAP_SYS_PTRACE, EBADF, EFAULT, EINVAL, EPERM, EPOLLIN, EPOLLRDNORM, ESRCH, O_NONBLOCK, O_RDWR, RLIMIT_NOFILE } from '@sbx/abi';
import type { ContextPage } from '@sbx/platform';
import { maySignal } from '../../signal/may-signal.js';
import { sendToGroup } from '../../signal/send.js';
import { SIGINFO_SIZE, SignalInfo } from '../../signal/signal-info.js';
import { full, type SyscallEntry } from '../../syscalls/entry.js';
import { TASK_DEAD, type Task } from '../../task/task.js';
import type { ThreadGroup } from '../../task/thread-group.js';
import { FileDescription } from '../../vfs/file-description.js';
import type { WaitQueue } from '../../wait/wait-queue.js';

const infoBytes = new Uint8Array(SIGINFO_SIZE);
const infoView = new DataView(infoBytes.buffer);

/** A descriptor for a process (pidfd_open(2)): readable when it has exited. */
export class Pidfd extends FileDescription {
  constructor(
    readonly group: ThreadGroup,
    flags: number,
  ) {
    super(O_RDWR | flags);
  }
  override get waitQueue(): WaitQueue {
    return this.group.exitWait;
  }
  override poll(): number {
    return this.group.isZombie ? EPOLLIN | EPOLLRDNORM : 0;
  }
  protected override release(): void {}
}

/** Makes a pidfd in the task's table (close-on-exec): the descriptor, or -errno. */
export function createPidfd(task: Task, group: ThreadGroup, flags = 0): number {
  const file = new Pidfd(group, flags);
  const fd = task.files.install(file, true, task.threadGroup.limits.soft[RLIMIT_NOFILE]);
  if (fd < 0) file.decRef();
  return fd;
}

/** The process that descriptor `fd` stands for, or -EBADF. */
export function pidfdGroup(task: Task, fd: number): ThreadGroup | number {
  const file = task.files.get(fd);
  return file instanceof Pidfd ? file.group : -EBADF;
}

function sysPidfdOpen(task: Task, args: ContextPage): number {
  const pid = args.argInt32(0);
  const flags = args.argUint32(1);
  if ((flags & ~O_NONBLOCK) !== 0 || pid <= 0) return -EINVAL;
  const group = task.kernel.processes.get(pid);
  if (group === undefined || group.tasks.length === 0) return task.kernel.tasks.has(pid) ? -EINVAL : -ESRCH;
  return createPidfd(task, group, flags);
}

function sysPidfdSendSignal(task: Task, args: ContextPage): number {
  const signo = args.argInt32(1);
  const address = args.argAddress(2);
  if (args.argUint32(3) !== 0) return -EINVAL;
  const group = pidfdGroup(task, args.argInt32(0));
  if (typeof group === 'number') return group;
  let info = SignalInfo.user(signo, task.threadGroup.id, task.credentials.ruid);
  if (address !== 0) {
    if (task.mm.copyIn(address, infoBytes, SIGINFO_SIZE) !== SIGINFO_SIZE) return -EFAULT;
    if (infoView.getInt32(0, true) !== signo) return -EINVAL;
    const code = infoView.getInt32(8, true);
    if (group !== task.threadGroup && (code >= 0 || code === -6)) return -EPERM;
    info = SignalInfo.raw(signo, infoBytes);
  }
  if (signo < 0 || signo > 64) return -EINVAL;
  if (group.tasks.length > 0 && group.leader.state === TASK_DEAD) return -ESRCH;
  if (!maySignal(task, group, signo)) return -EPERM;
  return signo === 0 ? 0 : sendToGroup(group, info);
}

function sysPidfdGetfd(task: Task, args: ContextPage): number {
  if (args.argUint32(2) !== 0) return -EINVAL;
  const group = pidfdGroup(task, args.argInt32(0));
  if (typeof group === 'number') return group;
  if (group.isZombie) return -ESRCH;
  // Init: it has no thread, and nothing open.
  if (group.tasks.length === 0) return task.credentials.capable(CAP_SYS_PTRACE) ? -EBADF : -EPERM;
  if (!mayAccess(task, group)) return -EPERM;
  const file = group.leader.files.get(args.argInt32(1));
  if (file === null) return -EBADF;
  file.incRef();
  const fd = task.files.install(file, true, task.threadGroup.limits.soft[RLIMIT_NOFILE]);
  if (fd < 0) file.decRef();
  return fd;
}

/** PTRACE_MODE_ATTACH_REALCREDS: the same user throughout, or CAP_SYS_PTRACE. */
function mayAccess(task: Task, group: ThreadGroup): boolean {
  if (group === task.threadGroup) return true;
  const own = task.credentials;
  const c = group.leader.credentials;
  const same =
    own.ruid === c.ruid && own.ruid === c.euid && own.ruid === c.suid && own.rgid === c.rgid && own.rgid === c.egid && own.rgid === c.sgid;
  return (same && group.leader.mm.dumpable === 1) || own.capable(CAP_SYS_PTRACE);
}

export const pidfdSyscalls: readonly SyscallEntry[] = [
  full('pidfd_open', sysPidfdOpen),
  full('pidfd_send_signal', sysPidfdSendSignal),
  full('pidfd_getfd', sysPidfdGetfd),
];
