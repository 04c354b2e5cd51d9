import { EBADF, EMFILE } from '@sbx/abi';
import { beforeEach, describe, expect, it } from 'vitest';
import { TestSystem } from '../../test/support/system.js';
import type { Task } from '../task/task.js';
import { FdTable } from './fd-table.js';
import { FileDescription } from './file-description.js';

class Dummy extends FileDescription {
  released = false;
  flushes = 0;
  override flush(): number {
    this.flushes++;
    return 0;
  }
  protected override release(): void {
    this.released = true;
  }
}

let task: Task;
let table: FdTable;

beforeEach(() => {
  task = new TestSystem().task() as unknown as Task;
  table = new FdTable();
});

describe('FdTable', () => {
  it('always gives the lowest free descriptor', () => {
    const model = new Set<number>();
    let seed = 12345;
    const random = (n: number) => (seed = (seed * 1103515245 + 12345) % 2 ** 31) % n;
    for (let step = 0; step < 20_000; step++) {
      if (random(3) > 0 || model.size === 0) {
        const minimum = random(10) === 0 ? random(3000) : 0;
        let expected = minimum;
        while (model.has(expected)) expected++;
        expect(table.reserve(1e6, minimum)).toBe(expected);
        expect(table.install(new Dummy(0), false, 1e6, minimum)).toBe(expected);
        model.add(expected);
      } else {
        const all = [...model];
        const fd = all[random(all.length)];
        expect(table.close(task, fd)).toBe(0);
        model.delete(fd);
      }
    }
    expect(table.count).toBe(model.size);
    const listed: number[] = [];
    for (let fd = table.next(0); fd >= 0; fd = table.next(fd + 1)) listed.push(fd);
    expect(listed).toEqual([...model].sort((a, b) => a - b));
  });

  it('keeps to the limit and reaches 65536', () => {
    for (let i = 0; i < 65536; i++) expect(table.install(new Dummy(0), false, 65536)).toBe(i);
    expect(table.install(new Dummy(0), false, 65536)).toBe(-EMFILE);
    table.close(task, 40_000);
    expect(table.install(new Dummy(0), false, 65536)).toBe(40_000);
    expect(table.get(65536)).toBe(null);
    expect(table.get(-1)).toBe(null);
  });

  it('closes what is marked at exec, and only that', () => {
    const files = Array.from({ length: 200 }, () => new Dummy(0));
    files.forEach((file, i) => void table.install(file, i % 3 === 0, 1024));
    table.closeOnExec(task);
    files.forEach((file, i) => void expect(file.released).toBe(i % 3 === 0));
    expect(table.install(new Dummy(0), false, 1024)).toBe(0);
    expect(table.isCloseOnExec(0)).toBe(false);
  });

  it('shares descriptions with a copy, and releases each with its last descriptor', () => {
    const file = new Dummy(0);
    table.install(file, true, 1024);
    file.incRef();
    table.installAt(task, 100, file, false, 1024);
    const copy = table.copy();
    expect(copy.isCloseOnExec(0)).toBe(true);
    expect(copy.isCloseOnExec(100)).toBe(false);
    table.decRef(task);
    expect(file.flushes).toBe(2);
    expect(file.released).toBe(false);
    copy.share();
    copy.decRef(task);
    expect(file.released).toBe(false);
    copy.decRef(task);
    expect(file.released).toBe(true);
  });

  it('replaces with dup2 and closes ranges', () => {
    const first = new Dummy(0);
    const second = new Dummy(0);
    table.install(first, false, 1024);
    second.incRef();
    expect(table.installAt(task, 0, second, true, 1024)).toBe(0);
    expect(first.released).toBe(true);
    expect(table.installAt(task, 1024, second, false, 1024)).toBe(-EBADF);
    for (let i = 0; i < 100; i++) table.install(new Dummy(0), false, 1024);
    table.closeRange(task, 10, 0xffffffff);
    expect(table.count).toBe(10);
    table.setCloseOnExecRange(0, 3);
    table.closeOnExec(task);
    expect(table.count).toBe(6);
  });

  it('does not allocate in get', () => {
    for (let i = 0; i < 10; i++) table.install(new Dummy(0), false, 1024);
    expect(table.get(5)).toBe(table.get(5));
    expect(table.getReal(5)).toBe(table.get(5));
  });
});
