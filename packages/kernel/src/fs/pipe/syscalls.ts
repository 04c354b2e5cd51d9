import { EFAULT, EINVAL, ENOPKG, O_CLOEXEC, O_DIRECT, O_EXCL, O_NONBLOCK } from '@sbx/abi';
import type { ContextPage } from '@sbx/platform';
import { full, type SyscallEntry } from '../../syscalls/entry.js';
import type { Task } from '../../task/task.js';
import { install } from '../../vfs/syscalls-open.js';
import { createPipe } from './pipe-description.js';
import { spliceSyscalls } from './syscalls-splice.js';

const pair = new Uint8Array(8);
const pairView = new DataView(pair.buffer);

function sysPipe(task: Task, args: ContextPage): number {
  return makePipe(task, args.argAddress(0), 0);
}
function sysPipe2(task: Task, args: ContextPage): number {
  return makePipe(task, args.argAddress(0), args.argInt32(1));
}

function makePipe(task: Task, addr: number, flags: number): number {
  // O_NOTIFICATION_PIPE is O_EXCL: watch queues are not built in.
  if ((flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT | O_EXCL)) !== 0) return -EINVAL;
  if ((flags & O_EXCL) !== 0) return -ENOPKG;
  const [reader, writer] = createPipe(task, flags);
  const closeOnExec = (flags & O_CLOEXEC) !== 0;
  const first = install(task, reader, closeOnExec);
  if (first < 0) {
    writer.decRef();
    return first;
  }
  const second = install(task, writer, closeOnExec);
  if (second < 0) {
    task.files.close(task, first);
    return second;
  }
  pairView.setInt32(0, first, true);
  pairView.setInt32(4, second, true);
  if (task.mm.copyOut(addr, pair, 8) === 8) return 0;
  task.files.close(task, first);
  task.files.close(task, second);
  return -EFAULT;
}

/** The system calls that make pipes and move data through them. */
export const pipeSyscalls: readonly SyscallEntry[] = [full('pipe', sysPipe), full('pipe2', sysPipe2), ...spliceSyscalls];
