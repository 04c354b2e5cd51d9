import {
  EBUSY,
  EINVAL,
  ELOOP,
  ENODEV,
  ENOENT,
  ENOSPC,
  ENOTDIR,
  EPERM,
  EROFS,
  MNT_DETACH,
  MNT_EXPIRE,
  MS_BIND,
  MS_MOVE,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_REMOUNT,
  O_CREAT,
  O_RDWR,
} from '@sbx/abi';
import { beforeEach, describe, expect, it } from 'vitest';
import { TestSystem, type TestTask } from '../../test/support/system.js';
import { Credentials } from '../auth/credentials.js';
import { vfsSyscalls } from './syscalls.js';

let system: TestSystem;
let task: TestTask;

beforeEach(() => {
  system = new TestSystem({ entries: vfsSyscalls });
  task = system.task();
  for (const path of ['/a', '/b', '/a/sub']) expect(task.sys('mkdir', path, 0o755)).toBe(0);
});

const mount = (source: string, target: string, type: string, flags: number, data = '') =>
  task.sys('mount', source, target, type, flags, data);
const touch = (path: string) => {
  const fd = task.sys('open', path, O_CREAT | O_RDWR, 0o644);
  if (fd >= 0) task.sys('close', fd);
  return Math.min(fd, 0);
};
const mounts = () => system.vfs.namespace.formatMounts(task.fs.rootMount, task.fs.rootDentry).trimEnd().split('\n');

describe('mount', () => {
  it('mounts tmpfs and takes it away', () => {
    expect(mount('none', '/a', 'tmpfs', MS_NOSUID | MS_NODEV, 'size=64k,mode=700')).toBe(0);
    expect(mounts()[1]).toBe('none /a tmpfs rw,nosuid,nodev,relatime,size=64k,mode=700 0 0');
    expect(touch('/a/x')).toBe(0);
    expect(task.sys('access', '/a/sub', 0)).toBe(-ENOENT);
    expect(task.sys('umount2', '/a', 0)).toBe(0);
    expect(task.sys('access', '/a/sub', 0)).toBe(0);
    expect(task.sys('umount2', '/a', 0)).toBe(-EINVAL);
    expect(task.sys('umount2', '/', 0)).toBe(-EBUSY);
    expect(task.sys('umount2', '/a', 0x100)).toBe(-EINVAL);
  });

  it('checks who may, and what', () => {
    expect(mount('none', '/nothing', 'tmpfs', 0)).toBe(-ENOENT);
    expect(mount('none', '/a', 'nonsense', 0)).toBe(-ENODEV);
    expect(mount('none', '/a', '', 0)).toBe(-EINVAL);
    expect(mount('none', '/a', 'tmpfs', 0, 'nonsense=1')).toBe(-EINVAL);
    touch('/f');
    expect(mount('none', '/f', 'tmpfs', 0)).toBe(-ENOTDIR);
    task.credentials = Credentials.forUser(1000, 1000);
    expect(mount('none', '/a', 'tmpfs', 0)).toBe(-EPERM);
    expect(task.sys('umount2', '/a', 0)).toBe(-EPERM);
    expect(task.sys('pivot_root', '/a', '/a')).toBe(-EPERM);
  });

  it('is busy while something is open or mounted in it, unless lazily unmounted', () => {
    mount('none', '/a', 'tmpfs', 0);
    const fd = task.sys('open', '/a/f', O_CREAT | O_RDWR, 0o644);
    expect(task.sys('umount2', '/a', 0)).toBe(-EBUSY);
    expect(task.sys('umount2', '/a', MNT_DETACH)).toBe(0);
    expect(task.sys('access', '/a/f', 0)).toBe(-ENOENT);
    expect(task.sys('write', fd, task.put('text'), 4)).toBe(4);
    task.sys('close', fd);
    expect(system.memory.usage(3)).toBe(0);
    mount('none', '/a', 'tmpfs', 0);
    task.sys('mkdir', '/a/inner', 0o755);
    mount('none', '/a/inner', 'tmpfs', 0);
    expect(task.sys('umount2', '/a', 0)).toBe(-EBUSY);
    expect(task.sys('umount2', '/a/inner', 0)).toBe(0);
    expect(task.sys('umount2', '/a', 0)).toBe(0);
    expect(mounts().length).toBe(1);
  });

  it('stacks', () => {
    mount('one', '/a', 'tmpfs', 0);
    touch('/a/one');
    mount('two', '/a', 'tmpfs', 0);
    touch('/a/two');
    expect(task.sys('access', '/a/one', 0)).toBe(-ENOENT);
    expect(task.sys('umount2', '/a', 0)).toBe(0);
    expect(task.sys('access', '/a/one', 0)).toBe(0);
  });

  it('binds directories and files, read-only where asked', () => {
    touch('/a/f');
    expect(mount('/a', '/b', '', MS_BIND)).toBe(0);
    expect(task.sys('access', '/b/f', 0)).toBe(0);
    expect(mount('', '/b', '', MS_REMOUNT | MS_BIND | MS_RDONLY)).toBe(0);
    expect(touch('/b/new')).toBe(-EROFS);
    expect(task.sys('unlink', '/b/f')).toBe(-EROFS);
    expect(task.sys('chmod', '/b/f', 0o600)).toBe(-EROFS);
    expect(task.sys('truncate', '/b/f', 0)).toBe(-EROFS);
    expect(task.sys('access', '/b/f', 2)).toBe(-EROFS);
    expect(task.sys('rename', '/b/f', '/b/g')).toBe(-EROFS);
    expect(task.sys('link', '/a/f', '/b/g')).toBe(-EROFS);
    expect(touch('/a/new')).toBe(0);
    expect(task.sys('rename', '/a/f', '/b/f2')).toBe(-18);
    task.sys('umount2', '/b', 0);
    touch('/target');
    expect(mount('/a/f', '/target', '', MS_BIND)).toBe(0);
    expect(mount('/a', '/target', '', MS_BIND)).toBe(-ENOTDIR);
    expect(task.sys('unlink', '/target')).toBe(-EBUSY);
    const info = system.vfs.namespace.formatMountInfo(task.fs.rootMount, task.fs.rootDentry);
    expect(info).toMatch(/ \/a\/f \/target rw,relatime - tmpfs root rw/);
  });

  it('copies trees with MS_REC', () => {
    mount('none', '/a/sub', 'tmpfs', 0);
    touch('/a/sub/deep');
    expect(mount('/a', '/b', '', MS_BIND)).toBe(0);
    expect(task.sys('access', '/b/sub/deep', 0)).toBe(-ENOENT);
    task.sys('umount2', '/b', 0);
    expect(mount('/a', '/b', '', MS_BIND | MS_REC)).toBe(0);
    expect(task.sys('access', '/b/sub/deep', 0)).toBe(0);
  });

  it('moves', () => {
    mount('none', '/a', 'tmpfs', 0);
    touch('/a/x');
    expect(mount('/a', '/b', '', MS_MOVE)).toBe(0);
    expect(task.sys('access', '/b/x', 0)).toBe(0);
    expect(task.sys('access', '/a/sub', 0)).toBe(0);
    task.sys('mkdir', '/b/in', 0o755);
    expect(mount('/b', '/b/in', '', MS_MOVE)).toBe(-ELOOP);
    expect(mount('/a', '/b', '', MS_MOVE)).toBe(-EINVAL);
    expect(mount('', '/b', '', MS_PRIVATE)).toBe(0);
    expect(mount('', '/a', '', MS_PRIVATE)).toBe(-EINVAL);
  });

  it('leaves mounts alone that are in no tree any more', () => {
    mount('none', '/a', 'tmpfs', 0);
    for (const path of ['/a/d', '/a/e']) task.sys('mkdir', path, 0o755);
    mount('none', '/b', 'tmpfs', 0);
    expect(task.sys('chdir', '/a')).toBe(0);
    expect(task.sys('umount2', '/a', MNT_DETACH)).toBe(0);
    expect(mount('none', 'd', 'tmpfs', 0)).toBe(-EINVAL);
    expect(mount('/b', 'd', '', MS_BIND)).toBe(-EINVAL);
    expect(mount('d', '/b', '', MS_BIND)).toBe(-EINVAL);
    expect(mount('/b', 'd', '', MS_MOVE)).toBe(-EINVAL);
    expect(mount('.', '/b', '', MS_MOVE)).toBe(-EINVAL);
    for (const flags of [MS_REMOUNT, MS_REMOUNT | MS_BIND | MS_RDONLY, MS_PRIVATE]) expect(mount('', '.', '', flags)).toBe(-EINVAL);
    expect(task.sys('umount2', '.', 0)).toBe(-EINVAL);
    expect(task.sys('pivot_root', '.', 'd')).toBe(-EINVAL);
    expect(touch('d/still-writable')).toBe(0);
    expect(mounts().length).toBe(2);
    // A name that is gone can't be mounted on either.
    expect(task.sys('chdir', '/b')).toBe(0);
    task.sys('mkdir', '/b/gone', 0o755);
    expect(task.sys('chdir', '/b/gone')).toBe(0);
    expect(task.sys('rmdir', '/b/gone')).toBe(0);
    expect(mount('none', '.', 'tmpfs', 0)).toBe(-ENOENT);
  });

  it('keeps noexec and nodev', () => {
    mount('none', '/a', 'tmpfs', MS_NOEXEC | MS_NODEV);
    touch('/a/f');
    task.sys('chmod', '/a/f', 0o755);
    expect(task.sys('access', '/a/f', 1)).toBe(-13);
    task.sys('mknod', '/a/null', 0o20666, 0x103);
    expect(task.sys('open', '/a/null', O_RDWR)).toBe(-13);
  });

  it('pivots the root', () => {
    mount('none', '/a', 'tmpfs', 0);
    task.sys('mkdir', '/a/old', 0o755);
    expect(task.sys('pivot_root', '/b', '/b')).toBe(-EBUSY);
    expect(task.sys('pivot_root', '/a', '/a/old')).toBe(0);
    expect(task.sys('access', '/old/b', 0)).toBe(0);
    expect(task.sys('access', '/b', 0)).toBe(-ENOENT);
    expect(task.sys('umount2', '/old', MNT_DETACH)).toBe(0);
    expect(mounts().length).toBe(1);
    expect(mounts()[0]).toMatch(/^none \/ tmpfs /);
  });
});

describe('a locked mount', () => {
  const lock = (path: string) => {
    const place = system.vfs.resolve(system.vfs.kernelCaller, path);
    if (typeof place !== 'number') place.mount.locked = true;
  };
  const seen = (path: string) => task.sys('access', path, 0);
  let alive = 0;
  beforeEach(() => {
    touch('/a/sub/secret');
    task.sys('mkdir', '/c', 0o755);
    mount('cover', '/a/sub', 'tmpfs', 0);
    lock('/a/sub');
    alive = system.vfs.namespace.alive;
  });

  it('is neither taken away nor moved', () => {
    for (const flags of [0, MNT_DETACH, MNT_EXPIRE]) expect(task.sys('umount2', '/a/sub', flags)).toBe(-EINVAL);
    expect(mount('/a/sub', '/b', '', MS_MOVE)).toBe(-EINVAL);
    task.sys('mkdir', '/a/sub/old', 0o755);
    expect(task.sys('pivot_root', '/a/sub', '/a/sub/old')).toBe(-EINVAL);
    expect(seen('/a/sub/secret')).toBe(-ENOENT);
    // What somebody puts on it is theirs.
    expect(mount('none', '/a/sub', 'tmpfs', 0)).toBe(0);
    expect(task.sys('umount2', '/a/sub', 0)).toBe(0);
    expect(task.sys('umount2', '/a/sub', 0)).toBe(-EINVAL);
  });

  it('goes with what it is on: by itself that cannot be bound', () => {
    touch('/f');
    for (const source of ['/a', '/']) expect(mount(source, '/b', '', MS_BIND)).toBe(-EINVAL);
    expect(mount('/a', '/f', '', MS_BIND)).toBe(-EINVAL);
    expect(mount('/c', '/b', '', MS_BIND)).toBe(0);
    expect(task.sys('umount2', '/b', 0)).toBe(0);
    expect(mount('/a', '/b', '', MS_BIND | MS_REC)).toBe(0);
    expect(seen('/b/sub/secret')).toBe(-ENOENT);
    for (const flags of [0, MNT_DETACH]) expect(task.sys('umount2', '/b/sub', flags)).toBe(-EINVAL);
    expect(mount('/b/sub', '/c', '', MS_MOVE)).toBe(-EINVAL);
    expect(mount('/b', '/c', '', MS_BIND)).toBe(-EINVAL);
    expect(task.sys('umount2', '/b', 0)).toBe(-EBUSY);
    expect(mount('/b', '/c', '', MS_MOVE)).toBe(0);
    expect(seen('/c/sub/secret')).toBe(-ENOENT);
    expect(task.sys('umount2', '/c', MNT_DETACH)).toBe(0);
    // The top of a copy hides nothing where it is.
    expect(mount('/a/sub', '/b', '', MS_BIND)).toBe(0);
    expect(task.sys('umount2', '/b', 0)).toBe(0);
    expect(system.vfs.namespace.alive).toBe(alive);
  });

  it('stays where it is for those who are in a tree that was taken away', () => {
    mount('/a', '/b', '', MS_BIND | MS_REC);
    mount('theirs', '/b/sub', 'tmpfs', 0);
    expect(task.sys('chdir', '/b')).toBe(0);
    expect(task.sys('umount2', '/b', MNT_DETACH)).toBe(0);
    expect(mounts().length).toBe(2);
    expect(seen('sub/secret')).toBe(-ENOENT);
    expect(task.sys('umount2', 'sub', MNT_DETACH)).toBe(-EINVAL);
    expect(mount('.', '/c', '', MS_BIND)).toBe(-EINVAL);
    expect(task.sys('chdir', 'sub')).toBe(0);
    // Nobody is in the directory any more in which it was: it goes, and with it what was on it.
    expect(seen('../sub')).toBe(-ENOENT);
    expect(task.sys('chdir', '/')).toBe(0);
    expect(system.vfs.namespace.alive).toBe(alive);
    expect(task.sys('rmdir', '/b')).toBe(0);
  });

  it('stays on an old root', () => {
    mount('none', '/b', 'tmpfs', 0);
    task.sys('mkdir', '/b/old', 0o755);
    expect(task.sys('pivot_root', '/b', '/b/old')).toBe(0);
    expect(task.sys('chdir', '/old/a')).toBe(0);
    expect(task.sys('umount2', '/old', MNT_DETACH)).toBe(0);
    expect(seen('sub')).toBe(0);
    expect(seen('sub/secret')).toBe(-ENOENT);
    expect(seen('../a/sub/secret')).toBe(-ENOENT);
  });

  it('that is a root hands its lock to the new one', () => {
    task.sys('mkdir', '/a/sub/new', 0o755);
    const inside = system.task();
    expect(inside.sys('chroot', '/a/sub')).toBe(0);
    expect(inside.sys('chdir', '/')).toBe(0);
    expect(inside.sys('mount', 'none', '/new', 'tmpfs', 0, '')).toBe(0);
    expect(inside.sys('mkdir', '/new/old', 0o755)).toBe(0);
    expect(inside.sys('pivot_root', '/new', '/new/old')).toBe(0);
    expect(seen('/a/sub/old/new')).toBe(0);
    expect(task.sys('umount2', '/a/sub', MNT_DETACH)).toBe(-EINVAL);
    expect(inside.sys('umount2', '/old', 0)).toBe(0);
    expect(seen('/a/sub/secret')).toBe(-ENOENT);
  });

  it('is on every copy, also where there are too many; copies that are in use count', () => {
    mount('none', '/c', 'tmpfs', 0);
    let result = 0;
    let copies = 0;
    for (; result === 0 && copies < 20; copies++) {
      task.sys('mkdir', `/c/${copies}`, 0o755);
      result = mount('/', `/c/${copies}`, '', MS_BIND | MS_REC);
    }
    expect(result).toBe(-ENOSPC);
    for (let i = 0; i < copies; i++) expect(seen(`/c/${i}/a/sub/secret`)).toBe(-ENOENT);
    expect(task.sys('umount2', '/c', MNT_DETACH)).toBe(0);
    expect(system.vfs.namespace.alive).toBe(alive);

    for (let i = 0; i < 9; i++) {
      task.sys('mkdir', `/a/${i}`, 0o755);
      mount('cover', `/a/${i}`, 'tmpfs', 0);
      lock(`/a/${i}`);
    }
    const fds: number[] = [];
    while (mount('/a', '/b', '', MS_BIND | MS_REC) === 0) {
      fds.push(task.sys('open', '/b', 0, 0));
      expect(fds.at(-1)).toBeGreaterThanOrEqual(0);
      expect(task.sys('umount2', '/b', MNT_DETACH)).toBe(0);
    }
    expect(fds.length).toBe(Math.floor((4096 - alive - 9) / 11));
    for (const fd of fds) task.sys('close', fd);
    expect(system.vfs.namespace.alive).toBe(alive + 9);
  });
});
