import { EBUSY, EINVAL, ENOTSUP, ENOTTY, KCOV_DISABLE, KCOV_ENABLE, KCOV_INIT_TRACE, KCOV_TRACE_CMP, KCOV_TRACE_PC } from '@sbx/abi';
import type { Coverage } from './coverage.js';
import type { CoverageData } from './coverage-data.js';

/** INIT_TRACE comes next. */
export const KCOV_MODE_DISABLED = 0;
/** The size is known; mmap, then ENABLE. */
export const KCOV_MODE_INIT = 1;
/** A task traces. */
export const KCOV_MODE_TRACE_PC = 2;
/** Would trace comparisons; never taken. */
export const KCOV_MODE_TRACE_CMP = 3;
/** Any KCOV_MODE_*. */
export type KcovMode = 0 | 1 | 2 | 3;

const PAGE_SIZE = 4096;
const WORD = 8;
/** Sizes of an area, in words. */
const MIN_WORDS = 2;
const MAX_WORDS = 10 * 1024 * 1024;

/** Work that a task does once, just before its next return to user mode, or when it exits before. */
export interface KcovWork {
  /** Name of the kind of work. */
  readonly type: string;
  /** Called just before the return to user mode. May register work again. */
  run(): void;
  /** Called instead of `run` when the task exits first. */
  exit(): void;
}

/** What the device needs of a task. */
export interface KcovTask {
  /** Thread id. */
  readonly id: number;
  /** The task shall do `work` once: see {@link KcovWork}. */
  registerWork(work: KcovWork): void;
}

/** The area that the device writes to and programs map: 64-bit words, all 0 at first. */
export interface KcovArea {
  /** 32-bit words of the area, from 64-bit word `index` on: at least those of one 64-bit word. Null: there is no memory for it. */
  words(index: number): Uint32Array | null;
  /** The device won't use it any more; programs may. */
  release(): void;
}

/** Makes an area of so many bytes, for the task that maps it. */
export type CreateArea<Area extends KcovArea, Task extends KcovTask> = (bytes: number, mapper: Task) => Area;

/**
 * The driver of `/sys/kernel/debug/kcov`: makes an instance at each open, and knows which tasks trace.
 *
 * @example
 * import { EBUSY, KCOV_DISABLE, KCOV_ENABLE, KCOV_INIT_TRACE, KCOV_TRACE_PC } from '@sbx/abi';
 * import { Coverage, KCOV_MODE_TRACE_PC, KcovDriver, type KcovWork } from '@sbx/kcov';
 *
 * const coverage = new Coverage();
 * const block = coverage.register('read.ts', [1, 0, 2, 9]);
 * const area = new Uint32Array(4096 / 4);
 * const driver = new KcovDriver(coverage, () => ({ words: (index) => area.subarray(2 * index), release() {} }));
 * const work: KcovWork[] = [];
 * const task = { id: 1, registerWork: (item: KcovWork) => void work.push(item) };
 *
 * const instance = driver.open();
 * instance.ioctl(task, KCOV_INIT_TRACE, 512); // 0
 * instance.ioctl(task, KCOV_INIT_TRACE, 512) === -EBUSY; // true
 * instance.map(task, 0, 4096);
 * instance.ioctl(task, KCOV_ENABLE, KCOV_TRACE_PC); // 0
 * instance.mode === KCOV_MODE_TRACE_PC; // true
 *
 * // A system call of the task reaches the block; on its return to user mode the area has its PC.
 * coverage.hit(block);
 * work.shift()?.run();
 * area[0]; // 1
 * area[2]; // 0x80000000
 * instance.ioctl(task, KCOV_DISABLE, 0); // 0
 */
export class KcovDriver<Area extends KcovArea = KcovArea, Task extends KcovTask = KcovTask> {
  readonly #tracing = new Map<Task, { readonly instance: Kcov<Area, Task>; readonly data: CoverageData }>();

  constructor(
    readonly coverage: Coverage,
    readonly createArea: CreateArea<Area, Task>,
  ) {}

  /** What a new open file description has. */
  open(): Kcov<Area, Task> {
    return new Kcov(this);
  }

  /** The code now runs on behalf of `task`, or of nobody. */
  switchTo(task: Task | null): void {
    const { coverage } = this;
    const tracing = task === null || this.#tracing.size === 0 ? undefined : this.#tracing.get(task);
    coverage.switchTo(tracing === undefined ? coverage.common : tracing.data);
  }

  /** The instance through which a task traces, or null. */
  instanceOf(task: Task): Kcov<Area, Task> | null {
    return this.#tracing.get(task)?.instance ?? null;
  }

  /** The calling task traces from now on. */
  start(task: Task, instance: Kcov<Area, Task>): CoverageData {
    const data = this.coverage.createData();
    this.#tracing.set(task, { instance, data });
    this.coverage.switchTo(data);
    return data;
  }

  /** A task traces no more. */
  stop(task: Task, data: CoverageData): void {
    this.#tracing.delete(task);
    this.coverage.releaseData(data);
  }
}

/** A task that traces: flushes what was hit each time that it is about to return to user mode. */
class Trace<Area extends KcovArea, Task extends KcovTask> implements KcovWork {
  readonly type = 'kcov';
  readonly data: CoverageData;
  #isOver = false;
  #hasHit = false;

  constructor(
    readonly instance: Kcov<Area, Task>,
    readonly task: Task,
  ) {
    this.data = instance.driver.start(task, instance);
    task.registerWork(this);
  }

  run(): void {
    if (this.#isOver) return;
    this.#hasHit ||= this.data.length > 0;
    // A task can't get here without passing instrumented code.
    if (!this.#hasHit) throw new Error('kcov: no block was hit since KCOV_ENABLE, so the kernel is not fully instrumented');
    this.#flush();
    this.task.registerWork(this);
  }

  exit(): void {
    if (this.#isOver) return;
    this.#flush();
    this.instance.ownerExits();
  }

  /** What it takes is not the task's. */
  #flush(): void {
    const { coverage } = this.instance.driver;
    coverage.switchTo(coverage.common);
    this.instance.flush(this.data);
    coverage.switchTo(this.data);
  }

  end(): void {
    this.#isOver = true;
    this.instance.driver.stop(this.task, this.data);
  }
}

/**
 * An instance of the kcov device: what one open of `/sys/kernel/debug/kcov` gives (Documentation/dev-tools/kcov.rst). The caller is the task that makes
 * the system call. Results are 0 or more, or a negative errno. Nothing blocks.
 *
 * ```text
 *   DISABLED ── INIT_TRACE ──► INIT ── mmap, ENABLE ──► TRACE_PC
 *                               ▲ ◄── DISABLE, owner's exit ──┘        last close: DISABLED
 * ```
 */
export class Kcov<Area extends KcovArea = KcovArea, Task extends KcovTask = KcovTask> {
  #mode: KcovMode = KCOV_MODE_DISABLED;
  /** Words of the area, the count included. */
  #size = 0;
  #area: Area | null = null;
  #trace: Trace<Area, Task> | null = null;

  constructor(readonly driver: KcovDriver<Area, Task>) {}

  /** KCOV_MODE_*: where in the diagram it is. */
  get mode(): KcovMode {
    return this.#mode;
  }
  /** The task that traces, or null. */
  get owner(): Task | null {
    return this.#trace?.task ?? null;
  }

  /**
   * ioctl(2). Returns 0; -ENOTTY for a command that is none of kcov's, -EINVAL for an argument or a state that does not fit, -EBUSY where the size is known
   * already or the task traces elsewhere, -ENOTSUP for KCOV_TRACE_CMP.
   *
   * @param argument the third argument as a number; what does not fit into 53 bits is any number that is not in range
   */
  ioctl(task: Task, command: number, argument: number): number {
    switch (command) {
      case KCOV_INIT_TRACE:
        return this.#init(argument);
      case KCOV_ENABLE:
        return this.#enable(task, argument);
      case KCOV_DISABLE:
        return this.#disable(task, argument);
      default:
        return -ENOTTY;
    }
  }

  #init(size: number): number {
    if (this.#mode !== KCOV_MODE_DISABLED) return -EBUSY;
    if (!(size >= MIN_WORDS && size <= MAX_WORDS) || (size * WORD) % PAGE_SIZE !== 0) return -EINVAL;
    this.#size = size;
    this.#mode = KCOV_MODE_INIT;
    return 0;
  }

  /** mmap(2) of `length` bytes (whole pages) from `offset` on: the area, which is made at the first time, or -EINVAL. */
  map(task: Task, offset: number, length: number): Area | number {
    if (this.#mode !== KCOV_MODE_INIT || offset !== 0 || length !== this.#size * WORD) return -EINVAL;
    this.#area ??= this.driver.createArea(length, task);
    return this.#area;
  }

  #enable(task: Task, type: number): number {
    if (this.#mode !== KCOV_MODE_INIT || this.#area === null) return -EINVAL;
    if (this.driver.instanceOf(task) !== null) return -EBUSY;
    if (type !== KCOV_TRACE_PC) return type === KCOV_TRACE_CMP ? -ENOTSUP : -EINVAL;
    this.#mode = KCOV_MODE_TRACE_PC;
    this.#trace = new Trace(this, task);
    return 0;
  }

  #disable(task: Task, argument: number): number {
    if (argument !== 0 || this.owner !== task) return -EINVAL;
    this.#stop();
    return 0;
  }

  /** The owner exits: as DISABLE. Others may enable the instance again. */
  ownerExits(): void {
    this.#stop();
  }

  /** The last close: nothing is left of it, for its owner either. Mappings keep the area. */
  release(): void {
    this.#stop();
    this.#mode = KCOV_MODE_DISABLED;
    this.#area?.release();
    this.#area = null;
  }

  #stop(): void {
    if (this.#trace === null) return;
    this.#trace.end();
    this.#trace = null;
    this.#mode = KCOV_MODE_INIT;
  }

  /**
   * Appends the PCs of what was hit to the area: word 0 is the count, which the program sets back as it likes, so it is read anew each time and not trusted.
   * What does not fit is lost, as in Linux.
   */
  flush(data: CoverageData): void {
    const area = this.#area;
    const head = area?.words(0) ?? null;
    if (data.length === 0) return;
    if (area === null || head === null) {
      data.clear();
      return;
    }
    const count = head[1] * 2 ** 32 + head[0];
    let position = count + 1;
    let words: Uint32Array | null = null;
    let at = 0;
    const written = data.consume(this.driver.coverage.order, (low, high) => {
      if (position >= this.#size) return false;
      if (words === null || at === words.length) {
        words = area.words(position);
        at = 0;
        if (words === null) return false;
      }
      words[at++] = low;
      words[at++] = high;
      position++;
      return true;
    });
    if (written > 0) head[0] = count + written;
    data.clear();
  }
}
