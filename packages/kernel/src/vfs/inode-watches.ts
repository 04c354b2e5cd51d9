import type { Inode } from './inode.js';

/** Who wants to know what happens to an inode: one watch of one inotify instance. */
export interface InodeWatch {
  /** IN_* events that are wanted. */
  mask: number;
  /**
   * An event (IN_*, with IN_ISDIR). `name` is the directory entry that it is about, or '' when it is about the inode itself; `unlinked`: that entry is gone
   * already. `cookie` connects the halves of a rename. Must not throw; may end the watch.
   */
  onEvent(mask: number, name: string, cookie: number, unlinked: boolean): void;
  /** The inode's last name and its last user are gone (IN_DELETE_SELF); the watch ends. */
  onDeleted(): void;
}

/** The watches of one inode. Exists only while there are any, so that what is not watched costs one test. */
export class InodeWatches {
  readonly watches: InodeWatch[] = [];

  constructor(readonly inode: Inode) {}

  add(watch: InodeWatch): void {
    this.watches.push(watch);
  }
  remove(watch: InodeWatch): void {
    const index = this.watches.indexOf(watch);
    if (index >= 0) this.watches.splice(index, 1);
    if (this.watches.length === 0 && this.inode.watches === this) this.inode.watches = null;
  }

  notify(mask: number, name: string, cookie: number, unlinked = false): void {
    // A watch may end itself (IN_ONESHOT): from the end, so that the others keep their places.
    for (let i = this.watches.length - 1; i >= 0; i--) {
      const watch = this.watches[i];
      if ((watch.mask & mask) !== 0) watch.onEvent(mask, name, cookie, unlinked);
    }
  }

  /** The last name and the last user of the inode are gone. */
  deleted(): void {
    for (const watch of [...this.watches]) watch.onDeleted();
  }
}
