import {
  Stat as AbiStat,
  Statfs as AbiStatfs,
  Statx as AbiStatx,
  AT_EACCESS,
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_NO_AUTOMOUNT,
  AT_STATX_SYNC_TYPE,
  AT_SYMLINK_NOFOLLOW,
  EBADF,
  EFAULT,
  EINVAL,
  ENOENT,
  MS_MANDLOCK,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_NOSYMFOLLOW,
  MS_RDONLY,
  MS_RELATIME,
  MS_SYNCHRONOUS,
  SECURE_NO_SETUID_FIXUP,
  ST_MANDLOCK,
  ST_NOATIME,
  ST_NODEV,
  ST_NODIRATIME,
  ST_NOEXEC,
  ST_NOSUID,
  ST_NOSYMFOLLOW,
  ST_RDONLY,
  ST_RELATIME,
  ST_SYNCHRONOUS,
  ST_VALID,
  STATX_ATTR_MOUNT_ROOT,
  STATX_BASIC_STATS,
  STATX_BTIME,
  STATX_MNT_ID,
} from '@sbx/abi';
import type { ContextPage } from '@sbx/platform';
import type { Credentials } from '../auth/credentials.js';
import { full, type SyscallEntry } from '../syscalls/entry.js';
import type { Task } from '../task/task.js';
import { copyPath, copyPathOrEmpty, start, startAt } from './arguments.js';
import { accessPermission } from './attributes.js';
import { deviceMajor, deviceMinor } from './device-number.js';
import type { Caller } from './inode.js';
import type { Mount } from './mount.js';
import { WALK_FOLLOW } from './path-walk.js';
import { retrying } from './pending.js';
import { Stat, StatFs } from './stat.js';

// Scratch objects: a call fills and copies them out before anything else can run.
const attributes = new Stat();
const statValue = AbiStat.create();
const statxValue = AbiStatx.create();
const statfsValue = AbiStatfs.create();
const statFs = new StatFs();
const bytes = new Uint8Array(Math.max(AbiStat.size, AbiStatx.size, AbiStatfs.size));
const view = new DataView(bytes.buffer);

/** Copies `attributes` out as struct stat. @hotpath */
function putStat(task: Task, addr: number): number {
  const a = attributes;
  const s = statValue;
  s.st_dev = a.device;
  s.st_ino = a.ino;
  s.st_nlink = a.nlink;
  s.st_mode = a.mode;
  s.st_uid = a.uid;
  s.st_gid = a.gid;
  s.st_rdev = a.rdev;
  s.st_size = a.size;
  s.st_blksize = a.blockSize;
  s.st_blocks = a.blocks;
  s.st_atime = a.atimeSec;
  s.st_atime_nsec = a.atimeNsec;
  s.st_mtime = a.mtimeSec;
  s.st_mtime_nsec = a.mtimeNsec;
  s.st_ctime = a.ctimeSec;
  s.st_ctime_nsec = a.ctimeNsec;
  AbiStat.write(view, 0, s);
  return task.mm.copyOut(addr, bytes, AbiStat.size) === AbiStat.size ? 0 : -EFAULT;
}

/** Resolves a path and fills `attributes`; 0 (and the walk stands there), or -errno. @hotpath */
function statPath(task: Task, dirfd: number, path: string, follow: boolean): number {
  const started = startAt(task, dirfd, path);
  if (started < 0) return started;
  const { walk } = task.kernel.vfs;
  const result = walk.start(start.mount, start.dentry).lookup(task, path, follow ? WALK_FOLLOW : 0);
  return result < 0 ? result : walk.dentry.inode!.getAttributes(task, attributes);
}

/** @hotpath */
function sysStat(task: Task, args: ContextPage): number {
  const path = copyPath(task, args.argAddress(0));
  if (typeof path === 'number') return path;
  const result = statPath(task, AT_FDCWD, path, true);
  return result < 0 ? result : putStat(task, args.argAddress(1));
}
/** @hotpath */
function sysLstat(task: Task, args: ContextPage): number {
  const path = copyPath(task, args.argAddress(0));
  if (typeof path === 'number') return path;
  const result = statPath(task, AT_FDCWD, path, false);
  return result < 0 ? result : putStat(task, args.argAddress(1));
}
/** @hotpath */
function sysFstat(task: Task, args: ContextPage): number {
  const file = task.files.get(args.argInt32(0));
  if (file === null) return -EBADF;
  const result = file.stat(task, attributes);
  return result < 0 ? result : putStat(task, args.argAddress(1));
}
/** @hotpath */
function sysNewfstatat(task: Task, args: ContextPage): number {
  const flags = args.argInt32(3);
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH)) !== 0) return -EINVAL;
  const result = statAt(task, args.argInt32(0), args.argAddress(1), flags);
  return result < 0 ? result : putStat(task, args.argAddress(2));
}

/** The file on which the last `statAt` was, as far as it had a mount. */
let statMount: Mount | null = null;
let statIsRoot = false;

/** statx and newfstatat: with AT_EMPTY_PATH an empty path is the descriptor itself. */
function statAt(task: Task, dirfd: number, addr: number, flags: number): number {
  const path = copyPathOrEmpty(task, addr);
  if (typeof path === 'number') return path;
  if (path === '') {
    if ((flags & AT_EMPTY_PATH) === 0) return -ENOENT;
    if (dirfd !== AT_FDCWD) {
      const file = task.files.get(dirfd);
      if (file === null) return -EBADF;
      statMount = file.mount;
      statIsRoot = file.mount !== null && file.dentry === file.mount.root;
      return file.stat(task, attributes);
    }
  }
  const result = statPath(task, dirfd, path, (flags & AT_SYMLINK_NOFOLLOW) === 0);
  const { walk } = task.kernel.vfs;
  statMount = walk.mount;
  statIsRoot = walk.dentry === walk.mount.root;
  return result;
}

function sysStatx(task: Task, args: ContextPage): number {
  const flags = args.argUint32(2);
  const mask = args.argUint32(3);
  if (mask >= 0x80000000) return -EINVAL;
  if ((flags & AT_STATX_SYNC_TYPE) === AT_STATX_SYNC_TYPE) return -EINVAL;
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE)) !== 0) return -EINVAL;
  const result = statAt(task, args.argInt32(0), args.argAddress(1), flags);
  if (result < 0) return result;
  const a = attributes;
  const s = statxValue;
  s.stx_mask = STATX_BASIC_STATS | (a.hasBirthTime ? STATX_BTIME : 0) | (statMount === null ? 0 : STATX_MNT_ID);
  s.stx_blksize = a.blockSize;
  s.stx_attributes = a.attributes + (statIsRoot ? STATX_ATTR_MOUNT_ROOT : 0);
  s.stx_attributes_mask = a.attributesMask | STATX_ATTR_MOUNT_ROOT;
  s.stx_nlink = a.nlink;
  s.stx_uid = a.uid;
  s.stx_gid = a.gid;
  s.stx_mode = a.mode;
  s.stx_ino = a.ino;
  s.stx_size = a.size;
  s.stx_blocks = a.blocks;
  s.stx_atime.tv_sec = a.atimeSec;
  s.stx_atime.tv_nsec = a.atimeNsec;
  s.stx_btime.tv_sec = a.btimeSec;
  s.stx_btime.tv_nsec = a.btimeNsec;
  s.stx_ctime.tv_sec = a.ctimeSec;
  s.stx_ctime.tv_nsec = a.ctimeNsec;
  s.stx_mtime.tv_sec = a.mtimeSec;
  s.stx_mtime.tv_nsec = a.mtimeNsec;
  s.stx_rdev_major = deviceMajor(a.rdev);
  s.stx_rdev_minor = deviceMinor(a.rdev);
  s.stx_dev_major = deviceMajor(a.device);
  s.stx_dev_minor = deviceMinor(a.device);
  s.stx_mnt_id = statMount === null ? 0 : statMount.id;
  AbiStatx.write(view, 0, s);
  return task.mm.copyOut(args.argAddress(4), bytes, AbiStatx.size) === AbiStatx.size ? 0 : -EFAULT;
}

function sysAccess(task: Task, args: ContextPage): number {
  return access(task, AT_FDCWD, args.argAddress(0), args.argInt32(1), 0);
}
function sysFaccessat(task: Task, args: ContextPage): number {
  return access(task, args.argInt32(0), args.argAddress(1), args.argInt32(2), 0);
}
function sysFaccessat2(task: Task, args: ContextPage): number {
  return access(task, args.argInt32(0), args.argAddress(1), args.argInt32(2), args.argInt32(3));
}

function access(task: Task, dirfd: number, addr: number, mode: number, flags: number): number {
  if ((mode & ~7) !== 0) return -EINVAL;
  if ((flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) !== 0) return -EINVAL;
  const path = (flags & AT_EMPTY_PATH) !== 0 ? copyPathOrEmpty(task, addr) : copyPath(task, addr);
  if (typeof path === 'number') return path;
  const started = startAt(task, dirfd, path);
  if (started < 0) return started;
  const caller = (flags & AT_EACCESS) !== 0 ? task : asRealUser(task);
  const { walk } = task.kernel.vfs;
  const result = walk.start(start.mount, start.dentry).lookup(caller, path, (flags & AT_SYMLINK_NOFOLLOW) === 0 ? WALK_FOLLOW : 0);
  if (result < 0) return result;
  return mode === 0 ? 0 : accessPermission(caller, walk.mount, walk.dentry.inode!, mode);
}

/** The task with its real ids in place of the effective ones (access(2)), and the capabilities that would go with them. */
function asRealUser(task: Task): Caller {
  const c = task.credentials;
  const fixup = (c.securebits & (1 << SECURE_NO_SETUID_FIXUP)) === 0;
  let low = c.effectiveLow;
  let high = c.effectiveHigh;
  if (fixup) {
    low = c.ruid === 0 ? c.permittedLow : 0;
    high = c.ruid === 0 ? c.permittedHigh : 0;
  }
  if (c.fsuid === c.ruid && c.fsgid === c.rgid && low === c.effectiveLow && high === c.effectiveHigh) return task;
  const credentials: Credentials = c.copy();
  credentials.fsuid = c.ruid;
  credentials.fsgid = c.rgid;
  credentials.effectiveLow = low;
  credentials.effectiveHigh = high;
  return { kernel: task.kernel, credentials, fs: task.fs, task };
}

/** ST_* bits of f_flags, by the MS_* bits of mount and file system. */
const ST_OF_MS = [
  [MS_RDONLY, ST_RDONLY],
  [MS_NOSUID, ST_NOSUID],
  [MS_NODEV, ST_NODEV],
  [MS_NOEXEC, ST_NOEXEC],
  [MS_SYNCHRONOUS, ST_SYNCHRONOUS],
  [MS_MANDLOCK, ST_MANDLOCK],
  [MS_NOATIME, ST_NOATIME],
  [MS_NODIRATIME, ST_NODIRATIME],
  [MS_RELATIME, ST_RELATIME],
  [MS_NOSYMFOLLOW, ST_NOSYMFOLLOW],
] as const;

function putStatfs(task: Task, mount: Mount, addr: number): number {
  const { superBlock } = mount;
  const result = superBlock.statfs(task, statFs);
  if (result < 0) return result;
  let flags = ST_VALID;
  for (const [ms, st] of ST_OF_MS) if (((mount.flags | superBlock.flags) & ms) !== 0) flags |= st;
  const s = statfsValue;
  s.f_type = statFs.type;
  s.f_bsize = statFs.blockSize;
  s.f_blocks = statFs.blocks;
  s.f_bfree = statFs.blocksFree;
  s.f_bavail = statFs.blocksAvailable;
  s.f_files = statFs.files;
  s.f_ffree = statFs.filesFree;
  s.f_fsid[0] = statFs.fsidLow | 0;
  s.f_fsid[1] = statFs.fsidHigh | 0;
  s.f_namelen = statFs.nameMax;
  s.f_frsize = statFs.fragmentSize;
  s.f_flags = flags;
  AbiStatfs.write(view, 0, s);
  return task.mm.copyOut(addr, bytes, AbiStatfs.size) === AbiStatfs.size ? 0 : -EFAULT;
}

function sysStatfs(task: Task, args: ContextPage): number {
  const path = copyPath(task, args.argAddress(0));
  if (typeof path === 'number') return path;
  startAt(task, AT_FDCWD, path);
  const { walk } = task.kernel.vfs;
  const result = walk.start(start.mount, start.dentry).lookup(task, path, WALK_FOLLOW);
  return result < 0 ? result : putStatfs(task, walk.mount, args.argAddress(1));
}
function sysFstatfs(task: Task, args: ContextPage): number {
  const file = task.files.get(args.argInt32(0));
  if (file === null) return -EBADF;
  return putStatfs(task, file.mount ?? task.kernel.vfs.anonymousMount, args.argAddress(1));
}

const ustat = new Uint8Array(32);
const ustatView = new DataView(ustat.buffer);

function sysUstat(task: Task, args: ContextPage): number {
  const device = args.argUint32(0);
  for (const mount of task.kernel.vfs.namespace.mounts.values()) {
    if (mount.superBlock.device !== device) continue;
    const result = mount.superBlock.statfs(task, statFs);
    if (result < 0) return result;
    ustat.fill(0);
    ustatView.setUint32(0, statFs.blocksFree % 2 ** 32, true);
    // ino_t is a long: its place is 8 on 64-bit machines.
    ustatView.setUint32(8, statFs.filesFree % 2 ** 32, true);
    ustatView.setUint32(12, Math.floor(statFs.filesFree / 2 ** 32), true);
    return task.mm.copyOut(args.argAddress(1), ustat, 32) === 32 ? 0 : -EFAULT;
  }
  return -EINVAL;
}

export const statSyscalls: readonly SyscallEntry[] = [
  full('stat', retrying(sysStat)),
  full('lstat', retrying(sysLstat)),
  full('fstat', retrying(sysFstat)),
  full('newfstatat', retrying(sysNewfstatat)),
  full('statx', retrying(sysStatx)),
  full('access', retrying(sysAccess)),
  full('faccessat', retrying(sysFaccessat)),
  full('faccessat2', retrying(sysFaccessat2)),
  full('statfs', retrying(sysStatfs)),
  full('fstatfs', retrying(sysFstatfs)),
  full('ustat', sysUstat),
];
