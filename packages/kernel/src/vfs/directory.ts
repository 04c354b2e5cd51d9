import { EINVAL, EISDIR, S_IFMT, SEEK_CUR, SEEK_SET } from '@sbx/abi';
import type { IoBuffer } from '../io/io-buffer.js';
import type { Task } from '../task/task.js';
import type { SyscallResult } from '../wait/blocking.js';
import { FileDescription } from './file-description.js';

/** Receives the entries of a directory one by one (getdents; overlay merging; /proc). */
export interface DirectoryEmitter {
  /**
   * One entry: `name` (byte string), inode number, DT_* type, and the position at which reading goes on *after* it. False: the entry did not fit; nothing
   * more is wanted, and the entry is to be given again next time.
   */
  emit(name: string, ino: number, type: number, next: number): boolean;
}

/** DT_* of a mode. */
export function directoryEntryType(mode: number): number {
  return (mode & S_IFMT) >> 12;
}

/** Base of open directories: what does not depend on the file system. */
export abstract class DirectoryDescription extends FileDescription {
  override get seekable(): boolean {
    return true;
  }
  override read(_task: Task, _io: IoBuffer, _offset: number): SyscallResult {
    return -EISDIR;
  }
  /** Positions are opaque: those that entries gave, and 0. */
  override seek(_task: Task, offset: number, whence: number): number {
    if (whence === SEEK_CUR) offset += this.position;
    else if (whence !== SEEK_SET) return -EINVAL;
    if (!(offset >= 0)) return -EINVAL;
    this.position = offset;
    return offset;
  }
  override fsync(_task: Task, _dataOnly: boolean): SyscallResult {
    return 0;
  }
  protected override release(): void {}

  /** Emits "." and ".." as positions 0 and 1. True when the caller goes on with position 2. */
  protected emitDots(emitter: DirectoryEmitter): boolean {
    const dentry = this.dentry!;
    if (this.position === 0) {
      if (!emitter.emit('.', dentry.inode!.ino, 4, 1)) return false;
      this.position = 1;
    }
    if (this.position === 1) {
      const up = dentry === this.mount!.root || dentry.parent === null ? dentry : dentry.parent;
      if (!emitter.emit('..', up.inode!.ino, 4, 2)) return false;
      this.position = 2;
    }
    return true;
  }
}
