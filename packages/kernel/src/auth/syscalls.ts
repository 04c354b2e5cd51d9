import { EFAULT, EINVAL, EPERM } from '@sbx/abi';
import type { ContextPage } from '@sbx/platform';
import { full, partial, type SyscallEntry } from '../syscalls/entry.js';
import type { Task } from '../task/task.js';
import { CAP_ALL_HIGH, CAP_ALL_LOW, type Credentials } from './credentials.js';

const CAP_SETGID = 6;
const CAP_SETUID = 7;
const CAP_SETPCAP = 8;
/** CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID, CAP_LINUX_IMMUTABLE, CAP_MKNOD; CAP_MAC_OVERRIDE. */
const CAP_FILES_LOW = 0x0800021f;
const CAP_FILES_HIGH = 0x1;
const NGROUPS_MAX = 65536;
const INVALID_ID = 0xffffffff;
const SECBIT_NO_SETUID_FIXUP = 1 << 2;
const V1 = 0x19980330;
const V2 = 0x20071026;
const V3 = 0x20080522;
const words = new Uint32Array(8);
const bytes = new Uint8Array(words.buffer);

/** Effective ids changed between root and not root: capabilities follow (capabilities(7), "effect of user ID changes"). */
function fixCapabilities(old: Credentials, next: Credentials): void {
  if ((next.securebits & SECBIT_NO_SETUID_FIXUP) !== 0) return;
  const wasRoot = old.ruid === 0 || old.euid === 0 || old.suid === 0;
  const isRoot = next.ruid === 0 || next.euid === 0 || next.suid === 0;
  if (wasRoot && !isRoot) {
    if (!next.keepCaps) next.permittedLow = next.permittedHigh = 0;
    next.effectiveLow = next.effectiveHigh = 0;
    next.ambientLow = next.ambientHigh = 0;
  }
  if (old.euid === 0 && next.euid !== 0) next.effectiveLow = next.effectiveHigh = 0;
  if (old.euid !== 0 && next.euid === 0) {
    next.effectiveLow = next.permittedLow;
    next.effectiveHigh = next.permittedHigh;
  }
}

/** The file-system user id changed between root and not root: the capabilities for files follow (capabilities(7)). */
function fixFileCapabilities(old: Credentials, next: Credentials): void {
  if ((next.securebits & SECBIT_NO_SETUID_FIXUP) !== 0) return;
  if (old.fsuid === 0 && next.fsuid !== 0) {
    next.effectiveLow = (next.effectiveLow & ~CAP_FILES_LOW) >>> 0;
    next.effectiveHigh &= ~CAP_FILES_HIGH;
  } else if (old.fsuid !== 0 && next.fsuid === 0) {
    next.effectiveLow = (next.effectiveLow | (next.permittedLow & CAP_FILES_LOW)) >>> 0;
    next.effectiveHigh |= next.permittedHigh & CAP_FILES_HIGH;
  }
}

function install(task: Task, next: Credentials): number {
  fixCapabilities(task.credentials, next);
  return commit(task, next);
}

/** A process whose rights to files or signals change can't be looked into by its former equals (prctl(2), PR_SET_DUMPABLE). */
function commit(task: Task, next: Credentials): number {
  const old = task.credentials;
  if (old.euid !== next.euid || old.egid !== next.egid || old.fsuid !== next.fsuid || old.fsgid !== next.fsgid) {
    task.mm.dumpable = 0;
    task.parentDeathSignal = 0;
  }
  task.credentials = next;
  return 0;
}

function sysSetuid(task: Task, args: ContextPage): number {
  const uid = args.argUint32(0);
  const old = task.credentials;
  if (uid === INVALID_ID) return -EINVAL;
  const next = old.copy();
  if (old.capable(CAP_SETUID)) next.ruid = next.suid = uid;
  else if (uid !== old.ruid && uid !== old.suid) return -EPERM;
  next.euid = next.fsuid = uid;
  return install(task, next);
}

function sysSetgid(task: Task, args: ContextPage): number {
  const gid = args.argUint32(0);
  const old = task.credentials;
  if (gid === INVALID_ID) return -EINVAL;
  const next = old.copy();
  if (old.capable(CAP_SETGID)) next.rgid = next.sgid = gid;
  else if (gid !== old.rgid && gid !== old.sgid) return -EPERM;
  next.egid = next.fsgid = gid;
  return install(task, next);
}

function sysSetreuid(task: Task, args: ContextPage): number {
  const ruid = args.argUint32(0);
  const euid = args.argUint32(1);
  const old = task.credentials;
  const next = old.copy();
  const free = old.capable(CAP_SETUID);
  if (ruid !== INVALID_ID) {
    if (!free && ruid !== old.ruid && ruid !== old.euid) return -EPERM;
    next.ruid = ruid;
  }
  if (euid !== INVALID_ID) {
    if (!free && euid !== old.ruid && euid !== old.euid && euid !== old.suid) return -EPERM;
    next.euid = euid;
  }
  if (ruid !== INVALID_ID || (euid !== INVALID_ID && euid !== old.ruid)) next.suid = next.euid;
  next.fsuid = next.euid;
  return install(task, next);
}

function sysSetregid(task: Task, args: ContextPage): number {
  const rgid = args.argUint32(0);
  const egid = args.argUint32(1);
  const old = task.credentials;
  const next = old.copy();
  const free = old.capable(CAP_SETGID);
  if (rgid !== INVALID_ID) {
    if (!free && rgid !== old.rgid && rgid !== old.egid) return -EPERM;
    next.rgid = rgid;
  }
  if (egid !== INVALID_ID) {
    if (!free && egid !== old.rgid && egid !== old.egid && egid !== old.sgid) return -EPERM;
    next.egid = egid;
  }
  if (rgid !== INVALID_ID || (egid !== INVALID_ID && egid !== old.rgid)) next.sgid = next.egid;
  next.fsgid = next.egid;
  return install(task, next);
}

function sysSetresuid(task: Task, args: ContextPage): number {
  const old = task.credentials;
  const next = old.copy();
  const free = old.capable(CAP_SETUID);
  for (let i = 0; i < 3; i++) {
    const id = args.argUint32(i);
    if (id === INVALID_ID) continue;
    if (!free && id !== old.ruid && id !== old.euid && id !== old.suid) return -EPERM;
    if (i === 0) next.ruid = id;
    else if (i === 1) next.euid = id;
    else next.suid = id;
  }
  next.fsuid = next.euid;
  return install(task, next);
}

function sysSetresgid(task: Task, args: ContextPage): number {
  const old = task.credentials;
  const next = old.copy();
  const free = old.capable(CAP_SETGID);
  for (let i = 0; i < 3; i++) {
    const id = args.argUint32(i);
    if (id === INVALID_ID) continue;
    if (!free && id !== old.rgid && id !== old.egid && id !== old.sgid) return -EPERM;
    if (i === 0) next.rgid = id;
    else if (i === 1) next.egid = id;
    else next.sgid = id;
  }
  next.fsgid = next.egid;
  return install(task, next);
}

/** Stores three ids at the addresses in the arguments. */
function storeIds(task: Task, args: ContextPage, a: number, b: number, c: number): number {
  words[0] = a;
  words[1] = b;
  words[2] = c;
  for (let i = 0; i < 3; i++) {
    if (task.mm.copyOut(args.argAddress(i), bytes.subarray(i * 4, i * 4 + 4), 4) !== 4) return -EFAULT;
  }
  return 0;
}
function sysGetresuid(task: Task, args: ContextPage): number {
  const c = task.credentials;
  return storeIds(task, args, c.ruid, c.euid, c.suid);
}
function sysGetresgid(task: Task, args: ContextPage): number {
  const c = task.credentials;
  return storeIds(task, args, c.rgid, c.egid, c.sgid);
}

function sysSetfsuid(task: Task, args: ContextPage): number {
  const uid = args.argUint32(0);
  const old = task.credentials;
  if (uid !== INVALID_ID && (uid === old.ruid || uid === old.euid || uid === old.suid || uid === old.fsuid || old.capable(CAP_SETUID))) {
    const next = old.copy();
    next.fsuid = uid;
    fixFileCapabilities(old, next);
    commit(task, next);
  }
  return old.fsuid;
}
function sysSetfsgid(task: Task, args: ContextPage): number {
  const gid = args.argUint32(0);
  const old = task.credentials;
  if (gid !== INVALID_ID && (gid === old.rgid || gid === old.egid || gid === old.sgid || gid === old.fsgid || old.capable(CAP_SETGID))) {
    const next = old.copy();
    next.fsgid = gid;
    commit(task, next);
  }
  return old.fsgid;
}

function sysGetgroups(task: Task, args: ContextPage): number {
  const size = args.argInt32(0);
  const { groups } = task.credentials;
  if (size < 0) return -EINVAL;
  if (size === 0) return groups.length;
  if (size < groups.length) return -EINVAL;
  const list = new Uint32Array(groups);
  return task.mm.copyOut(args.argAddress(1), new Uint8Array(list.buffer), list.byteLength) === list.byteLength ? groups.length : -EFAULT;
}

function sysSetgroups(task: Task, args: ContextPage): number {
  const size = args.argUint32(0);
  if (!task.credentials.capable(CAP_SETGID)) return -EPERM;
  if (size > NGROUPS_MAX) return -EINVAL;
  const list = new Uint32Array(size);
  if (task.mm.copyIn(args.argAddress(1), new Uint8Array(list.buffer), list.byteLength) !== list.byteLength) return -EFAULT;
  if (list.includes(INVALID_ID)) return -EINVAL;
  const next = task.credentials.copy();
  next.groups = [...list].sort((a, b) => a - b);
  task.credentials = next;
  return 0;
}

/** Reads the header of capget/capset: the number of words in each set, or -errno. An unknown version is answered with the preferred one. */
function readCapHeader(task: Task, address: number): number {
  if (task.mm.copyIn(address, bytes, 8) !== 8) return -EFAULT;
  if (words[0] === V1) return 1;
  if (words[0] === V2 || words[0] === V3) return 2;
  words[0] = V3;
  return task.mm.copyOut(address, bytes, 4) === 4 ? -EINVAL : -EFAULT;
}

function sysCapget(task: Task, args: ContextPage): number {
  const data = args.argAddress(1);
  const count = readCapHeader(task, args.argAddress(0));
  if (count < 0) return data === 0 && count === -EINVAL ? 0 : count;
  const pid = words[1] | 0;
  if (pid < 0) return -EINVAL;
  const target = pid === 0 ? task : task.kernel.tasks.get(pid);
  if (target === undefined) return -3;
  if (data === 0) return 0;
  const c = target.credentials;
  words.set([c.effectiveLow, c.permittedLow, c.inheritableLow, c.effectiveHigh, c.permittedHigh, c.inheritableHigh]);
  const size = count * 12;
  return task.mm.copyOut(data, bytes, size) === size ? 0 : -EFAULT;
}

function sysCapset(task: Task, args: ContextPage): number {
  const count = readCapHeader(task, args.argAddress(0));
  if (count < 0) return count;
  const pid = words[1] | 0;
  if (pid !== 0 && pid !== task.id) return -EPERM;
  const size = count * 12;
  words.fill(0);
  if (task.mm.copyIn(args.argAddress(1), bytes, size) !== size) return -EFAULT;
  const old = task.credentials;
  const [eLow, pLow, iLow] = words;
  const eHigh = words[3] & CAP_ALL_HIGH;
  const pHigh = words[4] & CAP_ALL_HIGH;
  const iHigh = words[5] & CAP_ALL_HIGH;
  const mayRaise = old.capable(CAP_SETPCAP);
  if (!mayRaise && ((iLow & ~(old.inheritableLow | old.permittedLow)) | (iHigh & ~(old.inheritableHigh | old.permittedHigh))) !== 0)
    return -EPERM;
  if (((iLow & ~(old.inheritableLow | old.boundingLow)) | (iHigh & ~(old.inheritableHigh | old.boundingHigh))) !== 0) return -EPERM;
  if (((pLow & ~old.permittedLow) | (pHigh & ~old.permittedHigh)) !== 0) return -EPERM;
  if (((eLow & ~pLow) | (eHigh & ~pHigh)) !== 0) return -EPERM;
  const next = old.copy();
  next.effectiveLow = eLow & CAP_ALL_LOW;
  next.effectiveHigh = eHigh;
  next.permittedLow = pLow;
  next.permittedHigh = pHigh;
  next.inheritableLow = iLow;
  next.inheritableHigh = iHigh;
  next.ambientLow &= pLow & iLow;
  next.ambientHigh &= pHigh & iHigh;
  for (const field of ['effectiveLow', 'permittedLow', 'inheritableLow', 'ambientLow'] as const) next[field] >>>= 0;
  task.credentials = next;
  return 0;
}

export const authSyscalls: readonly SyscallEntry[] = [
  full('getuid', (task) => task.credentials.ruid),
  full('geteuid', (task) => task.credentials.euid),
  full('getgid', (task) => task.credentials.rgid),
  full('getegid', (task) => task.credentials.egid),
  full('setuid', sysSetuid),
  full('setgid', sysSetgid),
  full('setreuid', sysSetreuid),
  full('setregid', sysSetregid),
  full('setresuid', sysSetresuid),
  full('setresgid', sysSetresgid),
  full('getresuid', sysGetresuid),
  full('getresgid', sysGetresgid),
  full('setfsuid', sysSetfsuid),
  full('setfsgid', sysSetfsgid),
  full('getgroups', sysGetgroups),
  full('setgroups', sysSetgroups),
  full('capget', sysCapget),
  partial('capset', sysCapset, 'version 1 headers change the low 32 capabilities and clear the others'),
];
