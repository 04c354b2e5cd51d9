import {
  CAP_SYS_NICE,
  EFAULT,
  EINVAL,
  ENODEV,
  ENOENT,
  ENOSPC,
  ENOSYS,
  EPERM,
  ESRCH,
  MPOL_DEFAULT,
  MPOL_F_ADDR,
  MPOL_F_MEMS_ALLOWED,
  MPOL_F_NODE,
  MPOL_F_RELATIVE_NODES,
  MPOL_F_STATIC_NODES,
  MPOL_INTERLEAVE,
  MPOL_LOCAL,
  MPOL_MAX,
  MPOL_MF_VALID,
  MPOL_MODE_FLAGS,
  MPOL_PREFERRED,
} from '@sbx/abi';
import { ACCESS_READ, ACCESS_WRITE, type ContextPage } from '@sbx/platform';
import { mayAccessTask } from '../auth/ptrace-access.js';
import { pidfdGroup } from '../fs/anon/pidfd.js';
import { errnoOnly, full, partial, type SyscallEntry } from '../syscalls/entry.js';
import type { Task } from '../task/task.js';
import { type Blocking, INTERRUPTED, type SyscallResult } from '../wait/blocking.js';
import { advise, isRemoteAdvice } from './advise.js';
import { PAGE_SIZE, pageUp, TASK_SIZE } from './constants.js';
import { membarrier } from './membarrier.js';
import type { MemoryManager } from './memory-manager.js';

const MAX_IOVECS = 1024;
/** No call moves more bytes at once (MAX_RW_COUNT). */
const MAX_TRANSFER = 0x7ffff000;
const iovecs = new Uint8Array(16 * MAX_IOVECS);
const iovecWords = new Uint32Array(iovecs.buffer);

/** A list of buffers in some process. */
class Buffers {
  readonly addresses = new Float64Array(MAX_IOVECS);
  readonly lengths = new Float64Array(MAX_IOVECS);
  count = 0;

  /** Reads an array of struct iovec: 0, -EINVAL or -EFAULT. `own`: they are the caller's, and must lie in its address range. */
  read(mm: MemoryManager, addr: number, count: number, own: boolean): number {
    if (count < 0 || count > MAX_IOVECS) return -EINVAL;
    this.count = count;
    if (mm.copyIn(addr, iovecs, count * 16) !== count * 16) return -EFAULT;
    for (let i = 0; i < count; i++) if (iovecWords[i * 4 + 3] >= 0x80000000) return -EINVAL;
    let left = MAX_TRANSFER;
    for (let i = 0; i < count; i++) {
      const base = iovecWords[i * 4 + 1] * 2 ** 32 + iovecWords[i * 4];
      const length = iovecWords[i * 4 + 3] * 2 ** 32 + iovecWords[i * 4 + 2];
      if (own && base + length > TASK_SIZE) return -EFAULT;
      this.addresses[i] = base < TASK_SIZE ? base : -1;
      this.lengths[i] = own ? Math.min(length, left) : length;
      left -= this.lengths[i];
    }
    return 0;
  }
}
const local = new Buffers();
const remote = new Buffers();

/** process_vm_readv(2) and process_vm_writev(2): bytes moved, or -errno when there are none. */
function processVm(task: Task, args: ContextPage, write: boolean): number {
  const localCount = args.argSize(2);
  const remoteCount = args.argSize(4);
  if (args.argUint32(5) !== 0 || args.argHigh(5) !== 0) return -EINVAL;
  const own = local.read(task.mm, args.argAddress(1), localCount, true);
  if (own < 0) return own;
  if (local.lengths.subarray(0, local.count).every((length) => length === 0)) return 0;
  const theirs = remote.read(task.mm, args.argAddress(3), remoteCount, false);
  if (theirs < 0) return theirs;
  if (remote.lengths.subarray(0, remote.count).every((length) => length === 0)) return 0;
  const target = task.kernel.tasks.get(args.argInt32(0));
  if (target === undefined) return -ESRCH;
  if (!mayAccessTask(task, target)) return -EPERM;
  return move(task.mm, target.mm, write);
}

/** Copies between the two lists until one ends or an access fails. */
function move(mm: MemoryManager, other: MemoryManager, write: boolean): number {
  let done = 0;
  let i = 0;
  let j = 0;
  let inLocal = 0;
  let inRemote = 0;
  while (i < local.count && j < remote.count) {
    const leftLocal = local.lengths[i] - inLocal;
    const leftRemote = remote.lengths[j] - inRemote;
    if (leftLocal === 0 || leftRemote === 0) {
      if (leftLocal === 0) {
        i++;
        inLocal = 0;
      }
      if (leftRemote === 0) {
        j++;
        inRemote = 0;
      }
      continue;
    }
    const want = Math.min(leftLocal, leftRemote);
    const there = remote.addresses[j] < 0 ? -1 : other.resolve(remote.addresses[j] + inRemote, want, write ? ACCESS_WRITE : ACCESS_READ);
    if (there < 0) break;
    const reach = other.resolvedLength;
    const here = mm.resolve(local.addresses[i] + inLocal, reach, write ? ACCESS_READ : ACCESS_WRITE);
    if (here < 0) break;
    const n = mm.resolvedLength;
    // If both are one process, the second look-up may have replaced the page of the first (copy-on-write).
    const source = mm === other ? other.resolve(remote.addresses[j] + inRemote, n, write ? ACCESS_WRITE : ACCESS_READ) : there;
    mm.memory.copy(write ? source : here, write ? here : source, Math.min(n, mm === other ? other.resolvedLength : n));
    const moved = Math.min(n, mm === other ? other.resolvedLength : n);
    done += moved;
    inLocal += moved;
    inRemote += moved;
  }
  if (done > 0) return done;
  return i < local.count && j < remote.count ? -EFAULT : 0;
}

function sysProcessMadvise(task: Task, args: ContextPage): number {
  const advice = args.argInt32(3);
  if (args.argUint32(4) !== 0) return -EINVAL;
  const read = local.read(task.mm, args.argAddress(1), args.argSize(2), true);
  if (read < 0) return read;
  const group = pidfdGroup(task, args.argInt32(0));
  if (typeof group === 'number') return group;
  if (!isRemoteAdvice(advice)) return -EINVAL;
  if (group.tasks.length === 0) return -ESRCH;
  const target = group.leader;
  if (!mayAccessTask(task, target) || !task.credentials.capable(CAP_SYS_NICE)) return -EPERM;
  let done = 0;
  for (let i = 0; i < local.count; i++) {
    const result = advise(target.mm, local.addresses[i], local.lengths[i], advice, false);
    if (result < 0) return done > 0 ? done : result;
    done += local.lengths[i];
  }
  return done;
}

/** process_mrelease(2): an exiting process has given its memory back already by the time anybody can ask. */
function sysProcessMrelease(task: Task, args: ContextPage): number {
  if (args.argUint32(1) !== 0) return -EINVAL;
  const group = pidfdGroup(task, args.argInt32(0));
  if (typeof group === 'number') return group;
  if (group.tasks.length === 0) return -ESRCH;
  return group.exitStatus >= 0 ? 0 : -EINVAL;
}

function sysMembarrier(task: Task, args: ContextPage): number {
  const spaces = new Set<MemoryManager>();
  for (const other of task.kernel.tasks.values()) spaces.add(other.mm);
  return membarrier(task.mm, spaces, args.argInt32(0), args.argUint32(1));
}

/*
 * NUMA: one node, number 0. A policy is checked and remembered, and has no effect.
 */

/** Set by `readNodes`: the low word of the node mask. */
let nodes = 0;
const maskBytes = new Uint8Array(PAGE_SIZE);

/** Reads a node mask of `maxnode - 1` bits: 0, -EINVAL (too long, or a node that is not there) or -EFAULT. */
function readNodes(task: Task, addr: number, maxNode: number): number {
  nodes = 0;
  const bits = maxNode - 1;
  if (addr === 0 || bits <= 0) return 0;
  if (bits > PAGE_SIZE * 8) return -EINVAL;
  const length = Math.ceil(bits / 64) * 8;
  if (task.mm.copyIn(addr, maskBytes, length) !== length) return -EFAULT;
  for (let bit = 0; bit < bits; bit++) {
    if ((maskBytes[bit >> 3] & (1 << (bit & 7))) === 0) continue;
    if (bit > 0) return -EINVAL;
    nodes = 1;
  }
  return 0;
}

/** Checks mode and nodes of a policy as set_mempolicy and mbind do: 0 or -EINVAL. */
function checkPolicy(mode: number, flags: number): number {
  if (mode < 0 || mode >= MPOL_MAX) return -EINVAL;
  if ((flags & MPOL_F_STATIC_NODES) !== 0 && (flags & MPOL_F_RELATIVE_NODES) !== 0) return -EINVAL;
  if (mode === MPOL_DEFAULT || mode === MPOL_LOCAL) return nodes !== 0 || (mode === MPOL_LOCAL && flags !== 0) ? -EINVAL : 0;
  if (mode === MPOL_PREFERRED) return nodes === 0 && flags !== 0 ? -EINVAL : 0;
  return nodes === 0 ? -EINVAL : 0;
}

function sysSetMempolicy(task: Task, args: ContextPage): number {
  const word = args.argInt32(0);
  const read = readNodes(task, args.argAddress(1), args.argSize(2));
  if (read < 0) return read;
  const mode = word & ~MPOL_MODE_FLAGS;
  const checked = checkPolicy(mode, word & MPOL_MODE_FLAGS);
  if (checked < 0) return checked;
  task.memoryPolicy = word;
  task.memoryPolicyNodes = nodes;
  return 0;
}

function sysGetMempolicy(task: Task, args: ContextPage): number {
  const modeAddr = args.argAddress(0);
  const maskAddr = args.argAddress(1);
  const maxNode = args.argSize(2);
  const addr = args.argAddress(3);
  const flags = args.argUint32(4);
  if (maskAddr !== 0 && maxNode < 1) return -EINVAL;
  if ((flags & ~(MPOL_F_NODE | MPOL_F_ADDR | MPOL_F_MEMS_ALLOWED)) !== 0) return -EINVAL;
  let mode = task.memoryPolicy;
  let mask = task.memoryPolicyNodes;
  if ((flags & MPOL_F_MEMS_ALLOWED) !== 0) {
    if ((flags & (MPOL_F_NODE | MPOL_F_ADDR)) !== 0) return -EINVAL;
    mode = 0;
    mask = 1;
  } else if ((flags & MPOL_F_ADDR) !== 0) {
    if (task.mm.vmas.find(addr) === null) return -EFAULT;
    if ((flags & MPOL_F_NODE) !== 0) {
      if (task.mm.resolve(addr, 1, ACCESS_READ) < 0) return -EFAULT;
      mode = 0;
    } else mode = MPOL_DEFAULT;
    mask = 0;
  } else if (addr !== 0) return -EINVAL;
  else if ((flags & MPOL_F_NODE) !== 0) {
    if (mode !== MPOL_INTERLEAVE) return -EINVAL;
    mode = 0;
  }
  if (modeAddr !== 0 && task.mm.writeUint32(modeAddr, mode) < 0) return -EFAULT;
  if (maskAddr === 0) return 0;
  const length = Math.min(Math.ceil((maxNode - 1) / 64) * 8, PAGE_SIZE);
  maskBytes.fill(0, 0, length);
  if (length > 0) maskBytes[0] = mask;
  return task.mm.copyOut(maskAddr, maskBytes, length) === length ? 0 : -EFAULT;
}

function sysMbind(task: Task, args: ContextPage): number {
  const start = args.argAddress(0);
  const length = args.argSize(1);
  const word = args.argInt32(2);
  const flags = args.argUint32(5);
  const read = readNodes(task, args.argAddress(3), args.argSize(4));
  if (read < 0) return read;
  const mode = word & ~MPOL_MODE_FLAGS;
  if (mode < 0 || mode >= MPOL_MAX || (flags & ~MPOL_MF_VALID) !== 0) return -EINVAL;
  if ((flags & 4) !== 0 && !task.credentials.capable(CAP_SYS_NICE)) return -EPERM;
  if (start < 0 || (args.argUint32(0) & 0xfff) !== 0 || length < 0) return -EINVAL;
  const end = start + pageUp(length);
  if (end > TASK_SIZE) return -EINVAL;
  if (end === start) return 0;
  const checked = checkPolicy(mode, word & MPOL_MODE_FLAGS);
  if (checked < 0) return checked;
  return task.mm.vmas.intersects(start, end) ? 0 : -EFAULT;
}

function sysSetMempolicyHomeNode(_task: Task, args: ContextPage): number {
  if ((args.argUint32(0) & 0xfff) !== 0 || args.argUint32(3) !== 0 || args.argUint32(2) !== 0 || args.argHigh(2) !== 0) return -EINVAL;
  return args.argSize(1) === 0 ? 0 : -ENOENT;
}

/** Pages that move_pages looks at before others get their turn. */
const MOVE_PIECE = 16384;

/** move_pages(2): all pages are on node 0. */
function sysMovePages(task: Task, args: ContextPage): SyscallResult {
  const pid = args.argInt32(0);
  const count = args.argSize(1);
  const pages = args.argAddress(2);
  const wanted = args.argAddress(3);
  const status = args.argAddress(4);
  const flags = args.argInt32(5);
  if ((flags & ~6) !== 0) return -EINVAL;
  if ((flags & 4) !== 0 && !task.credentials.capable(CAP_SYS_NICE)) return -EPERM;
  const target = pid === 0 ? task : task.kernel.tasks.get(pid);
  if (target === undefined) return -ESRCH;
  if (!mayAccessTask(task, target)) return -EPERM;
  if (count < 0) return -EINVAL;
  if (count > MOVE_PIECE) return moveMany(task, target.mm, count, pages, wanted, status);
  return movePiece(task.mm, target.mm, 0, count, pages, wanted, status);
}

function* moveMany(task: Task, mm: MemoryManager, count: number, pages: number, wanted: number, status: number): Blocking {
  mm.incRef();
  let result = 0;
  for (let from = 0; from < count && result === 0; from += MOVE_PIECE) {
    result = movePiece(task.mm, mm, from, Math.min(from + MOVE_PIECE, count), pages, wanted, status);
    task.wait.until(task.kernel.clock.monotonic());
    task.wait.interruptible = false;
    if ((yield) === INTERRUPTED) break;
  }
  mm.decRef();
  return result;
}

function movePiece(own: MemoryManager, mm: MemoryManager, from: number, to: number, pages: number, wanted: number, status: number): number {
  for (let i = from; i < to; i++) {
    const addr = pages < 0 ? -EFAULT : own.readUint64(pages + i * 8);
    if (addr < 0) return -EFAULT;
    const result = mm.vmas.find(addr) === null ? -EFAULT : mm.pages.stateAt(addr) === 0 ? -ENOENT : 0;
    if (wanted !== 0) {
      const node = own.readUint32(wanted + i * 4);
      if (node < 0) return -EFAULT;
      if (node !== 0) return -ENODEV;
    }
    if (own.writeUint32(status + i * 4, result) < 0) return -EFAULT;
  }
  return 0;
}

function sysMigratePages(task: Task, args: ContextPage): number {
  for (const i of [2, 3]) {
    const read = readNodes(task, args.argAddress(i), args.argSize(1));
    if (read < 0) return read;
    if (nodes === 0 && i === 3) return -EINVAL;
  }
  const pid = args.argInt32(0);
  const target = pid === 0 ? task : task.kernel.tasks.get(pid);
  if (target === undefined) return -ESRCH;
  return mayAccessTask(task, target) ? 0 : -EPERM;
}

/* Protection keys: this machine's CPUs have none as far as programs can tell, so every allocation fails. */

function sysPkeyAlloc(_task: Task, args: ContextPage): number {
  if (args.argUint32(0) !== 0 || args.argHigh(0) !== 0 || (args.argUint32(1) & ~3) !== 0 || args.argHigh(1) !== 0) return -EINVAL;
  return -ENOSPC;
}

export const mmProcessSyscalls: readonly SyscallEntry[] = [
  full('process_vm_readv', (task, args) => processVm(task, args, false)),
  full('process_vm_writev', (task, args) => processVm(task, args, true)),
  full('process_madvise', sysProcessMadvise),
  full('process_mrelease', sysProcessMrelease),
  partial('membarrier', sysMembarrier, 'no commands for restartable sequences (MEMBARRIER_CMD_QUERY says so)'),
  partial('set_mempolicy', sysSetMempolicy, 'one node: policies are kept and have no effect'),
  partial('get_mempolicy', sysGetMempolicy, 'policies of mappings are not kept'),
  partial('mbind', sysMbind, 'checked, without effect'),
  partial('set_mempolicy_home_node', sysSetMempolicyHomeNode, 'checked, without effect'),
  partial('move_pages', sysMovePages, 'one node: nothing moves'),
  partial('migrate_pages', sysMigratePages, 'one node: nothing moves'),
  full('pkey_alloc', sysPkeyAlloc),
  errnoOnly('pkey_free', EINVAL, 'no protection key was ever allocated'),
  errnoOnly('userfaultfd', ENOSYS, 'faults are not delivered to programs'),
  errnoOnly('memfd_secret', ENOSYS, 'not enabled, as in Linux by default'),
];
