import {
  CAP_CHOWN,
  CAP_FSETID,
  EACCES,
  EINVAL,
  EISDIR,
  EPERM,
  EROFS,
  IN_ATTRIB,
  IN_MODIFY,
  MS_NOATIME,
  MS_NODIRATIME,
  MS_RELATIME,
  O_NOATIME,
  S_IFMT,
  S_IFREG,
} from '@sbx/abi';
import type { Task } from '../task/task.js';
import type { Dentry } from './dentry.js';
import type { FileDescription } from './file-description.js';
import {
  ATTR_ATIME,
  ATTR_ATIME_SET,
  ATTR_CTIME,
  ATTR_FILE,
  ATTR_FORCE,
  ATTR_GID,
  ATTR_MODE,
  ATTR_MTIME,
  ATTR_MTIME_SET,
  ATTR_SIZE,
  ATTR_TIMES_SET,
  ATTR_TOUCH,
  ATTR_UID,
  AttributeChange,
  type Caller,
  type Inode,
} from './inode.js';
import type { Mount } from './mount.js';
import { notify } from './notify.js';
import { inodePermission, MAY_WRITE, ownerOrCapable } from './permission.js';
import { checkNewSize } from './regular-file.js';

const scratch = new AttributeChange();

/** A zeroed change to fill and give to `changeAttributes`. One object, reused: not to be kept. */
export function newChange(valid: number): AttributeChange {
  scratch.valid = valid;
  return scratch;
}

/** notify_change: checks whether the caller may make the change to the object, and makes it. The mount was checked by the caller. */
export function changeAttributes(caller: Caller, dentry: Dentry, change: AttributeChange): number {
  const inode = dentry.inode!;
  const credentials = caller.credentials;
  const valid = change.valid;
  if ((valid & ATTR_FORCE) === 0) {
    if ((valid & ATTR_UID) !== 0) {
      const allowed = (inode.uid === credentials.fsuid && change.uid === inode.uid) || credentials.capable(CAP_CHOWN);
      if (!allowed) return -EPERM;
    }
    if ((valid & ATTR_GID) !== 0) {
      const mine = inode.uid === credentials.fsuid && (credentials.inGroup(change.gid) || change.gid === inode.gid);
      if (!mine && !credentials.capable(CAP_CHOWN)) return -EPERM;
    }
    if ((valid & ATTR_MODE) !== 0) {
      if (!ownerOrCapable(caller, inode)) return -EPERM;
      const gid = (valid & ATTR_GID) !== 0 ? change.gid : inode.gid;
      if (!credentials.inGroup(gid) && !credentials.capable(CAP_FSETID)) change.mode &= ~0o2000;
    }
    if ((valid & (ATTR_ATIME_SET | ATTR_MTIME_SET | ATTR_TIMES_SET)) !== 0) {
      if (!ownerOrCapable(caller, inode)) return -EPERM;
    } else if ((valid & ATTR_TOUCH) !== 0 && !ownerOrCapable(caller, inode)) {
      const allowed = inodePermission(caller, inode, MAY_WRITE);
      if (allowed < 0) return allowed;
    }
  }
  const result = inode.setAttributes(caller, change);
  if (result < 0) return result;
  if ((valid & ATTR_SIZE) !== 0) notify(dentry, IN_MODIFY);
  if ((valid & (ATTR_UID | ATTR_GID | ATTR_MODE)) !== 0 || ((valid & (ATTR_ATIME | ATTR_MTIME)) !== 0 && (valid & ATTR_SIZE) === 0)) {
    notify(dentry, IN_ATTRIB);
  }
  return 0;
}

/** chmod. */
export function changeMode(caller: Caller, mount: Mount, dentry: Dentry, mode: number): number {
  if (mount.readOnly) return -EROFS;
  const change = newChange(ATTR_MODE | ATTR_CTIME);
  change.mode = mode & 0o7777;
  return changeAttributes(caller, dentry, change);
}

/** chown: -1 leaves an id as it is. What is not a directory loses set-user-ID, and set-group-ID, as after a write. */
export function changeOwner(caller: Caller, mount: Mount, dentry: Dentry, uid: number, gid: number): number {
  if (mount.readOnly) return -EROFS;
  const inode = dentry.inode!;
  const change = newChange(ATTR_CTIME);
  if (uid !== -1) {
    change.valid |= ATTR_UID;
    change.uid = uid >>> 0;
  }
  if (gid !== -1) {
    change.valid |= ATTR_GID;
    change.gid = gid >>> 0;
  }
  // The mode that goes with the change needs no permission of its own: check owner and group first, then add it by force.
  const credentials = caller.credentials;
  if ((change.valid & ATTR_UID) !== 0) {
    const allowed = (inode.uid === credentials.fsuid && change.uid === inode.uid) || credentials.capable(CAP_CHOWN);
    if (!allowed) return -EPERM;
  }
  if ((change.valid & ATTR_GID) !== 0) {
    const mine = inode.uid === credentials.fsuid && (credentials.inGroup(change.gid) || change.gid === inode.gid);
    if (!mine && !credentials.capable(CAP_CHOWN)) return -EPERM;
  }
  if (!inode.isDirectory) {
    const mode = inode.mode & ~privilegeBits(inode, caller, false);
    if (mode !== inode.mode) {
      change.valid |= ATTR_MODE;
      change.mode = mode & 0o7777;
    }
  }
  change.valid |= ATTR_FORCE;
  return changeAttributes(caller, dentry, change);
}

/** The bits of set-user-ID and set-group-ID that a change of the contents or the owner takes away. */
function privilegeBits(inode: Inode, caller: Caller, _write: boolean): number {
  let bits = inode.mode & 0o4000;
  if ((inode.mode & 0o2000) !== 0) {
    if ((inode.mode & 0o010) !== 0) bits |= 0o2000;
    else if (!caller.credentials.inGroup(inode.gid) && !caller.credentials.capable(CAP_FSETID)) bits |= 0o2000;
  }
  return bits;
}

/** file_remove_privs: a write by somebody without CAP_FSETID takes set-user-ID and set-group-ID away. Called by file systems before a write. @hotpath */
export function removePrivileges(caller: Caller, dentry: Dentry): number {
  const inode = dentry.inode!;
  if ((inode.mode & 0o6000) === 0 || (inode.mode & S_IFMT) !== S_IFREG) return 0;
  if (caller.credentials.capable(CAP_FSETID)) return 0;
  const bits = privilegeBits(inode, caller, true);
  if (bits === 0) return 0;
  const change = newChange(ATTR_MODE | ATTR_FORCE | ATTR_CTIME);
  change.mode = inode.mode & 0o7777 & ~bits;
  return changeAttributes(caller, dentry, change);
}

/** do_truncate: sets the size of a regular file that the caller may write. `times`: ATTR_MTIME | ATTR_CTIME for O_TRUNC, which touches even an empty file. */
export function truncateInode(caller: Caller, dentry: Dentry, size: number, times: number): number {
  const removed = removePrivileges(caller, dentry);
  if (removed < 0) return removed;
  const change = newChange(ATTR_SIZE | ATTR_FORCE | ATTR_FILE | times);
  change.size = size;
  return changeAttributes(caller, dentry, change);
}

/** truncate(2) on a place: type, mount and permission, no running program, limits. */
export function truncatePath(task: Task, mount: Mount, dentry: Dentry, size: number): number {
  const caller: Caller = task;
  const inode = dentry.inode!;
  if (inode.isDirectory) return -EISDIR;
  if (!inode.isRegular) return -EINVAL;
  if (mount.readOnly) return -EROFS;
  const allowed = inodePermission(caller, inode, MAY_WRITE);
  if (allowed < 0) return allowed;
  const write = inode.acquireWrite();
  if (write < 0) return write;
  let result = checkNewSize(task, inode.size, size);
  if (result === 0) result = truncateInode(caller, dentry, size, 0);
  inode.releaseWrite();
  return result;
}

const DAY = 86_400;

/** Whether a read through `mount` changes the access time now (relatime and friends, mount(8)). @hotpath */
export function wantsAccessTime(mount: Mount, inode: Inode): boolean {
  const flags = mount.flags | mount.superBlock.flags;
  if ((flags & MS_NOATIME) !== 0 || mount.readOnly) return false;
  if ((flags & MS_NODIRATIME) !== 0 && inode.isDirectory) return false;
  if ((flags & MS_RELATIME) === 0) return true;
  if (inode.atimeSec < inode.mtimeSec || (inode.atimeSec === inode.mtimeSec && inode.atimeNsec <= inode.mtimeNsec)) return true;
  if (inode.atimeSec < inode.ctimeSec || (inode.atimeSec === inode.ctimeSec && inode.atimeNsec <= inode.ctimeNsec)) return true;
  const clock = inode.superBlock.kernel.clock;
  clock.readRealtime();
  return clock.seconds - inode.atimeSec >= DAY;
}

/** file_accessed: for file systems that keep times in memory, after a read. @hotpath */
export function fileAccessed(file: FileDescription): void {
  if ((file.flags & O_NOATIME) !== 0 || file.mount === null) return;
  const inode = file.inode!;
  if (wantsAccessTime(file.mount, inode)) inode.setTimesToNow(true, false, false);
}

/** Whether the caller may use `inode` as access(2) asks; -EROFS for writing through a read-only mount. */
export function accessPermission(caller: Caller, mount: Mount, inode: Inode, mask: number): number {
  if ((mask & 1) !== 0 && inode.isRegular && mount.noExec) return -EACCES;
  const allowed = inodePermission(caller, inode, mask);
  if (allowed < 0 || (mask & MAY_WRITE) === 0) return allowed;
  const type = inode.mode & S_IFMT;
  const special = type === 0o020000 || type === 0o060000 || type === 0o010000 || type === 0o140000;
  return mount.readOnly && !special ? -EROFS : 0;
}
