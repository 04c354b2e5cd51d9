import type { Inode } from './inode.js';

/** Who wants to know what happens to an inode: one watch of one inotify instance. */
export interface InodeWatch {
  /** IN_* events that are wanted, and flags. */
  mask: number;
  /**
   * An event. `name` is the directory entry that it is about, or '' when it is about the inode itself. `cookie` connects the halves of a rename.
   * Must not throw.
   */
  onEvent(mask: number, name: string, cookie: number): void;
  /** The inode's last name and its last user are gone (IN_DELETE_SELF); the watch ends. */
  onDeleted(): void;
}

/** The watches of one inode. Exists only while there are any, so that what is not watched costs one test. */
export class InodeWatches {
  readonly watches: InodeWatch[] = [];

  constructor(readonly inode: Inode) {}

  notify(mask: number, name: string, cookie: number): void {
    // A watch may remove itself (IN_ONESHOT, IN_IGNORED).
    for (let i = this.watches.length - 1; i >= 0; i--) {
      const watch = this.watches[i];
      if (watch !== undefined && (watch.mask & mask) !== 0) watch.onEvent(mask, name, cookie);
    }
  }

  /** The last name and the last user of the inode are gone. */
  deleted(): void {
    for (const watch of [...this.watches]) watch.onDeleted();
  }
}
