import { CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, EACCES, EROFS, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '@sbx/abi';
import type { Credentials } from '../auth/credentials.js';
import type { Caller, Inode } from './inode.js';

/** Kinds of access, as in Linux's permission checks. */
export const MAY_EXEC = 1;
export const MAY_WRITE = 2;
export const MAY_READ = 4;
export const MAY_APPEND = 8;
export const MAY_ACCESS = 16;
export const MAY_OPEN = 32;

/**
 * The rule of path_resolution(7) and capabilities(7): exactly one of owner, group and others decides; CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH overrule.
 * 0 or -EACCES.
 * @hotpath
 */
export function genericPermission(credentials: Credentials, mode: number, uid: number, gid: number, mask: number): number {
  const want = mask & (MAY_READ | MAY_WRITE | MAY_EXEC);
  let granted = mode;
  if (credentials.fsuid === uid) granted = mode >> 6;
  else if (((mode >> 3) & 7) !== (mode & 7) && credentials.inGroup(gid)) granted = mode >> 3;
  if ((want & ~granted & 7) === 0) return 0;
  if ((mode & S_IFMT) === S_IFDIR) {
    if ((want & MAY_WRITE) === 0 && credentials.capable(CAP_DAC_READ_SEARCH)) return 0;
    return credentials.capable(CAP_DAC_OVERRIDE) ? 0 : -EACCES;
  }
  if (want === MAY_READ && credentials.capable(CAP_DAC_READ_SEARCH)) return 0;
  if (((want & MAY_EXEC) === 0 || (mode & 0o111) !== 0) && credentials.capable(CAP_DAC_OVERRIDE)) return 0;
  return -EACCES;
}

/**
 * Whether the caller may access the inode: read-only file system (EROFS), then the inode's own rule. (A read-only *mount* is checked where the write
 * begins, as in Linux.)
 * @hotpath
 */
export function inodePermission(caller: Caller, inode: Inode, mask: number): number {
  if ((mask & MAY_WRITE) !== 0 && inode.superBlock.readOnly) {
    const type = inode.mode & S_IFMT;
    if (type === S_IFREG || type === S_IFDIR || type === S_IFLNK) return -EROFS;
  }
  return inode.permission(caller, mask);
}

/** Whether the caller owns the inode or acts for its owner (CAP_FOWNER). */
export function ownerOrCapable(caller: Caller, inode: Inode): boolean {
  return caller.credentials.fsuid === inode.uid || caller.credentials.capable(CAP_FOWNER);
}

/** Whether the sticky bit of `directory` keeps the caller from removing or renaming `inode` in it. */
export function isStickyFor(caller: Caller, directory: Inode, inode: Inode): boolean {
  if ((directory.mode & 0o1000) === 0) return false;
  const fsuid = caller.credentials.fsuid;
  if (inode.uid === fsuid || directory.uid === fsuid) return false;
  return !caller.credentials.capable(CAP_FOWNER);
}
