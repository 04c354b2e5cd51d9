import { spawn } from 'node:child_process';
import fs from 'node:fs';
import {
  Stat as AbiStat,
  EAGAIN,
  EBADF,
  EINVAL,
  EIO,
  ENOTTY,
  EPERM,
  EPIPE,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  ESPIPE,
  F_GETFL,
  FIONREAD,
  O_NONBLOCK,
  O_PATH,
  S_IFCHR,
  S_IFIFO,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  SEEK_CUR,
  SEEK_SET,
  SIGPIPE,
  TCGETS,
  TCSETS,
  TIOCGPGRP,
  TIOCGPTN,
  TIOCGWINSZ,
  TIOCSETD,
  TIOCSPTLCK,
  TIOCSTI,
} from '@sbx/abi';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type HostFileOptions, hostFile } from '../../src/fs/hostfd/host-fd.js';
import { hostAddress, hostCall, hostNumber, hostWords, MISC_AT } from '../../src/host/host.js';
import type { TestTask } from '../support/system.js';
import { call, HostSystem, HostTree, openDescriptors } from './fixture.js';

let tree: HostTree;
let system: HostSystem;
let task: TestTask;
let buffer: number;

beforeEach(() => {
  tree = new HostTree();
  system = new HostSystem();
  task = system.task();
  buffer = task.alloc(2 ** 18);
});
afterEach(() => tree.dispose());

const SYS_PIPE2 = hostNumber('pipe2');
const SYS_SOCKETPAIR = hostNumber('socketpair');
const SYS_FCNTL = hostNumber('fcntl');
const SYS_DUP = hostNumber('dup');
const SYS_IOCTL = hostNumber('ioctl');

function pair(sysno: number, ...args: number[]): [number, number] {
  const result =
    sysno === SYS_PIPE2 ? hostCall(sysno, hostAddress + MISC_AT, 0) : hostCall(sysno, args[0], args[1], args[2], hostAddress + MISC_AT);
  expect(result).toBe(0);
  return [hostWords[MISC_AT / 4], hostWords[MISC_AT / 4 + 1]];
}
const hostPipe = () => pair(SYS_PIPE2);
const socketPair = () => pair(SYS_SOCKETPAIR, 1, 1, 0);
const hostFlags = (fd: number) => hostCall(SYS_FCNTL, fd, F_GETFL);

/** Gives a host descriptor to the task: the task's descriptor. */
function give(fd: number, options: HostFileOptions = {}): number {
  const file = hostFile(system.kernel, fd, options);
  if (typeof file === 'number') throw new Error(`hostFile: ${file}`);
  return task.files.install(file, false, 1024);
}
function stat(fd: number) {
  expect(task.sys('fstat', fd, buffer)).toBe(0);
  const bytes = task.get(buffer, AbiStat.size);
  return AbiStat.read(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, AbiStat.create());
}
const text = (n: number) => task.get(buffer, n).toString('latin1');
const close = (fd: number) => task.sys('close', fd);
/** Lets the host's events come. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 20));
/** The result of the call that waits. */
async function woken(): Promise<number> {
  for (let tries = 0; task.blocking !== null && tries < 500; tries++) {
    await turn();
    system.run();
  }
  return task.result!;
}

function terminal(): { master: number; slave: number } {
  const master = fs.openSync('/dev/ptmx', fs.constants.O_RDWR | fs.constants.O_NOCTTY);
  hostWords[MISC_AT / 4] = 0;
  expect(hostCall(SYS_IOCTL, master, TIOCSPTLCK, hostAddress + MISC_AT)).toBe(0);
  expect(hostCall(SYS_IOCTL, master, TIOCGPTN, hostAddress + MISC_AT)).toBe(0);
  const slave = fs.openSync(`/dev/pts/${hostWords[MISC_AT / 4]}`, fs.constants.O_RDWR | fs.constants.O_NOCTTY);
  return { master, slave };
}

describe('pipes', () => {
  it('move bytes without waiting in the host, and without changing its flags', async () => {
    const [reader, writer] = hostPipe();
    const shared = hostCall(SYS_DUP, reader);
    const fd = give(reader);
    expect(stat(fd).st_mode & S_IFMT).toBe(S_IFIFO);
    expect(task.start('read', fd, buffer, 100)).toBe(null);
    await turn();
    system.run();
    expect(task.result).toBe(null);
    fs.writeSync(writer, 'hello');
    expect(await woken()).toBe(5);
    expect(text(5)).toBe('hello');
    expect(hostFlags(shared) & O_NONBLOCK).toBe(0);
    expect(task.sys('lseek', fd, 0, SEEK_SET)).toBe(-ESPIPE);
    fs.closeSync(writer);
    expect(task.sys('read', fd, buffer, 100)).toBe(0);
    close(fd);
    fs.closeSync(shared);
  });

  it('give what is there to a non-blocking description, and say what they are ready for', () => {
    const [reader, writer] = hostPipe();
    const input = give(reader);
    const output = give(writer);
    const poll = (fd: number) => task.files.get(fd)!.poll();
    expect(poll(input) & EPOLLIN).toBe(0);
    expect(poll(output) & EPOLLOUT).toBe(EPOLLOUT);
    task.files.get(input)!.flags |= O_NONBLOCK;
    task.files.get(output)!.flags |= O_NONBLOCK;
    expect(task.sys('read', input, buffer, 10)).toBe(-EAGAIN);
    let written = 0;
    for (;;) {
      const n = task.sys('write', output, buffer, 2 ** 17);
      if (n === -EAGAIN) break;
      written += n;
    }
    expect(written).toBe(65536);
    expect(poll(output) & EPOLLOUT).toBe(0);
    expect(poll(input) & EPOLLIN).toBe(EPOLLIN);
    expect(task.sys('ioctl', input, FIONREAD, buffer)).toBe(0);
    expect(task.get(buffer, 4).readInt32LE()).toBe(65536);
    close(output);
    let read = 0;
    for (let n = 1; n > 0; read += n) n = task.sys('read', input, buffer, 2 ** 17);
    expect(read).toBe(65536);
    expect(poll(input) & EPOLLHUP).toBe(EPOLLHUP);
    close(input);
  });

  it('take all of a long blocking write, as the reader reads', async () => {
    const child = spawn('wc', ['-c'], { stdio: ['pipe', 'pipe', 'inherit'] });
    let counted = '';
    child.stdout.on('data', (data) => (counted += data));
    const [reader, writer] = hostPipe();
    const output = give(writer);
    const source = fs.createReadStream('', { fd: reader });
    source.pipe(child.stdin);
    for (let i = 0; i < 20; i++) expect(await call(task, 'write', output, buffer, 2 ** 18)).toBe(2 ** 18);
    close(output);
    await new Promise((resolve) => child.on('close', resolve));
    expect(counted.trim()).toBe(String(20 * 2 ** 18));
  });

  it('raise SIGPIPE without a reader', () => {
    const [reader, writer] = hostPipe();
    const output = give(writer);
    fs.closeSync(reader);
    expect(task.sys('write', output, 'x', 1)).toBe(-EPIPE);
    expect(task.received).toEqual([SIGPIPE]);
    close(output);
  });

  it('are closed with the last reference', () => {
    const before = openDescriptors();
    const [reader, writer] = hostPipe();
    const input = give(reader);
    const second = task.sys('dup', input);
    close(input);
    expect(task.sys('read', second, buffer, 0)).toBe(0);
    close(second);
    fs.closeSync(writer);
    expect(openDescriptors()).toBe(before);
  });
});

describe('sockets', () => {
  it('move bytes, and are shown as what they are, or as pipes', async () => {
    const [mine, theirs] = socketPair();
    const fd = give(mine);
    expect(stat(fd).st_mode & S_IFMT).toBe(S_IFSOCK);
    expect(await call(task, 'write', fd, 'ping', 4)).toBe(4);
    const bytes = Buffer.alloc(10);
    expect(fs.readSync(theirs, bytes)).toBe(4);
    expect(task.start('read', fd, buffer, 10)).toBe(null);
    fs.writeSync(theirs, 'pong');
    expect(await woken()).toBe(4);
    expect(text(4)).toBe('pong');
    expect(hostFlags(theirs) & O_NONBLOCK).toBe(0);
    fs.closeSync(theirs);
    expect(task.sys('read', fd, buffer, 10)).toBe(0);
    expect(task.sys('write', fd, 'x', 1)).toBe(-EPIPE);
    expect(task.received).toEqual([SIGPIPE]);
    close(fd);
    const [other, end] = socketPair();
    const asPipe = give(other, { socketAsPipe: true });
    expect(stat(asPipe).st_mode & S_IFMT).toBe(S_IFIFO);
    close(asPipe);
    fs.closeSync(end);
  });
});

describe('terminals', () => {
  it('are read line by line and written; only modes and size can be asked', async () => {
    const { master, slave } = terminal();
    const shared = hostCall(SYS_DUP, slave);
    const fd = give(slave);
    expect(stat(fd).st_mode & S_IFMT).toBe(S_IFCHR);
    expect(task.sys('ioctl', fd, TCGETS, buffer)).toBe(0);
    expect(task.get(buffer, 4).readUInt32LE()).toBeGreaterThan(0);
    expect(task.sys('ioctl', fd, TIOCGWINSZ, buffer)).toBe(0);
    expect(task.start('read', fd, buffer, 100)).toBe(null);
    fs.writeSync(master, 'li');
    await turn();
    system.run();
    expect(task.result).toBe(null);
    fs.writeSync(master, 'ne\n');
    expect(await woken()).toBe(5);
    expect(text(5)).toBe('line\n');
    expect(await call(task, 'write', fd, 'out\n', 4)).toBe(4);
    const bytes = Buffer.alloc(100);
    let shown = '';
    while (!shown.includes('out')) shown += bytes.toString('latin1', 0, fs.readSync(master, bytes));
    expect(hostFlags(shared) & O_NONBLOCK).toBe(0);
    // The device is opened again by /dev/stdin and the like.
    expect(task.sys('ioctl', fd, TIOCSTI, task.put('!'))).toBe(-EPERM);
    expect(task.sys('ioctl', fd, TIOCSETD, buffer)).toBe(-EPERM);
    expect(task.sys('ioctl', fd, TIOCGPGRP, buffer)).toBe(-ENOTTY);
    expect(task.sys('ioctl', fd, TCGETS, buffer)).toBe(0);
    expect(task.sys('ioctl', fd, TCSETS, buffer)).toBe(-EIO);
    close(fd);
    fs.closeSync(master);
    fs.closeSync(shared);
  });

  it('leave setting modes to their owner', () => {
    const { master, slave } = terminal();
    const set: number[] = [];
    const fd = give(slave, {
      terminal: {
        setModes: (command, termios) => {
          set.push(command, termios.length);
          return 0;
        },
      },
    });
    expect(task.sys('ioctl', fd, TCGETS, buffer)).toBe(0);
    expect(task.sys('ioctl', fd, TCSETS, buffer)).toBe(0);
    expect(set).toEqual([TCSETS, 36]);
    close(fd);
    fs.closeSync(master);
  });

  it('that are stopped keep the writer waiting, not the kernel', async () => {
    const { master, slave } = terminal();
    const fd = give(slave);
    let result: number | null = null;
    for (let i = 0; i < 100 && result === null; i++) {
      const n = task.start('write', fd, buffer, 4096);
      if (n === null) break;
    }
    expect(task.blocking).not.toBe(null);
    const bytes = Buffer.alloc(65536);
    while (task.blocking !== null) {
      fs.readSync(master, bytes);
      await turn();
      system.run();
    }
    result = task.result;
    expect(result).toBe(4096);
    close(fd);
    fs.closeSync(master);
  });
});

describe('files and devices', () => {
  it('share their position with the host', async () => {
    fs.writeFileSync(tree.path('f'), 'one two three');
    const host = tree.open('f', fs.constants.O_RDWR);
    const keep = hostCall(SYS_DUP, host);
    const fd = give(host);
    expect(stat(fd).st_mode & S_IFMT).toBe(S_IFREG);
    expect(Number(stat(fd).st_size)).toBe(13);
    expect(await call(task, 'read', fd, buffer, 4)).toBe(4);
    const bytes = Buffer.alloc(4);
    fs.readSync(keep, bytes, 0, 4, null);
    expect(bytes.toString()).toBe('two ');
    expect(task.sys('lseek', fd, 0, SEEK_CUR)).toBe(8);
    expect(await call(task, 'pread64', fd, buffer, 3, 0)).toBe(3);
    expect(text(3)).toBe('one');
    expect(task.sys('lseek', fd, 0, SEEK_SET)).toBe(0);
    expect(await call(task, 'write', fd, 'ONE', 3)).toBe(3);
    fs.writeSync(keep, '-');
    expect(fs.readFileSync(tree.path('f'), 'latin1')).toBe('ONE-two three');
    expect(task.sys('ftruncate', fd, 3)).toBe(0);
    expect(task.sys('fchmod', fd, 0o777)).toBe(-EPERM);
    const at = task.sys('mmap', 0, 4096, 3, 1, fd, 0);
    expect(task.get(at, 3).toString()).toBe('ONE');
    task.mm.copyOut(at, Buffer.from('E'), 1);
    expect(task.sys('munmap', at, 4096)).toBe(0);
    expect(fs.readFileSync(tree.path('f'), 'latin1')).toBe('ENE');
    expect(await call(task, 'fsync', fd)).toBe(0);
    close(fd);
    fs.closeSync(keep);
  });

  it('can be opened again with a position of their own', async () => {
    fs.writeFileSync(tree.path('f'), 'one two');
    const first = hostFile(system.kernel, tree.open('f', fs.constants.O_RDONLY));
    if (typeof first === 'number') throw new Error(String(first));
    const fd = task.files.install(first, false, 10);
    expect(await call(task, 'read', fd, buffer, 4)).toBe(4);
    const { openFound } = await import('../../src/vfs/open.js');
    const second = openFound(system.vfs.kernelCaller, first.mount!, first.dentry!, 0, false);
    if (typeof second === 'number') throw new Error(String(second));
    const again = task.files.install(second, false, 10);
    expect(await call(task, 'read', again, buffer, 3)).toBe(3);
    expect(text(3)).toBe('one');
    expect(await call(task, 'read', fd, buffer, 3)).toBe(3);
    expect(text(3)).toBe('two');
    expect(openFound(system.vfs.kernelCaller, first.mount!, first.dentry!, 1, false)).toBe(-13);
    close(fd);
    close(again);
  });

  it('write long files in turns', async () => {
    const fd = give(tree.open('big', fs.constants.O_RDWR | fs.constants.O_CREAT));
    const at = task.sys('mmap', 0, 3 * 2 ** 20, 3, 0x22, -1, 0);
    task.mm.copyOut(at + 3 * 2 ** 20 - 1, Buffer.from('z'), 1);
    expect(await call(task, 'write', fd, at, 3 * 2 ** 20)).toBe(3 * 2 ** 20);
    expect(fs.readFileSync(tree.path('big'))[3 * 2 ** 20 - 1]).toBe(122);
    expect(task.sys('lseek', fd, 0, SEEK_SET)).toBe(0);
    expect(await call(task, 'read', fd, at, 3 * 2 ** 20)).toBe(3 * 2 ** 20);
    close(fd);
  });

  it('are what they are: /dev/null, /dev/zero', async () => {
    const none = give(fs.openSync('/dev/null', 'r+'));
    expect(stat(none).st_mode & S_IFMT).toBe(S_IFCHR);
    expect(await call(task, 'read', none, buffer, 10)).toBe(0);
    expect(await call(task, 'write', none, 'abc', 3)).toBe(3);
    expect(task.sys('ioctl', none, TCGETS, buffer)).toBe(-ENOTTY);
    const zero = give(fs.openSync('/dev/zero', 'r'));
    expect(await call(task, 'read', zero, buffer, 10_000)).toBe(10_000);
    close(none);
    close(zero);
  });

  it('refuses what is no stream', () => {
    expect(hostFile(system.kernel, 9999)).toBe(-EBADF);
    expect(hostFile(system.kernel, tree.open())).toBe(-EINVAL);
    expect(hostFile(system.kernel, fs.openSync(tree.root, O_PATH))).toBe(-EINVAL);
  });
});
