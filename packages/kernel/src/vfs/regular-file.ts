import { EFBIG, EINVAL, ENXIO, RLIMIT_FSIZE, SEEK_CUR, SEEK_DATA, SEEK_END, SEEK_HOLE, SEEK_SET, SIGXFSZ } from '@sbx/abi';
import type { Task } from '../task/task.js';
import { FileDescription } from './file-description.js';

/** No file is larger, and no position is beyond it (s_maxbytes): what numbers hold exactly, in whole pages. */
export const MAX_FILE_SIZE = 2 ** 53 - 4096;

/** Base of open regular files: positions. */
export abstract class RegularDescription extends FileDescription {
  override get seekable(): boolean {
    return true;
  }
  override seek(_task: Task, offset: number, whence: number): number {
    const size = this.inode!.size;
    let position = offset;
    switch (whence) {
      case SEEK_SET:
        break;
      case SEEK_CUR:
        // A query, as it is used most, never fails.
        if (offset === 0) return this.position;
        position += this.position;
        break;
      case SEEK_END:
        position += size;
        break;
      case SEEK_DATA:
      case SEEK_HOLE:
        if (!(offset >= 0 && offset < size)) return -ENXIO;
        position = whence === SEEK_DATA ? this.nextData(offset) : this.nextHole(offset);
        if (position < 0) return position;
        break;
      default:
        return -EINVAL;
    }
    if (!(position >= 0 && position <= MAX_FILE_SIZE)) return -EINVAL;
    this.position = position;
    return position;
  }
  /** The first byte of data not before `offset` (inside the file), or -ENXIO. */
  protected nextData(offset: number): number {
    return offset;
  }
  /** The first byte of a hole not before `offset`; the end of the file counts as one. */
  protected nextHole(_offset: number): number {
    return this.inode!.size;
  }
}

/**
 * generic_write_checks: how many of `count` bytes may be written at `position`: RLIMIT_FSIZE (with SIGXFSZ) and the largest file. Positive, or -EFBIG.
 * Called by file systems' writes. @hotpath
 */
export function writeLimit(task: Task, position: number, count: number): number {
  const limit = task.threadGroup.limits.soft[RLIMIT_FSIZE];
  if (position + count > limit) {
    if (position >= limit) {
      task.kernel.signalTask(task, SIGXFSZ);
      return -EFBIG;
    }
    count = limit - position;
  }
  if (position + count > MAX_FILE_SIZE) {
    if (position >= MAX_FILE_SIZE) return -EFBIG;
    count = MAX_FILE_SIZE - position;
  }
  return count;
}

/** inode_newsize_ok: whether a file may be made `size` bytes long by truncate or fallocate. 0 or -EFBIG. */
export function checkNewSize(task: Task, oldSize: number, size: number): number {
  if (size <= oldSize) return 0;
  if (size > task.threadGroup.limits.soft[RLIMIT_FSIZE]) {
    task.kernel.signalTask(task, SIGXFSZ);
    return -EFBIG;
  }
  return size > MAX_FILE_SIZE ? -EFBIG : 0;
}
