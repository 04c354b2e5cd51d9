import {
  EACCES,
  EEXIST,
  ELOOP,
  ENAMETOOLONG,
  ENOENT,
  ENOTDIR,
  EXDEV,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_WRONLY,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from '@sbx/abi';
import { beforeEach, describe, expect, it } from 'vitest';
import { TestSystem } from '../../test/support/system.js';
import { Credentials } from '../auth/credentials.js';
import { TmpfsSuperBlock } from '../fs/tmpfs/tmpfs.js';
import { makeDirectory, makeLink, makeSymlink, removeDirectory, removeName, renameName } from './directory-operations.js';
import type { FileDescription } from './file-description.js';
import { FsContext } from './fs-context.js';
import type { Caller } from './inode.js';
import { openAt } from './open.js';
import { describePath, formatPath, type Path } from './path.js';
import { WALK_FOLLOW } from './path-walk.js';

let system: TestSystem;
let root: Caller;

beforeEach(() => {
  system = new TestSystem();
  root = system.vfs.kernelCaller;
});

const dir = (path: string, mode = 0o755) => expect(system.vfs.mkdirAll(root, path, mode)).toBe(0);
const link = (path: string, target: string) => expect(makeSymlink(root, root.fs.cwdMount, root.fs.cwdDentry, path, target)).toBe(0);
function file(path: string, caller = root): FileDescription {
  const opened = system.vfs.open(caller, path, O_CREAT | O_WRONLY, 0o644);
  if (typeof opened === 'number') throw new Error(`${path}: ${opened}`);
  return opened;
}
function resolve(path: string, flags = WALK_FOLLOW, caller = root): string | number {
  const found = system.vfs.resolve(caller, path, flags);
  return typeof found === 'number' ? found : text(found, caller);
}
const text = (found: Path, caller: Caller) => formatPath(found.mount, found.dentry, caller.fs.rootMount, caller.fs.rootDentry);
function openIn(start: string, path: string, resolveFlags: number, flags = O_RDONLY): string | number {
  const place = system.vfs.resolve(root, start) as Path;
  const opened = openAt(root, place.mount, place.dentry, path, flags, 0o644, resolveFlags);
  if (typeof opened === 'number') return opened;
  const name = text({ mount: opened.mount!, dentry: opened.dentry! }, root);
  opened.decRef();
  return name;
}

describe('path walking', () => {
  it('handles dots, slashes and the root', () => {
    dir('/a/b/c');
    expect(resolve('/')).toBe('/');
    expect(resolve('//')).toBe('/');
    expect(resolve('/..')).toBe('/');
    expect(resolve('/../../a')).toBe('/a');
    expect(resolve('/a/./b/../b//c/')).toBe('/a/b/c');
    expect(resolve('a/b/c/../..')).toBe('/a');
    expect(resolve('/a/b/x')).toBe(-ENOENT);
    expect(resolve('')).toBe(-ENOENT);
  });

  it('demands directories where slashes say so', () => {
    file('/f').decRef();
    expect(resolve('/f/')).toBe(-ENOTDIR);
    expect(resolve('/f/x')).toBe(-ENOTDIR);
    expect(resolve('/f/.')).toBe(-ENOTDIR);
    expect(resolve('/f/..')).toBe(-ENOTDIR);
  });

  it('follows symlinks: relative, absolute, nested, with slashes', () => {
    dir('/a/b');
    file('/a/b/f').decRef();
    link('/l', 'a/b');
    link('/a/up', '../a/b/');
    link('/abs', '/a/up/f');
    link('/root', '/');
    link('/chain', 'root/l/../up/f');
    expect(resolve('/l/f')).toBe('/a/b/f');
    expect(resolve('/a/up')).toBe('/a/b');
    expect(resolve('/abs')).toBe('/a/b/f');
    expect(resolve('/abs/')).toBe(-ENOTDIR);
    expect(resolve('/root')).toBe('/');
    expect(resolve('/root/a')).toBe('/a');
    expect(resolve('/chain')).toBe('/a/b/f');
    expect(resolve('/l', 0)).toBe('/l');
    expect(resolve('/l/', 0)).toBe('/a/b');
    link('/dangling', 'nowhere');
    expect(resolve('/dangling')).toBe(-ENOENT);
    expect(resolve('/dangling', 0)).toBe('/dangling');
  });

  it('gives up after 40 symlinks', () => {
    dir('/d');
    link('/loop', 'loop');
    expect(resolve('/loop')).toBe(-ELOOP);
    expect(resolve('/loop', 0)).toBe('/loop');
    expect(resolve('/loop/', 0)).toBe(-ELOOP);
    link('/s', 'd');
    for (let i = 0; i < 40; i++) link(`/n${i}`, i === 0 ? 'd' : `n${i - 1}`);
    expect(resolve('/n39')).toBe('/d');
    link('/n40', 'n39');
    expect(resolve('/n40')).toBe(-ELOOP);
    // Every symlink on the way counts, wherever it is.
    link('/d/s', '../s');
    expect(resolve(`/${'s/'.repeat(20)}`)).toBe('/d');
    expect(resolve(`/${'s/'.repeat(21)}`)).toBe(-ELOOP);
  });

  it('checks names before and after the limit', () => {
    expect(resolve(`/${'x'.repeat(255)}`)).toBe(-ENOENT);
    expect(resolve(`/${'x'.repeat(256)}`)).toBe(-ENAMETOOLONG);
    expect(resolve(`/${'x'.repeat(256)}/y`)).toBe(-ENAMETOOLONG);
  });

  it('needs search permission on every directory', () => {
    dir('/a', 0o700);
    dir('/a/b');
    const user: Caller = { kernel: system.kernel, credentials: Credentials.forUser(1000, 1000), fs: root.fs };
    expect(resolve('/a', WALK_FOLLOW, user)).toBe('/a');
    expect(resolve('/a/b', WALK_FOLLOW, user)).toBe(-EACCES);
    expect(resolve('/a/nothing', WALK_FOLLOW, user)).toBe(-EACCES);
    expect(resolve('/a/.', WALK_FOLLOW, user)).toBe(-EACCES);
  });

  it('never leaves a changed root', () => {
    dir('/jail/in');
    link('/jail/out', '/..');
    link('/jail/abs', '/in');
    const jail = system.vfs.resolve(root, '/jail') as Path;
    const fs = new FsContext(jail.mount, jail.dentry);
    const caller: Caller = { kernel: system.kernel, credentials: root.credentials, fs };
    expect(resolve('/..', WALK_FOLLOW, caller)).toBe('/');
    expect(resolve('../../..', WALK_FOLLOW, caller)).toBe('/');
    expect(resolve('/out/in', WALK_FOLLOW, caller)).toBe('/in');
    expect(resolve('/abs', WALK_FOLLOW, caller)).toBe('/in');
    fs.decRef();
  });

  it('crosses mounts in both directions', () => {
    dir('/mnt');
    const other = new TmpfsSuperBlock(system.kernel, system.vfs.allocateDevice());
    const mount = system.vfs.mountAt(root, '/mnt', other, 'other');
    expect(typeof mount).toBe('object');
    dir('/mnt/x');
    expect(resolve('/mnt/x')).toBe('/mnt/x');
    expect(resolve('/mnt/x/../..')).toBe('/');
    expect(resolve('/mnt/..')).toBe('/');
    expect(removeDirectory(root, root.fs.cwdMount, root.fs.cwdDentry, '/mnt')).toBe(-16);
    expect(openIn('/', 'mnt/x', RESOLVE_NO_XDEV)).toBe(-EXDEV);
    expect(openIn('/mnt', '..', RESOLVE_NO_XDEV)).toBe(-EXDEV);
    expect(openIn('/mnt', 'x', RESOLVE_NO_XDEV)).toBe('/mnt/x');
    expect(system.vfs.namespace.formatMounts(root.fs.rootMount, root.fs.rootDentry)).toContain('other /mnt tmpfs rw,');
    expect(system.vfs.namespace.unmount(mount as never, false)).toBe(0);
    expect(resolve('/mnt/x')).toBe(-ENOENT);
  });

  it('obeys the scopes of openat2', () => {
    dir('/a/b');
    file('/a/f').decRef();
    link('/a/abs', '/a/f');
    link('/a/up', '../a/f');
    link('/a/in', 'b/../f');
    link('/a/rootless', '/f');
    expect(openIn('/a', 'in', RESOLVE_BENEATH)).toBe('/a/f');
    expect(openIn('/a', 'abs', RESOLVE_BENEATH)).toBe(-EXDEV);
    expect(openIn('/a', 'up', RESOLVE_BENEATH)).toBe(-EXDEV);
    expect(openIn('/a', '..', RESOLVE_BENEATH)).toBe(-EXDEV);
    expect(openIn('/a', 'b/..', RESOLVE_BENEATH)).toBe('/a');
    expect(openIn('/a', '/a/f', RESOLVE_BENEATH)).toBe(-EXDEV);
    expect(openIn('/a', '/f', RESOLVE_IN_ROOT)).toBe('/a/f');
    expect(openIn('/a', '../../f', RESOLVE_IN_ROOT)).toBe('/a/f');
    expect(openIn('/a', 'rootless', RESOLVE_IN_ROOT)).toBe('/a/f');
    expect(openIn('/a', 'abs', RESOLVE_IN_ROOT)).toBe(-ENOENT);
    expect(openIn('/a', 'in', RESOLVE_NO_SYMLINKS)).toBe(-ELOOP);
    expect(openIn('/a', 'new', RESOLVE_BENEATH, O_CREAT | O_WRONLY)).toBe('/a/new');
    expect(openIn('/a', '../new', RESOLVE_BENEATH, O_CREAT | O_WRONLY)).toBe(-EXDEV);
  });

  it('opens by flags as Linux does', () => {
    dir('/d');
    file('/f').decRef();
    link('/l', 'f');
    link('/ld', 'd');
    link('/new', 'target');
    expect(openIn('/', 'l', 0, O_NOFOLLOW)).toBe(-ELOOP);
    expect(openIn('/', 'ld', 0, O_NOFOLLOW | O_DIRECTORY)).toBe(-ENOTDIR);
    expect(openIn('/', 'l', 0, O_CREAT | O_EXCL)).toBe(-EEXIST);
    expect(openIn('/', 'f', 0, O_DIRECTORY)).toBe(-ENOTDIR);
    expect(openIn('/', 'd', 0, O_WRONLY)).toBe(-21);
    expect(openIn('/', 'd', 0, O_CREAT)).toBe(-21);
    expect(openIn('/', 'x/', 0, O_CREAT)).toBe(-21);
    expect(openIn('/', '.', 0, O_CREAT)).toBe(-21);
    expect(openIn('/', 'new', 0, O_CREAT | O_WRONLY)).toBe('/target');
  });
});

describe('names', () => {
  const at = () => [root.fs.cwdMount, root.fs.cwdDentry] as const;

  it('shows removed files as deleted and frees them with their last user', () => {
    const before = system.memory.totalUsage();
    const opened = file('/f');
    opened.write(
      { threadGroup: { limits: { soft: new Float64Array(16).fill(Infinity) } } } as never,
      system.task().kernelIo.setKernel(Buffer.alloc(9000, 1)),
      -1,
    );
    expect(system.memory.usage(3)).toBe(3 * 4096);
    expect(removeName(root, ...at(), '/f')).toBe(0);
    expect(describePath(opened.mount!, opened.dentry!, root.fs.rootMount, root.fs.rootDentry)).toBe('/f (deleted)');
    expect(opened.inode!.nlink).toBe(0);
    opened.decRef();
    expect(system.memory.usage(3)).toBe(0);
    expect(system.memory.totalUsage()).toBeGreaterThanOrEqual(before);
  });

  it('renames across directories, over files, and keeps open paths true', () => {
    dir('/a');
    dir('/b');
    const opened = file('/a/f');
    file('/b/g').decRef();
    expect(renameName(root, ...at(), '/a/f', ...at(), '/b/g', 0)).toBe(0);
    expect(describePath(opened.mount!, opened.dentry!, root.fs.rootMount, root.fs.rootDentry)).toBe('/b/g');
    expect(resolve('/a/f')).toBe(-ENOENT);
    opened.decRef();
    expect(renameName(root, ...at(), '/a', ...at(), '/b/a', 0)).toBe(0);
    expect(renameName(root, ...at(), '/b', ...at(), '/b/a/x', 0)).toBe(-22);
    expect(renameName(root, ...at(), '/b/a', ...at(), '/b', 0)).toBe(-39);
    dir('/c');
    expect(renameName(root, ...at(), '/b/g', ...at(), '/b/a', 2)).toBe(0);
    expect(resolve('/b/g/')).toBe('/b/g');
    expect(resolve('/b/a/')).toBe(-ENOTDIR);
    expect((system.vfs.resolve(root, '/b') as Path).dentry.inode!.nlink).toBe(3);
  });

  it('refuses links to directories and across mounts, and counts names', () => {
    dir('/d');
    file('/f').decRef();
    const f = system.vfs.resolve(root, '/f') as Path;
    expect(makeLink(root, f.mount, f.dentry, ...at(), '/g')).toBe(0);
    expect(f.dentry.inode!.nlink).toBe(2);
    const d = system.vfs.resolve(root, '/d') as Path;
    expect(makeLink(root, d.mount, d.dentry, ...at(), '/e')).toBe(-1);
    expect(makeDirectory(root, ...at(), '/g', 0o755)).toBe(-EEXIST);
    expect(removeDirectory(root, ...at(), '/g')).toBe(-ENOTDIR);
    expect(removeName(root, ...at(), '/d')).toBe(-21);
    expect(removeName(root, ...at(), '/g/')).toBe(-ENOTDIR);
    expect(removeName(root, ...at(), '/g')).toBe(0);
    expect(f.dentry.inode!.nlink).toBe(1);
  });

  it('keeps the cache of names bounded', () => {
    for (let i = 0; i < 20000; i++) {
      file(`/n${i}`).decRef();
      expect(system.vfs.cache.unusedCount).toBeLessThanOrEqual(system.vfs.cache.limit + 100);
    }
    expect(resolve('/n0')).toBe('/n0');
  });
});
