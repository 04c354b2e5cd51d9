import { IN_CLOSE_NOWRITE, IN_CLOSE_WRITE, IN_ISDIR, S_IFDIR, S_IFMT } from '@sbx/abi';
import type { Dentry } from './dentry.js';
import type { FileDescription } from './file-description.js';
import type { Inode } from './inode.js';

/** Tells the watches of an inode, and those of the directory that it is in, of `mask` (IN_*). Costs two tests when nobody watches. @hotpath */
export function notify(dentry: Dentry, mask: number): void {
  const inode = dentry.inode;
  if (inode === null) return;
  const directory = dentry.parent === null ? null : dentry.parent.inode;
  if (inode.watches === null && (directory === null || directory.watches === null)) return;
  if ((inode.mode & S_IFMT) === S_IFDIR) mask += IN_ISDIR;
  directory?.watches?.notify(mask, dentry.name, 0, dentry.unlinked);
  inode.watches?.notify(mask, '', 0);
}

/** Tells the watches of a directory of an entry. */
export function notifyEntry(directory: Inode, mask: number, name: string, isDirectory: boolean, cookie = 0): void {
  directory.watches?.notify(isDirectory ? mask + IN_ISDIR : mask, name, cookie);
}

/** Tells the watches of an inode only. */
export function notifyInode(inode: Inode, mask: number): void {
  if (inode.watches === null) return;
  inode.watches.notify((inode.mode & S_IFMT) === S_IFDIR ? mask + IN_ISDIR : mask, '', 0);
}

/** The last reference of a description goes. @hotpath */
export function notifyClose(file: FileDescription): void {
  notify(file.dentry!, file.writable ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
}
