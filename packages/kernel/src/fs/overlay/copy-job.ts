import { EIO, ENXIO, EPOLLIN, SEEK_DATA, SEEK_HOLE } from '@sbx/abi';
import { IoBuffer } from '../../io/io-buffer.js';
import type { FileDescription } from '../../vfs/file-description.js';
import { ATTR_FORCE, ATTR_SIZE, AttributeChange, type Caller, type Inode } from '../../vfs/inode.js';
import { WaitQueue } from '../../wait/wait-queue.js';
import { type Contents, NO_TASK } from './layers.js';

/** Bytes of one read and write. */
const CHUNK = 128 * 1024;
/** Bytes that are copied before others get a turn: a file that is not longer is copied at once. */
export const TURN = 2 ** 20;

const buffer = new Uint8Array(CHUNK);
const source = new IoBuffer();
const target = new IoBuffer();

/**
 * Copies the contents of a lower file to a new upper one, in pieces, holes left out. Both are held open meanwhile. Long copies go on from Node's event loop;
 * `queue` is woken at the end.
 */
export class CopyJob {
  readonly queue = new WaitQueue();
  /** Null while copying; then 0 or -errno. */
  result: number | null = null;
  #position = 0;
  /** End of the data that begins at or before `#position`. */
  #dataEnd = 0;

  /** Takes over one reference of both descriptions: `from` is open for reading, `to` for writing. */
  constructor(
    private readonly caller: Caller,
    private readonly from: FileDescription,
    private readonly to: FileDescription,
    private readonly length: number,
    private readonly finished: (result: number) => void,
  ) {}

  /** Copies up to TURN bytes at once, and the rest in turns unless `wait` is set: `result` tells whether it is done. */
  start(wait: boolean): void {
    do this.#turn();
    while (wait && this.result === null);
    if (this.result === null) setImmediate(this.#goOn);
  }
  readonly #goOn = (): void => {
    this.#turn();
    if (this.result === null) setImmediate(this.#goOn);
  };

  #turn(): void {
    let left = TURN;
    while (left > 0) {
      if (this.#position >= this.#dataEnd && !this.#nextData()) return;
      const n = this.#copy(Math.min(CHUNK, this.#dataEnd - this.#position, left));
      if (n < 0) {
        this.#end(n);
        return;
      }
      if (n === 0) {
        // The host has made the file shorter: what is there was copied.
        this.#end(this.#setLength(this.#position));
        return;
      }
      this.#position += n;
      left -= n;
    }
  }

  /** Finds the next data: false when there is none, and the copy is done. */
  #nextData(): boolean {
    if (this.#position >= this.length) {
      this.#end(this.#setLength(this.length));
      return false;
    }
    const from = this.from.seek(NO_TASK, this.#position, SEEK_DATA);
    if (from === -ENXIO || from >= this.length) {
      this.#end(this.#setLength(this.length));
      return false;
    }
    // A file system that knows nothing of holes: all is data.
    this.#position = from < 0 ? this.#position : from;
    const hole = from < 0 ? -1 : this.from.seek(NO_TASK, from, SEEK_HOLE);
    this.#dataEnd = Math.min(this.length, hole > this.#position ? hole : this.length);
    return true;
  }

  #copy(length: number): number {
    const bytes = buffer.subarray(0, length);
    const contents = this.from.inode as Inode & Contents;
    const n = contents.readAt(source.setKernel(bytes), this.#position);
    if (n <= 0) return n;
    const io = target.setKernel(n === length ? bytes : buffer.subarray(0, n));
    for (let done = 0; done < n; ) {
      const written = (this.to.inode as Inode & Contents).writeAt(io, this.#position + done, n - done);
      if (written <= 0) return written < 0 ? written : -EIO;
      done += written;
    }
    return n;
  }

  /** Holes at the end are made by the length. */
  #setLength(length: number): number {
    const inode = this.to.inode!;
    if (length === inode.size) return 0;
    const change = new AttributeChange();
    change.valid = ATTR_SIZE | ATTR_FORCE;
    change.size = length;
    return inode.setAttributes(this.caller, change);
  }

  #end(result: number): void {
    this.result = result;
    this.from.decRef();
    this.finished(result);
    this.to.decRef();
    this.queue.wake(EPOLLIN);
  }
}
