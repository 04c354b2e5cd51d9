import { readSync, writeSync } from 'node:fs';
import { EAGAIN, EIO } from '@sbx/abi';
import { FileDescription, type IoBuffer, type Task } from '@sbx/kernel';

/** Temporary: until fs/hostfd is there. */
export class HostStream extends FileDescription {
  constructor(
    readonly fd: number,
    flags: number,
  ) {
    super(flags);
  }
  override write(_task: Task, io: IoBuffer): number {
    const bytes = Buffer.alloc(Math.min(io.remaining, 65536));
    const n = io.get(bytes, 0, bytes.length);
    try {
      writeSync(this.fd, bytes, 0, n);
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EAGAIN' ? -EAGAIN : -EIO;
    }
    return io.result;
  }
  override read(_task: Task, io: IoBuffer): number {
    const bytes = Buffer.alloc(Math.min(io.remaining, 65536));
    const n = readSync(this.fd, bytes);
    io.put(bytes, 0, n);
    return io.result;
  }
  protected override release(): void {}
}
