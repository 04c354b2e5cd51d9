import type { Dentry } from './dentry.js';
import type { Mount } from './mount.js';

/** A place in the file tree: a dentry as seen through a mount. Immutable; holds no references (see `Dentry.incRef`). */
export class Path {
  constructor(
    readonly mount: Mount,
    readonly dentry: Dentry,
  ) {}
}

/** Results of `formatPath` besides the text. */
export const PATH_REACHABLE = 0;
/** Not below `root`: the text starts at the top of its mount tree. */
export const PATH_UNREACHABLE = 1;

/** How the last `formatPath` ended: PATH_*. */
export let formatPathStatus = PATH_REACHABLE;

/**
 * The absolute path of (mount, dentry) below (rootMount, rootDentry), as a byte string: what getcwd and /proc show, without marks for deleted or
 * unreachable ones (`formatPathStatus`, `isDeleted`).
 */
export function formatPath(mount: Mount, dentry: Dentry, rootMount: Mount, rootDentry: Dentry): string {
  const names: string[] = [];
  formatPathStatus = PATH_REACHABLE;
  for (;;) {
    if (dentry === rootDentry && mount === rootMount) break;
    if (dentry === mount.root || dentry.parent === null) {
      if (dentry === mount.root && mount.parent !== null) {
        dentry = mount.mountpoint!;
        mount = mount.parent;
        continue;
      }
      formatPathStatus = PATH_UNREACHABLE;
      break;
    }
    names.push(dentry.name);
    dentry = dentry.parent;
  }
  let text = '';
  for (let i = names.length - 1; i >= 0; i--) text += `/${names[i]}`;
  return text === '' ? '/' : text;
}

/** Whether the dentry's name is gone (unlinked, or removed behind our back). A root has no name to lose. */
export function isDeleted(dentry: Dentry): boolean {
  return dentry.unlinked;
}

/** What /proc/PID/fd/N, maps and the like show (d_path): with " (deleted)" after a removed name; dynamic names ("pipe:[42]") for what has none. */
export function describePath(mount: Mount, dentry: Dentry, rootMount: Mount, rootDentry: Dentry): string {
  if (dentry.parent === null) {
    const name = dentry.inode?.dynamicName() ?? null;
    if (name !== null) return name;
  }
  const text = formatPath(mount, dentry, rootMount, rootDentry);
  return dentry.unlinked ? `${text} (deleted)` : text;
}
