import type { Dentry } from './dentry.js';
import type { Mount } from './mount.js';

/**
 * Where a process is in the file tree: root directory, working directory and umask (fs_struct). Shared by clone(CLONE_FS), else copied. Holds references
 * on both directories; counted itself: a task that shares it calls `incRef`, and every task `decRef` at its end.
 */
export class FsContext {
  rootMount: Mount;
  rootDentry: Dentry;
  cwdMount: Mount;
  cwdDentry: Dentry;
  umask = 0o022;
  #references = 1;

  /** @param mount - with `dentry`, the root directory and also the working directory */
  constructor(mount: Mount, dentry: Dentry) {
    this.rootMount = this.cwdMount = mount;
    this.rootDentry = this.cwdDentry = dentry;
    mount.incRef();
    dentry.incRef();
    mount.incRef();
    dentry.incRef();
  }

  /** A copy of its own (clone without CLONE_FS, unshare). */
  copy(): FsContext {
    const copy = new FsContext(this.rootMount, this.rootDentry);
    copy.setCwd(this.cwdMount, this.cwdDentry);
    copy.umask = this.umask;
    return copy;
  }

  setRoot(mount: Mount, dentry: Dentry): void {
    mount.incRef();
    dentry.incRef();
    this.rootDentry.decRef();
    this.rootMount.decRef();
    this.rootMount = mount;
    this.rootDentry = dentry;
  }

  setCwd(mount: Mount, dentry: Dentry): void {
    mount.incRef();
    dentry.incRef();
    this.cwdDentry.decRef();
    this.cwdMount.decRef();
    this.cwdMount = mount;
    this.cwdDentry = dentry;
  }

  incRef(): void {
    this.#references++;
  }
  /** For a task that shares it: the context itself, with a reference more. */
  share(): this {
    this.#references++;
    return this;
  }
  decRef(): void {
    if (--this.#references > 0) return;
    this.rootDentry.decRef();
    this.rootMount.decRef();
    this.cwdDentry.decRef();
    this.cwdMount.decRef();
  }
  get references(): number {
    return this.#references;
  }
}
