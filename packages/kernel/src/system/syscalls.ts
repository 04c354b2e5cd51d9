import {
  ARCH_GET_CPUID,
  ARCH_GET_FS,
  ARCH_GET_GS,
  ARCH_SET_CPUID,
  ARCH_SET_FS,
  ARCH_SET_GS,
  EFAULT,
  EINVAL,
  ENODEV,
  ENOSYS,
  EPERM,
  ESRCH,
  GRND_INSECURE,
  GRND_NONBLOCK,
  GRND_RANDOM,
  RLIM_NLIMITS,
  RLIMIT_CPU,
  RLIMIT_NOFILE,
  RUSAGE_CHILDREN,
  RUSAGE_SELF,
  RUSAGE_THREAD,
} from '@sbx/abi';
import { ADDRESS_LIMIT, type ContextPage, REG } from '@sbx/platform';
import { errnoOnly, full, partial, type SyscallEntry } from '../syscalls/entry.js';
import { encodeRusage, RUSAGE_SIZE } from '../task/rusage.js';
import type { Task } from '../task/task.js';
import type { ThreadGroup } from '../task/thread-group.js';
import { processSystemTime, processUserTime, taskUserTime } from '../time/cpu-time.js';
import { MAX_DESCRIPTORS } from '../vfs/fd-table.js';
import { KERNEL_RELEASE, KERNEL_VERSION, MACHINE } from './release.js';

const UTS_FIELD = 65;
const CAP_SYS_RESOURCE = 24;
const CAP_SYS_ADMIN = 21;
const TWO_32 = 2 ** 32;
const scratch = new Uint8Array(4096);
const view = new DataView(scratch.buffer);

function putString(offset: number, text: string): void {
  for (let i = 0; i < text.length && i < UTS_FIELD - 1; i++) scratch[offset + i] = text.charCodeAt(i);
}

function sysUname(task: Task, args: ContextPage): number {
  const { kernel } = task;
  const size = UTS_FIELD * 6;
  scratch.fill(0, 0, size);
  const fields = ['Linux', kernel.hostname, KERNEL_RELEASE, KERNEL_VERSION, MACHINE, kernel.domainname];
  for (let i = 0; i < fields.length; i++) putString(i * UTS_FIELD, fields[i]);
  return task.mm.copyOut(args.argAddress(0), scratch, size) === size ? 0 : -EFAULT;
}

/** sethostname and setdomainname: the new name, or -errno. */
function readName(task: Task, args: ContextPage): string | number {
  const length = args.argInt32(1);
  if (!task.credentials.capable(CAP_SYS_ADMIN)) return -EPERM;
  if (length < 0 || length > 64) return -EINVAL;
  if (task.mm.copyIn(args.argAddress(0), scratch, length) !== length) return -EFAULT;
  return Buffer.from(scratch.buffer, 0, length).toString('latin1').split('\0')[0];
}
function sysSethostname(task: Task, args: ContextPage): number {
  const name = readName(task, args);
  if (typeof name === 'number') return name;
  task.kernel.hostname = name;
  return 0;
}
function sysSetdomainname(task: Task, args: ContextPage): number {
  const name = readName(task, args);
  if (typeof name === 'number') return name;
  task.kernel.domainname = name;
  return 0;
}

function sysGetrandom(task: Task, args: ContextPage): number {
  const flags = args.argUint32(2);
  const size = args.argSize(1);
  if ((flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE)) !== 0) return -EINVAL;
  if ((flags & (GRND_RANDOM | GRND_INSECURE)) === (GRND_RANDOM | GRND_INSECURE)) return -EINVAL;
  const length = size < 0 ? 2 ** 31 - 4096 : Math.min(size, 2 ** 31 - 4096);
  const address = args.argAddress(0);
  // In pieces, and no more than 1 MiB a call: a short count is allowed beyond 256 bytes.
  const bound = Math.min(length, 2 ** 20);
  let done = 0;
  while (done < bound) {
    const piece = Math.min(scratch.length, bound - done);
    const bytes = scratch.subarray(0, piece);
    task.kernel.random(bytes);
    const copied = task.mm.copyOut(address + done, bytes, piece);
    done += copied;
    if (copied < piece) break;
  }
  return done === 0 && length > 0 ? -EFAULT : done;
}

/** `struct sysinfo`: memory as the sandbox has it. */
function sysSysinfo(task: Task, args: ContextPage): number {
  const { kernel } = task;
  const size = 112;
  scratch.fill(0, 0, size);
  const used = kernel.memory.totalUsage();
  const put = (offset: number, value: number): void => {
    view.setUint32(offset, value % TWO_32, true);
    view.setUint32(offset + 4, Math.floor(value / TWO_32), true);
  };
  put(0, Math.floor((kernel.clock.monotonic() - kernel.startTime) / 1e9));
  put(32, kernel.limits.memory);
  put(40, Math.max(0, kernel.limits.memory - used));
  view.setUint16(80, Math.min(kernel.tasks.size, 65535), true);
  view.setUint32(104, 1, true);
  return task.mm.copyOut(args.argAddress(0), scratch, size) === size ? 0 : -EFAULT;
}

function putLimit(offset: number, value: number): void {
  view.setUint32(offset, value === Number.POSITIVE_INFINITY ? 0xffffffff : value % TWO_32, true);
  view.setUint32(offset + 4, value === Number.POSITIVE_INFINITY ? 0xffffffff : Math.floor(value / TWO_32), true);
}
/** A 64-bit limit: what a number can't hold exactly is as good as infinite. */
function getLimit(offset: number): number {
  const high = view.getUint32(offset + 4, true);
  return high >= 2 ** 21 ? Number.POSITIVE_INFINITY : high * TWO_32 + view.getUint32(offset, true);
}

function setLimit(task: Task, group: ThreadGroup, resource: number, soft: number, hard: number): number {
  const { limits } = group;
  if (soft > hard) return -EINVAL;
  if (resource === RLIMIT_NOFILE && hard > MAX_DESCRIPTORS) return -EPERM;
  if (hard > limits.hard[resource] && !task.credentials.capable(CAP_SYS_RESOURCE)) return -EPERM;
  // No time at all would be an end at once: Linux gives a second.
  limits.set(resource, resource === RLIMIT_CPU && soft === 0 ? 1 : soft, hard);
  if (resource === RLIMIT_CPU) task.kernel.timersOf(group).watchCpuLimit();
  return 0;
}

function sysPrlimit64(task: Task, args: ContextPage): number {
  const pid = args.argInt32(0);
  const resource = args.argUint32(1);
  const next = args.argAddress(2);
  const old = args.argAddress(3);
  if (resource >= RLIM_NLIMITS) return -EINVAL;
  if (next !== 0 && task.mm.copyIn(next, scratch, 16) !== 16) return -EFAULT;
  const soft = getLimit(0);
  const hard = getLimit(8);
  const group = pid === 0 ? task.threadGroup : task.kernel.processOf(pid);
  if (group === undefined || group.tasks.length === 0) return -ESRCH;
  if (group !== task.threadGroup && !sameUser(task, group.leader)) return -EPERM;
  putLimit(0, group.limits.soft[resource]);
  putLimit(8, group.limits.hard[resource]);
  if (next !== 0) {
    const result = setLimit(task, group, resource, soft, hard);
    if (result < 0) return result;
  }
  return old !== 0 && task.mm.copyOut(old, scratch, 16) !== 16 ? -EFAULT : 0;
}

function sameUser(task: Task, other: Task): boolean {
  const own = task.credentials;
  const c = other.credentials;
  const same = [c.ruid, c.euid, c.suid].every((id) => id === own.ruid) && [c.rgid, c.egid, c.sgid].every((id) => id === own.rgid);
  return same || own.capable(CAP_SYS_RESOURCE);
}

function sysGetrlimit(task: Task, args: ContextPage): number {
  const resource = args.argUint32(0);
  if (resource >= RLIM_NLIMITS) return -EINVAL;
  putLimit(0, task.threadGroup.limits.soft[resource]);
  putLimit(8, task.threadGroup.limits.hard[resource]);
  return task.mm.copyOut(args.argAddress(1), scratch, 16) === 16 ? 0 : -EFAULT;
}
function sysSetrlimit(task: Task, args: ContextPage): number {
  const resource = args.argUint32(0);
  if (task.mm.copyIn(args.argAddress(1), scratch, 16) !== 16) return -EFAULT;
  if (resource >= RLIM_NLIMITS) return -EINVAL;
  return setLimit(task, task.threadGroup, resource, getLimit(0), getLimit(8));
}

function sysGetrusage(task: Task, args: ContextPage): number {
  const who = args.argInt32(0);
  const { threadGroup: group } = task;
  let voluntary = 0;
  let involuntary = 0;
  for (const t of who === RUSAGE_THREAD ? [task] : group.tasks) {
    voluntary += t.voluntarySwitches;
    involuntary += t.involuntarySwitches;
  }
  const peak = Math.max(task.mm.highWaterPages * 4, group.peakResident / 1024);
  if (who === RUSAGE_SELF) encodeRusage(scratch, processUserTime(group), processSystemTime(group), peak, voluntary, involuntary);
  else if (who === RUSAGE_THREAD) encodeRusage(scratch, taskUserTime(task), task.systemTime, peak, voluntary, involuntary);
  else if (who === RUSAGE_CHILDREN)
    encodeRusage(scratch, group.childrenUserTime, group.childrenSystemTime, group.childrenPeakResident / 1024, 0, 0);
  else return -EINVAL;
  return task.mm.copyOut(args.argAddress(1), scratch, RUSAGE_SIZE) === RUSAGE_SIZE ? 0 : -EFAULT;
}

/** arch_prctl(2): the thread's FS and GS base. */
function sysArchPrctl(task: Task, args: ContextPage): number {
  const code = args.argInt32(0);
  const address = args.argAddress(1);
  const { context, page } = task;
  switch (code) {
    case ARCH_SET_FS:
    case ARCH_SET_GS:
      if (address < 0 || address >= ADDRESS_LIMIT) return -EPERM;
      context.pullState();
      page.setReg(code === ARCH_SET_FS ? REG.fsBase : REG.gsBase, address);
      context.pushState();
      return 0;
    case ARCH_GET_FS:
    case ARCH_GET_GS: {
      const reg = code === ARCH_GET_FS ? REG.fsBase : REG.gsBase;
      context.pullState();
      view.setUint32(0, page.regLow(reg), true);
      view.setUint32(4, page.regHigh(reg), true);
      return task.mm.copyOut(address, scratch, 8) === 8 ? 0 : -EFAULT;
    }
    case ARCH_GET_CPUID:
      return 1;
    case ARCH_SET_CPUID:
      return -ENODEV;
    default:
      return -EINVAL;
  }
}

function sysGetcpu(task: Task, args: ContextPage): number {
  const cpu = args.argAddress(0);
  const node = args.argAddress(1);
  scratch.fill(0, 0, 4);
  if (cpu !== 0 && task.mm.copyOut(cpu, scratch, 4) !== 4) return -EFAULT;
  return node !== 0 && task.mm.copyOut(node, scratch, 4) !== 4 ? -EFAULT : 0;
}

const READ_IMPLIES_EXEC = 0x400000;

/**
 * personality(2): kept by the task and its children; ADDR_NO_RANDOMIZE and ADDR_COMPAT_LAYOUT are honoured by execve, READ_IMPLIES_EXEC by the memory
 * manager. Only the native execution domain exists.
 */
function sysPersonality(task: Task, args: ContextPage): number {
  const next = args.argUint32(0);
  const old = task.personality;
  if (next === 0xffffffff) return old;
  task.personality = next;
  task.mm.readImpliesExec = (next & READ_IMPLIES_EXEC) !== 0;
  return old;
}

export const systemSyscalls: readonly SyscallEntry[] = [
  full('uname', sysUname),
  full('sethostname', sysSethostname),
  full('setdomainname', sysSetdomainname),
  partial('getrandom', sysGetrandom, 'at most 1 MiB a call'),
  full('sysinfo', sysSysinfo),
  full('prlimit64', sysPrlimit64),
  full('getrlimit', sysGetrlimit),
  full('setrlimit', sysSetrlimit),
  partial('getrusage', sysGetrusage, 'page faults, blocks and messages are 0'),
  partial('arch_prctl', sysArchPrctl, 'ARCH_SET_CPUID gives ENODEV'),
  partial('getcpu', sysGetcpu, 'always CPU 0, node 0'),
  partial(
    'personality',
    sysPersonality,
    'ADDR_NO_RANDOMIZE, ADDR_COMPAT_LAYOUT and READ_IMPLIES_EXEC are honoured; the other bits are kept and have no effect',
  ),
  errnoOnly('reboot', EPERM, 'not permitted in a sandbox'),
  errnoOnly('init_module', EPERM, 'no kernel modules'),
  errnoOnly('finit_module', EPERM, 'no kernel modules'),
  errnoOnly('delete_module', EPERM, 'no kernel modules'),
  errnoOnly('kexec_load', EPERM, 'not permitted in a sandbox'),
  errnoOnly('kexec_file_load', EPERM, 'not permitted in a sandbox'),
  errnoOnly('iopl', EPERM, 'no port I/O'),
  errnoOnly('ioperm', EPERM, 'no port I/O'),
  errnoOnly('swapon', EPERM, 'no swap'),
  errnoOnly('swapoff', EPERM, 'no swap'),
  errnoOnly('acct', EPERM, 'no process accounting'),
  errnoOnly('quotactl', EPERM, 'no quotas'),
  errnoOnly('syslog', EPERM, 'no kernel log'),
  errnoOnly('rseq', ENOSYS, 'C libraries do without; restartable sequences would need an abort at each preemption'),
];
