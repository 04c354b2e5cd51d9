import {
  EAGAIN,
  EPIPE,
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  ERESTARTSYS,
  F_SETPIPE_SZ,
  O_DIRECT,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
} from '@sbx/abi';
import { beforeEach, describe, expect, it } from 'vitest';
import { TestSystem, type TestTask } from '../../../test/support/system.js';
import { vfsSyscalls } from '../../vfs/syscalls.js';
import { installPipes } from './pipe-description.js';
import { pipeSyscalls } from './syscalls.js';

let system: TestSystem;
let task: TestTask;
let other: TestTask;

beforeEach(() => {
  system = new TestSystem({ entries: [...vfsSyscalls, ...pipeSyscalls] });
  installPipes(system.vfs);
  task = system.task();
  other = system.task();
  other.files = task.files.share();
});

function pipe(flags = 0): [number, number] {
  const at = task.alloc(8);
  expect(task.sys('pipe2', at, flags)).toBe(0);
  const fds = task.get(at, 8);
  return [fds.readInt32LE(0), fds.readInt32LE(4)];
}
const write = (fd: number, length: number, t = task) => t.start('write', fd, t.put(Buffer.alloc(length, 0x61)), length);
const read = (fd: number, length: number, t = task) => t.start('read', fd, t.alloc(length), length);

describe('pipe', () => {
  it('moves bytes, merges small writes, and keeps its capacity', () => {
    const [r, w] = pipe(O_NONBLOCK);
    for (let i = 0; i < 65536 / 16; i++) expect(write(w, 16)).toBe(16);
    expect(write(w, 1)).toBe(-EAGAIN);
    expect(read(r, 4096)).toBe(4096);
    expect(write(w, 4096)).toBe(4096);
    expect(read(r, 1 << 17)).toBe(65536);
    expect(read(r, 1)).toBe(-EAGAIN);
    // Writes that do not fit into the rest of a page begin a new one, as in Linux.
    for (let i = 0; i < 16; i++) expect(write(w, 4095)).toBe(4095);
    expect(write(w, 4095)).toBe(-EAGAIN);
    expect(write(w, 1)).toBe(1);
  });

  it('never splits writes of up to PIPE_BUF bytes', () => {
    const [r, w] = pipe(O_NONBLOCK);
    expect(write(w, 65536 - 100)).toBe(65536 - 100);
    expect(write(w, 101)).toBe(-EAGAIN);
    expect(write(w, 100)).toBe(100);
    expect(read(r, 5000)).toBe(5000);
    expect(write(w, 10000)).toBe(4096);
  });

  it('wakes readers and writers, and finishes blocking writes', () => {
    const [r, w] = pipe();
    expect(read(r, 100)).toBe(null);
    expect(write(w, 10, other)).toBe(10);
    system.run();
    expect(task.result).toBe(10);
    expect(write(w, 100_000)).toBe(null);
    let got = 0;
    while (got < 100_000) {
      const n = read(r, 30_000, other)!;
      expect(n).toBeGreaterThan(0);
      got += n;
      system.run();
    }
    expect(task.result).toBe(100_000);
  });

  it('ends with the last end of the other side', () => {
    const [r, w] = pipe();
    write(w, 3);
    expect(read(r, 100)).toBe(3);
    expect(read(r, 100)).toBe(null);
    other.sys('close', w);
    system.run();
    expect(task.result).toBe(0);
    const [r2, w2] = pipe();
    expect(write(w2, 100_000)).toBe(null);
    other.sys('close', r2);
    system.run();
    expect(task.result).toBe(65536);
    expect(task.received).toEqual([13]);
    expect(write(w2, 1)).toBe(-EPIPE);
  });

  it('gives back what it did when a signal comes', () => {
    const [, w] = pipe();
    expect(write(w, 70_000)).toBe(null);
    task.interrupt();
    expect(task.result).toBe(65536);
    expect(write(w, 1)).toBe(null);
    task.interrupt();
    expect(task.result).toBe(-ERESTARTSYS);
  });

  it('keeps packets apart with O_DIRECT', () => {
    const [r, w] = pipe(O_DIRECT | O_NONBLOCK);
    write(w, 10);
    write(w, 20);
    expect(read(r, 5)).toBe(5);
    expect(read(r, 100)).toBe(20);
    expect(read(r, 100)).toBe(-EAGAIN);
  });

  it('shows readiness', () => {
    const [r, w] = pipe();
    const reader = task.files.get(r)!;
    const writer = task.files.get(w)!;
    expect(reader.poll()).toBe(0);
    expect(writer.poll() & EPOLLOUT).toBe(EPOLLOUT);
    write(w, 65536);
    expect(reader.poll() & EPOLLIN).toBe(EPOLLIN);
    expect(writer.poll()).toBe(0);
    task.sys('close', r);
    expect(writer.poll() & EPOLLERR).toBe(EPOLLERR);
    const [r2, w2] = pipe();
    task.sys('close', w2);
    expect(task.files.get(r2)!.poll()).toBe(EPOLLHUP);
  });

  it('changes its size', () => {
    const [r, w] = pipe(O_NONBLOCK);
    expect(task.sys('fcntl', w, F_SETPIPE_SZ, 5000)).toBe(8192);
    expect(write(w, 10_000)).toBe(8192);
    expect(task.sys('fcntl', r, F_SETPIPE_SZ, 1)).toBe(-16);
    expect(task.sys('fcntl', r, F_SETPIPE_SZ, 1 << 20)).toBe(1 << 20);
    expect(write(w, 2_000_00)).toBe(200_000);
  });

  it('frees its pages', () => {
    const before = system.memory.totalUsage();
    const [r, w] = pipe();
    write(w, 60_000);
    read(r, 10);
    task.sys('close', r);
    task.sys('close', w);
    expect(system.memory.usage(0)).toBe(0);
    expect(system.memory.totalUsage()).toBeGreaterThanOrEqual(before);
  });
});

describe('fifo', () => {
  it('waits in open for the other end', () => {
    expect(task.sys('mknod', '/f', 0o10600, 0)).toBe(0);
    expect(task.sys('open', '/f', O_WRONLY | O_NONBLOCK)).toBe(-6);
    expect(task.start('open', '/f', O_RDONLY)).toBe(null);
    const w = other.sys('open', '/f', O_WRONLY);
    system.run();
    const r = task.result!;
    expect(r).toBeGreaterThanOrEqual(0);
    expect(write(w, 5, other)).toBe(5);
    expect(read(r, 10)).toBe(5);
    task.sys('close', r);
    task.sys('close', w);
    const both = task.sys('open', '/f', O_RDWR);
    expect(write(both, 5)).toBe(5);
    expect(read(both, 10)).toBe(5);
  });

  it('is interrupted without a trace', () => {
    task.sys('mknod', '/f', 0o10600, 0);
    expect(task.start('open', '/f', O_WRONLY)).toBe(null);
    task.interrupt();
    expect(task.result).toBe(-ERESTARTSYS);
    expect(task.sys('open', '/f', O_RDONLY | O_NONBLOCK)).toBeGreaterThanOrEqual(0);
  });

  it('has no hang-up before the first writer', () => {
    task.sys('mknod', '/f', 0o10600, 0);
    const r = task.sys('open', '/f', O_RDONLY | O_NONBLOCK);
    expect(task.files.get(r)!.poll()).toBe(0);
    expect(read(r, 1)).toBe(0);
    const w = task.sys('open', '/f', O_WRONLY);
    expect(read(r, 1)).toBe(-EAGAIN);
    task.sys('close', w);
    expect(task.files.get(r)!.poll()).toBe(EPOLLHUP);
  });
});

describe('splice', () => {
  it('moves between pipes and files, and doubles with tee', () => {
    const [r1, w1] = pipe(O_NONBLOCK);
    const [r2, w2] = pipe(O_NONBLOCK);
    const f = task.sys('open', '/x', O_RDWR | 0o100, 0o644);
    task.sys('write', f, task.put(Buffer.from('0123456789')), 10);
    const offset = task.put(Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]));
    expect(task.sys('splice', f, offset, w1, 0, 100, 0)).toBe(8);
    expect(task.get(offset, 8)[0]).toBe(10);
    expect(task.sys('tee', r1, w2, 100, 0)).toBe(8);
    expect(task.sys('splice', r1, 0, w2, 0, 3, 0)).toBe(3);
    const at = task.alloc(64);
    expect(task.sys('read', r2, at, 64)).toBe(11);
    expect(task.get(at, 11).toString()).toBe('23456789234');
    expect(task.sys('splice', r1, 0, f, 0, 100, 0)).toBe(5);
    expect(task.sys('pread64', f, at, 64, 10)).toBe(5);
    expect(task.get(at, 5).toString()).toBe('56789');
    expect(task.sys('splice', r1, 0, f, 0, 100, 0)).toBe(-EAGAIN);
    expect(task.sys('splice', f, 0, f, 0, 100, 0)).toBe(-22);
    expect(task.sys('sendfile', w1, f, 0, 100)).toBe(0);
    expect(task.sys('lseek', f, 0, 0)).toBe(0);
    expect(task.sys('sendfile', w1, f, 0, 100)).toBe(15);
    expect(task.sys('copy_file_range', f, offset, f, 0, 4, 0)).toBe(4);
  });
});
