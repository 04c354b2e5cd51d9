import {
  EBUSY,
  EINVAL,
  EPOLLERR,
  EPOLLPRI,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_NOSYMFOLLOW,
  MS_RDONLY,
  MS_RELATIME,
} from '@sbx/abi';
import { WaitQueue } from '../wait/wait-queue.js';
import type { Dentry } from './dentry.js';
import { deviceMajor, deviceMinor } from './device-number.js';
import { Mount } from './mount.js';
import { formatPath, formatPathStatus, PATH_REACHABLE } from './path.js';
import type { SuperBlock } from './super-block.js';

/** The tree of mounts that tasks see. */
export class MountNamespace {
  #nextId = 1;
  /** The bottom of the tree. */
  root!: Mount;
  /** All mounts in the tree, by id, oldest first. */
  readonly mounts = new Map<number, Mount>();
  /** How many mounts there are: those in the tree, those that are in use without it, and the kernel's own. */
  alive = 0;
  /** Counts changes of the tree (poll on /proc/mounts), and who waits for one. */
  changes = 0;
  readonly changed = new WaitQueue();

  newMount(superBlock: SuperBlock, root: Dentry, flags: number, source: string): Mount {
    return new Mount(this, this.#nextId++, superBlock, root, flags, source);
  }

  /** Makes `mount` the root of the namespace. */
  setRoot(mount: Mount): void {
    this.root = mount;
    this.mounts.set(mount.id, mount);
    mount.incRef();
  }

  /** pivot_root: another mount, in no place, becomes the bottom of the tree; the old one is in no place then. */
  replaceRoot(mount: Mount): void {
    const old = this.root;
    this.mounts.delete(old.id);
    old.decRef();
    this.setRoot(mount);
  }

  /** What is mounted on (mount, dentry), or null. @hotpath */
  mountedOn(mount: Mount, dentry: Dentry): Mount | null {
    const mounts = dentry.mounts;
    if (mounts === null) return null;
    for (let i = mounts.length - 1; i >= 0; i--) if (mounts[i].parent === mount) return mounts[i];
    return null;
  }

  /** Puts `mount` on (parent, mountpoint). The caller has gone to the top of what is mounted there already. */
  attach(mount: Mount, parent: Mount, mountpoint: Dentry): void {
    mount.parent = parent;
    mount.mountpoint = mountpoint;
    parent.children.add(mount);
    parent.incRef();
    mountpoint.incRef();
    mountpoint.mounts ??= [];
    mountpoint.mounts.push(mount);
    this.mounts.set(mount.id, mount);
    this.#treeChanged();
  }

  #treeChanged(): void {
    this.changes++;
    this.changed.wake(EPOLLERR | EPOLLPRI);
  }

  /** Takes `mount` out of the tree. It stays alive while it is referenced. */
  detach(mount: Mount): void {
    const { parent } = mount;
    if (parent === null) return;
    mount.disconnect();
    this.mounts.delete(mount.id);
    this.#treeChanged();
    parent.decRef();
  }

  /** umount2(2): 0, -EINVAL for the root of the namespace and what is locked, -EBUSY. `lazy`: MNT_DETACH. */
  unmount(mount: Mount, lazy: boolean): number {
    if (mount.parent === null || mount.locked) return -EINVAL;
    if (!lazy && (mount.children.size > 0 || mount.references > 0)) return -EBUSY;
    this.#detachTree(mount);
    return 0;
  }

  /**
   * Takes `mount` and all that is mounted below it out of the tree, each for itself. But what is locked stays on its mount point, for those who are still below
   * it (disconnect_mount in Linux); it no longer counts as a reference to its parent, and goes with it.
   */
  #detachTree(mount: Mount): void {
    for (const child of [...mount.children]) this.#detachTree(child);
    mount.detached = true;
    if (mount.locked) {
      this.mounts.delete(mount.id);
      mount.parent!.references--;
      return;
    }
    this.detach(mount);
    if (mount.references === 0) mount.dispose();
  }

  /** Whether the mount is in this tree. */
  has(mount: Mount): boolean {
    return this.mounts.get(mount.id) === mount;
  }

  /** /proc/PID/mounts as seen from a root directory: lines "source mount-point type options 0 0" (byte string). */
  formatMounts(rootMount: Mount, rootDentry: Dentry): string {
    let text = '';
    for (const mount of this.mounts.values()) {
      const where = mountPath(mount, rootMount, rootDentry);
      if (where === null) continue;
      const options = `${mount.readOnly ? 'ro' : 'rw'}${formatMountFlags(mount)}${mount.superBlock.options}`;
      text += `${escapeField(mount.source)} ${escapeField(where)} ${mount.superBlock.type} ${options} 0 0\n`;
    }
    return text;
  }

  /** /proc/PID/mountinfo (proc(5)). */
  formatMountInfo(rootMount: Mount, rootDentry: Dentry): string {
    let text = '';
    for (const mount of this.mounts.values()) {
      const where = mountPath(mount, rootMount, rootDentry);
      if (where === null) continue;
      const superBlock = mount.superBlock;
      const device = `${deviceMajor(superBlock.device)}:${deviceMinor(superBlock.device)}`;
      const flags = `${(mount.flags & MS_RDONLY) !== 0 ? 'ro' : 'rw'}${formatMountFlags(mount)}`;
      const parentId = mount.parent === null ? mount.id : mount.parent.id;
      text += `${mount.id} ${parentId} ${device} ${escapeField(bindRoot(mount))} ${escapeField(where)} ${flags} - `;
      text += `${superBlock.type} ${escapeField(mount.source)} ${superBlock.readOnly ? 'ro' : 'rw'}${superBlock.options}\n`;
    }
    return text;
  }
}

/** The path, inside its file system, of the directory that is mounted. */
function bindRoot(mount: Mount): string {
  let text = '';
  for (let dentry = mount.root; dentry.parent !== null; dentry = dentry.parent) text = `/${dentry.name}${text}`;
  return text === '' ? '/' : text;
}

function mountPath(mount: Mount, rootMount: Mount, rootDentry: Dentry): string | null {
  const text = formatPath(mount, mount.root, rootMount, rootDentry);
  return formatPathStatus === PATH_REACHABLE ? text : null;
}

function formatMountFlags(mount: Mount): string {
  const flags = mount.flags;
  let text = '';
  if ((flags & MS_NOSUID) !== 0) text += ',nosuid';
  if ((flags & MS_NODEV) !== 0) text += ',nodev';
  if ((flags & MS_NOEXEC) !== 0) text += ',noexec';
  if ((flags & MS_NOATIME) !== 0) text += ',noatime';
  if ((flags & MS_NODIRATIME) !== 0) text += ',nodiratime';
  if ((flags & MS_RELATIME) !== 0) text += ',relatime';
  if ((flags & MS_NOSYMFOLLOW) !== 0) text += ',nosymfollow';
  return text;
}

/** Space, tab, newline and backslash as octal escapes, as in fstab(5). */
function escapeField(text: string): string {
  return text.replace(/[ \t\n\\]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`);
}
