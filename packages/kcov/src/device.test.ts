import { EBUSY, EINVAL, ENOTSUP, ENOTTY, KCOV_DISABLE, KCOV_ENABLE, KCOV_INIT_TRACE } from '@sbx/abi';
import { describe, expect, it } from 'vitest';
import { Coverage } from './coverage.js';
import { type Kcov, type KcovArea, KcovDriver, type KcovTask, type KcovWork } from './device.js';

const WORDS = 512;
const GUARD = 0xdeadbeef;

/** An area with guard words behind it, which comes in pieces. */
class Area implements KcovArea {
  readonly memory: Uint32Array;
  released = false;
  outOfMemory = false;
  constructor(
    readonly bytes: number,
    readonly mapper: number,
    readonly piece = 64,
  ) {
    this.memory = new Uint32Array(bytes / 4 + 64).fill(GUARD, bytes / 4);
  }
  words(index: number): Uint32Array | null {
    const end = Math.min((Math.floor(index / this.piece) + 1) * this.piece, this.bytes / 8);
    return this.outOfMemory ? null : this.memory.subarray(index * 2, end * 2);
  }
  release(): void {
    this.released = true;
  }
  get count(): number {
    return this.memory[0];
  }
  get isIntact(): boolean {
    return this.memory.subarray(this.bytes / 4).every((word) => word === GUARD);
  }
}

class Task implements KcovTask {
  work: KcovWork[] = [];
  constructor(readonly id: number) {}
  registerWork(work: KcovWork): void {
    this.work.push(work);
  }
  /** Returns to user mode. */
  return(): void {
    for (const work of this.work.splice(0)) work.run();
  }
  exit(): void {
    for (const work of this.work.splice(0)) work.exit();
  }
}

function fixture(blocks = 1000) {
  const coverage = new Coverage();
  const base = coverage.register('a.ts', Array.from({ length: blocks }, (_, i) => [i + 1, 0, i + 1, 1]).flat());
  const driver = new KcovDriver<Area, Task>(coverage, (bytes, mapper) => new Area(bytes, mapper.id));
  const reach = (block: number) => void (coverage.counters[base + block]++ || coverage.hit(base + block));
  /** A system call of `task`, which hits blocks. */
  const call = (task: Task, ...hits: number[]) => {
    driver.switchTo(task);
    hits.forEach(reach);
    task.return();
    driver.switchTo(null);
  };
  const control = (kcov: Kcov<Area, Task>, task: Task, command: number, argument = 0) => {
    driver.switchTo(task);
    reach(0);
    const result = kcov.ioctl(task, command, argument);
    reach(1);
    task.return();
    driver.switchTo(null);
    return result;
  };
  const ready = (task: Task, words = WORDS) => {
    const kcov = driver.open();
    expect(kcov.ioctl(task, KCOV_INIT_TRACE, words)).toBe(0);
    const area = kcov.map(task, 0, words * 8);
    if (typeof area === 'number') throw new Error(`mmap: ${area}`);
    return { kcov, area };
  };
  return { coverage, driver, reach, call, control, ready };
}

describe('kcov', () => {
  it.each([0, 1, 2, 511, 513, 10 * 2 ** 20 + 1, 10 * 2 ** 20 + 512, 2 ** 32, 2 ** 53, -1, Number.NaN, 512.5])(
    'INIT_TRACE of %d words: EINVAL',
    (size) => {
      const { driver } = fixture();
      expect(driver.open().ioctl(new Task(1), KCOV_INIT_TRACE, size)).toBe(-EINVAL);
    },
  );
  it.each([512, 1024, 10 * 2 ** 20])('INIT_TRACE of %d words, once', (size) => {
    const { driver } = fixture();
    const kcov = driver.open();
    expect(kcov.ioctl(new Task(1), KCOV_INIT_TRACE, size)).toBe(0);
    expect(kcov.ioctl(new Task(1), KCOV_INIT_TRACE, size)).toBe(-EBUSY);
  });

  it('goes through its states', () => {
    const { driver, control } = fixture();
    const task = new Task(7);
    const kcov = driver.open();
    expect(kcov.map(task, 0, WORDS * 8)).toBe(-EINVAL);
    expect(control(kcov, task, KCOV_ENABLE)).toBe(-EINVAL);
    expect(control(kcov, task, KCOV_DISABLE)).toBe(-EINVAL);
    expect(control(kcov, task, KCOV_INIT_TRACE, WORDS)).toBe(0);
    expect(control(kcov, task, KCOV_ENABLE)).toBe(-EINVAL);
    for (const [offset, length] of [
      [0, WORDS * 8 - 4096],
      [0, WORDS * 8 + 4096],
      [4096, WORDS * 8],
      [0, 0],
    ])
      expect(kcov.map(task, offset, length)).toBe(-EINVAL);
    const area = kcov.map(task, 0, WORDS * 8) as Area;
    expect(kcov.map(new Task(8), 0, WORDS * 8)).toBe(area);
    expect(area.mapper).toBe(7);
    expect(control(kcov, task, KCOV_ENABLE, 1)).toBe(-ENOTSUP);
    for (const type of [2, -1, 2 ** 32]) expect(control(kcov, task, KCOV_ENABLE, type)).toBe(-EINVAL);
    expect(control(kcov, task, KCOV_ENABLE)).toBe(0);
    expect(kcov.map(task, 0, WORDS * 8)).toBe(-EINVAL);
    expect(control(kcov, task, KCOV_ENABLE)).toBe(-EINVAL);
    expect(control(kcov, new Task(8), KCOV_ENABLE)).toBe(-EINVAL);
    expect(control(kcov, new Task(8), KCOV_DISABLE)).toBe(-EINVAL);
    expect(control(kcov, task, KCOV_DISABLE, 1)).toBe(-EINVAL);
    expect(control(kcov, task, KCOV_INIT_TRACE, WORDS)).toBe(-EBUSY);
    expect(control(kcov, task, 0x6366)).toBe(-ENOTTY);
    expect(control(kcov, task, KCOV_DISABLE)).toBe(0);
    expect(control(kcov, task, KCOV_DISABLE)).toBe(-EINVAL);
    expect(control(kcov, task, KCOV_ENABLE)).toBe(0);
    kcov.release();
    expect([kcov.mode, kcov.owner, area.released]).toEqual([0, null, true]);
    // What the task registered is without effect now.
    task.return();
    expect(task.work).toEqual([]);
  });

  it('a task traces through one instance at a time', () => {
    const { control, ready } = fixture();
    const task = new Task(1);
    const one = ready(task).kcov;
    const two = ready(task).kcov;
    expect(control(one, task, KCOV_ENABLE)).toBe(0);
    expect(control(two, task, KCOV_ENABLE)).toBe(-EBUSY);
    expect(control(two, new Task(2), KCOV_ENABLE)).toBe(0);
    expect(control(one, task, KCOV_DISABLE)).toBe(0);
    expect(control(two, task, KCOV_ENABLE)).toBe(-EINVAL);
  });

  it('gives each task what ran on its behalf, in pieces of the area, each time that it returns', () => {
    const { call, control, ready } = fixture();
    const one = new Task(1);
    const two = new Task(2);
    const { kcov: a, area: areaOfOne } = ready(one);
    const { kcov: b, area: areaOfTwo } = ready(two);
    control(a, one, KCOV_ENABLE);
    control(b, two, KCOV_ENABLE);
    areaOfOne.memory[0] = areaOfTwo.memory[0] = 0;
    call(one, ...Array.from({ length: 100 }, (_, i) => 100 + i));
    call(two, 300);
    call(new Task(3), 400);
    call(one, 100, 100, 500);
    expect(areaOfOne.count).toBe(102);
    expect(areaOfTwo.count).toBe(1);
    expect([...areaOfTwo.memory.subarray(2, 4)]).toEqual([0x80000000 + 300, 0xffffffff]);
    const pcs = Array.from({ length: 102 }, (_, i) => areaOfOne.memory[2 + 2 * i] - 0x80000000);
    expect(pcs).toEqual([...Array.from({ length: 100 }, (_, i) => 100 + i), 100, 500]);
  });

  it.each([0, 1, 509, 510, 511, 512, 2 ** 31, 2 ** 32 - 1])('never writes past the end, from a count of %d on', (count) => {
    const { call, control, ready } = fixture();
    const task = new Task(1);
    const { kcov, area } = ready(task);
    control(kcov, task, KCOV_ENABLE);
    area.memory[0] = count;
    call(task, ...Array.from({ length: 600 }, (_, i) => i));
    expect(area.count).toBe(Math.max(count, Math.min(511, count + 600)));
    expect(area.isIntact).toBe(true);
    area.memory[0] = 0;
    call(task, 5);
    // What did not fit is lost.
    expect(area.count).toBe(1);
    area.memory[1] = 0x80000000;
    call(task, 5);
    expect(area.count).toBe(1);
  });

  it('loses what there is no memory for, and goes on', () => {
    const { call, control, ready } = fixture();
    const task = new Task(1);
    const { kcov, area } = ready(task);
    control(kcov, task, KCOV_ENABLE);
    area.memory[0] = 0;
    area.outOfMemory = true;
    call(task, 5, 6);
    area.outOfMemory = false;
    call(task, 7);
    expect([area.count, area.memory[2] - 0x80000000]).toEqual([1, 7]);
  });

  it("writes the owner's last blocks at its exit, and is free then", () => {
    const { driver, reach, control, ready } = fixture();
    const task = new Task(1);
    const { kcov, area } = ready(task);
    control(kcov, task, KCOV_ENABLE);
    area.memory[0] = 0;
    driver.switchTo(task);
    reach(9);
    task.exit();
    reach(10);
    driver.switchTo(null);
    expect([area.count, area.memory[2] - 0x80000000]).toEqual([1, 9]);
    expect(kcov.owner).toBeNull();
    expect(control(kcov, new Task(2), KCOV_ENABLE)).toBe(0);
  });

  it('says that a kernel without instrumentation is a bug', () => {
    const { driver, ready } = fixture();
    const task = new Task(1);
    const { kcov } = ready(task);
    driver.switchTo(task);
    expect(kcov.ioctl(task, KCOV_ENABLE, 0)).toBe(0);
    expect(() => task.return()).toThrow('not fully instrumented');
  });

  it('enables and disables 100,000 times without growing', () => {
    const { control, ready } = fixture();
    const task = new Task(1);
    const { kcov } = ready(task);
    const cycles = (count: number) => {
      for (let i = 0; i < count; i++)
        if (control(kcov, task, KCOV_ENABLE) !== 0 || control(kcov, task, KCOV_DISABLE) !== 0) throw new Error('refused');
      return process.memoryUsage().arrayBuffers;
    };
    const before = cycles(1000);
    expect(cycles(100_000) - before).toBeLessThan(2 ** 20);
    expect(task.work.length).toBeLessThan(3);
  });
});
