import {
  AT_FDCWD,
  CAP_SETFCAP,
  CAP_SYS_ADMIN,
  E2BIG,
  EBADF,
  EFAULT,
  EINVAL,
  ENODATA,
  EPERM,
  ERANGE,
  EROFS,
  IN_ATTRIB,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
  XATTR_CREATE,
  XATTR_LIST_MAX,
  XATTR_NAME_MAX,
  XATTR_REPLACE,
  XATTR_SIZE_MAX,
} from '@sbx/abi';
import type { ContextPage } from '@sbx/platform';
import { full, type SyscallEntry } from '../syscalls/entry.js';
import type { Task } from '../task/task.js';
import { copyPath, start, startAt } from './arguments.js';
import type { Dentry } from './dentry.js';
import type { Inode } from './inode.js';
import type { Mount } from './mount.js';
import { notify } from './notify.js';
import { WALK_FOLLOW } from './path-walk.js';
import { retrying } from './pending.js';
import { inodePermission, MAY_READ, MAY_WRITE, ownerOrCapable } from './permission.js';

/** The object that the last `walkTo` or `fileTo` found. */
let mount: Mount;
let dentry: Dentry;

function walkTo(task: Task, addr: number, follow: boolean): number {
  const path = copyPath(task, addr);
  if (typeof path === 'number') return path;
  startAt(task, AT_FDCWD, path);
  const { walk } = task.kernel.vfs;
  const result = walk.start(start.mount, start.dentry).lookup(task, path, follow ? WALK_FOLLOW : 0);
  mount = walk.mount;
  dentry = walk.dentry;
  return result;
}
function fileTo(task: Task, fd: number): number {
  const file = task.files.getReal(fd);
  if (file === null) return -EBADF;
  const { anonymousMount } = task.kernel.vfs;
  mount = file.mount ?? anonymousMount;
  dentry = file.dentry ?? anonymousMount.root;
  return 0;
}

/** An attribute's name; -ERANGE when it is empty or too long. */
function copyName(task: Task, addr: number): string | number {
  const name = task.mm.copyInString(addr, XATTR_NAME_MAX + 1);
  if (typeof name === 'number') return name === -EFAULT ? name : -ERANGE;
  return name === '' ? -ERANGE : name;
}

/** xattr_permission: what the name's class demands (xattr(7)). */
function xattrPermission(task: Task, inode: Inode, name: string, mask: number): number {
  if (name.startsWith('security.') || name.startsWith('system.')) return 0;
  const refused = mask === MAY_WRITE ? -EPERM : -ENODATA;
  if (name.startsWith('trusted.')) return task.credentials.capable(CAP_SYS_ADMIN) ? 0 : refused;
  if (name.startsWith('user.')) {
    const type = inode.mode & S_IFMT;
    if (type !== S_IFREG && type !== S_IFDIR) return refused;
    if (type === S_IFDIR && (inode.mode & 0o1000) !== 0 && mask === MAY_WRITE && !ownerOrCapable(task, inode)) return -EPERM;
  }
  return inodePermission(task, inode, mask);
}

/** Writing "security." attributes needs trust (cap_inode_setxattr). */
function securityPermission(task: Task, name: string): number {
  if (!name.startsWith('security.')) return 0;
  const needed = name === 'security.capability' ? CAP_SETFCAP : CAP_SYS_ADMIN;
  return task.credentials.capable(needed) ? 0 : -EPERM;
}

function setXattr(task: Task, args: ContextPage, find: () => number): number {
  // setxattr_copy comes after the path or the descriptor, as in Linux.
  let result = find();
  if (result < 0) return result;
  const flags = args.argInt32(4);
  if ((flags & ~(XATTR_CREATE | XATTR_REPLACE)) !== 0) return -EINVAL;
  const name = copyName(task, args.argAddress(1));
  if (typeof name === 'number') return name;
  const size = args.argSize(3);
  if (size < 0 || size > XATTR_SIZE_MAX) return -E2BIG;
  const value = new Uint8Array(size);
  if (size > 0 && task.mm.copyIn(args.argAddress(2), value, size) !== size) return -EFAULT;
  if (mount.readOnly) return -EROFS;
  const inode = dentry.inode!;
  result = xattrPermission(task, inode, name, MAY_WRITE);
  if (result === 0) result = securityPermission(task, name);
  if (result === 0) result = inode.setXattr(task, name, value, flags);
  if (result === 0) notify(dentry, IN_ATTRIB);
  return result;
}
function sysSetxattr(task: Task, args: ContextPage): number {
  return setXattr(task, args, () => walkTo(task, args.argAddress(0), true));
}
function sysLsetxattr(task: Task, args: ContextPage): number {
  return setXattr(task, args, () => walkTo(task, args.argAddress(0), false));
}
function sysFsetxattr(task: Task, args: ContextPage): number {
  return setXattr(task, args, () => fileTo(task, args.argInt32(0)));
}

function getXattr(task: Task, args: ContextPage, found: number): number {
  if (found < 0) return found;
  const name = copyName(task, args.argAddress(1));
  if (typeof name === 'number') return name;
  const inode = dentry.inode!;
  const allowed = xattrPermission(task, inode, name, MAY_READ);
  if (allowed < 0) return allowed;
  const value = inode.getXattr(task, name);
  if (typeof value === 'number') return value;
  const size = args.argSize(3);
  if (size === 0) return value.length;
  if (size > 0 && size < value.length) return -ERANGE;
  return task.mm.copyOut(args.argAddress(2), value, value.length) === value.length ? value.length : -EFAULT;
}
function sysGetxattr(task: Task, args: ContextPage): number {
  return getXattr(task, args, walkTo(task, args.argAddress(0), true));
}
function sysLgetxattr(task: Task, args: ContextPage): number {
  return getXattr(task, args, walkTo(task, args.argAddress(0), false));
}
function sysFgetxattr(task: Task, args: ContextPage): number {
  return getXattr(task, args, fileTo(task, args.argInt32(0)));
}

function listXattr(task: Task, args: ContextPage, found: number): number {
  if (found < 0) return found;
  const names = dentry.inode!.listXattr(task);
  if (typeof names === 'number') return names;
  const trusted = task.credentials.capable(CAP_SYS_ADMIN);
  let text = '';
  for (const name of names) if (trusted || !name.startsWith('trusted.')) text += `${name}\0`;
  const size = args.argSize(2);
  if (size === 0) return text.length;
  if (text.length > XATTR_LIST_MAX) return -E2BIG;
  if (size > 0 && size < text.length) return -ERANGE;
  return task.mm.copyOut(args.argAddress(1), Buffer.from(text, 'latin1'), text.length) === text.length ? text.length : -EFAULT;
}
function sysListxattr(task: Task, args: ContextPage): number {
  return listXattr(task, args, walkTo(task, args.argAddress(0), true));
}
function sysLlistxattr(task: Task, args: ContextPage): number {
  return listXattr(task, args, walkTo(task, args.argAddress(0), false));
}
function sysFlistxattr(task: Task, args: ContextPage): number {
  return listXattr(task, args, fileTo(task, args.argInt32(0)));
}

function removeXattr(task: Task, args: ContextPage, found: number): number {
  if (found < 0) return found;
  if (mount.readOnly) return -EROFS;
  const name = copyName(task, args.argAddress(1));
  if (typeof name === 'number') return name;
  const inode = dentry.inode!;
  let result = xattrPermission(task, inode, name, MAY_WRITE);
  if (result === 0) result = securityPermission(task, name);
  if (result === 0) result = inode.removeXattr(task, name);
  if (result === 0) notify(dentry, IN_ATTRIB);
  return result;
}
function sysRemovexattr(task: Task, args: ContextPage): number {
  return removeXattr(task, args, walkTo(task, args.argAddress(0), true));
}
function sysLremovexattr(task: Task, args: ContextPage): number {
  return removeXattr(task, args, walkTo(task, args.argAddress(0), false));
}
function sysFremovexattr(task: Task, args: ContextPage): number {
  return removeXattr(task, args, fileTo(task, args.argInt32(0)));
}

export const xattrSyscalls: readonly SyscallEntry[] = [
  full('setxattr', retrying(sysSetxattr)),
  full('lsetxattr', retrying(sysLsetxattr)),
  full('fsetxattr', retrying(sysFsetxattr)),
  full('getxattr', retrying(sysGetxattr)),
  full('lgetxattr', retrying(sysLgetxattr)),
  full('fgetxattr', retrying(sysFgetxattr)),
  full('listxattr', retrying(sysListxattr)),
  full('llistxattr', retrying(sysLlistxattr)),
  full('flistxattr', retrying(sysFlistxattr)),
  full('removexattr', retrying(sysRemovexattr)),
  full('lremovexattr', retrying(sysLremovexattr)),
  full('fremovexattr', retrying(sysFremovexattr)),
];
