import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } from '@sbx/abi';
import { ContextPage, type Memory, REG } from '@sbx/platform';
import { Credentials } from '../../src/auth/credentials.js';
import { TmpfsSuperBlock, tmpfsType } from '../../src/fs/tmpfs/tmpfs.js';
import { IoBuffer } from '../../src/io/io-buffer.js';
import type { Kernel } from '../../src/kernel.js';
import { MemoryManager } from '../../src/mm/memory-manager.js';
import { map } from '../../src/mm/mmap.js';
import type { SyscallEntry } from '../../src/syscalls/entry.js';
import { ResourceLimits } from '../../src/task/resource-limits.js';
import type { Task } from '../../src/task/task.js';
import { FdTable } from '../../src/vfs/fd-table.js';
import type { FsContext } from '../../src/vfs/fs-context.js';
import { Vfs } from '../../src/vfs/vfs.js';
import { type Blocking, INTERRUPTED, TaskWait, type WakeReason } from '../../src/wait/blocking.js';
import { ArrayMemory } from './array-memory.js';

const ARGUMENTS = [REG.rdi, REG.rsi, REG.rdx, REG.r10, REG.r8, REG.r9];
/** Bytes of guest memory that a test's task has for arguments. */
const ARENA = 2 ** 21;

/** A clock that a test moves. */
export class TestClock {
  now = 1e9;
  seconds = 1_700_000_000;
  nanoseconds = 0;
  readonly boottimeOffset = 0;
  monotonic(): number {
    return this.now;
  }
  readRealtime(): void {}
  /** Lets time pass. */
  advance(seconds: number): void {
    this.now += seconds * 1e9;
    this.seconds += seconds;
  }
}

/** A task for tests of system calls: real memory manager, descriptor table and file context; no run loop. */
export class TestTask {
  readonly io = new IoBuffer();
  readonly kernelIo = new IoBuffer();
  readonly wait: TaskWait;
  readonly threadGroup: { id: number; limits: ResourceLimits; tasks: unknown[] };
  readonly page = new ContextPage(new ArrayBuffer(8192), 0, 0);
  /** Signals that the kernel sent to it. */
  readonly received: number[] = [];
  readonly arena: number;
  files = new FdTable();
  blocking: Blocking | null = null;
  /** Result of the last call that had to wait. */
  result: number | null = null;
  #used = 0;

  constructor(
    readonly system: TestSystem,
    readonly id: number,
    public credentials: Credentials,
    public fs: FsContext,
    readonly mm: MemoryManager,
  ) {
    this.wait = new TaskWait((reason) => this.wake(reason));
    this.threadGroup = { id, limits: new ResourceLimits().set(7, 1024, 4096), tasks: [this] };
    const request = {
      addr: 0,
      length: ARENA,
      prot: PROT_READ | PROT_WRITE,
      flags: MAP_PRIVATE | MAP_ANONYMOUS,
      file: null,
      mappable: null,
      offset: 0,
      noExec: false,
      rawIo: false,
      readImpliesExec: false,
    };
    this.arena = map(mm, request as unknown as Parameters<typeof map>[1]);
    if (this.arena < 0) throw new Error(`no arena: ${this.arena}`);
  }
  get kernel(): Kernel {
    return this.system.kernel;
  }

  /** Space in guest memory. */
  alloc(length: number): number {
    const at = this.arena + this.#used;
    this.#used += Math.ceil(length / 16) * 16 + 16;
    if (this.#used > ARENA) throw new Error('the arena is full');
    return at;
  }
  /** Puts bytes (or a byte string with its NUL) into guest memory. */
  put(data: Uint8Array | string): number {
    const bytes = typeof data === 'string' ? Buffer.from(`${data}\0`, 'latin1') : data;
    const at = this.alloc(bytes.length);
    this.mm.copyOut(at, bytes, bytes.length);
    return at;
  }
  get(addr: number, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    const done = this.mm.copyIn(addr, bytes, length);
    return bytes.subarray(0, done);
  }

  /**
   * Makes a system call: strings are put into memory first. Its result, or null when it waits: then `result` gets it once it is woken.
   */
  start(name: string, ...args: (number | string)[]): number | null {
    const used = this.#used;
    for (let i = 0; i < 6; i++) {
      const arg = args[i] ?? 0;
      this.page.setReg(ARGUMENTS[i], typeof arg === 'string' ? this.put(arg) : arg);
    }
    const result = this.system.handler(name)(this as unknown as Task, this.page);
    if (typeof result === 'number') {
      this.#used = used;
      return result;
    }
    this.blocking = result;
    this.result = null;
    this.#resume(0);
    return this.result;
  }
  /** As `start`, for calls that must not wait. */
  sys(name: string, ...args: (number | string)[]): number {
    const result = this.start(name, ...args);
    if (result === null) throw new Error(`${name} waits`);
    return result;
  }
  wake(reason: WakeReason): void {
    if (this.blocking !== null && !this.system.woken.some((w) => w.task === this)) this.system.woken.push({ task: this, reason });
  }
  /** A signal arrives. */
  interrupt(): void {
    this.wake(INTERRUPTED);
    this.system.run();
  }
  resume(reason: WakeReason): void {
    this.wait.clear();
    this.#resume(reason);
  }
  #resume(reason: WakeReason): void {
    const step = this.blocking!.next(reason);
    if (step.done) {
      this.blocking = null;
      this.result = step.value;
    } else if (this.wait.deadline <= this.kernel.clock.monotonic()) this.wake(1);
  }
}

/** A kernel for tests: the parts that file systems and system calls use, with a tmpfs as root. */
export class TestSystem {
  readonly memory: Memory;
  readonly clock = new TestClock();
  readonly vfs: Vfs;
  readonly kernel: Kernel;
  readonly woken: { task: TestTask; reason: WakeReason }[] = [];
  readonly tasks = new Map<number, TestTask>();
  readonly #handlers = new Map<string, SyscallEntry['handler']>();
  #lastId = 1;

  constructor(options: { entries?: readonly SyscallEntry[]; memory?: Memory } = {}) {
    this.memory = options.memory ?? new ArrayMemory();
    const space = { mapFile: () => 0, unmap: () => {}, writeProtect: () => {}, release: () => {} };
    const kernel = {
      memory: this.memory,
      platform: { memory: this.memory, newAddressSpace: () => space, minUserAddress: 65536, maxUserAddress: 2 ** 47 - 4096, mapUnit: 0 },
      clock: this.clock,
      limits: { memory: 2 ** 29, tasks: 100 },
      tasks: this.tasks,
      random: (bytes: Uint8Array) => bytes.fill(7),
      signalTask: (task: unknown, signo: number) => (task as TestTask).received.push(signo),
      wakeTask: () => {},
    } as unknown as Kernel;
    this.kernel = kernel;
    this.vfs = new Vfs(kernel);
    (kernel as { vfs: Vfs }).vfs = this.vfs;
    this.vfs.types.set('tmpfs', tmpfsType);
    this.vfs.mountRoot(new TmpfsSuperBlock(kernel, this.vfs.allocateDevice(), { mode: 0o755 }), 'root');
    for (const entry of options.entries ?? []) this.#handlers.set(entry.name, entry.handler);
  }

  handler(name: string): SyscallEntry['handler'] {
    const handler = this.#handlers.get(name);
    if (handler === undefined) throw new Error(`no system call ${name}`);
    return handler;
  }
  task(credentials = Credentials.forUser(0, 0)): TestTask {
    const mm = MemoryManager.create(this.kernel);
    if (typeof mm === 'number') throw new Error(`no address space: ${mm}`);
    const task = new TestTask(this, ++this.#lastId, credentials, this.vfs.newFsContext(), mm);
    this.tasks.set(task.id, task);
    return task;
  }
  /** Resumes what was woken, until nothing is. */
  run(): void {
    for (let next = this.woken.shift(); next !== undefined; next = this.woken.shift()) next.task.resume(next.reason);
  }
}
