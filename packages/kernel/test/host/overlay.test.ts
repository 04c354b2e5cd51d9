import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {
  __O_TMPFILE,
  Stat as AbiStat,
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_NOFOLLOW,
  EACCES,
  EEXIST,
  EINVAL,
  ENOENT,
  ENOSPC,
  ENOTEMPTY,
  EPERM,
  MAP_PRIVATE,
  MAP_SHARED,
  O_APPEND,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  PROT_READ,
  PROT_WRITE,
  RENAME_EXCHANGE,
  S_IFCHR,
  S_IFIFO,
  SEEK_SET,
} from '@sbx/abi';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Credentials } from '../../src/auth/credentials.js';
import { HostFileSystem } from '../../src/fs/host/host-file-system.js';
import { OverlayFileSystem } from '../../src/fs/overlay/overlay-file-system.js';
import { TmpfsSuperBlock } from '../../src/fs/tmpfs/tmpfs.js';
import type { SuperBlock } from '../../src/vfs/super-block.js';
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
  buffer = task.alloc(2 ** 17);
});
afterEach(() => tree.dispose());

function lowerOf(fd: number, options = {}): HostFileSystem {
  const lower = HostFileSystem.create(system.kernel, { directoryFd: fd, readOnly: true, ...options });
  if (typeof lower === 'number') throw new Error(`lower: ${lower}`);
  return lower;
}
const tmpfs = (options = {}) => new TmpfsSuperBlock(system.kernel, system.vfs.allocateDevice(), { mode: 0o755, ...options });
function mount(lowers: SuperBlock[] = [lowerOf(tree.open())], upper: SuperBlock = tmpfs(), at = '/mnt'): OverlayFileSystem {
  const overlay = OverlayFileSystem.create(system.kernel, { lowers, upper });
  if (typeof overlay === 'number') throw new Error(`overlay: ${overlay}`);
  system.vfs.mkdirAll(system.vfs.kernelCaller, at, 0o755);
  const result = system.vfs.mountAt(system.vfs.kernelCaller, at, overlay, 'overlay');
  if (typeof result === 'number') throw new Error(`mount: ${result}`);
  return overlay;
}

const open = (name: string, flags: number, mode = 0) => task.sys('openat', AT_FDCWD, name, flags, mode);
const close = (fd: number) => task.sys('close', fd);
function stat(name: string, flags = AT_SYMLINK_NOFOLLOW) {
  const at = buffer;
  const result = task.sys('newfstatat', AT_FDCWD, name, at, flags);
  if (result < 0) throw new Error(`stat ${name}: ${result}`);
  const bytes = task.get(at, AbiStat.size);
  return AbiStat.read(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, AbiStat.create());
}
async function read(name: string): Promise<string | number> {
  const fd = open(name, O_RDONLY);
  if (fd < 0) return fd;
  const n = await call(task, 'read', fd, buffer, 2 ** 17);
  close(fd);
  return n < 0 ? n : task.get(buffer, n).toString('latin1');
}
async function write(name: string, text: string, flags = O_CREAT | O_WRONLY | O_TRUNC, mode = 0o644): Promise<number> {
  const fd = await call(task, 'openat', AT_FDCWD, name, flags, mode);
  if (fd < 0) return fd;
  const n = text === '' ? 0 : await call(task, 'write', fd, text, text.length);
  close(fd);
  return n;
}
function entries(name: string, size = 4096): { name: string; ino: number; next: number; type: number }[] {
  const fd = open(name, O_RDONLY | O_DIRECTORY);
  if (fd < 0) throw new Error(`open ${name}: ${fd}`);
  const found = readEntries(fd, size);
  close(fd);
  return found;
}
function readEntries(fd: number, size = 4096) {
  const found: { name: string; ino: number; next: number; type: number }[] = [];
  for (;;) {
    const n = task.sys('getdents64', fd, buffer, size);
    if (n < 0) throw new Error(`getdents64: ${n}`);
    if (n === 0) return found;
    const bytes = task.get(buffer, n);
    for (let i = 0; i < n; i += bytes.readUInt16LE(i + 16)) {
      found.push({
        name: bytes.toString('latin1', i + 19, bytes.indexOf(0, i + 19)),
        ino: Number(bytes.readBigUInt64LE(i)),
        next: Number(bytes.readBigInt64LE(i + 8)),
        type: bytes[i + 18],
      });
    }
  }
}
const list = (name: string) =>
  entries(name)
    .map((entry) => entry.name)
    .filter((entry) => entry !== '.' && entry !== '..')
    .sort();
const unlink = (name: string) => task.sys('unlinkat', AT_FDCWD, name, 0);
const rmdir = (name: string) => task.sys('unlinkat', AT_FDCWD, name, AT_REMOVEDIR);
const mkdir = (name: string, mode = 0o755) => task.sys('mkdirat', AT_FDCWD, name, mode);
const rename = (from: string, to: string, flags = 0) => call(task, 'renameat2', AT_FDCWD, from, AT_FDCWD, to, flags);
const link = (from: string, to: string) => call(task, 'linkat', AT_FDCWD, from, AT_FDCWD, to, 0);

/** Everything that can be seen of a host tree. */
function fingerprint(root: string): string {
  const lines: string[] = [];
  const walk = (directory: string) => {
    for (const name of fs.readdirSync(directory).sort()) {
      const full = path.join(directory, name);
      const s = fs.lstatSync(full, { bigint: true });
      const text = s.isFile() ? fs.readFileSync(full, 'latin1') : s.isSymbolicLink() ? fs.readlinkSync(full) : '';
      lines.push(
        `${path.relative(root, full)} ${s.mode} ${s.ino} ${s.nlink} ${s.uid} ${s.gid} ${s.size} ${s.mtimeNs} ${s.ctimeNs} ${text}`,
      );
      if (s.isDirectory()) walk(full);
    }
  };
  walk(root);
  return lines.join('\n');
}

describe('over a host directory', () => {
  it('keeps all changes from it', async () => {
    fs.mkdirSync(tree.path('d', 'e'), { recursive: true });
    fs.writeFileSync(tree.path('a'), 'lower a');
    fs.writeFileSync(tree.path('d', 'f'), 'lower f');
    fs.writeFileSync(tree.path('d', 'e', 'g'), 'lower g');
    fs.symlinkSync('a', tree.path('l'));
    const before = fingerprint(tree.root);
    mount();
    expect(await read('/mnt/a')).toBe('lower a');
    expect(await write('/mnt/a', 'upper')).toBe(5);
    expect(await read('/mnt/a')).toBe('upper');
    expect(await write('/mnt/d/f', '!', O_WRONLY | O_APPEND)).toBe(1);
    expect(await read('/mnt/d/f')).toBe('lower f!');
    expect(unlink('/mnt/l')).toBe(0);
    expect(open('/mnt/l', O_RDONLY)).toBe(-ENOENT);
    expect(rmdir('/mnt/d')).toBe(-ENOTEMPTY);
    expect(unlink('/mnt/d/e/g')).toBe(0);
    expect(list('/mnt/d/e')).toEqual([]);
    expect(rmdir('/mnt/d/e')).toBe(0);
    expect(list('/mnt/d')).toEqual(['f']);
    expect(mkdir('/mnt/d/e')).toBe(0);
    expect(list('/mnt/d/e')).toEqual([]);
    expect(await write('/mnt/d/e/g', 'new g')).toBe(5);
    expect(await read('/mnt/d/e/g')).toBe('new g');
    expect(await rename('/mnt/a', '/mnt/b')).toBe(0);
    expect(open('/mnt/a', O_RDONLY)).toBe(-ENOENT);
    expect(await read('/mnt/b')).toBe('upper');
    expect(task.sys('fchmodat', AT_FDCWD, '/mnt/d', 0o700)).toBe(0);
    expect(stat('/mnt/d').st_mode & 0o777).toBe(0o700);
    expect(list('/mnt')).toEqual(['b', 'd']);
    system.vfs.cache.clear();
    expect(list('/mnt')).toEqual(['b', 'd']);
    expect(await read('/mnt/b')).toBe('upper');
    expect(await read('/mnt/d/e/g')).toBe('new g');
    expect(fingerprint(tree.root)).toBe(before);
  });

  it('shows edits of the host to what was not changed inside', async () => {
    fs.mkdirSync(tree.path('d'));
    fs.writeFileSync(tree.path('d', 'a'), 'one');
    fs.writeFileSync(tree.path('b'), 'b');
    mount();
    expect(await read('/mnt/d/a')).toBe('one');
    fs.writeFileSync(tree.path('d', 'a'), 'second');
    expect(await read('/mnt/d/a')).toBe('second');
    expect(Number(stat('/mnt/d/a').st_size)).toBe(6);
    await write('/mnt/d/new', 'upper');
    fs.writeFileSync(tree.path('d', 'c'), 'host');
    expect(list('/mnt/d')).toEqual(['a', 'c', 'new']);
    expect(await read('/mnt/d/c')).toBe('host');
    fs.unlinkSync(tree.path('d', 'a'));
    expect(open('/mnt/d/a', O_RDONLY)).toBe(-ENOENT);
    await write('/mnt/b', 'inside');
    fs.writeFileSync(tree.path('b'), 'outside');
    expect(await read('/mnt/b')).toBe('inside');
    fs.rmSync(tree.path('d'), { recursive: true });
    expect(list('/mnt/d')).toEqual(['new']);
  });

  it('keeps inode numbers across copies, and shows the same in directories', async () => {
    fs.mkdirSync(tree.path('d'));
    for (const name of ['a', 'b', 'd/x']) fs.writeFileSync(tree.path(name), name);
    mount();
    const before = ['a', 'b', 'd', 'd/x'].map((name) => stat(`/mnt/${name}`).st_ino);
    const fd = open('/mnt/a', O_RDONLY);
    await write('/mnt/a', 'changed');
    await write('/mnt/d/x', 'changed');
    await write('/mnt/c', 'new');
    expect(['a', 'b', 'd', 'd/x'].map((name) => stat(`/mnt/${name}`).st_ino)).toEqual(before);
    system.vfs.cache.clear();
    expect(['a', 'b', 'd', 'd/x'].map((name) => stat(`/mnt/${name}`).st_ino)).toEqual(before);
    for (const entry of entries('/mnt')) {
      if (entry.name !== '.' && entry.name !== '..') expect(BigInt(entry.ino)).toBe(BigInt(stat(`/mnt/${entry.name}`).st_ino));
    }
    expect(new Set(['a', 'b', 'c', 'd'].map((name) => String(stat(`/mnt/${name}`).st_ino))).size).toBe(4);
    expect(new Set(['a', 'c', 'd'].map((name) => String(stat(`/mnt/${name}`).st_dev))).size).toBe(1);
    // A description from before the copy reads what is there now.
    expect(await call(task, 'pread64', fd, buffer, 100, 0)).toBe(7);
    expect(task.get(buffer, 7).toString()).toBe('changed');
    close(fd);
  });

  it('keeps the names of a hard-linked file together', async () => {
    fs.writeFileSync(tree.path('a'), 'shared');
    fs.linkSync(tree.path('a'), tree.path('b'));
    fs.linkSync(tree.path('a'), tree.path('c'));
    const before = fingerprint(tree.root);
    mount();
    expect(stat('/mnt/a').st_ino).toBe(stat('/mnt/b').st_ino);
    expect(Number(stat('/mnt/a').st_nlink)).toBe(3);
    await write('/mnt/a', 'changed');
    expect(await read('/mnt/b')).toBe('changed');
    system.vfs.cache.clear();
    expect(await read('/mnt/c')).toBe('changed');
    expect(stat('/mnt/c').st_ino).toBe(stat('/mnt/a').st_ino);
    expect(Number(stat('/mnt/c').st_nlink)).toBe(3);
    expect(unlink('/mnt/a')).toBe(0);
    system.vfs.cache.clear();
    expect(Number(stat('/mnt/c').st_nlink)).toBe(2);
    expect(await read('/mnt/b')).toBe('changed');
    expect(await rename('/mnt/b', '/mnt/r')).toBe(0);
    expect(await link('/mnt/c', '/mnt/k')).toBe(0);
    expect(await write('/mnt/k', ' more', O_WRONLY | O_APPEND)).toBe(5);
    expect(await read('/mnt/r')).toBe('changed more');
    expect(Number(stat('/mnt/r').st_nlink)).toBe(3);
    for (const name of ['c', 'k', 'r']) expect(unlink(`/mnt/${name}`)).toBe(0);
    expect(list('/mnt')).toEqual([]);
    expect(fingerprint(tree.root)).toBe(before);
  });

  it('counts the names of hard-linked files that were not changed', () => {
    fs.writeFileSync(tree.path('a'), 'x');
    fs.linkSync(tree.path('a'), tree.path('b'));
    mount();
    const fd = open('/mnt/a', O_RDONLY);
    expect(unlink('/mnt/a')).toBe(0);
    expect(Number(stat('/mnt/b').st_nlink)).toBe(1);
    system.vfs.cache.clear();
    expect(Number(stat('/mnt/b').st_nlink)).toBe(1);
    expect(unlink('/mnt/b')).toBe(0);
    expect(task.sys('fstat', fd, buffer)).toBe(0);
    close(fd);
  });

  it('renames directories of the lower layer, with all that is in them', async () => {
    fs.mkdirSync(tree.path('d', 'e'), { recursive: true });
    fs.mkdirSync(tree.path('other'));
    fs.writeFileSync(tree.path('d', 'a'), 'a');
    fs.writeFileSync(tree.path('d', 'e', 'b'), 'b');
    fs.writeFileSync(tree.path('other', 'o'), 'o');
    mount();
    expect(await rename('/mnt/d', '/mnt/moved')).toBe(0);
    expect(open('/mnt/d', O_RDONLY)).toBe(-ENOENT);
    expect(list('/mnt/moved')).toEqual(['a', 'e']);
    expect(await read('/mnt/moved/e/b')).toBe('b');
    system.vfs.cache.clear();
    expect(await read('/mnt/moved/e/b')).toBe('b');
    await write('/mnt/moved/e/c', 'c');
    expect(await rename('/mnt/moved/e', '/mnt/other/e')).toBe(0);
    expect(list('/mnt/other')).toEqual(['e', 'o']);
    expect(list('/mnt/other/e')).toEqual(['b', 'c']);
    system.vfs.cache.clear();
    expect(list('/mnt/other/e')).toEqual(['b', 'c']);
    expect(list('/mnt/moved')).toEqual(['a']);
    // In the place of the old one: nothing of it shows.
    expect(mkdir('/mnt/d')).toBe(0);
    expect(list('/mnt/d')).toEqual([]);
    expect(await rename('/mnt/moved', '/mnt/d')).toBe(0);
    expect(list('/mnt/d')).toEqual(['a']);
    system.vfs.cache.clear();
    expect(list('/mnt/d')).toEqual(['a']);
    expect(await rename('/mnt/other', '/mnt/d', RENAME_EXCHANGE)).toBe(0);
    expect(list('/mnt/d')).toEqual(['e', 'o']);
    expect(list('/mnt/other')).toEqual(['a']);
    expect(await rename('/mnt/other', '/mnt/d')).toBe(-ENOTEMPTY);
    for (const name of ['/mnt/d/e/b', '/mnt/d/e/c', '/mnt/d/o', '/mnt/other/a']) expect(unlink(name)).toBe(0);
    for (const name of ['/mnt/d/e', '/mnt/d', '/mnt/other']) expect(rmdir(name)).toBe(0);
    expect(list('/mnt')).toEqual([]);
  });

  it('copies large and sparse files in turns', async () => {
    const size = 6 * 2 ** 20 + 123;
    const bytes = Buffer.alloc(size);
    for (let i = 0; i < size; i += 1000) bytes[i] = i;
    fs.writeFileSync(tree.path('big'), bytes);
    const sparse = fs.openSync(tree.path('sparse'), 'w');
    fs.writeSync(sparse, 'end', 2 ** 30);
    fs.writeSync(sparse, 'middle', 2 ** 20);
    fs.ftruncateSync(sparse, 2 ** 30 + 5000);
    fs.closeSync(sparse);
    mount();
    expect(task.start('openat', AT_FDCWD, '/mnt/big', O_RDWR, 0)).toBe(null);
    while (task.blocking !== null) {
      await new Promise((resolve) => setImmediate(resolve));
      system.run();
    }
    const fd = task.result!;
    expect(fd).toBeGreaterThanOrEqual(0);
    for (const at of [0, 2 ** 20 - 1000, 5 * 2 ** 20, size - 123]) {
      expect(await call(task, 'pread64', fd, buffer, 123, at)).toBe(123);
      expect(task.get(buffer, 123).equals(bytes.subarray(at, at + 123))).toBe(true);
    }
    expect(Number(stat('/mnt/big').st_size)).toBe(size);
    close(fd);
    const other = await call(task, 'openat', AT_FDCWD, '/mnt/sparse', O_RDWR, 0);
    expect(Number(stat('/mnt/sparse').st_size)).toBe(2 ** 30 + 5000);
    expect(Number(stat('/mnt/sparse').st_blocks)).toBeLessThan(100);
    expect(await call(task, 'pread64', other, buffer, 3, 2 ** 30)).toBe(3);
    expect(task.get(buffer, 3).toString()).toBe('end');
    close(other);
    // What is cut off is not copied.
    const usage = system.memory.totalUsage();
    fs.writeFileSync(tree.path('cut'), bytes);
    expect(open('/mnt/cut', O_WRONLY | O_TRUNC)).toBeGreaterThanOrEqual(0);
    expect(system.memory.totalUsage() - usage).toBeLessThan(65536);
  });

  it('maps lower files, and upper ones after a change', async () => {
    fs.writeFileSync(tree.path('m'), 'lower'.padEnd(4096, '.'));
    mount();
    const fd = open('/mnt/m', O_RDONLY);
    const at = task.sys('mmap', 0, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    expect(task.get(at, 5).toString()).toBe('lower');
    const writer = await call(task, 'openat', AT_FDCWD, '/mnt/m', O_RDWR, 0);
    const shared = task.sys('mmap', 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, writer, 0);
    task.mm.copyOut(shared, Buffer.from('UPPER'), 5);
    expect(task.get(at, 5).toString()).toBe('lower');
    expect(await read('/mnt/m')).toBe('UPPER'.padEnd(4096, '.'));
    const again = task.sys('mmap', 0, 4096, PROT_READ, MAP_SHARED, fd, 0);
    expect(task.get(again, 5).toString()).toBe('UPPER');
    expect(fs.readFileSync(tree.path('m'), 'latin1')).toBe('lower'.padEnd(4096, '.'));
    close(fd);
    close(writer);
  });

  it('gives every entry of a directory once, while it changes', async () => {
    for (let i = 0; i < 300; i++) fs.writeFileSync(tree.path(`lower-${i}`), '');
    mount();
    for (let i = 0; i < 100; i++) await write(`/mnt/upper-${i}`, '');
    for (let i = 0; i < 50; i++) unlink(`/mnt/lower-${i}`);
    const fd = open('/mnt', O_RDONLY | O_DIRECTORY);
    const seen: string[] = [];
    for (let round = 0; ; round++) {
      const n = task.sys('getdents64', fd, buffer, 600);
      if (n === 0) break;
      const bytes = task.get(buffer, n);
      const batch: string[] = [];
      for (let i = 0; i < n; i += bytes.readUInt16LE(i + 16)) batch.push(bytes.toString('latin1', i + 19, bytes.indexOf(0, i + 19)));
      seen.push(...batch);
      // Each change copies a file up, removes one that was given, and makes a new one.
      task.sys('fchmodat', AT_FDCWD, `/mnt/lower-${299 - round}`, 0o600);
      const last = batch.find((name) => name.startsWith('lower-') && Number(name.slice(6)) < 250);
      if (last !== undefined) unlink(`/mnt/${last}`);
      await write(`/mnt/late-${round}`, '');
    }
    const names = seen.filter((name) => !name.startsWith('late-') && name !== '.' && name !== '..');
    expect(new Set(names).size).toBe(names.length);
    for (let i = 50; i < 300; i++) expect(names).toContain(`lower-${i}`);
    for (let i = 0; i < 100; i++) expect(names).toContain(`upper-${i}`);
    // Positions lead back to where they were taken.
    task.sys('lseek', fd, 0, SEEK_SET);
    const all = readEntries(fd, 500);
    for (const index of [0, 1, 2, 30, 99, 100, 101, 120, 200, all.length - 2]) {
      task.sys('lseek', fd, all[index].next, SEEK_SET);
      const n = task.sys('getdents64', fd, buffer, 4096);
      const bytes = task.get(buffer, n);
      expect(bytes.toString('latin1', 19, bytes.indexOf(0, 19))).toBe(all[index + 1].name);
    }
    close(fd);
  });

  it('does not let secrets and devices of the host through', async () => {
    fs.writeFileSync(tree.path('secret'), 'secret', { mode: 0o600 });
    execFileSync('mkfifo', [tree.path('fifo')]);
    mount([lowerOf(tree.open(), { worldReadableOnly: true })]);
    expect(open('/mnt/secret', O_RDONLY)).toBe(-EACCES);
    expect(open('/mnt/secret', O_WRONLY)).toBe(-EACCES);
    expect(task.sys('fchmodat', AT_FDCWD, '/mnt/secret', 0o644)).toBe(-EACCES);
    expect(await rename('/mnt/secret', '/mnt/public')).toBe(-EACCES);
    expect(await link('/mnt/secret', '/mnt/public')).toBe(-EACCES);
    expect(open('/mnt/fifo', O_RDWR)).toBe(-EACCES);
    expect(unlink('/mnt/secret')).toBe(0);
    expect(await write('/mnt/secret', 'mine')).toBe(4);
    expect(task.sys('mknodat', AT_FDCWD, '/mnt/fifo2', S_IFIFO | 0o600, 0)).toBe(0);
    const fd = open('/mnt/fifo2', O_RDWR);
    expect(fd).toBeGreaterThanOrEqual(-2);
    expect(task.sys('mknodat', AT_FDCWD, '/mnt/wh', S_IFCHR, 0)).toBe(-EPERM);
  });

  it('hides the attributes that it keeps for itself', () => {
    fs.writeFileSync(tree.path('a'), 'a');
    mount();
    expect(task.sys('setxattr', '/mnt/a', 'user.mine', 'v', 1, 0)).toBe(0);
    expect(task.sys('getxattr', '/mnt/a', 'user.mine', buffer, 10)).toBe(1);
    expect(task.sys('setxattr', '/mnt/a', 'user.overlay.opaque', 'y', 1, 0)).toBe(-EPERM);
    expect(mkdir('/mnt/d')).toBe(0);
    expect(task.sys('listxattr', '/mnt/d', buffer, 100)).toBe(0);
    expect(task.sys('getxattr', '/mnt/d', 'user.overlay.opaque', buffer, 10)).toBeLessThan(0);
    expect(task.sys('listxattr', '/mnt/a', buffer, 100)).toBe(10);
  });

  it('fails cleanly when the upper layer is full', async () => {
    fs.writeFileSync(tree.path('big'), Buffer.alloc(2 ** 20));
    fs.writeFileSync(tree.path('huge'), Buffer.alloc(3 * 2 ** 20));
    fs.writeFileSync(tree.path('small'), 'small');
    const upper = tmpfs({ size: 2 ** 19, inodes: 12 });
    mount(undefined, upper);
    expect(await write('/mnt/big', 'x', O_WRONLY)).toBe(-ENOSPC);
    expect(await write('/mnt/huge', 'x', O_WRONLY)).toBe(-ENOSPC);
    expect(((await read('/mnt/big')) as string).length).toBe(2 ** 17);
    expect(upper.usedPages).toBe(0);
    expect(await write('/mnt/small', 'large', O_WRONLY)).toBe(5);
    for (let i = 0; i < 30; i++) await write(`/mnt/f${i}`, '');
    expect(await write('/mnt/one-more', '')).toBe(-ENOSPC);
    // A name that can't be hidden stays.
    expect(unlink('/mnt/huge')).toBe(-ENOSPC);
    expect(list('/mnt')).toContain('huge');
    expect(unlink('/mnt/small')).toBe(-ENOSPC);
    expect(await read('/mnt/small')).toBe('large');
    expect(unlink('/mnt/f0')).toBe(0);
    expect(unlink('/mnt/small')).toBe(0);
    expect(list('/mnt')).not.toContain('small');
  });

  it('makes temporary files, and files that get a name later', async () => {
    fs.mkdirSync(tree.path('d'));
    mount();
    const fd = open('/mnt/d', __O_TMPFILE | O_DIRECTORY | O_RDWR, 0o600);
    expect(fd).toBeGreaterThanOrEqual(0);
    expect(await call(task, 'write', fd, 'temporary', 9)).toBe(9);
    expect(list('/mnt/d')).toEqual([]);
    expect(task.sys('linkat', fd, '', AT_FDCWD, '/mnt/d/named', 0x1000)).toBe(0);
    expect(await read('/mnt/d/named')).toBe('temporary');
    close(fd);
  });

  it('keeps a removed lower file usable and changeable while it is open', async () => {
    fs.writeFileSync(tree.path('a'), 'still');
    mount();
    const fd = open('/mnt/a', O_RDONLY);
    expect(unlink('/mnt/a')).toBe(0);
    expect(await call(task, 'pread64', fd, buffer, 10, 0)).toBe(5);
    expect(task.sys('fchmod', fd, 0o600)).toBe(0);
    expect(await call(task, 'pread64', fd, buffer, 10, 0)).toBe(5);
    expect(task.sys('fstat', fd, buffer)).toBe(0);
    expect(list('/mnt')).toEqual([]);
    await write('/mnt/a', 'other');
    expect(await call(task, 'pread64', fd, buffer, 10, 0)).toBe(5);
    expect(task.get(buffer, 5).toString()).toBe('still');
    close(fd);
  });

  it('applies permissions as the lower files have them', async () => {
    fs.writeFileSync(tree.path('mine'), 'm', { mode: 0o600 });
    fs.writeFileSync(tree.path('all'), 'a', { mode: 0o644 });
    mount();
    task = system.task(Credentials.forUser(12345, 12345));
    buffer = task.alloc(2 ** 17);
    expect(open('/mnt/mine', O_RDONLY)).toBe(-EACCES);
    expect(await read('/mnt/all')).toBe('a');
    expect(open('/mnt/all', O_WRONLY)).toBe(-EACCES);
    expect(task.sys('fchmodat', AT_FDCWD, '/mnt/all', 0o777)).toBe(-EPERM);
    expect(open('/mnt/new', O_CREAT | O_EXCL | O_WRONLY, 0o644)).toBe(-EACCES);
  });

  it('gives everything back at the end', async () => {
    const before = openDescriptors();
    const usage = system.memory.usage(2) + system.memory.usage(3);
    fs.mkdirSync(tree.path('d'));
    fs.writeFileSync(tree.path('d', 'a'), 'a');
    fs.linkSync(tree.path('d', 'a'), tree.path('d', 'b'));
    mount();
    await write('/mnt/d/a', 'changed');
    await rename('/mnt/d', '/mnt/e');
    unlink('/mnt/e/b');
    await read('/mnt/e/a');
    expect(task.sys('umount2', '/mnt', 0)).toBe(0);
    system.vfs.cache.clear();
    expect(openDescriptors()).toBe(before);
    expect(system.memory.usage(2) + system.memory.usage(3)).toBe(usage);
  });
});

describe('over several layers', () => {
  it('merges them by the rules of whiteouts and opaque directories', async () => {
    const second = new HostTree();
    const upper = tmpfs();
    fs.mkdirSync(tree.path('d'));
    fs.mkdirSync(tree.path('hidden'));
    fs.mkdirSync(tree.path('opaque'));
    for (const name of ['d/low', 'd/both', 'hidden/x', 'opaque/below', 'gone', 'file-over-dir-below'])
      fs.writeFileSync(tree.path(name), `low ${name}`);
    fs.mkdirSync(second.path('d'));
    fs.mkdirSync(second.path('opaque'));
    fs.mkdirSync(second.path('file-over-dir-below'));
    for (const name of ['d/high', 'd/both', 'opaque/above', 'hidden']) fs.writeFileSync(second.path(name), `high ${name}`);
    execFileSync('mknod', [second.path('gone'), 'c', '0', '0']);
    execFileSync('python3', ['-c', 'import os, sys; os.setxattr(sys.argv[1], "user.overlay.opaque", b"y")', second.path('opaque')]);
    mount([lowerOf(second.open()), lowerOf(tree.open())], upper);
    expect(list('/mnt')).toEqual(['d', 'file-over-dir-below', 'hidden', 'opaque']);
    expect(list('/mnt/d')).toEqual(['both', 'high', 'low']);
    expect(await read('/mnt/d/both')).toBe('high d/both');
    expect(await read('/mnt/d/low')).toBe('low d/low');
    expect(await read('/mnt/hidden')).toBe('high hidden');
    expect(list('/mnt/opaque')).toEqual(['above']);
    expect(open('/mnt/gone', O_RDONLY)).toBe(-ENOENT);
    expect(list('/mnt/file-over-dir-below')).toEqual([]);
    await write('/mnt/d/low', 'changed');
    expect(unlink('/mnt/d/both')).toBe(0);
    expect(list('/mnt/d')).toEqual(['high', 'low']);
    expect(await write('/mnt/gone', 'back')).toBe(4);
    expect(await read('/mnt/gone')).toBe('back');
    expect(await rename('/mnt/d', '/mnt/dd')).toBe(0);
    expect(list('/mnt/dd')).toEqual(['high', 'low']);
    second.dispose();
  });

  it('refuses impossible layers', () => {
    const options = { lowers: [lowerOf(tree.open())], upper: lowerOf(tree.open()) };
    expect(OverlayFileSystem.create(system.kernel, options)).toBe(-EINVAL);
    expect(OverlayFileSystem.create(system.kernel, { lowers: [], upper: tmpfs() })).toBe(-EINVAL);
  });
});

describe('with the upper layer on the host', () => {
  it('keeps changes there, whiteouts and opaque directories too, for the next overlay', async () => {
    const upperTree = new HostTree();
    fs.mkdirSync(tree.path('d'));
    for (const name of ['a', 'b', 'd/x']) fs.writeFileSync(tree.path(name), name);
    const upper = () => {
      const made = HostFileSystem.create(system.kernel, { directoryFd: upperTree.open() });
      if (typeof made === 'number') throw new Error(String(made));
      return made;
    };
    mount(undefined, upper());
    await write('/mnt/a', 'changed');
    expect(unlink('/mnt/b')).toBe(0);
    expect(unlink('/mnt/d/x')).toBe(0);
    expect(rmdir('/mnt/d')).toBe(0);
    expect(mkdir('/mnt/d')).toBe(0);
    await write('/mnt/d/y', 'y');
    expect(list('/mnt')).toEqual(['a', 'd']);
    expect(fs.readFileSync(upperTree.path('a'), 'latin1')).toBe('changed');
    expect(fs.lstatSync(upperTree.path('b')).isCharacterDevice()).toBe(true);
    mount(undefined, upper(), '/again');
    expect(list('/again')).toEqual(['a', 'd']);
    expect(list('/again/d')).toEqual(['y']);
    expect(await read('/again/a')).toBe('changed');
    expect(open('/mnt/none', O_RDONLY)).toBe(-ENOENT);
    expect(await write('/mnt/d', 'x', O_CREAT | O_EXCL | O_WRONLY)).toBe(-EEXIST);
    upperTree.dispose();
  });
});
