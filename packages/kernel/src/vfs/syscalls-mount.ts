import {
  AT_FDCWD,
  CAP_SYS_ADMIN,
  EBUSY,
  EFAULT,
  EINVAL,
  ELOOP,
  ENODEV,
  ENOENT,
  ENOSPC,
  ENOTDIR,
  EPERM,
  MNT_DETACH,
  MNT_EXPIRE,
  MNT_FORCE,
  MS_BIND,
  MS_MGC_MSK,
  MS_MGC_VAL,
  MS_MOVE,
  MS_NOATIME,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_RELATIME,
  MS_REMOUNT,
  MS_SHARED,
  MS_SILENT,
  MS_SLAVE,
  MS_STRICTATIME,
  MS_UNBINDABLE,
  PATH_MAX,
  UMOUNT_NOFOLLOW,
} from '@sbx/abi';
import type { ContextPage } from '@sbx/platform';
import { full, partial, type SyscallEntry } from '../syscalls/entry.js';
import type { Task } from '../task/task.js';
import { copyPath, start, startAt } from './arguments.js';
import type { Dentry } from './dentry.js';
import { MOUNT_FLAGS, type Mount } from './mount.js';
import { formatPath, formatPathStatus, PATH_REACHABLE } from './path.js';
import { WALK_DIRECTORY, WALK_FOLLOW } from './path-walk.js';
import { retrying } from './pending.js';

/** Most mounts of a sandbox, in its tree or not (sysctl fs.mount-max, lower because each one costs memory that nobody else pays). */
const MAX_MOUNTS = 4096;
/** mount(2) copies at most a page of options. */
const MAX_DATA = 4096;

function mayMount(task: Task): boolean {
  return task.credentials.capable(CAP_SYS_ADMIN);
}

/** A place that the walk has found, referenced. */
interface Place {
  readonly mount: Mount;
  readonly dentry: Dentry;
}
function resolve(task: Task, path: string, flags: number): Place | number {
  startAt(task, AT_FDCWD, path);
  const { walk } = task.kernel.vfs;
  const result = walk.start(start.mount, start.dentry).lookup(task, path, flags);
  if (result < 0) return result;
  walk.dentry.incRef();
  return { mount: walk.mount, dentry: walk.dentry };
}

function sysMount(task: Task, args: ContextPage): number {
  const source = args.argAddress(0) === 0 ? '' : task.mm.copyInString(args.argAddress(0), PATH_MAX);
  const type = args.argAddress(2) === 0 ? '' : task.mm.copyInString(args.argAddress(2), PATH_MAX);
  if (typeof type === 'number') return type === -EFAULT ? type : -EINVAL;
  if (typeof source === 'number') return source === -EFAULT ? source : -EINVAL;
  const data = copyData(task, args.argAddress(4));
  if (typeof data === 'number') return data;
  const target = copyPath(task, args.argAddress(1));
  if (typeof target === 'number') return target;
  const place = resolve(task, target, WALK_FOLLOW);
  if (typeof place === 'number') return place;
  const result = mountOn(task, place, source, type, args.argUint32(3), data);
  place.dentry.decRef();
  return result;
}

/** The option string; what is not a string is refused later by whoever parses it. */
function copyData(task: Task, addr: number): string | number {
  if (addr === 0) return '';
  const text = task.mm.copyInString(addr, MAX_DATA);
  return typeof text === 'number' ? (text === -EFAULT ? text : -EINVAL) : text;
}

/** path_mount: which of its jobs mount(2) is to do. */
function mountOn(task: Task, place: Place, source: string, type: string, flags: number, data: string): number {
  if ((flags & MS_MGC_MSK) >>> 0 === MS_MGC_VAL) flags &= ~MS_MGC_MSK;
  if (!mayMount(task)) return -EPERM;
  let mountFlags = flags & MOUNT_FLAGS & ~MS_RELATIME;
  if ((flags & MS_NOATIME) === 0 && (flags & MS_STRICTATIME) === 0) mountFlags |= MS_RELATIME;
  if ((flags & (MS_REMOUNT | MS_BIND)) === (MS_REMOUNT | MS_BIND)) return remount(task, place, mountFlags);
  if ((flags & MS_REMOUNT) !== 0) return remountFileSystem(task, place, mountFlags, flags, data);
  if ((flags & MS_BIND) !== 0) return bind(task, place, source, (flags & MS_REC) !== 0);
  if ((flags & (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)) !== 0) return changePropagation(task, place, flags);
  if ((flags & MS_MOVE) !== 0) return move(task, place, source);
  return mountNew(task, place, source, type, mountFlags, flags, data);
}

/** check_mnt and the test beside it: whether a place is a mount in the caller's tree. One that was lazily unmounted is in no tree, but may still be in use. */
function isMountInTree(task: Task, { mount, dentry }: Place): boolean {
  return dentry === mount.root && task.kernel.vfs.namespace.has(mount);
}

function remount(task: Task, place: Place, flags: number): number {
  if (!isMountInTree(task, place)) return -EINVAL;
  place.mount.flags = flags;
  return 0;
}

function remountFileSystem(task: Task, place: Place, mountFlags: number, flags: number, data: string): number {
  const { mount } = place;
  if (!isMountInTree(task, place)) return -EINVAL;
  const result = mount.superBlock.remount(task, flags, data);
  if (result < 0) return result;
  mount.flags = mountFlags;
  return 0;
}

/** There are no peers here: a mount namespace is alone, so that every kind of propagation comes to the same. */
function changePropagation(task: Task, place: Place, flags: number): number {
  const kinds = flags & (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE);
  if ((flags & ~(kinds | MS_REC | MS_SILENT)) !== 0 || (kinds & (kinds - 1)) !== 0) return -EINVAL;
  return isMountInTree(task, place) ? 0 : -EINVAL;
}

/** Whether something may be mounted on a place (lock_mount, check_mnt): it has a name, in the caller's tree of mounts. */
function mayCarry(task: Task, { mount, dentry }: Place): number {
  if (dentry.unlinked) return -ENOENT;
  return task.kernel.vfs.namespace.has(mount) ? 0 : -EINVAL;
}

/** Whether it may be what is rooted at `root`: directories go on directories, others on others. */
function isSameKind(place: Place, root: Dentry): boolean {
  return place.dentry.inode!.isDirectory === root.inode!.isDirectory;
}

function mountNew(task: Task, place: Place, source: string, type: string, mountFlags: number, flags: number, data: string): number {
  if (type === '') return -EINVAL;
  const { vfs } = task.kernel;
  const fileSystem = vfs.types.get(type);
  if (fileSystem === undefined) return -ENODEV;
  if (vfs.namespace.alive >= MAX_MOUNTS) return -ENOSPC;
  const superBlock = fileSystem.mount(task.kernel, task, source, flags, data);
  if (typeof superBlock === 'number') return superBlock;
  const root = vfs.rootOf(superBlock);
  const mount = vfs.namespace.newMount(superBlock, root, mountFlags & ~MS_RDONLY, source === '' ? 'none' : source);
  if ((flags & MS_RDONLY) !== 0) mount.flags |= MS_RDONLY;
  const allowed = mayCarry(task, place);
  const result = allowed === 0 && !isSameKind(place, root) ? -ENOTDIR : allowed;
  if (result < 0) {
    mount.dispose();
    return result;
  }
  vfs.namespace.attach(mount, place.mount, place.dentry);
  return 0;
}

function bind(task: Task, place: Place, source: string, recursive: boolean): number {
  if (source === '') return -EINVAL;
  const { vfs } = task.kernel;
  const from = resolve(task, source, WALK_FOLLOW);
  if (typeof from === 'number') return from;
  let result = mayCarry(task, place);
  const below = mountedBelow(from);
  if (result === 0 && !vfs.namespace.has(from.mount)) result = -EINVAL;
  // What hides something has to be copied with it (has_locked_children).
  if (result === 0 && !recursive && below.some(({ parent, locked }) => locked && parent === from.mount)) result = -EINVAL;
  if (result === 0 && !isSameKind(place, from.dentry)) result = -ENOTDIR;
  if (result === 0) {
    const copies = copyTree(task, from, recursive ? below : []);
    if (typeof copies === 'number') result = copies;
    else vfs.namespace.attach(copies, place.mount, place.dentry);
  }
  from.dentry.decRef();
  return result;
}

/** All that is mounted below a place, parents first. */
function mountedBelow({ mount, dentry }: Place): Mount[] {
  const below = [...mount.children].filter((child) => child.mountpoint!.isWithin(dentry));
  for (const { children } of below) below.push(...children);
  return below;
}

/** A copy of the mount at a place with copies of those in `below`, not attached yet. They stay locked on it; it itself hides nothing at a new place. */
function copyTree(task: Task, from: Place, below: readonly Mount[]): Mount | number {
  const { namespace } = task.kernel.vfs;
  if (namespace.alive + 1 + below.length > MAX_MOUNTS) return -ENOSPC;
  const top = namespace.newMount(from.mount.superBlock, from.dentry, from.mount.flags, from.mount.source);
  const copies = new Map([[from.mount, top]]);
  for (const mount of below) {
    const copy = namespace.newMount(mount.superBlock, mount.root, mount.flags, mount.source);
    copy.locked = mount.locked;
    copies.set(mount, copy);
    namespace.attach(copy, copies.get(mount.parent!)!, mount.mountpoint!);
  }
  return top;
}

function move(task: Task, place: Place, source: string): number {
  if (source === '') return -EINVAL;
  const { namespace } = task.kernel.vfs;
  const from = resolve(task, source, WALK_FOLLOW);
  if (typeof from === 'number') return from;
  const { mount } = from;
  let result = mayCarry(task, place);
  const isMovable = mount.parent !== null && !mount.locked && isMountInTree(task, from);
  if (result === 0 && (!isMovable || !isSameKind(place, mount.root))) result = -EINVAL;
  for (let m: Mount | null = place.mount; m !== null && result === 0; m = m.parent) if (m === mount) result = -ELOOP;
  if (result === 0) {
    namespace.detach(mount);
    namespace.attach(mount, place.mount, place.dentry);
  }
  from.dentry.decRef();
  return result;
}

function sysUmount2(task: Task, args: ContextPage): number {
  const flags = args.argInt32(1);
  if ((flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW)) !== 0) return -EINVAL;
  const path = copyPath(task, args.argAddress(0));
  if (typeof path === 'number') return path;
  const place = resolve(task, path, (flags & UMOUNT_NOFOLLOW) !== 0 ? 0 : WALK_FOLLOW);
  if (typeof place === 'number') return place;
  const { mount, dentry } = place;
  dentry.decRef();
  if (!mayMount(task)) return -EPERM;
  if (dentry !== mount.root) return -EINVAL;
  const { namespace } = task.kernel.vfs;
  if (!namespace.has(mount) || mount.locked) return -EINVAL;
  if ((flags & MNT_EXPIRE) !== 0 && (flags & (MNT_FORCE | MNT_DETACH)) !== 0) return -EINVAL;
  if (mount === task.fs.rootMount && mount.root === task.fs.rootDentry && (flags & MNT_DETACH) === 0) return -EBUSY;
  return namespace.unmount(mount, (flags & MNT_DETACH) !== 0);
}

function sysPivotRoot(task: Task, args: ContextPage): number {
  if (!mayMount(task)) return -EPERM;
  const newPath = copyPath(task, args.argAddress(0));
  if (typeof newPath === 'number') return newPath;
  const newRoot = resolve(task, newPath, WALK_FOLLOW | WALK_DIRECTORY);
  if (typeof newRoot === 'number') return newRoot;
  const oldPath = copyPath(task, args.argAddress(1));
  const putOld = typeof oldPath === 'number' ? oldPath : resolve(task, oldPath, WALK_FOLLOW | WALK_DIRECTORY);
  let result: number;
  if (typeof putOld === 'number') result = putOld;
  else {
    result = pivot(task, newRoot, putOld);
    putOld.dentry.decRef();
  }
  newRoot.dentry.decRef();
  return result;
}

function pivot(task: Task, newRoot: Place, putOld: Place): number {
  const { namespace } = task.kernel.vfs;
  const oldMount = task.fs.rootMount;
  const oldDentry = task.fs.rootDentry;
  if (!namespace.has(oldMount) || !namespace.has(newRoot.mount) || newRoot.mount.locked) return -EINVAL;
  if (newRoot.mount === oldMount || putOld.mount === oldMount) return -EBUSY;
  if (oldDentry !== oldMount.root || newRoot.dentry !== newRoot.mount.root) return -EINVAL;
  if (newRoot.mount.parent === null) return -EINVAL;
  // put_old must be at or below the new root, and the new root below the old one.
  formatPath(putOld.mount, putOld.dentry, newRoot.mount, newRoot.dentry);
  if (formatPathStatus !== PATH_REACHABLE) return -EINVAL;
  formatPath(newRoot.mount, newRoot.dentry, oldMount, oldDentry);
  if (formatPathStatus !== PATH_REACHABLE) return -EINVAL;
  const parent = oldMount.parent;
  const mountpoint = oldMount.mountpoint;
  namespace.detach(newRoot.mount);
  if (parent === null || mountpoint === null) {
    namespace.replaceRoot(newRoot.mount);
  } else {
    newRoot.mount.locked = oldMount.locked;
    oldMount.locked = false;
    mountpoint.incRef();
    namespace.detach(oldMount);
    namespace.attach(newRoot.mount, parent, mountpoint);
    mountpoint.decRef();
  }
  namespace.attach(oldMount, putOld.mount, putOld.dentry);
  for (const other of task.kernel.tasks.values()) {
    const { fs } = other;
    if (fs.rootMount === oldMount && fs.rootDentry === oldDentry) fs.setRoot(newRoot.mount, newRoot.dentry);
    if (fs.cwdMount === oldMount && fs.cwdDentry === oldDentry) fs.setCwd(newRoot.mount, newRoot.dentry);
  }
  return 0;
}

export const mountSyscalls: readonly SyscallEntry[] = [
  partial(
    'mount',
    retrying(sysMount),
    'tmpfs and the types that the kernel registers; propagation has no effect, as there is one mount namespace',
  ),
  full('umount2', retrying(sysUmount2)),
  full('pivot_root', retrying(sysPivotRoot)),
];
