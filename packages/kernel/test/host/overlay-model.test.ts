import fs from 'node:fs';
import path from 'node:path';
import {
  Stat as AbiStat,
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_NOFOLLOW,
  O_APPEND,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_RDONLY,
  O_TRUNC,
  O_WRONLY,
} from '@sbx/abi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HostFileSystem } from '../../src/fs/host/host-file-system.js';
import { OverlayFileSystem } from '../../src/fs/overlay/overlay-file-system.js';
import { TmpfsSuperBlock } from '../../src/fs/tmpfs/tmpfs.js';
import type { TestTask } from '../support/system.js';
import { call, HostSystem, HostTree } from './fixture.js';

/*
 * Random operations on an overlay over a host directory, and on a plain copy of that directory by the host itself: results and trees must be equal, and the
 * lower directory must stay as it was. And the same on a writable mount of a host directory.
 */

const NAMES = ['a', 'b', 'c'];
/** Paths of one to three names. */
const paths = fc
  .oneof(
    { weight: 3, arbitrary: fc.tuple(fc.constantFrom(...NAMES)) },
    { weight: 4, arbitrary: fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom(...NAMES)) },
    { weight: 2, arbitrary: fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom(...NAMES), fc.constantFrom(...NAMES)) },
  )
  .map((names: readonly string[]) => names.join('/'));

type Operation =
  | {
      kind: 'write' | 'append' | 'create' | 'read' | 'list' | 'mkdir' | 'rmdir' | 'unlink' | 'truncate' | 'chmod' | 'lstat';
      path: string;
      n: number;
    }
  | { kind: 'rename' | 'link' | 'symlink'; path: string; to: string }
  | { kind: 'forget' };

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('write', 'append', 'create', 'read', 'list', 'mkdir', 'rmdir', 'unlink', 'truncate', 'chmod', 'lstat'),
      path: paths,
      n: fc.nat(9000),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('rename', 'link', 'symlink'), path: paths, to: paths }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'forget' as const }) },
) as fc.Arbitrary<Operation>;

/** What a tree begins with: files (some of them one file with two names), directories, symlinks. */
const beginning = fc.array(fc.record({ path: paths, kind: fc.constantFrom('file', 'directory', 'symlink', 'link'), n: fc.nat(5000) }), {
  minLength: 8,
  maxLength: 25,
});

function build(root: string, objects: readonly { path: string; kind: string; n: number }[]): void {
  let last = '';
  for (const object of objects) {
    const full = path.join(root, object.path);
    try {
      fs.mkdirSync(path.dirname(full), { recursive: true });
      if (object.kind === 'file') {
        fs.writeFileSync(full, 'x'.repeat(object.n), { flag: 'wx' });
        last = full;
      } else if (object.kind === 'directory') fs.mkdirSync(full);
      else if (object.kind === 'symlink') fs.symlinkSync(NAMES[object.n % 3], full);
      else if (last !== '') fs.linkSync(last, full);
    } catch {
      // Something is there already.
    }
  }
}

/** The operation on the host: a result that can be compared. */
function onHost(root: string, op: Operation): string | number | string[] | null {
  try {
    if (op.kind === 'forget') return null;
    const full = path.join(root, op.path);
    switch (op.kind) {
      case 'write':
        fs.writeFileSync(full, content(op.n), { mode: 0o644 });
        return op.n;
      case 'append':
        return appendTo(full, content(op.n));
      case 'create':
        fs.closeSync(fs.openSync(full, 'wx', 0o600));
        return 0;
      case 'read':
        return fs.readFileSync(full, 'latin1');
      case 'list':
        return fs.readdirSync(full).sort();
      case 'mkdir':
        fs.mkdirSync(full, { mode: 0o755 });
        return 0;
      case 'rmdir':
        fs.rmdirSync(full);
        return 0;
      case 'unlink':
        fs.unlinkSync(full);
        return 0;
      case 'truncate':
        fs.truncateSync(full, op.n);
        return 0;
      case 'chmod':
        fs.chmodSync(full, 0o700 | (op.n % 64));
        return 0;
      case 'lstat':
        return describeHost(full);
      case 'rename':
        fs.renameSync(full, path.join(root, op.to));
        return 0;
      case 'link':
        fs.linkSync(full, path.join(root, op.to));
        return 0;
      case 'symlink':
        fs.symlinkSync(op.to, full);
        return 0;
    }
  } catch (error) {
    return (error as unknown as { errno: number }).errno;
  }
}
function appendTo(full: string, text: string): number {
  const fd = fs.openSync(full, fs.constants.O_WRONLY | fs.constants.O_APPEND);
  if (text !== '') fs.writeSync(fd, text);
  fs.closeSync(fd);
  return text.length;
}
const content = (n: number) => String.fromCharCode(97 + (n % 26)).repeat(n);
function describeHost(full: string): string {
  const s = fs.lstatSync(full);
  return `${s.mode.toString(8)} ${s.isDirectory() ? '' : `${s.nlink} ${s.size}`}`;
}

/** The same through system calls. */
class Guest {
  readonly #buffer: number;
  constructor(
    readonly system: HostSystem,
    readonly task: TestTask,
    readonly root: string,
  ) {
    this.#buffer = task.alloc(2 ** 18);
  }

  async run(op: Operation): Promise<unknown> {
    const { task } = this;
    if (op.kind === 'forget') {
      this.system.vfs.cache.clear();
      this.system.services.descriptors.shrink(0);
      return null;
    }
    const full = `${this.root}/${op.path}`;
    switch (op.kind) {
      case 'write':
        return this.#write(full, content(op.n), O_CREAT | O_TRUNC | O_WRONLY);
      case 'append':
        return this.#write(full, content(op.n), O_WRONLY | O_APPEND);
      case 'create': {
        const fd = await call(task, 'openat', AT_FDCWD, full, O_CREAT | O_EXCL | O_WRONLY, 0o600);
        return fd < 0 ? fd : task.sys('close', fd);
      }
      case 'read':
        return this.read(full);
      case 'list':
        return this.list(full);
      case 'mkdir':
        return task.sys('mkdirat', AT_FDCWD, full, 0o755);
      case 'rmdir':
        return task.sys('unlinkat', AT_FDCWD, full, AT_REMOVEDIR);
      case 'unlink':
        return task.sys('unlinkat', AT_FDCWD, full, 0);
      case 'truncate':
        return call(task, 'truncate', full, op.n);
      case 'chmod':
        return call(task, 'fchmodat', AT_FDCWD, full, 0o700 | (op.n % 64));
      case 'lstat':
        return this.describe(full);
      case 'rename':
        return call(task, 'renameat2', AT_FDCWD, full, AT_FDCWD, `${this.root}/${op.to}`, 0);
      case 'link':
        return call(task, 'linkat', AT_FDCWD, full, AT_FDCWD, `${this.root}/${op.to}`, 0);
      case 'symlink':
        return task.sys('symlinkat', op.to, AT_FDCWD, full);
    }
  }

  async #write(full: string, text: string, flags: number): Promise<number> {
    const { task } = this;
    const fd = await call(task, 'openat', AT_FDCWD, full, flags, 0o644);
    if (fd < 0) return fd;
    task.mm.copyOut(this.#buffer, Buffer.from(text, 'latin1'), text.length);
    const n = text === '' ? 0 : await call(task, 'write', fd, this.#buffer, text.length);
    task.sys('close', fd);
    return n;
  }
  async read(full: string): Promise<string | number> {
    const { task } = this;
    const fd = task.sys('openat', AT_FDCWD, full, O_RDONLY, 0);
    if (fd < 0) return fd;
    const n = await call(task, 'read', fd, this.#buffer, 2 ** 18);
    task.sys('close', fd);
    return n < 0 ? n : task.get(this.#buffer, n).toString('latin1');
  }
  list(full: string): string[] | number {
    const { task } = this;
    const fd = task.sys('openat', AT_FDCWD, full, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0) return fd;
    const names: string[] = [];
    for (;;) {
      const n = task.sys('getdents64', fd, this.#buffer, 256);
      if (n <= 0) break;
      const bytes = task.get(this.#buffer, n);
      for (let i = 0; i < n; i += bytes.readUInt16LE(i + 16)) names.push(bytes.toString('latin1', i + 19, bytes.indexOf(0, i + 19)));
    }
    task.sys('close', fd);
    return names.filter((name) => name !== '.' && name !== '..').sort();
  }
  stat(full: string) {
    const result = this.task.sys('newfstatat', AT_FDCWD, full, this.#buffer, AT_SYMLINK_NOFOLLOW);
    if (result < 0) return result;
    const bytes = this.task.get(this.#buffer, AbiStat.size);
    return AbiStat.read(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, AbiStat.create());
  }
  describe(full: string): string | number {
    const s = this.stat(full);
    if (typeof s === 'number') return s;
    const isDirectory = (s.st_mode & 0o170000) === 0o040000;
    return `${s.st_mode.toString(8)} ${isDirectory ? '' : `${s.st_nlink} ${s.st_size}`}`;
  }
  /** Everything that can be seen, with which names are one file. */
  async tree(directory = this.root, prefix = '', inodes = new Map<string, string>()): Promise<string[]> {
    const lines: string[] = [];
    const names = this.list(directory);
    if (typeof names === 'number') return [`${prefix} ${names}`];
    for (const name of names) {
      const full = `${directory}/${name}`;
      const shown = `${prefix}/${name}`;
      const s = this.stat(full);
      if (typeof s === 'number') {
        lines.push(`${shown} ${s}`);
        continue;
      }
      const type = s.st_mode & 0o170000;
      const key = String(s.st_ino);
      const first = inodes.get(key) ?? shown;
      inodes.set(key, first);
      const text = type === 0o100000 ? await this.read(full) : '';
      lines.push(`${shown} ${this.describe(full)} ${first} ${text}`);
      if (type === 0o040000) lines.push(...(await this.tree(full, shown, inodes)));
    }
    return lines;
  }
}

function hostTree(directory: string, prefix = '', inodes = new Map<number, string>()): string[] {
  const lines: string[] = [];
  for (const name of fs.readdirSync(directory).sort()) {
    const full = path.join(directory, name);
    const shown = `${prefix}/${name}`;
    const s = fs.lstatSync(full);
    const first = inodes.get(s.ino) ?? shown;
    inodes.set(s.ino, first);
    lines.push(`${shown} ${describeHost(full)} ${first} ${s.isFile() ? fs.readFileSync(full, 'latin1') : ''}`);
    if (s.isDirectory()) lines.push(...hostTree(full, shown, inodes));
  }
  return lines;
}

async function compare(objects: readonly { path: string; kind: string; n: number }[], operations: readonly Operation[], overlay: boolean) {
  const below = new HostTree();
  const plain = new HostTree();
  const umask = process.umask(0);
  try {
    build(below.root, objects);
    build(plain.root, objects);
    const before = hostTree(below.root);
    const system = new HostSystem();
    const host = HostFileSystem.create(system.kernel, { directoryFd: below.open(), readOnly: overlay });
    if (typeof host === 'number') throw new Error(`host: ${host}`);
    const upper = new TmpfsSuperBlock(system.kernel, system.vfs.allocateDevice(), { mode: 0o755 });
    const mounted = overlay ? OverlayFileSystem.create(system.kernel, { lowers: [host], upper }) : host;
    if (typeof mounted === 'number') throw new Error(`overlay: ${mounted}`);
    const caller = system.vfs.kernelCaller;
    system.vfs.mkdirAll(caller, '/mnt', 0o755);
    system.vfs.mountAt(caller, '/mnt', mounted, 'test');
    const task = system.task();
    task.sys('umask', 0);
    const guest = new Guest(system, task, '/mnt');
    for (const op of operations) {
      const wanted = onHost(plain.root, op);
      const got = await guest.run(op);
      expect(got, JSON.stringify(op)).toEqual(wanted);
    }
    expect(await guest.tree()).toEqual(hostTree(plain.root));
    system.vfs.cache.clear();
    expect(await guest.tree()).toEqual(hostTree(plain.root));
    if (overlay) expect(hostTree(below.root)).toEqual(before);
    else expect(hostTree(below.root)).toEqual(hostTree(plain.root));
    task.sys('umount2', '/mnt', 2);
    system.memory.destroy();
  } finally {
    process.umask(umask);
    below.dispose();
    plain.dispose();
  }
}

describe('random operations', () => {
  const runs = Number(process.env.SBX_MODEL_RUNS ?? 60);
  it.each([
    ['an overlay over a host directory', true],
    ['a writable host directory', false],
  ])('on %s do what they do on a directory of the host', async (_name, overlay) => {
    await fc.assert(
      fc.asyncProperty(beginning, fc.array(operation, { minLength: 10, maxLength: 80, size: 'max' }), (objects, operations) =>
        compare(objects, operations, overlay),
      ),
      { numRuns: runs, interruptAfterTimeLimit: 40_000, markInterruptAsFailure: false },
    );
  });
});
