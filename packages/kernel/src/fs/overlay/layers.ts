import { EIO, O_DIRECTORY, O_RDONLY, S_IFCHR, S_IFMT } from '@sbx/abi';
import type { IoBuffer } from '../../io/io-buffer.js';
import type { Task } from '../../task/task.js';
import type { DirectoryEmitter } from '../../vfs/directory.js';
import type { FileDescription } from '../../vfs/file-description.js';
import type { Caller, Inode } from '../../vfs/inode.js';
import type { Mount } from '../../vfs/mount.js';

/** Marks a directory that hides the directories of the same name below it. Programs neither see nor set attributes with these beginnings. */
export const OPAQUE = 'user.overlay.opaque';
const OPAQUE_TRUSTED = 'trusted.overlay.opaque';
const YES = Uint8Array.of(121);

/** Whether an attribute is the overlay's own. */
export function isOverlayAttribute(name: string): boolean {
  return name.startsWith('user.overlay.') || name.startsWith('trusted.overlay.');
}

/** A whiteout hides a name of the layers below: a character device 0:0. */
export function isWhiteout(inode: Inode): boolean {
  return (inode.mode & S_IFMT) === S_IFCHR && inode.rdev === 0;
}

/** Whether a directory hides what is below it. */
export function isOpaque(caller: Caller, directory: Inode): boolean {
  for (const name of [OPAQUE, OPAQUE_TRUSTED]) {
    const value = directory.getXattr(caller, name);
    if (typeof value !== 'number' && value.length === 1 && value[0] === YES[0]) return true;
  }
  return false;
}
export function makeOpaque(caller: Caller, directory: Inode): number {
  return directory.setXattr(caller, OPAQUE, YES, 0);
}

/** The contents of a regular file of a layer, as `TmpfsFile` and `HostFile` give them. */
export interface Contents {
  readAt(io: IoBuffer, position: number): number;
  writeAt(io: IoBuffer, position: number, count: number): number;
}
export function hasContents(inode: Inode): inode is Inode & Contents {
  return 'readAt' in inode && 'writeAt' in inode;
}

/** Opens an object of a layer for the overlay's own use. `mount`: the internal mount of its file system. */
export function openLayer(caller: Caller, mount: Mount, inode: Inode, flags: number): FileDescription | number {
  const file = inode.open(caller, flags);
  if (typeof file === 'number') return file;
  inode.incRef();
  const dentry = caller.kernel.vfs.cache.makeRoot(inode, '');
  file.attach(mount, dentry);
  dentry.decRef();
  return file;
}

/** One entry of a directory of a layer. */
export interface LayerEntry {
  readonly name: string;
  readonly ino: number;
  /** DT_*. */
  readonly type: number;
}

/** Collects the entries of a directory of a layer, without "." and "..". */
class Collector implements DirectoryEmitter {
  readonly entries: LayerEntry[] = [];
  constructor(private readonly most: number) {}
  emit(name: string, ino: number, type: number, _next: number): boolean {
    if (this.entries.length >= this.most) return false;
    this.entries.push({ name, ino, type });
    return true;
  }
}

/** All entries of a directory of a layer, at most `most`; or -errno. */
export function listLayer(caller: Caller, mount: Mount, directory: Inode, most: number): LayerEntry[] | number {
  const file = openLayer(caller, mount, directory, O_RDONLY | O_DIRECTORY);
  if (typeof file === 'number') return file;
  file.position = 2;
  const collector = new Collector(most);
  const result = file.readDirectory(NO_TASK, collector);
  file.decRef();
  if (typeof result !== 'number') return -EIO;
  return result < 0 ? result : collector.entries;
}

/** Directories of layers are read on behalf of nobody. */
export const NO_TASK = null as unknown as Task;
