import {
  EACCES,
  EFAULT,
  EINVAL,
  EPERM,
  PR_CAP_AMBIENT,
  PR_CAP_AMBIENT_CLEAR_ALL,
  PR_CAP_AMBIENT_IS_SET,
  PR_CAP_AMBIENT_LOWER,
  PR_CAP_AMBIENT_RAISE,
  PR_CAPBSET_DROP,
  PR_CAPBSET_READ,
  PR_GET_CHILD_SUBREAPER,
  PR_GET_DUMPABLE,
  PR_GET_KEEPCAPS,
  PR_GET_NAME,
  PR_GET_NO_NEW_PRIVS,
  PR_GET_PDEATHSIG,
  PR_GET_SECCOMP,
  PR_GET_SECUREBITS,
  PR_GET_THP_DISABLE,
  PR_GET_TID_ADDRESS,
  PR_GET_TIMERSLACK,
  PR_GET_TIMING,
  PR_GET_TSC,
  PR_MCE_KILL,
  PR_MCE_KILL_GET,
  PR_SET_CHILD_SUBREAPER,
  PR_SET_DUMPABLE,
  PR_SET_KEEPCAPS,
  PR_SET_MM,
  PR_SET_NAME,
  PR_SET_NO_NEW_PRIVS,
  PR_SET_PDEATHSIG,
  PR_SET_PTRACER,
  PR_SET_SECUREBITS,
  PR_SET_THP_DISABLE,
  PR_SET_TIMERSLACK,
  PR_SET_TIMING,
  PR_TSC_ENABLE,
} from '@sbx/abi';
import type { ContextPage } from '@sbx/platform';
import { partial, type SyscallEntry } from '../syscalls/entry.js';
import type { Task } from '../task/task.js';

const CAP_SETPCAP = 8;
const LAST_CAP = 40;
const COMM_SIZE = 16;
const SECURE_KEEP_CAPS = 1 << 4;
const SECURE_KEEP_CAPS_LOCKED = 1 << 5;
const SECURE_NO_CAP_AMBIENT_RAISE = 1 << 6;
/** The locks among the secure bits: each bit above its setting. */
const SECURE_LOCKS = 0xaa;
const SECURE_KNOWN = 0xff;
const scratch = new Uint8Array(COMM_SIZE);
const view = new DataView(scratch.buffer);

/** Whether arguments 2.. are zero, which most options require. */
function restIsZero(args: ContextPage, from: number): boolean {
  for (let i = from; i < 5; i++) if (args.argUint32(i) !== 0 || args.argHigh(i) !== 0) return false;
  return true;
}

function store32(task: Task, address: number, value: number): number {
  view.setInt32(0, value, true);
  return task.mm.copyOut(address, scratch, 4) === 4 ? 0 : -EFAULT;
}

function setName(task: Task, address: number): number {
  const name = task.mm.copyInString(address, COMM_SIZE);
  if (typeof name === 'string') {
    task.name = name.slice(0, COMM_SIZE - 1);
    return 0;
  }
  if (name === -EFAULT) return name;
  // Longer than a name may be: it is cut.
  if (task.mm.copyIn(address, scratch, COMM_SIZE - 1) !== COMM_SIZE - 1) return -EFAULT;
  task.name = Buffer.from(scratch.subarray(0, COMM_SIZE - 1)).toString('latin1');
  return 0;
}

function getName(task: Task, address: number): number {
  scratch.fill(0);
  for (let i = 0; i < task.name.length; i++) scratch[i] = task.name.charCodeAt(i);
  return task.mm.copyOut(address, scratch, COMM_SIZE) === COMM_SIZE ? 0 : -EFAULT;
}

function bit(cap: number): number {
  return (1 << (cap % 32)) >>> 0;
}

function boundingSet(task: Task, cap: number, drop: boolean): number {
  const old = task.credentials;
  if (cap > LAST_CAP) return -EINVAL;
  const has = ((cap < 32 ? old.boundingLow : old.boundingHigh) & bit(cap)) !== 0;
  if (!drop) return has ? 1 : 0;
  if (!old.capable(CAP_SETPCAP)) return -EPERM;
  const next = old.copy();
  if (cap < 32) next.boundingLow = (next.boundingLow & ~bit(cap)) >>> 0;
  else next.boundingHigh = (next.boundingHigh & ~bit(cap)) >>> 0;
  task.credentials = next;
  return 0;
}

function ambient(task: Task, args: ContextPage): number {
  const operation = args.argInt32(1);
  const cap = args.argUint32(2);
  const old = task.credentials;
  const next = old.copy();
  if (operation === PR_CAP_AMBIENT_CLEAR_ALL) {
    if (!restIsZero(args, 2)) return -EINVAL;
    next.ambientLow = next.ambientHigh = 0;
    task.credentials = next;
    return 0;
  }
  if (!restIsZero(args, 3) || cap > LAST_CAP) return -EINVAL;
  const low = cap < 32 ? bit(cap) : 0;
  const high = cap < 32 ? 0 : bit(cap);
  if (operation === PR_CAP_AMBIENT_IS_SET) return ((old.ambientLow & low) | (old.ambientHigh & high)) !== 0 ? 1 : 0;
  if (operation === PR_CAP_AMBIENT_RAISE) {
    const permitted = ((old.permittedLow & low) | (old.permittedHigh & high)) !== 0;
    const inheritable = ((old.inheritableLow & low) | (old.inheritableHigh & high)) !== 0;
    if (!permitted || !inheritable || (old.securebits & SECURE_NO_CAP_AMBIENT_RAISE) !== 0) return -EPERM;
    next.ambientLow = (next.ambientLow | low) >>> 0;
    next.ambientHigh = (next.ambientHigh | high) >>> 0;
  } else if (operation === PR_CAP_AMBIENT_LOWER) {
    next.ambientLow = (next.ambientLow & ~low) >>> 0;
    next.ambientHigh = (next.ambientHigh & ~high) >>> 0;
  } else return -EINVAL;
  task.credentials = next;
  return 0;
}

function setSecurebits(task: Task, bits: number): number {
  const old = task.credentials;
  const locked = (old.securebits & SECURE_LOCKS) >>> 1;
  const changesLocked = (locked & (old.securebits ^ bits)) !== 0;
  const clearsLock = (old.securebits & SECURE_LOCKS & ~bits) !== 0;
  if (changesLocked || clearsLock || (bits & ~SECURE_KNOWN) !== 0 || !old.capable(CAP_SETPCAP)) return -EPERM;
  const next = old.copy();
  next.securebits = bits;
  next.keepCaps = (bits & SECURE_KEEP_CAPS) !== 0;
  task.credentials = next;
  return 0;
}

function setKeepCaps(task: Task, value: number): number {
  const old = task.credentials;
  if (value > 1) return -EINVAL;
  if ((old.securebits & SECURE_KEEP_CAPS_LOCKED) !== 0) return -EPERM;
  const next = old.copy();
  next.keepCaps = value === 1;
  next.securebits = value === 1 ? next.securebits | SECURE_KEEP_CAPS : next.securebits & ~SECURE_KEEP_CAPS;
  task.credentials = next;
  return 0;
}

function setNoNewPrivs(task: Task, args: ContextPage): number {
  if (args.argUint32(1) !== 1 || !restIsZero(args, 2)) return -EINVAL;
  const next = task.credentials.copy();
  next.noNewPrivs = true;
  task.credentials = next;
  return 0;
}

/** prctl(2). */
function sysPrctl(task: Task, args: ContextPage): number {
  const value = args.argUint32(1);
  const address = args.argAddress(1);
  const { threadGroup: group } = task;
  switch (args.argInt32(0)) {
    case PR_SET_PDEATHSIG:
      if (value > 64 || args.argHigh(1) !== 0) return -EINVAL;
      task.parentDeathSignal = value;
      return 0;
    case PR_GET_PDEATHSIG:
      return store32(task, address, task.parentDeathSignal);
    case PR_GET_DUMPABLE:
      return task.mm.dumpable;
    case PR_SET_DUMPABLE:
      if (value > 1 || args.argHigh(1) !== 0) return -EINVAL;
      task.mm.dumpable = value;
      return 0;
    case PR_SET_NAME:
      return setName(task, address);
    case PR_GET_NAME:
      return getName(task, address);
    case PR_GET_KEEPCAPS:
      return task.credentials.keepCaps ? 1 : 0;
    case PR_SET_KEEPCAPS:
      return setKeepCaps(task, value);
    case PR_GET_SECUREBITS:
      return task.credentials.securebits;
    case PR_SET_SECUREBITS:
      return setSecurebits(task, value);
    case PR_CAPBSET_READ:
      return boundingSet(task, value, false);
    case PR_CAPBSET_DROP:
      return boundingSet(task, value, true);
    case PR_CAP_AMBIENT:
      return ambient(task, args);
    case PR_GET_TIMING:
      return 0;
    case PR_SET_TIMING:
      return value === 0 ? 0 : -EINVAL;
    case PR_GET_TSC:
      return store32(task, address, PR_TSC_ENABLE);
    case PR_SET_TIMERSLACK:
      task.timerSlack = value === 0 && args.argHigh(1) === 0 ? task.defaultTimerSlack : Math.max(0, args.argSize(1));
      return 0;
    case PR_GET_TIMERSLACK:
      return task.timerSlack;
    case PR_SET_CHILD_SUBREAPER:
      group.isSubreaper = value !== 0 || args.argHigh(1) !== 0;
      return 0;
    case PR_GET_CHILD_SUBREAPER:
      return store32(task, address, group.isSubreaper ? 1 : 0);
    case PR_SET_NO_NEW_PRIVS:
      return setNoNewPrivs(task, args);
    case PR_GET_NO_NEW_PRIVS:
      if (!restIsZero(args, 1)) return -EINVAL;
      return task.credentials.noNewPrivs ? 1 : 0;
    case PR_GET_TID_ADDRESS:
      view.setUint32(0, task.clearChildTid % 2 ** 32, true);
      view.setUint32(4, Math.floor(task.clearChildTid / 2 ** 32), true);
      return task.mm.copyOut(address, scratch, 8) === 8 ? 0 : -EFAULT;
    case PR_GET_THP_DISABLE:
      return restIsZero(args, 1) ? (task.mm.hugePagesDisabled ? 1 : 0) : -EINVAL;
    case PR_SET_THP_DISABLE:
      if (!restIsZero(args, 2)) return -EINVAL;
      task.mm.hugePagesDisabled = value !== 0;
      return 0;
    case PR_GET_SECCOMP:
      return 0;
    case PR_SET_PTRACER:
      return 0;
    case PR_MCE_KILL:
      return value <= 1 && restIsZero(args, 3) ? 0 : -EINVAL;
    case PR_MCE_KILL_GET:
      return restIsZero(args, 1) ? 2 : -EINVAL;
    case PR_SET_MM:
      return task.credentials.capable(24) ? -EACCES : -EPERM;
    default:
      return -EINVAL;
  }
}

export const prctlSyscalls: readonly SyscallEntry[] = [
  partial(
    'prctl',
    sysPrctl,
    'PR_SET_MM, PR_SET_SECCOMP, PR_SET_TSC, PR_SET_VMA and speculation control give an error; timer slack has no effect',
  ),
];
