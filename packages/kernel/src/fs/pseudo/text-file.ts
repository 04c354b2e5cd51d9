import { EFAULT, EINVAL, EPOLLIN, EPOLLOUT, EPOLLRDNORM, EPOLLWRNORM, S_IFREG, SEEK_CUR, SEEK_SET } from '@sbx/abi';
import type { IoBuffer } from '../../io/io-buffer.js';
import type { Task } from '../../task/task.js';
import { FileDescription } from '../../vfs/file-description.js';
import type { Caller } from '../../vfs/inode.js';
import { MAX_FILE_SIZE } from '../../vfs/regular-file.js';
import type { SuperBlock } from '../../vfs/super-block.js';
import { WaitQueue } from '../../wait/wait-queue.js';
import { PseudoInode } from './pseudo-inode.js';
import { type TextHolder, textCache } from './text-cache.js';

/** Most bytes that one write to such a file takes: a page, less the terminating zero, as in Linux. */
const MAX_WRITE = 4095;

/** A file whose contents are made when they are read. */
export abstract class TextFile extends PseudoInode {
  constructor(superBlock: SuperBlock, ino: number, mode = 0o444) {
    super(superBlock, ino, S_IFREG | mode);
  }
  /** The contents now (a byte string), or -errno. */
  abstract generate(task: Task): string | number;
  /** What was written: 0 or -errno. Without an override the file can't be written. */
  store(_task: Task, _text: string): number {
    return -EINVAL;
  }
  /** Whether poll and epoll accept it, as Linux has it for some and not for others. */
  get pollable(): boolean {
    return false;
  }
  override open(_caller: Caller, flags: number): FileDescription | number {
    return new TextDescription(flags, this);
  }
}

/**
 * An open text file. The text is made at the first read, and anew at each read at its beginning; reads in between continue in the same text (seq_file in
 * Linux).
 */
export class TextDescription extends FileDescription implements TextHolder {
  #text: Buffer | null = null;
  #queue: WaitQueue | null = null;

  constructor(
    flags: number,
    protected readonly file: TextFile,
  ) {
    super(flags);
  }

  override get seekable(): boolean {
    return true;
  }
  override get waitQueue(): WaitQueue | null {
    return this.file.pollable ? (this.#queue ??= new WaitQueue()) : null;
  }
  override poll(): number {
    return EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM;
  }
  override seek(_task: Task, offset: number, whence: number): number {
    if (whence === SEEK_CUR) offset += this.position;
    else if (whence !== SEEK_SET) return -EINVAL;
    if (!(offset >= 0 && offset <= MAX_FILE_SIZE)) return -EINVAL;
    this.position = offset;
    return offset;
  }

  override read(task: Task, io: IoBuffer, offset: number): number {
    if (io.remaining === 0) return 0;
    const at = offset < 0 ? this.position : offset;
    const text = this.#contents(task, at === 0);
    if (typeof text === 'number') return text;
    io.put(text, at, Math.max(0, Math.min(text.length - at, io.remaining)));
    if (offset < 0) this.position += io.done;
    if (at >= text.length && at > 0) this.#forget();
    return io.result;
  }

  #contents(task: Task, fresh: boolean): Buffer | number {
    if (this.#text !== null && !fresh) return this.#text;
    const text = this.file.generate(task);
    if (typeof text === 'number') return text;
    this.#text = Buffer.from(text, 'latin1');
    textCache.add(this, this.#text.length);
    return this.#text;
  }
  #forget(): void {
    textCache.remove(this);
    this.#text = null;
  }
  dropText(): void {
    this.#text = null;
  }

  override write(task: Task, io: IoBuffer, offset: number): number {
    const count = io.remaining;
    const bytes = Buffer.alloc(Math.min(count, MAX_WRITE));
    io.get(bytes, 0, bytes.length);
    if (io.faulted) return -EFAULT;
    const at = offset < 0 ? this.position : offset;
    if (offset < 0) this.position += count;
    // What does not come at the beginning is the rest of something that was too long, or a second thought: it is passed over (sysctl_writes_strict).
    if (at > 0) return count;
    const result = this.file.store(task, bytes.toString('latin1'));
    if (result < 0) {
      if (offset < 0) this.position -= count;
      return result;
    }
    return count;
  }
  protected override release(): void {
    this.#forget();
  }
}
