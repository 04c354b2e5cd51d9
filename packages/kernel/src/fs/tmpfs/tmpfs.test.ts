import { EFBIG, ENOSPC, O_APPEND, O_CREAT, O_DIRECTORY, O_RDONLY, O_RDWR, O_TRUNC, SIGXFSZ } from '@sbx/abi';
import { MEMORY_TMPFS } from '@sbx/platform';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { ArrayMemory } from '../../../test/support/array-memory.js';
import { TestSystem, type TestTask } from '../../../test/support/system.js';
import type { FileDescription } from '../../vfs/file-description.js';
import { vfsSyscalls } from '../../vfs/syscalls.js';
import { FilePages } from './file-pages.js';
import { tmpfsSyscalls } from './syscalls.js';
import { parseOptions, TmpfsSuperBlock } from './tmpfs.js';
import type { TmpfsFile } from './tmpfs-file.js';

const PAGE = 4096;
let system: TestSystem;
let task: TestTask;

beforeEach(() => {
  system = new TestSystem({ entries: [...vfsSyscalls, ...tmpfsSyscalls] });
  task = system.task();
});

const open = (path: string, flags: number, mode = 0o644) => task.sys('open', path, flags, mode);
const write = (fd: number, data: Uint8Array, at: number) => task.sys('pwrite64', fd, task.put(data), data.length, at);
function read(fd: number, length: number, at: number): Buffer {
  const addr = task.alloc(length);
  const n = task.sys('pread64', fd, addr, length, at);
  if (n < 0) throw new Error(`read: ${n}`);
  return task.get(addr, n);
}
function mount(options: ConstructorParameters<typeof TmpfsSuperBlock>[2]): TmpfsSuperBlock {
  const { vfs, kernel } = system;
  vfs.mkdirAll(vfs.kernelCaller, '/mnt', 0o755);
  const superBlock = new TmpfsSuperBlock(kernel, vfs.allocateDevice(), options);
  expect(typeof vfs.mountAt(vfs.kernelCaller, '/mnt', superBlock, 'tmpfs')).toBe('object');
  return superBlock;
}

describe('file contents', () => {
  it('are what a plain array of bytes would be', () => {
    const position = fc.integer({ min: 0, max: 300_000 });
    const operation = fc.oneof(
      fc.record({
        kind: fc.constant('write' as const),
        at: position,
        length: fc.integer({ min: 1, max: 20_000 }),
        value: fc.integer({ min: 1, max: 255 }),
      }),
      fc.record({ kind: fc.constant('truncate' as const), at: position, length: fc.constant(0), value: fc.constant(0) }),
      fc.record({ kind: fc.constant('punch' as const), at: position, length: fc.integer({ min: 1, max: 100_000 }), value: fc.constant(0) }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 25 }), (operations) => {
        system = new TestSystem({ entries: vfsSyscalls });
        task = system.task();
        const fd = open('/f', O_RDWR | O_CREAT);
        let model = Buffer.alloc(0);
        for (const { kind, at, length, value } of operations) {
          if (kind === 'write') {
            if (at + length > model.length) model = Buffer.concat([model, Buffer.alloc(at + length - model.length)]);
            model.fill(value, at, at + length);
            expect(task.sys('pwrite64', fd, task.put(Buffer.alloc(length, value)), length, at)).toBe(length);
          } else if (kind === 'truncate') {
            model = at > model.length ? Buffer.concat([model, Buffer.alloc(at - model.length)]) : Buffer.from(model.subarray(0, at));
            expect(task.sys('ftruncate', fd, at)).toBe(0);
          } else {
            if (at < model.length) model.fill(0, at, Math.min(at + length, model.length));
            expect(task.sys('fallocate', fd, 3, at, length)).toBe(0);
          }
          const file = task.files.get(fd)!.inode as TmpfsFile;
          expect(file.size).toBe(model.length);
          expect(file.blocks * 512).toBe(system.memory.usage(MEMORY_TMPFS));
        }
        const addr = task.alloc(model.length + 1);
        expect(task.sys('pread64', fd, addr, model.length + 1, 0)).toBe(model.length);
        expect(task.get(addr, model.length).equals(model)).toBe(true);
        task.sys('unlink', '/f');
        task.sys('close', fd);
        expect(system.memory.usage(MEMORY_TMPFS)).toBe(0);
      }),
      { numRuns: 60 },
    );
  }, 120_000);

  it('are sparse: a byte far out costs one page', () => {
    const fd = open('/f', O_RDWR | O_CREAT);
    expect(write(fd, Buffer.from('x'), 2 ** 40)).toBe(1);
    expect(system.memory.usage(MEMORY_TMPFS)).toBe(PAGE);
    expect(read(fd, 10, 2 ** 40 - 5)).toEqual(Buffer.from('\0\0\0\0\0x'));
    expect(task.sys('lseek', fd, 0, 3)).toBe(2 ** 40);
    expect(task.sys('ftruncate', fd, 2 ** 41)).toBe(0);
    expect(task.sys('lseek', fd, 2 ** 40, 4)).toBe(2 ** 40 + PAGE);
    expect(task.sys('ftruncate', fd, 0)).toBe(0);
    expect(system.memory.usage(MEMORY_TMPFS)).toBe(0);
  });

  it('share their pages with mappings, which hear of truncation', () => {
    const fd = open('/f', O_RDWR | O_CREAT);
    write(fd, Buffer.alloc(10 * PAGE, 1), 0);
    const description = task.files.get(fd) as FileDescription;
    const file = description.mappable(task as never, 3, true, 0, 4096) as TmpfsFile;
    const offset = file.resolvePages(PAGE, 100 * PAGE, true);
    expect(file.resolvedLength).toBeGreaterThanOrEqual(PAGE);
    system.memory.incRef(offset, PAGE);
    system.memory.bytes(offset, PAGE)[7] = 99;
    expect(read(fd, 1, PAGE + 7)[0]).toBe(99);
    expect(file.resolvePages(10 * PAGE, PAGE, false)).toBe(-14);
    const heard: [number, number][] = [];
    const mapping = { invalidate: (at: number, length: number) => void heard.push([at, length]), writeProtect: () => {} };
    file.addMapping(mapping);
    task.sys('ftruncate', fd, PAGE / 2);
    expect(heard).toEqual([[PAGE, 9 * PAGE]]);
    // The mapping's own reference keeps the page.
    expect(system.memory.refCount(offset)).toBe(1);
    system.memory.decRef(offset, PAGE);
    task.sys('ftruncate', fd, PAGE);
    expect(
      read(fd, PAGE, 0)
        .subarray(PAGE / 2)
        .every((byte) => byte === 0),
    ).toBe(true);
  });

  it('obey O_APPEND and RLIMIT_FSIZE', () => {
    const fd = open('/f', O_RDWR | O_CREAT | O_APPEND);
    write(fd, Buffer.from('abc'), 0);
    write(fd, Buffer.from('def'), 0);
    expect(read(fd, 10, 0).toString()).toBe('abcdef');
    task.threadGroup.limits.set(1, 8, 8);
    expect(write(fd, Buffer.from('ghijk'), 0)).toBe(2);
    expect(write(fd, Buffer.from('l'), 0)).toBe(-EFBIG);
    expect(task.received).toEqual([SIGXFSZ]);
    expect(task.sys('ftruncate', fd, 9)).toBe(-EFBIG);
  });

  it('keep what was written before a fault', () => {
    const fd = open('/f', O_RDWR | O_CREAT);
    const arenaEnd = task.arena + 2 ** 21;
    expect(task.sys('pwrite64', fd, arenaEnd - 5000, 10_000, 0)).toBe(5000);
    expect(task.sys('pwrite64', fd, arenaEnd, 10, 0)).toBe(-14);
    expect((task.files.get(fd)!.inode as TmpfsFile).size).toBe(5000);
    expect(system.memory.usage(MEMORY_TMPFS)).toBe(2 * PAGE);
  });
});

describe('limits', () => {
  it('of size: ENOSPC, and room again after removal', () => {
    const superBlock = mount({ size: 16 * PAGE });
    const fd = open('/mnt/f', O_RDWR | O_CREAT);
    expect(write(fd, Buffer.alloc(20 * PAGE), 0)).toBe(16 * PAGE);
    expect(write(fd, Buffer.from('x'), 30 * PAGE)).toBe(-ENOSPC);
    expect(superBlock.usedPages).toBe(16);
    task.sys('unlink', '/mnt/f');
    task.sys('close', fd);
    expect(superBlock.usedPages).toBe(0);
    const again = open('/mnt/g', O_RDWR | O_CREAT);
    expect(task.sys('fallocate', again, 0, 0, 17 * PAGE)).toBe(-ENOSPC);
    expect(superBlock.usedPages).toBe(0);
    expect(task.sys('fallocate', again, 0, 0, 16 * PAGE)).toBe(0);
  });

  it('of memory: -ENOMEM does no harm', () => {
    system = new TestSystem({ entries: vfsSyscalls, memory: new ArrayMemory(8 * 2 ** 20) });
    task = system.task();
    const fd = open('/f', O_RDWR | O_CREAT);
    let total = 0;
    let result = 0;
    const addr = task.alloc(65536);
    while ((result = task.sys('write', fd, addr, 65536)) > 0) total += result;
    expect(result).toBe(-12);
    expect(total).toBeGreaterThan(2 ** 20);
    expect(task.sys('ftruncate', fd, 0)).toBe(0);
    expect(task.sys('write', fd, addr, 65536)).toBe(65536);
  });

  it('of names and inodes', () => {
    const superBlock = mount({ inodes: 10 });
    for (let i = 0; i < 9; i++) expect(task.sys('mkdir', `/mnt/${i}`, 0o755)).toBe(0);
    expect(task.sys('mkdir', '/mnt/x', 0o755)).toBe(-ENOSPC);
    expect(task.sys('symlink', 'a', '/mnt/x')).toBe(-ENOSPC);
    expect(task.sys('rmdir', '/mnt/0')).toBe(0);
    expect(open('/mnt/f', O_CREAT | O_RDWR)).toBeGreaterThanOrEqual(0);
    expect(task.sys('link', '/mnt/f', '/mnt/g')).toBe(-ENOSPC);
    expect(task.sys('rmdir', '/mnt/1')).toBe(0);
    expect(task.sys('link', '/mnt/f', '/mnt/g')).toBe(0);
    expect(task.sys('unlink', '/mnt/g')).toBe(0);
    expect(superBlock.usedInodes).toBe(9);
  });

  it('are given back when the file system is unmounted', () => {
    const before = system.vfs.namesInUse + 1; // and the mount point
    mount({ size: 2 ** 20 });
    task.sys('mkdir', '/mnt/d', 0o755);
    task.sys('mkdir', '/mnt/d/e', 0o755);
    const fd = open('/mnt/d/e/f', O_CREAT | O_RDWR);
    write(fd, Buffer.alloc(9000), 0);
    task.sys('link', '/mnt/d/e/f', '/mnt/d/g');
    expect(task.sys('umount2', '/mnt', 0)).toBe(-16);
    task.sys('close', fd);
    expect(task.sys('umount2', '/mnt', 0)).toBe(0);
    expect(system.memory.usage(MEMORY_TMPFS)).toBe(0);
    expect(system.vfs.namesInUse).toBe(before);
  });
});

describe('directories', () => {
  /** Names that getdents64 gives with small buffers; `between` runs after each call. */
  function list(path: string, between: (names: string[]) => void = () => {}): string[] {
    const fd = open(path, O_RDONLY | O_DIRECTORY);
    const names: string[] = [];
    const addr = task.alloc(200);
    for (;;) {
      const n = task.sys('getdents64', fd, addr, 200);
      if (n <= 0) break;
      const bytes = task.get(addr, n);
      for (let at = 0; at < n; at += bytes.readUInt16LE(at + 16)) {
        names.push(bytes.toString('latin1', at + 19, bytes.indexOf(0, at + 19)));
      }
      between(names);
    }
    task.sys('close', fd);
    return names;
  }

  it('are read completely while names come and go', () => {
    task.sys('mkdir', '/d', 0o755);
    for (let i = 0; i < 100; i++) task.sys('close', open(`/d/n${i}`, O_CREAT | O_RDWR));
    let added = 0;
    const names = list('/d', (seen) => {
      const last = seen[seen.length - 1];
      if (last.startsWith('n')) task.sys('unlink', `/d/${last}`);
      if (added < 20) task.sys('close', open(`/d/added${added++}`, O_CREAT | O_RDWR));
    });
    expect(new Set(names).size).toBe(names.length);
    for (let i = 0; i < 100; i++) expect(names).toContain(`n${i}`);
    expect(names.slice(0, 2)).toEqual(['.', '..']);
  });

  it('keep positions for seekdir', () => {
    task.sys('mkdir', '/d', 0o755);
    for (let i = 0; i < 50; i++) task.sys('close', open(`/d/n${i}`, O_CREAT | O_RDWR));
    const fd = open('/d', O_RDONLY);
    const addr = task.alloc(300);
    const n = task.sys('getdents64', fd, addr, 300);
    const first = task.get(addr, n);
    const offset = Number(first.readBigInt64LE(8 + first.readUInt16LE(16) * 2));
    for (let i = 0; i < 25; i++) task.sys('unlink', `/d/n${i}`);
    expect(task.sys('lseek', fd, offset, 0)).toBe(offset);
    const again = task.get(addr, task.sys('getdents64', fd, addr, 300));
    expect(again.toString('latin1', 19, again.indexOf(0, 19))).toBe('n25');
  });

  it('count links', () => {
    task.sys('mkdir', '/d', 0o755);
    task.sys('mkdir', '/d/a', 0o755);
    task.sys('mkdir', '/e', 0o755);
    const links = (path: string) => {
      const found = system.vfs.resolve(system.vfs.kernelCaller, path);
      return typeof found === 'number' ? found : found.dentry.inode!.nlink;
    };
    expect(links('/d')).toBe(3);
    task.sys('rename', '/d/a', '/e/a');
    expect(links('/d')).toBe(2);
    expect(links('/e')).toBe(3);
    task.sys('rmdir', '/e/a');
    expect(links('/e')).toBe(2);
  });

  it('refuse what O_TRUNC must not touch', () => {
    task.sys('close', open('/f', O_CREAT | O_RDWR));
    expect(open('/', O_RDONLY | O_TRUNC)).toBe(-21);
  });
});

describe('FilePages', () => {
  it('finds pages and holes as a map would', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: 2000 }), { maxLength: 100 }),
        fc.integer({ min: 0, max: 2100 }),
        (present, at) => {
          const memory = new ArrayMemory();
          const pages = new FilePages(memory);
          for (const page of present) pages.set(page, memory.allocate(PAGE, MEMORY_TMPFS));
          const sorted = [...present].sort((a, b) => a - b);
          expect(pages.count).toBe(present.length);
          expect(pages.nextPresent(at)).toBe(sorted.find((page) => page >= at) ?? -1);
          let hole = at;
          while (present.includes(hole)) hole++;
          expect(pages.nextHole(at)).toBe(hole);
          const removed = pages.remove(at, 1500);
          expect(removed).toBe(present.filter((page) => page >= at && page < 1500).length);
          expect(pages.remove(0, Number.POSITIVE_INFINITY)).toBe(present.length - removed);
          expect(memory.totalUsage()).toBe(0);
        },
      ),
    );
  });
});

describe('options', () => {
  it('are parsed as mount -o gives them', () => {
    expect(parseOptions('size=64k,mode=755,uid=5')).toEqual({ size: 65536, mode: 0o755, uid: 5 });
    expect(parseOptions('')).toEqual({});
    expect(parseOptions('size=abc')).toBe(-22);
    expect(parseOptions('nonsense')).toBe(-22);
    expect(parseOptions('nr_inodes=1m')).toEqual({ inodes: 131072 });
  });
});
