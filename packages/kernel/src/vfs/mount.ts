import { MS_NOATIME, MS_NODEV, MS_NODIRATIME, MS_NOEXEC, MS_NOSUID, MS_NOSYMFOLLOW, MS_RDONLY, MS_RELATIME } from '@sbx/abi';
import type { Dentry } from './dentry.js';
import type { MountNamespace } from './mount-namespace.js';
import type { SuperBlock } from './super-block.js';

/** Per-mount flags (the rest of mount(2)'s flags belong to the file system). */
export const MOUNT_FLAGS = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_NOSYMFOLLOW;

/** A file system, or a subtree of one (bind), at a place in the tree. */
export class Mount {
  /** Where: null for the root of a namespace, and for internal mounts. Changed by mount --move. */
  parent: Mount | null = null;
  mountpoint: Dentry | null = null;
  readonly children = new Set<Mount>();
  /** Working directories, roots and open descriptions through this mount: umount fails with EBUSY while there are any. */
  references = 0;
  /** Unmounted lazily: out of the tree, alive while referenced. */
  detached = false;
  /** MNT_LOCKED: hides something from everybody inside, so it stays on its mount point as long as that can be reached. Set by whoever assembles the tree. */
  locked = false;

  constructor(
    private readonly namespace: MountNamespace,
    /** `mnt_id` of /proc/PID/mountinfo and statx. */
    readonly id: number,
    readonly superBlock: SuperBlock,
    /** What is seen at the mount point. One reference is held. */
    readonly root: Dentry,
    /** MS_* of MOUNT_FLAGS. May change (remount). */
    public flags: number,
    /** What /proc/mounts shows first (byte string). */
    readonly source: string,
  ) {
    root.incRef();
    superBlock.activeReferences++;
    namespace.alive++;
  }

  /** Whether nothing may be written through this mount. @hotpath */
  get readOnly(): boolean {
    return ((this.flags | this.superBlock.flags) & MS_RDONLY) !== 0;
  }
  get noSuid(): boolean {
    return ((this.flags | this.superBlock.impliedFlags) & MS_NOSUID) !== 0;
  }
  get noExec(): boolean {
    return ((this.flags | this.superBlock.impliedFlags) & MS_NOEXEC) !== 0;
  }
  get noDev(): boolean {
    return ((this.flags | this.superBlock.impliedFlags) & MS_NODEV) !== 0;
  }

  incRef(): void {
    this.references++;
  }
  decRef(): void {
    if (--this.references === 0 && this.detached && this.parent === null) this.dispose();
  }

  /** Leaves the place where it is mounted. */
  disconnect(): void {
    const mountpoint = this.mountpoint!;
    const mounts = mountpoint.mounts!;
    mounts.splice(mounts.indexOf(this), 1);
    if (mounts.length === 0) mountpoint.mounts = null;
    this.parent!.children.delete(this);
    this.parent = null;
    this.mountpoint = null;
    mountpoint.decRef();
  }

  /** Gives up the root and the file system: the mount is out of the tree and not in use. So does what was kept on it because it is locked. */
  dispose(): void {
    for (const child of this.children) {
      child.disconnect();
      if (child.references === 0) child.dispose();
    }
    this.namespace.alive--;
    this.root.decRef();
    const { superBlock } = this;
    if (--superBlock.activeReferences > 0) return;
    superBlock.rootDentry!.decRef();
    this.root.cache.clear(superBlock);
    superBlock.rootDentry = null;
    superBlock.shutdown();
  }
}
