import fs from 'node:fs';
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  EBUSY,
  EEXIST,
  ELOOP,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  EROFS,
  EXDEV,
  MS_BIND,
  O_CREAT,
  O_DIRECTORY,
  O_RDONLY,
  O_WRONLY,
  RENAME_EXCHANGE,
} from '@sbx/abi';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeMountPoint } from '../../src/fs/mount-point.js';
import { makeTmpfsFile } from '../../src/fs/tmpfs/make-file.js';
import { TmpfsSuperBlock } from '../../src/fs/tmpfs/tmpfs.js';
import type { TestTask } from '../support/system.js';
import { call, HostSystem, HostTree } from './fixture.js';

let tree: HostTree;
let system: HostSystem;
let task: TestTask;

beforeEach(() => {
  tree = new HostTree();
  system = new HostSystem();
  task = system.task();
});
afterEach(() => tree.dispose());

const make = (path: string, isDirectory = true) => makeMountPoint(system.vfs.kernelCaller, path, isDirectory);
const rename = (from: string, to: string, flags = 0) => task.sys('renameat2', AT_FDCWD, from, AT_FDCWD, to, flags);
const remove = (path: string, flags = 0) => task.sys('unlinkat', AT_FDCWD, path, flags);
const touch = (path: string) => task.sys('close', task.sys('openat', AT_FDCWD, path, O_CREAT | O_WRONLY, 0o644));

function mountTmpfs(path: string): TmpfsSuperBlock {
  const superBlock = new TmpfsSuperBlock(system.kernel, system.vfs.allocateDevice());
  expect(system.vfs.mountAt(system.vfs.kernelCaller, path, superBlock, 'tmpfs')).toBeInstanceOf(Object);
  return superBlock;
}

/** The names in an open directory from its position on, read in pieces of `size` bytes, each with the position after it. */
function entries(fd: number, size = 4096): [name: string, next: number][] {
  const found: [string, number][] = [];
  const at = task.alloc(size);
  for (let n = task.sys('getdents64', fd, at, size); n !== 0; n = task.sys('getdents64', fd, at, size)) {
    const bytes = task.get(at, n);
    for (let i = 0; i < n; i += bytes.readUInt16LE(i + 16))
      found.push([bytes.toString('latin1', i + 19, bytes.indexOf(0, i + 19)), Number(bytes.readBigInt64LE(i + 8))]);
  }
  return found;
}
function list(path: string): string[] {
  const fd = task.sys('openat', AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
  const names = entries(fd).map(([name]) => name);
  task.sys('close', fd);
  return names.filter((name) => !name.startsWith('.')).sort();
}
async function read(path: string): Promise<string> {
  const at = task.alloc(100);
  const fd = task.sys('openat', AT_FDCWD, path, O_RDONLY);
  const text = task.get(at, await call(task, 'read', fd, at, 100)).toString('latin1');
  task.sys('close', fd);
  return text;
}

describe.each(['read-only', 'writable'])('a mount point in a %s directory of the host', (how) => {
  beforeEach(() => {
    fs.mkdirSync(tree.path('d'));
    fs.writeFileSync(tree.path('file'), 'of the host');
    system.mountHost('/mnt', { directoryFd: tree.open(), readOnly: how === 'read-only' });
  });
  afterEach(() => expect(fs.readdirSync(tree.root, { recursive: true }).sort()).toEqual(['d', 'file']));

  it('is there for programs only, and is mounted on', async () => {
    expect(make('/mnt/new')).toBe(0);
    expect(make('/mnt/d/one/two/three')).toBe(0);
    expect(make('/mnt/d/plain', false)).toBe(0);
    expect(list('/mnt')).toEqual(['d', 'file', 'new']);
    expect(list('/mnt/d')).toEqual(['one', 'plain']);
    expect(list('/mnt/d/one')).toEqual(['two']);
    expect(list('/mnt/new')).toEqual([]);
    expect(await read('/mnt/d/plain')).toBe('');
    mountTmpfs('/mnt/new');
    mountTmpfs('/mnt/d/one/two/three');
    expect(touch('/mnt/new/x')).toBe(0);
    expect(touch('/mnt/d/one/two/three/y')).toBe(0);
    expect(list('/mnt/new')).toEqual(['x']);
    expect(list('/mnt/d/one/two/three')).toEqual(['y']);
    // Again: it exists.
    expect(make('/mnt/new')).toBe(0);
    expect(make('/mnt/file/below')).toBe(-ENOTDIR);
    expect(make('/mnt/d/../gone/../new2')).toBe(-ENOENT);
  });

  it('cannot be removed or replaced, nor is anything moved out of it', () => {
    expect(make('/mnt/new')).toBe(0);
    expect(make('/mnt/plain', false)).toBe(0);
    const busy = how === 'read-only' ? -EROFS : -EBUSY;
    expect(remove('/mnt/new', AT_REMOVEDIR)).toBe(busy);
    expect(remove('/mnt/plain')).toBe(busy);
    expect(rename('/mnt/new', '/mnt/other')).toBe(busy);
    expect(rename('/mnt/file', '/mnt/plain')).toBe(busy);
    expect(rename('/mnt/plain', '/mnt/file', RENAME_EXCHANGE)).toBe(busy);
    expect(task.sys('mkdirat', AT_FDCWD, '/mnt/new', 0o755)).toBe(-EEXIST);
    expect(task.sys('linkat', AT_FDCWD, '/mnt/plain', AT_FDCWD, '/mnt/linked', 0)).toBe(how === 'read-only' ? -EROFS : -EXDEV);
    expect(rename('/mnt/file', '/mnt/new/file')).toBe(-EXDEV);
  });

  it('keeps the directory in which it is', () => {
    expect(make('/mnt/d/new')).toBe(0);
    const refused = how === 'read-only' ? -EROFS : -ENOTEMPTY;
    expect(remove('/mnt/d', AT_REMOVEDIR)).toBe(refused);
    expect(task.sys('mkdirat', AT_FDCWD, '/mnt/e', 0o755)).toBe(how === 'read-only' ? -EROFS : 0);
    expect(rename('/mnt/e', '/mnt/d')).toBe(refused);
    if (how === 'read-only') return;
    expect(remove('/mnt/e', AT_REMOVEDIR)).toBe(0);
    // It goes where the directory goes.
    expect(rename('/mnt/d', '/mnt/f')).toBe(0);
    expect(list('/mnt/f')).toEqual(['new']);
    expect(rename('/mnt/f', '/mnt/d')).toBe(0);
  });

  it('keeps its place in the list', () => {
    for (const name of ['a', 'b', 'c']) expect(make(`/mnt/${name}`)).toBe(0);
    const fd = task.sys('openat', AT_FDCWD, '/mnt', O_RDONLY | O_DIRECTORY);
    const all = entries(fd, 30);
    expect(all.map(([name]) => name).sort()).toEqual(['.', '..', 'a', 'b', 'c', 'd', 'file']);
    for (const [i, [, next]] of all.entries()) {
      expect(task.sys('lseek', fd, next, 0)).toBe(next);
      expect(entries(fd, 30)).toEqual(all.slice(i + 1));
      const again = task.sys('openat', AT_FDCWD, '/mnt', O_RDONLY | O_DIRECTORY);
      task.sys('lseek', again, next, 0);
      expect(entries(again)).toEqual(all.slice(i + 1));
      task.sys('close', again);
    }
  });
});

it('a mount point is made where a dangling symlink points to', () => {
  fs.mkdirSync(tree.path('real'));
  fs.symlinkSync('real/missing', tree.path('relative'));
  fs.symlinkSync('/run/missing/file', tree.path('absolute'));
  fs.symlinkSync('loop', tree.path('loop'));
  system.mountHost('/mnt', { directoryFd: tree.open(), readOnly: true });
  expect(make('/mnt/relative/below')).toBe(0);
  expect(list('/mnt/real/missing')).toEqual(['below']);
  expect(make('/mnt/absolute', false)).toBe(0);
  expect(list('/run/missing')).toEqual(['file']);
  expect(make('/mnt/loop')).toBe(-ELOOP);
  expect(make('/top', false)).toBe(0);
  expect(list('/')).toEqual(['mnt', 'run', 'top']);
});

it('an object of another file system stands in for one of the host, through bind mounts too', async () => {
  fs.writeFileSync(tree.path('name'), 'of the host');
  fs.writeFileSync(tree.path('rest'), 'rest');
  const host = system.mountHost('/mnt', { directoryFd: tree.open(), readOnly: true });
  expect(await read('/mnt/name')).toBe('of the host');
  const own = new TmpfsSuperBlock(system.kernel, system.vfs.allocateDevice());
  const file = makeTmpfsFile(own, 'name', Buffer.from('own'));
  if (typeof file === 'number') throw new Error(`no file: ${file}`);
  host.show('name', file);
  expect(await read('/mnt/name')).toBe('own');
  expect(list('/mnt')).toEqual(['name', 'rest']);
  expect(task.sys('umount2', '/mnt/name', 0)).toBeLessThan(0);
  expect(task.sys('mkdirat', AT_FDCWD, '/other', 0o755)).toBe(0);
  expect(task.sys('mount', '/mnt', '/other', 0, MS_BIND, 0)).toBe(0);
  expect(await read('/other/name')).toBe('own');
  expect(task.sys('openat', AT_FDCWD, '/mnt/name', O_WRONLY)).toBe(-EROFS);
});
