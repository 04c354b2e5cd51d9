import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import {
  __O_TMPFILE,
  Stat as AbiStat,
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_NOFOLLOW,
  EACCES,
  EEXIST,
  EFAULT,
  EINTR,
  EINVAL,
  EISDIR,
  ELOOP,
  ENFILE,
  ENODATA,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  EPERM,
  EROFS,
  EXDEV,
  F_GETFL,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  MAP_SHARED,
  MS_SYNC,
  O_APPEND,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  PROT_READ,
  PROT_WRITE,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  RLIMIT_NOFILE,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
  S_IFSOCK,
  SEEK_DATA,
  SEEK_END,
  SEEK_HOLE,
} from '@sbx/abi';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Credentials } from '../../src/auth/credentials.js';
import { hostAddress, hostCall, hostNumber, hostWords, MISC_AT, put64 } from '../../src/host/host.js';
import type { TestTask } from '../support/system.js';
import { call, HostSystem, HostTree, openDescriptors } from './fixture.js';

const SYS_PRLIMIT64 = hostNumber('prlimit64');
let tree: HostTree;
let system: HostSystem;
let task: TestTask;
/** Guest memory for what is read. */
let buffer: number;

beforeEach(() => {
  tree = new HostTree();
  system = new HostSystem();
  task = system.task();
  buffer = task.alloc(65536);
});
afterEach(() => {
  tree.dispose();
});

const mount = (options = {}) => system.mountHost('/mnt', { directoryFd: tree.open(), ...options });
const open = (path: string, flags: number, mode = 0) => task.sys('openat', AT_FDCWD, path, flags, mode);
const close = (fd: number) => task.sys('close', fd);

function stat(path: string, flags = AT_SYMLINK_NOFOLLOW) {
  const at = task.alloc(AbiStat.size);
  const result = task.sys('newfstatat', AT_FDCWD, path, at, flags);
  if (result < 0) throw new Error(`stat ${path}: ${result}`);
  const bytes = task.get(at, AbiStat.size);
  return AbiStat.read(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, AbiStat.create());
}
async function read(path: string): Promise<string | number> {
  const fd = open(path, O_RDONLY);
  if (fd < 0) return fd;
  const text = await readFd(fd, 65536);
  close(fd);
  return text;
}
async function readFd(fd: number, length: number, offset = -1): Promise<string | number> {
  const at = buffer;
  const n = offset < 0 ? await call(task, 'read', fd, at, length) : await call(task, 'pread64', fd, at, length, offset);
  return n < 0 ? n : task.get(at, n).toString('latin1');
}
async function write(path: string, text: string, flags = O_CREAT | O_WRONLY | O_TRUNC, mode = 0o644): Promise<number> {
  const fd = open(path, flags, mode);
  if (fd < 0) return fd;
  const n = await call(task, 'write', fd, text, text.length);
  close(fd);
  return n;
}
function list(path: string, size = 4096): string[] {
  const fd = open(path, O_RDONLY | O_DIRECTORY);
  if (fd < 0) throw new Error(`open ${path}: ${fd}`);
  const names: string[] = [];
  const at = task.alloc(size);
  for (;;) {
    const n = task.sys('getdents64', fd, at, size);
    if (n < 0) throw new Error(`getdents64: ${n}`);
    if (n === 0) break;
    const bytes = task.get(at, n);
    for (let i = 0; i < n; i += bytes.readUInt16LE(i + 16)) names.push(bytes.toString('latin1', i + 19, bytes.indexOf(0, i + 19)));
  }
  close(fd);
  return names.sort();
}

describe('reading', () => {
  it('shows the contents, attributes and names of a host directory', async () => {
    fs.writeFileSync(tree.path('a'), 'hello');
    fs.mkdirSync(tree.path('sub'));
    fs.writeFileSync(tree.path('sub', 'b'), 'x'.repeat(70_000));
    fs.symlinkSync('sub/b', tree.path('link'));
    mount({ readOnly: true });
    expect(await read('/mnt/a')).toBe('hello');
    expect(await read('/mnt/link')).toBe('x'.repeat(65536));
    const host = fs.statSync(tree.path('a'));
    const guest = stat('/mnt/a');
    expect([guest.st_mode, guest.st_uid, guest.st_gid, Number(guest.st_nlink), Number(guest.st_size), Number(guest.st_ino)]).toEqual([
      host.mode,
      host.uid,
      host.gid,
      1,
      5,
      host.ino,
    ]);
    expect(Number(guest.st_mtime)).toBe(Math.floor(host.mtimeMs / 1000));
    expect(list('/mnt')).toEqual(['.', '..', 'a', 'link', 'sub']);
    expect(open('/mnt/none', O_RDONLY)).toBe(-ENOENT);
    expect(open('/mnt/a/x', O_RDONLY)).toBe(-ENOTDIR);
    expect(open('/mnt/link', O_RDONLY | O_NOFOLLOW)).toBe(-ELOOP);
  });

  it('refuses all changes of a read-only mount', async () => {
    fs.writeFileSync(tree.path('a'), 'hello');
    mount({ readOnly: true });
    expect(open('/mnt/a', O_WRONLY)).toBe(-EROFS);
    expect(open('/mnt/a', O_RDWR)).toBe(-EROFS);
    expect(open('/mnt/new', O_CREAT | O_WRONLY, 0o644)).toBe(-EROFS);
    expect(open('/mnt/a', O_RDONLY | O_TRUNC)).toBe(-EROFS);
    expect(task.sys('unlinkat', AT_FDCWD, '/mnt/a', 0)).toBe(-EROFS);
    expect(task.sys('mkdirat', AT_FDCWD, '/mnt/d', 0o755)).toBe(-EROFS);
    expect(task.sys('renameat2', AT_FDCWD, '/mnt/a', AT_FDCWD, '/mnt/b', 0)).toBe(-EROFS);
    expect(task.sys('symlinkat', 'x', AT_FDCWD, '/mnt/s')).toBe(-EROFS);
    expect(task.sys('linkat', AT_FDCWD, '/mnt/a', AT_FDCWD, '/mnt/l', 0)).toBe(-EROFS);
    expect(task.sys('fchmodat', AT_FDCWD, '/mnt/a', 0o600)).toBe(-EROFS);
    expect(task.sys('truncate', '/mnt/a', 0)).toBe(-EROFS);
    expect(task.sys('mknodat', AT_FDCWD, '/mnt/f', S_IFIFO | 0o600, 0)).toBe(-EROFS);
    expect(task.sys('utimensat', AT_FDCWD, '/mnt/a', 0, 0)).toBe(-EROFS);
    expect(fs.readdirSync(tree.root)).toEqual(['a']);
  });

  it('pages through a large directory, and finds its place again', () => {
    for (let i = 0; i < 3000; i++) fs.writeFileSync(tree.path(`file-with-a-long-name-${i}`), '');
    mount();
    expect(list('/mnt', 700)).toHaveLength(3002);
    const fd = open('/mnt', O_RDONLY | O_DIRECTORY);
    const at = task.alloc(4096);
    const seen: { name: string; next: number }[] = [];
    for (;;) {
      const n = task.sys('getdents64', fd, at, 4096);
      if (n === 0) break;
      const bytes = task.get(at, n);
      for (let i = 0; i < n; i += bytes.readUInt16LE(i + 16)) {
        const name = bytes.toString('latin1', i + 19, bytes.indexOf(0, i + 19));
        seen.push({ name, next: Number(bytes.readBigInt64LE(i + 8)) });
      }
    }
    for (const index of [0, 1, 5, 1000, 1001, 2047, 2998, 17]) {
      expect(task.sys('lseek', fd, seen[index].next, 0)).toBe(seen[index].next);
      const n = task.sys('getdents64', fd, at, 4096);
      const bytes = task.get(at, n);
      expect(bytes.toString('latin1', 19, bytes.indexOf(0, 19))).toBe(seen[index + 1].name);
    }
    task.sys('lseek', fd, seen[3001].next, 0);
    expect(task.sys('getdents64', fd, at, 4096)).toBe(0);
    expect(task.sys('lseek', fd, 0, 0)).toBe(0);
    expect(task.sys('getdents64', fd, at, 4096)).toBeGreaterThan(0);
    close(fd);
  });

  it('sees edits of the host at the next open, read, stat and readdir', async () => {
    fs.writeFileSync(tree.path('a'), 'one');
    fs.mkdirSync(tree.path('d'));
    mount();
    expect(await read('/mnt/a')).toBe('one');
    const fd = open('/mnt/a', O_RDONLY);
    fs.writeFileSync(tree.path('a'), 'second');
    expect(await readFd(fd, 100)).toBe('second');
    expect(Number(stat('/mnt/a').st_size)).toBe(6);
    fs.writeFileSync(tree.path('tmp'), 'replaced');
    fs.renameSync(tree.path('tmp'), tree.path('a'));
    expect(await read('/mnt/a')).toBe('replaced');
    expect(await readFd(fd, 100, 0)).toBe('second');
    fs.chmodSync(tree.path('a'), 0o600);
    expect(stat('/mnt/a').st_mode & 0o777).toBe(0o600);
    fs.unlinkSync(tree.path('a'));
    expect(open('/mnt/a', O_RDONLY)).toBe(-ENOENT);
    fs.writeFileSync(tree.path('d', 'new'), '');
    expect(list('/mnt/d')).toEqual(['.', '..', 'new']);
    fs.rmSync(tree.path('d'), { recursive: true });
    fs.writeFileSync(tree.path('d'), 'now a file');
    expect(await read('/mnt/d')).toBe('now a file');
    expect(open('/mnt/d/new', O_RDONLY)).toBe(-ENOTDIR);
    close(fd);
  });

  it('keeps names and attributes for cacheMs', async () => {
    fs.writeFileSync(tree.path('a'), 'one');
    mount({ readOnly: true, cacheMs: 60_000 });
    expect(Number(stat('/mnt/a').st_size)).toBe(3);
    fs.writeFileSync(tree.path('a'), 'longer');
    expect(Number(stat('/mnt/a').st_size)).toBe(3);
    expect(await read('/mnt/a')).toBe('longer');
  });

  it('mounts a single file', async () => {
    fs.writeFileSync(tree.path('prog'), 'text');
    const system_ = system;
    const hostFs = system_.mountHost('/dir', { directoryFd: tree.open() });
    expect(hostFs.root.isDirectory).toBe(true);
    const { HostFileSystem } = await import('../../src/fs/host/host-file-system.js');
    const file = HostFileSystem.create(system.kernel, { directoryFd: tree.open('prog', fs.constants.O_RDONLY), readOnly: true });
    if (typeof file === 'number') throw new Error(String(file));
    close(open('/one', O_CREAT | O_WRONLY, 0o644));
    expect(typeof system.vfs.mountAt(system.vfs.kernelCaller, '/one', file, 'host')).toBe('object');
    expect(await read('/one')).toBe('text');
    expect(await read('/one')).toBe('text');
    expect(open('/one', O_RDWR)).toBe(-EROFS);
    expect(HostFileSystem.create(system.kernel, { directoryFd: tree.open('prog', O_PATH) })).toBe(-EINVAL);
  });

  it('gives what everybody may read only, whoever runs the sandbox', async () => {
    fs.writeFileSync(tree.path('public'), 'p', { mode: 0o644 });
    fs.writeFileSync(tree.path('shadow'), 's', { mode: 0o640 });
    fs.mkdirSync(tree.path('private'), { mode: 0o700 });
    fs.writeFileSync(tree.path('private', 'key'), 'k', { mode: 0o644 });
    fs.mkdirSync(tree.path('walkable'), { mode: 0o711 });
    fs.writeFileSync(tree.path('walkable', 'file'), 'f', { mode: 0o644 });
    for (const name of ['public', 'shadow']) fs.chmodSync(tree.path(name), name === 'public' ? 0o644 : 0o640);
    mount({ readOnly: true, worldReadableOnly: true });
    expect(await read('/mnt/public')).toBe('p');
    expect(open('/mnt/shadow', O_RDONLY)).toBe(-EACCES);
    expect(stat('/mnt/shadow').st_mode & 0o777).toBe(0o640);
    expect(open('/mnt/private/key', O_RDONLY)).toBe(-EACCES);
    expect(open('/mnt/private', O_RDONLY | O_DIRECTORY)).toBe(-EACCES);
    expect(await read('/mnt/walkable/file')).toBe('f');
    expect(open('/mnt/walkable', O_RDONLY | O_DIRECTORY)).toBe(-EACCES);
    expect(task.sys('faccessat', AT_FDCWD, '/mnt/shadow', 4)).toBe(-EACCES);
  });

  it('applies permissions by the identity of the program', async () => {
    fs.writeFileSync(tree.path('mine'), 'm', { mode: 0o600 });
    fs.chmodSync(tree.root, 0o755);
    mount();
    task = system.task(Credentials.forUser(12345, 12345));
    buffer = task.alloc(65536);
    expect(open('/mnt/mine', O_RDONLY)).toBe(-EACCES);
    expect(open('/mnt/new', O_CREAT | O_WRONLY, 0o644)).toBe(-EACCES);
  });
});

describe('writing', () => {
  it('puts what system calls write on the host at once', async () => {
    mount();
    const fd = open('/mnt/new', O_CREAT | O_EXCL | O_RDWR, 0o640);
    expect(fd).toBeGreaterThanOrEqual(0);
    expect(await call(task, 'write', fd, 'hello', 5)).toBe(5);
    expect(fs.readFileSync(tree.path('new'), 'latin1')).toBe('hello');
    expect(fs.statSync(tree.path('new')).mode & 0o7777).toBe(0o640);
    expect(await call(task, 'pwrite64', fd, 'J', 1, 0)).toBe(1);
    expect(fs.readFileSync(tree.path('new'), 'latin1')).toBe('Jello');
    expect(task.sys('ftruncate', fd, 2)).toBe(0);
    expect(fs.readFileSync(tree.path('new'), 'latin1')).toBe('Je');
    expect(task.sys('lseek', fd, 0, SEEK_END)).toBe(2);
    expect(await call(task, 'fsync', fd)).toBe(0);
    expect(await call(task, 'fallocate', fd, FALLOC_FL_KEEP_SIZE, 0, 65536)).toBe(0);
    expect(fs.statSync(tree.path('new')).blocks).toBeGreaterThanOrEqual(128);
    expect(await call(task, 'fallocate', fd, 0, 0, 65536)).toBe(0);
    expect(fs.statSync(tree.path('new')).size).toBe(65536);
    expect(await call(task, 'fallocate', fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, 4096)).toBe(0);
    expect(await readFd(fd, 2, 0)).toBe('\0\0');
    close(fd);
    expect(open('/mnt/new', O_CREAT | O_EXCL | O_RDWR, 0o640)).toBe(-EEXIST);
    expect(await write('/mnt/new', 'short')).toBe(5);
    expect(fs.readFileSync(tree.path('new'), 'latin1')).toBe('short');
  });

  it('makes files with modes that forbid opening them again', async () => {
    mount();
    const umask = process.umask(0o077);
    try {
      const fd = open('/mnt/ro', O_CREAT | O_WRONLY, 0o444);
      expect(await call(task, 'write', fd, 'x', 1)).toBe(1);
      close(fd);
      expect(task.sys('mkdirat', AT_FDCWD, '/mnt/dir', 0o777)).toBe(0);
      expect(task.sys('mknodat', AT_FDCWD, '/mnt/fifo', S_IFIFO | 0o666, 0)).toBe(0);
    } finally {
      process.umask(umask);
    }
    expect(fs.statSync(tree.path('ro')).mode & 0o777).toBe(0o444);
    expect(fs.statSync(tree.path('dir')).mode & 0o777).toBe(0o755);
    expect(fs.statSync(tree.path('fifo')).mode & 0o777).toBe(0o644);
  });

  it('appends behind what the host appends', async () => {
    mount();
    const fd = open('/mnt/log', O_CREAT | O_WRONLY | O_APPEND, 0o644);
    expect(task.sys('fcntl', fd, F_GETFL) & O_APPEND).toBe(O_APPEND);
    await call(task, 'write', fd, 'one\n', 4);
    fs.appendFileSync(tree.path('log'), 'host\n');
    await call(task, 'write', fd, 'two\n', 4);
    expect(fs.readFileSync(tree.path('log'), 'latin1')).toBe('one\nhost\ntwo\n');
    expect(task.sys('lseek', fd, 0, 1)).toBe(13);
    close(fd);
  });

  it('makes, renames, links and removes', async () => {
    mount();
    await write('/mnt/a', 'A');
    expect(task.sys('mkdirat', AT_FDCWD, '/mnt/d', 0o755)).toBe(0);
    expect(task.sys('mkdirat', AT_FDCWD, '/mnt/d', 0o755)).toBe(-EEXIST);
    expect(task.sys('renameat2', AT_FDCWD, '/mnt/a', AT_FDCWD, '/mnt/d/b', 0)).toBe(0);
    expect(fs.readFileSync(tree.path('d', 'b'), 'latin1')).toBe('A');
    expect(await read('/mnt/d/b')).toBe('A');
    expect(task.sys('linkat', AT_FDCWD, '/mnt/d/b', AT_FDCWD, '/mnt/hard', 0)).toBe(0);
    expect(Number(stat('/mnt/d/b').st_nlink)).toBe(2);
    expect(stat('/mnt/hard').st_ino).toBe(stat('/mnt/d/b').st_ino);
    expect(task.sys('symlinkat', 'd/b', AT_FDCWD, '/mnt/soft')).toBe(0);
    expect(fs.readlinkSync(tree.path('soft'))).toBe('d/b');
    expect(task.sys('unlinkat', AT_FDCWD, '/mnt/d', AT_REMOVEDIR)).toBe(-ENOTEMPTY);
    expect(task.sys('unlinkat', AT_FDCWD, '/mnt/d', 0)).toBe(-EISDIR);
    expect(task.sys('renameat2', AT_FDCWD, '/mnt/hard', AT_FDCWD, '/mnt/d/b', RENAME_NOREPLACE)).toBe(-EEXIST);
    await write('/mnt/x', 'X');
    expect(task.sys('renameat2', AT_FDCWD, '/mnt/x', AT_FDCWD, '/mnt/d', RENAME_EXCHANGE)).toBe(0);
    expect(fs.readFileSync(tree.path('d'), 'latin1')).toBe('X');
    expect(await read('/mnt/x/b')).toBe('A');
    expect(task.sys('unlinkat', AT_FDCWD, '/mnt/x/b', 0)).toBe(0);
    expect(task.sys('unlinkat', AT_FDCWD, '/mnt/x', AT_REMOVEDIR)).toBe(0);
    expect(fs.readdirSync(tree.root).sort()).toEqual(['d', 'hard', 'soft']);
    expect(Number(stat('/mnt/hard').st_nlink)).toBe(1);
    expect(task.sys('renameat2', AT_FDCWD, '/mnt/hard', AT_FDCWD, '/elsewhere', 0)).toBe(-EXDEV);
  });

  it('keeps files that were removed usable while they are open', async () => {
    mount();
    const fd = open('/mnt/gone', O_CREAT | O_RDWR, 0o644);
    await call(task, 'write', fd, 'still here', 10);
    expect(task.sys('unlinkat', AT_FDCWD, '/mnt/gone', 0)).toBe(0);
    expect(fs.existsSync(tree.path('gone'))).toBe(false);
    expect(await readFd(fd, 20, 0)).toBe('still here');
    const at = task.alloc(AbiStat.size);
    expect(task.sys('fstat', fd, at)).toBe(0);
    expect(Number(AbiStat.read(new DataView(new Uint8Array(task.get(at, AbiStat.size)).buffer), 0, AbiStat.create()).st_nlink)).toBe(0);
    expect(task.sys('fchmod', fd, 0o600)).toBe(0);
    close(fd);
  });

  it('changes modes, times, owners and attributes', async () => {
    mount();
    await write('/mnt/a', 'A');
    expect(task.sys('fchmodat', AT_FDCWD, '/mnt/a', 0o000)).toBe(0);
    expect(task.sys('fchmodat', AT_FDCWD, '/mnt/a', 0o4751)).toBe(0);
    expect(fs.statSync(tree.path('a')).mode & 0o7777).toBe(0o4751);
    const times = Buffer.alloc(32);
    times.writeBigInt64LE(1000n, 0);
    times.writeBigInt64LE(5n, 8);
    times.writeBigInt64LE(-2000n, 16);
    times.writeBigInt64LE(7n, 24);
    expect(task.sys('utimensat', AT_FDCWD, '/mnt/a', task.put(times), 0)).toBe(0);
    expect(fs.statSync(tree.path('a'), { bigint: true }).mtimeNs).toBe(-2000n * 10n ** 9n + 7n);
    expect(Number(stat('/mnt/a').st_mtime)).toBe(-2000);
    if (process.getuid!() === 0) {
      expect(task.sys('fchownat', AT_FDCWD, '/mnt/a', 7, 8, 0)).toBe(0);
      expect(fs.statSync(tree.path('a')).uid).toBe(7);
      expect(fs.statSync(tree.path('a')).mode & 0o7777).toBe(0o751);
    }
    expect(task.sys('setxattr', '/mnt/a', 'user.note', 'value', 5, 0)).toBe(0);
    const at = task.alloc(64);
    expect(task.sys('getxattr', '/mnt/a', 'user.note', at, 64)).toBe(5);
    expect(task.get(at, 5).toString()).toBe('value');
    expect(task.sys('listxattr', '/mnt/a', at, 64)).toBe(10);
    expect(task.sys('removexattr', '/mnt/a', 'user.note')).toBe(0);
    expect(task.sys('getxattr', '/mnt/a', 'user.note', at, 64)).toBe(-ENODATA);
    task.sys('mkdirat', AT_FDCWD, '/mnt/d', 0o755);
    expect(task.sys('fchmodat', AT_FDCWD, '/mnt/d', 0o700)).toBe(0);
    expect(fs.statSync(tree.path('d')).mode & 0o777).toBe(0o700);
    expect(task.sys('fchmodat', AT_FDCWD, '/mnt', 0o711)).toBe(0);
    expect(fs.statSync(tree.root).mode & 0o777).toBe(0o711);
  });

  it('knows holes', async () => {
    mount();
    const fd = open('/mnt/sparse', O_CREAT | O_RDWR, 0o644);
    await call(task, 'pwrite64', fd, 'x', 1, 1_000_000);
    expect(task.sys('lseek', fd, 0, SEEK_DATA)).toBeGreaterThan(900_000);
    expect(task.sys('lseek', fd, 1_000_000, SEEK_HOLE)).toBe(1_000_001);
    close(fd);
  });

  it('moves large amounts in turns', async () => {
    mount();
    const size = 5 * 2 ** 20 + 77;
    const length = Math.ceil(size / 4096) * 4096;
    const at = task.sys('mmap', 0, length, PROT_READ | PROT_WRITE, 0x22, -1, 0);
    const bytes = Buffer.alloc(size);
    for (let i = 0; i < size; i += 997) bytes[i] = i;
    expect(task.mm.copyOut(at, bytes, size)).toBe(size);
    const fd = open('/mnt/big', O_CREAT | O_RDWR, 0o644);
    expect(await call(task, 'write', fd, at, size)).toBe(size);
    expect(fs.readFileSync(tree.path('big')).equals(bytes)).toBe(true);
    task.mm.zeroOut(at, size);
    expect(await call(task, 'pread64', fd, at, length, 0)).toBe(size);
    const back = Buffer.alloc(size);
    task.mm.copyIn(at, back, size);
    expect(back.equals(bytes)).toBe(true);
    close(fd);
  });

  it('makes temporary files', async () => {
    mount();
    const fd = open('/mnt', __O_TMPFILE | O_DIRECTORY | O_RDWR, 0o600);
    expect(fd).toBeGreaterThanOrEqual(0);
    await call(task, 'write', fd, 'temporary', 9);
    expect(await readFd(fd, 20, 0)).toBe('temporary');
    expect(fs.readdirSync(tree.root)).toEqual([]);
    close(fd);
  });
});

describe('mappings', () => {
  const page = 4096;

  it('show the file, share what is stored, and put it on the host at msync and munmap', async () => {
    fs.writeFileSync(tree.path('m'), 'a'.repeat(3 * page + 100));
    mount();
    const fd = open('/mnt/m', O_RDWR);
    const at = task.sys('mmap', 0, 4 * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    expect(task.get(at, 3).toString()).toBe('aaa');
    expect(task.get(at + 3 * page + 99, 2).toString()).toBe('a\0');
    task.mm.copyOut(at + page, Buffer.from('stored'), 6);
    expect(fs.readFileSync(tree.path('m'), 'latin1').slice(page, page + 6)).toBe('aaaaaa');
    // read(2) sees it before the host does.
    expect(await readFd(fd, 6, page)).toBe('stored');
    task.mm.copyOut(at + 2 * page, Buffer.from('again'), 5);
    expect(task.sys('msync', at, 4 * page, MS_SYNC)).toBe(0);
    expect(fs.readFileSync(tree.path('m'), 'latin1').slice(2 * page, 2 * page + 5)).toBe('again');
    // After the write-back a store counts anew.
    task.mm.copyOut(at + 2 * page, Buffer.from('third'), 5);
    close(fd);
    expect(task.sys('munmap', at, 4 * page)).toBe(0);
    expect(fs.readFileSync(tree.path('m'), 'latin1').slice(2 * page, 2 * page + 5)).toBe('third');
    expect(fs.statSync(tree.path('m')).size).toBe(3 * page + 100);
  });

  it('show what system calls write, and what the host writes from the next mapping on', async () => {
    fs.writeFileSync(tree.path('m'), 'a'.repeat(2 * page));
    mount();
    const fd = open('/mnt/m', O_RDWR);
    const at = task.sys('mmap', 0, 2 * page, PROT_READ, MAP_SHARED, fd, 0);
    expect(task.get(at, 2).toString()).toBe('aa');
    await call(task, 'pwrite64', fd, 'bb', 2, 0);
    expect(task.get(at, 3).toString()).toBe('bba');
    fs.writeFileSync(tree.path('m'), 'c'.repeat(2 * page));
    const second = task.sys('mmap', 0, 2 * page, PROT_READ, MAP_SHARED, fd, 0);
    expect(task.get(second, 2).toString()).toBe('cc');
    expect(task.get(at, 2).toString()).toBe('cc');
    close(fd);
  });

  it('end where the file ends', async () => {
    fs.writeFileSync(tree.path('m'), 'a'.repeat(100));
    mount();
    const fd = open('/mnt/m', O_RDWR);
    const at = task.sys('mmap', 0, 4 * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    expect(task.get(at + page, 1)).toHaveLength(0);
    task.mm.copyOut(at + 200, Buffer.from('junk'), 4);
    task.sys('ftruncate', fd, 2 * page);
    expect(task.get(at + 200, 4).toString()).toBe('\0\0\0\0');
    expect(task.get(at + page, 1)).toHaveLength(1);
    fs.truncateSync(tree.path('m'), 3 * page);
    expect(task.get(at + 2 * page, 1)).toHaveLength(1);
    task.sys('ftruncate', fd, 10);
    expect(task.get(at + page, 1)).toHaveLength(0);
    expect(task.get(at, 11).toString()).toBe('aaaaaaaaaa\0');
    expect(task.sys('munmap', at, 4 * page)).toBe(0);
    expect(fs.readFileSync(tree.path('m'), 'latin1')).toBe('a'.repeat(10));
    close(fd);
  });

  it('give their pages back when memory is short, and with the file', async () => {
    fs.writeFileSync(tree.path('m'), Buffer.alloc(2 ** 20, 1));
    mount();
    const before = system.memory.usage(2);
    const fd = open('/mnt/m', O_RDONLY);
    const at = task.sys('mmap', 0, 2 ** 20, PROT_READ, MAP_SHARED, fd, 0);
    for (let i = 0; i < 2 ** 20; i += page) task.get(at + i, 1);
    expect(system.memory.usage(2) - before).toBe(2 ** 20);
    const { PageCache } = await import('../../src/fs/host/page-cache.js');
    const cache = PageCache.of(system.memory, 2 ** 29);
    expect(cache.reclaim(2 ** 30)).toBe(0);
    task.sys('munmap', at, 2 ** 20);
    expect(cache.reclaim(100)).toBeGreaterThan(0);
    expect(system.memory.usage(2)).toBe(before);
    close(fd);
  });
});

describe('staying inside', () => {
  it('never opens devices, fifos and sockets of the host', async () => {
    execFileSync('mkfifo', [tree.path('fifo')]);
    const isRoot = process.getuid!() === 0;
    if (isRoot) execFileSync('mknod', [tree.path('null'), 'c', '1', '3']);
    const server = (await import('node:net')).createServer().listen(tree.path('socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    mount();
    for (const flags of [O_RDONLY | O_NONBLOCK, O_WRONLY | O_NONBLOCK, O_RDWR, O_RDONLY | O_TRUNC]) {
      expect(open('/mnt/fifo', flags)).toBe(-EACCES);
      expect(open('/mnt/socket', flags)).toBe(-EACCES);
      if (isRoot) expect(open('/mnt/null', flags)).toBe(-EACCES);
    }
    expect(stat('/mnt/fifo').st_mode & 0o170000).toBe(S_IFIFO);
    expect(stat('/mnt/socket').st_mode & 0o170000).toBe(S_IFSOCK);
    expect(task.sys('mknodat', AT_FDCWD, '/mnt/dev', S_IFCHR | 0o666, 0x103)).toBe(-EPERM);
    expect(task.sys('mknodat', AT_FDCWD, '/mnt/dev', S_IFBLK | 0o666, 0x800)).toBe(-EPERM);
    server.close();
  });

  it('walks symlinks inside the programs’ root', async () => {
    fs.symlinkSync('/etc/passwd', tree.path('absolute'));
    fs.symlinkSync('../../../../../../etc/passwd', tree.path('relative'));
    fs.symlinkSync('/proc/self/root/etc/passwd', tree.path('proc'));
    mount();
    for (const name of ['absolute', 'relative', 'proc']) expect(open(`/mnt/${name}`, O_RDONLY)).toBe(-ENOENT);
    expect(open('/mnt/../../../etc/passwd', O_RDONLY)).toBe(-ENOENT);
    close(open('/mnt/absolute', O_CREAT | O_WRONLY, 0o644));
    expect(fs.existsSync('/etc/passwd-sbx-test')).toBe(false);
  });

  it('does not follow what the host puts in the place of a directory or file', async () => {
    const secret = new HostTree();
    fs.writeFileSync(secret.path('f'), 'secret');
    fs.mkdirSync(tree.path('d'));
    fs.writeFileSync(tree.path('d', 'f'), 'mine');
    mount({ cacheMs: 60_000 });
    // The directory is in the cache, its descriptor too; then it is replaced by a symlink that leads out.
    expect(await read('/mnt/d/f')).toBe('mine');
    system.services.descriptors.shrink(0);
    fs.renameSync(tree.path('d'), tree.path('old'));
    fs.symlinkSync(secret.root, tree.path('d'));
    expect(typeof (await read('/mnt/d/f'))).toBe('number');
    fs.unlinkSync(tree.path('old', 'f'));
    fs.symlinkSync(secret.path('f'), tree.path('old', 'f'));
    fs.unlinkSync(tree.path('d'));
    fs.renameSync(tree.path('old'), tree.path('d'));
    expect(typeof (await read('/mnt/d/f'))).toBe('number');
    secret.dispose();
  });

  it('survives that directories are moved about under it', async () => {
    fs.mkdirSync(tree.path('a', 'b'), { recursive: true });
    mount();
    expect(task.sys('chdir', '/mnt/a/b')).toBe(0);
    expect(open('none', O_RDONLY)).toBe(-ENOENT);
    fs.renameSync(tree.path('a', 'b'), tree.path('b'));
    fs.renameSync(tree.path('a'), tree.path('b', 'a'));
    expect(list('a')).toEqual(['.', '..']);
    expect(list('/mnt/b/a')).toEqual(['.', '..']);
    system.services.descriptors.shrink(0);
    expect(list('/mnt/b/a')).toEqual(['.', '..']);
    expect(open('a/x', O_CREAT | O_WRONLY, 0o644)).toBeGreaterThanOrEqual(0);
    fs.rmSync(tree.path('b'), { recursive: true });
    expect(open('a/y', O_CREAT | O_WRONLY, 0o644)).toBe(-ENOENT);
    expect(open('/mnt/b', O_RDONLY)).toBe(-ENOENT);
  });

  it('keeps few descriptors of directories, and none after the end', async () => {
    const before = openDescriptors();
    for (let i = 0; i < 700; i++) {
      fs.mkdirSync(tree.path(`d${i}`));
      fs.writeFileSync(tree.path(`d${i}`, 'f'), String(i));
    }
    const hostFs = mount();
    for (let i = 0; i < 700; i++) expect(await read(`/mnt/d${i}/f`)).toBe(String(i));
    expect(openDescriptors() - before).toBeLessThanOrEqual(system.services.descriptors.limit + 2);
    let deep = tree.root;
    let path = '/mnt';
    for (let i = 0; i < 60; i++) {
      deep += '/x';
      path += '/x';
      fs.mkdirSync(deep);
    }
    fs.writeFileSync(`${deep}/f`, 'deep');
    expect(await read(`${path}/f`)).toBe('deep');
    system.services.descriptors.shrink(0);
    expect(task.sys('chdir', path)).toBe(0);
    expect(await read('f')).toBe('deep');
    task.sys('chdir', '/');
    expect(task.sys('umount2', '/mnt', 0)).toBe(0);
    expect(hostFs.activeReferences).toBe(0);
    expect(openDescriptors()).toBeLessThanOrEqual(before);
  });

  it('gives up cached descriptors when the process has no more, and fails cleanly when there are none', async () => {
    for (let i = 0; i < 60; i++) {
      fs.mkdirSync(tree.path(`d${i}`));
      fs.writeFileSync(tree.path(`d${i}`, 'f'), String(i));
    }
    mount();
    expect(hostCall(SYS_PRLIMIT64, 0, RLIMIT_NOFILE, 0, hostAddress + MISC_AT)).toBe(0);
    const [soft, hard] = [hostWords[MISC_AT / 4], hostWords[MISC_AT / 4 + 2]];
    const limit = (most: number) => {
      put64(MISC_AT, most);
      put64(MISC_AT + 8, hard);
      expect(hostCall(SYS_PRLIMIT64, 0, RLIMIT_NOFILE, hostAddress + MISC_AT, 0)).toBe(0);
    };
    limit(openDescriptors() + 20);
    try {
      for (let i = 0; i < 60; i++) expect(await read(`/mnt/d${i}/f`)).toBe(String(i));
      const fds: number[] = [];
      let result = 0;
      for (let i = 0; i < 60 && result >= 0; i++) {
        result = open(`/mnt/d${i}/f`, O_RDONLY);
        if (result >= 0) fds.push(result);
      }
      expect(result).toBe(-ENFILE);
      expect(fds.length).toBeGreaterThan(10);
      expect(await readFd(fds[0], 10)).toBe('0');
      for (const fd of fds) close(fd);
      expect(await read('/mnt/d59/f')).toBe('59');
    } finally {
      limit(soft);
    }
  });

  it('never reads what a symlink leads to that the host puts in the way while it walks', async () => {
    const secret = new HostTree();
    fs.writeFileSync(secret.path('f'), 'secret');
    fs.mkdirSync(tree.path('d'));
    fs.writeFileSync(tree.path('d', 'f'), 'mine');
    fs.writeFileSync(tree.path('g'), 'mine');
    const race = spawn('python3', [
      '-c',
      `import os, sys
os.chdir(sys.argv[1])
print("go", flush=True)
while True:
    os.rename("d", "real"); os.symlink(sys.argv[2], "d"); os.unlink("d"); os.rename("real", "d")
    os.rename("g", "h"); os.symlink(sys.argv[2] + "/f", "g"); os.unlink("g"); os.rename("h", "g")`,
      tree.root,
      secret.root,
    ]);
    await new Promise((resolve) => race.stdout.once('data', resolve));
    mount();
    const seen = new Map<string | number, number>();
    const end = Date.now() + 1500;
    while (Date.now() < end || (seen.get('mine') ?? 0) <= 20) {
      for (const name of ['/mnt/d/f', '/mnt/g']) {
        const result = await read(name);
        seen.set(result, (seen.get(result) ?? 0) + 1);
        const list_ = open('/mnt/d', O_RDONLY | O_DIRECTORY);
        if (list_ >= 0) close(list_);
      }
      system.services.descriptors.shrink(0);
    }
    race.kill('SIGKILL');
    secret.dispose();
    expect([...seen.keys()].filter((result) => typeof result === 'string')).toEqual(['mine']);
  });

  it('enters no file system that shows the host’s kernel', async () => {
    const root = fs.openSync('/', fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
    system.mountHost('/host', { directoryFd: root, readOnly: true });
    expect(stat('/host/proc').st_mode & 0o170000).toBe(0o040000);
    for (const name of ['/host/proc/version', '/host/proc/self/root/etc/passwd', '/host/proc/1/environ', '/host/sys/kernel']) {
      expect(await read(name)).toBe(-EACCES);
    }
    expect(open('/host/proc', O_RDONLY | O_DIRECTORY)).toBe(-EACCES);
    expect(stat('/host/proc').st_dev).not.toBe(stat('/host').st_dev);
  });
});

describe('slow file systems', () => {
  it('move contents in the thread pool', async () => {
    const hostFs = mount();
    const bytes = Buffer.alloc(600_000);
    for (let i = 0; i < bytes.length; i += 61) bytes[i] = i;
    fs.writeFileSync(tree.path('f'), bytes);
    stat('/mnt/f');
    const device = (hostFs.root as unknown as { device: { slow: boolean } }).device;
    device.slow = true;
    const fd = await call(task, 'openat', AT_FDCWD, '/mnt/f', O_RDWR, 0);
    const at = task.sys('mmap', 0, 2 ** 20, PROT_READ | PROT_WRITE, 0x22, -1, 0);
    expect(task.start('pread64', fd, at, 2 ** 20, 100)).toBe(null);
    while (task.blocking !== null) {
      await new Promise((resolve) => setImmediate(resolve));
      system.run();
    }
    expect(task.result).toBe(bytes.length - 100);
    const back = Buffer.alloc(bytes.length - 100);
    task.mm.copyIn(at, back, back.length);
    expect(back.equals(bytes.subarray(100))).toBe(true);
    expect(await call(task, 'pwrite64', fd, at, 300_000, 400_000)).toBe(300_000);
    expect(fs.readFileSync(tree.path('f')).equals(Buffer.concat([bytes.subarray(0, 400_000), bytes.subarray(100, 300_100)]))).toBe(true);
    expect(await call(task, 'pread64', fd, at, 100, 10 ** 6)).toBe(0);
    expect(await call(task, 'read', fd, 1, 100)).toBe(-EFAULT);
    // A task that is killed while it waits: the call goes on, with its file, and gives everything back.
    const usage = system.memory.usage(0);
    expect(task.start('pread64', fd, at, 2 ** 20, 0)).toBe(null);
    task.interrupt();
    expect(task.result).toBe(-EINTR);
    close(fd);
    for (let i = 0; i < 4000 && system.memory.usage(0) > usage; i++) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(system.memory.usage(0)).toBe(usage);
  });

  it('look names up and open files in the thread pool, for system calls that can start over', async () => {
    fs.mkdirSync(tree.path('a', 'b'), { recursive: true });
    fs.writeFileSync(tree.path('a', 'b', 'f'), 'far away');
    fs.symlinkSync('a/b', tree.path('l'));
    const hostFs = mount();
    (hostFs.root as unknown as { device: { slow: boolean } }).device.slow = true;
    expect(task.start('openat', AT_FDCWD, '/mnt/l/f', O_RDONLY, 0)).toBe(null);
    while (task.blocking !== null) {
      await new Promise((resolve) => setImmediate(resolve));
      system.run();
    }
    const fd = task.result!;
    expect(fd).toBeGreaterThanOrEqual(0);
    expect(await readFd(fd, 100)).toBe('far away');
    close(fd);
    expect(await call(task, 'openat', AT_FDCWD, '/mnt/a/none', O_RDONLY, 0)).toBe(-ENOENT);
    const made = await call(task, 'openat', AT_FDCWD, '/mnt/a/none', O_CREAT | O_WRONLY, 0o644);
    expect(await call(task, 'write', made, 'x', 1)).toBe(1);
    close(made);
    expect(await call(task, 'newfstatat', AT_FDCWD, '/mnt/a/none', buffer, 0)).toBe(0);
    expect(await call(task, 'unlinkat', AT_FDCWD, '/mnt/a/none', 0)).toBe(0);
    expect(await call(task, 'newfstatat', AT_FDCWD, '/mnt/a/none', buffer, 0)).toBe(-ENOENT);
    expect(await call(task, 'renameat2', AT_FDCWD, '/mnt/a/b/f', AT_FDCWD, '/mnt/a/g', 0)).toBe(0);
    expect(fs.readFileSync(tree.path('a', 'g'), 'latin1')).toBe('far away');
    // The kernel itself does not start over: it waits.
    expect(typeof system.vfs.open(system.vfs.kernelCaller, '/mnt/a/g', O_RDONLY)).toBe('object');
    // A program that goes away while its call is under way leaves no descriptor behind.
    system.vfs.cache.clear();
    const before = openDescriptors();
    const other = system.task();
    expect(other.start('openat', AT_FDCWD, '/mnt/a/g', O_WRONLY, 0)).toBe(null);
    other.interrupt();
    await new Promise((resolve) => setTimeout(resolve, 50));
    hostFs.slowCalls.dispose();
    for (let tries = 0; tries < 4000 && openDescriptors() > before; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      system.services.descriptors.shrink(0);
    }
    expect(openDescriptors()).toBeLessThanOrEqual(before);
  });
});
