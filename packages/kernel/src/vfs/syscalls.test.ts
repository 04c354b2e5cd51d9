import {
  EAGAIN,
  EFAULT,
  EPOLLIN,
  F_SETFL,
  F_SETOWN,
  F_SETSIG,
  FASYNC,
  IN_ALL_EVENTS,
  O_CREAT,
  O_NONBLOCK,
  O_RDWR,
  SIGIO,
  SIGUSR1,
} from '@sbx/abi';
import { beforeEach, describe, expect, it } from 'vitest';
import { TestSystem, type TestTask } from '../../test/support/system.js';
import { Credentials } from '../auth/credentials.js';
import { pipeSyscalls } from '../fs/pipe/syscalls.js';
import { WaitQueue } from '../wait/wait-queue.js';
import type { Caller, Inode } from './inode.js';
import { PENDING } from './pending.js';
import { vfsSyscalls } from './syscalls.js';

let system: TestSystem;
let task: TestTask;

beforeEach(() => {
  system = new TestSystem({ entries: [...vfsSyscalls, ...pipeSyscalls] });
  task = system.task();
});

describe('operations that can not finish now', () => {
  it('are waited for, and the call starts over', () => {
    const queue = new WaitQueue();
    let calls = 0;
    let ready = false;
    const root = system.vfs.namespace.root.root.inode as Inode & { lookup(caller: Caller, name: string): Inode | number };
    const lookup = root.lookup.bind(root);
    root.lookup = (caller, name) => {
      if (name !== 'slow') return lookup(caller, name);
      calls++;
      if (ready) return lookup(caller, name);
      system.vfs.pending = queue;
      return PENDING;
    };
    task.sys('mkdir', '/slow-not', 0o755);
    expect(task.start('mkdir', '/slow', 0o755)).toBe(null);
    expect(calls).toBe(1);
    queue.wake(EPOLLIN);
    system.run();
    expect(task.result).toBe(null);
    ready = true;
    queue.wake(EPOLLIN);
    system.run();
    expect(task.result).toBe(0);
    expect(task.start('stat', '/slow', task.alloc(144))).toBe(0);
    ready = false;
    system.vfs.cache.clear();
    expect(task.start('stat', '/slow', task.alloc(144))).toBe(null);
    task.interrupt();
    expect(task.result).toBe(-513);
  });
});

describe('signal-driven I/O', () => {
  it('signals the owner of a description with FASYNC', () => {
    const at = task.alloc(8);
    task.sys('pipe2', at, O_NONBLOCK);
    const [r, w] = [task.get(at, 8).readInt32LE(0), task.get(at, 8).readInt32LE(4)];
    const signals: number[] = [];
    const kernel = system.kernel as unknown as Record<string, unknown>;
    kernel.processOf = (id: number) => (id === task.id ? task : undefined);
    kernel.processGroups = new Map();
    kernel.signalProcess = (_process: unknown, signo: number) => signals.push(signo);
    expect(task.sys('fcntl', r, F_SETOWN, 999)).toBe(-3);
    expect(task.sys('fcntl', r, F_SETOWN, task.id)).toBe(0);
    task.sys('write', w, task.put('x'), 1);
    expect(signals).toEqual([]);
    expect(task.sys('fcntl', r, F_SETFL, FASYNC | O_NONBLOCK)).toBe(0);
    task.sys('write', w, task.put('x'), 1);
    expect(signals).toEqual([SIGIO]);
    task.sys('fcntl', r, F_SETSIG, SIGUSR1);
    task.sys('write', w, task.put('x'), 1);
    expect(signals).toEqual([SIGIO, SIGUSR1]);
    task.sys('fcntl', r, F_SETFL, O_NONBLOCK);
    task.sys('write', w, task.put('x'), 1);
    expect(signals.length).toBe(2);
  });
});

describe('inotify', () => {
  it('bounds what waits in an instance', () => {
    const fd = task.sys('inotify_init1', O_NONBLOCK);
    task.sys('mkdir', '/d', 0o755);
    expect(task.sys('inotify_add_watch', fd, '/d', IN_ALL_EVENTS)).toBe(1);
    for (let i = 0; i < 9000; i++) {
      task.sys('mkdir', `/d/${i}`, 0o755);
      task.sys('rmdir', `/d/${i}`);
    }
    const addr = task.alloc(65536);
    let events = 0;
    let overflow = 0;
    for (;;) {
      const n = task.sys('read', fd, addr, 65536);
      if (n === -EAGAIN) break;
      const bytes = task.get(addr, n);
      for (let at = 0; at < n; at += 16 + bytes.readUInt32LE(at + 12)) {
        events++;
        if ((bytes.readUInt32LE(at + 4) & 0x4000) !== 0) overflow++;
      }
    }
    expect(events).toBe(16385);
    expect(overflow).toBe(1);
    expect(task.sys('read', fd, addr, 65536)).toBe(-EAGAIN);
  });

  it('keeps an event that could not be copied', () => {
    const fd = task.sys('inotify_init1', O_NONBLOCK);
    task.sys('inotify_add_watch', fd, '/', IN_ALL_EVENTS);
    task.sys('mkdir', '/x', 0o755);
    expect(task.sys('read', fd, 4096, 1000)).toBe(-EFAULT);
    expect(task.sys('read', fd, task.alloc(1000), 1000)).toBe(32);
  });
});

describe('permissions', () => {
  it('need search on the directory of a name, and write for changing it', () => {
    task.sys('mkdir', '/closed', 0o700);
    task.sys('close', task.sys('open', '/closed/f', O_CREAT | O_RDWR, 0o666));
    task.credentials = Credentials.forUser(1000, 1000, [5]);
    expect(task.sys('open', '/closed/f', O_RDWR)).toBe(-13);
    expect(task.sys('access', '/closed/f', 0)).toBe(-13);
    expect(task.sys('mkdir', '/new', 0o755)).toBe(-13);
    const trusted = Credentials.forUser(1000, 1000);
    trusted.effectiveLow = 1 << 1; // CAP_DAC_OVERRIDE
    task.credentials = trusted;
    expect(task.sys('open', '/closed/f', O_RDWR)).toBeGreaterThanOrEqual(0);
    // access(2) asks for the real user, whose capabilities are none.
    expect(task.sys('access', '/closed/f', 0)).toBe(-13);
    expect(task.sys('faccessat2', -100, '/closed/f', 0, 0x200)).toBe(0);
  });
});
