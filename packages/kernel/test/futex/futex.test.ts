import { EAGAIN, EDEADLK, EFAULT, EINVAL, EPERM, ESRCH, ETIMEDOUT } from '@sbx/abi';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { futexRequeue, futexWait, futexWaitMany, futexWake, futexWakeOp } from '../../src/futex/operations.js';
import { futexLockPi, futexRequeuePi, futexUnlockPi, futexWaitRequeuePi } from '../../src/futex/pi.js';
import { futexExit } from '../../src/futex/robust.js';
import type { MemoryManager } from '../../src/mm/memory-manager.js';
import type { Task } from '../../src/task/task.js';
import { type Blocking, INTERRUPTED, type SyscallResult, TIMED_OUT, type WakeReason } from '../../src/wait/blocking.js';
import { mapped, TestKernel } from '../mm/fixture.js';

const ALL = 0xffffffff;
const NEVER = Number.POSITIVE_INFINITY;
const WAITERS = 0x80000000;
const DIED = 0x40000000;

let kernel: TestKernel;
let mm: MemoryManager;
let word: number;
const tasks = new Map<number, Task>();

/** A task that is in a futex call: what the run loop would do for it. */
class Thread {
  result: number | null = null;
  #blocking: Blocking | null = null;
  #woken: WakeReason | null = null;
  readonly task: Task;
  constructor(id: number, space: MemoryManager) {
    const wait = {
      until: () => {},
      wake: (reason: WakeReason) => {
        this.#woken ??= reason;
      },
    };
    this.task = { id, mm: space, wait, kernel: { tasks }, state: 0, schedPriority: 0, robustList: 0 } as unknown as Task;
    tasks.set(id, this.task);
  }
  call(start: SyscallResult): this {
    this.result = null;
    this.#woken = null;
    this.#blocking = null;
    if (typeof start === 'number') this.result = start;
    else {
      this.#blocking = start;
      this.#step(0);
    }
    return this;
  }
  #step(reason: WakeReason): void {
    const next = this.#blocking!.next(reason);
    if (next.done) this.result = next.value;
  }
  /** Lets a woken thread go on; or ends its wait for another reason. */
  run(reason: WakeReason | null = this.#woken): number | null {
    this.#woken = null;
    if (this.result === null && reason !== null) this.#step(reason);
    return this.result;
  }
}

let a: Thread;
let b: Thread;
let c: Thread;
beforeEach(() => {
  kernel = new TestKernel();
  mm = kernel.create();
  word = mapped(mm, { length: 4096 });
  tasks.clear();
  [a, b, c] = [new Thread(10, mm), new Thread(11, mm), new Thread(12, mm)];
});
afterEach(() => {
  expect(mm.futexes.size).toBe(0);
  mm.decRef();
  kernel.memory.destroy();
});

const wait = (thread: Thread, addr = word, bitset = ALL) =>
  thread.call(futexWait(thread.task, addr, 0, mm.readUint32(addr), false, bitset, NEVER));
const wake = (count: number, bitset = ALL) => futexWake(a.task, word, 0, count, false, bitset);

describe('wait and wake', () => {
  it('wakes in order, as many as asked for, and those whose bits match', () => {
    wait(a, word, 4);
    wait(b, word, 1);
    wait(c, word, 2);
    expect(wake(1, 2)).toBe(1);
    expect([a.run(), b.run(), c.run()]).toEqual([null, null, 0]);
    expect(wake(1)).toBe(1);
    expect(a.run()).toBe(0);
    expect(wake(9)).toBe(1);
    expect(b.run()).toBe(0);
    expect(wake(9)).toBe(0);
  });

  it('does not wait for a value that is not there, nor at a bad address', () => {
    expect(futexWait(a.task, word, 0, 1, false, ALL, NEVER)).toBe(-EAGAIN);
    expect(futexWait(a.task, word + 2, 2, 0, false, ALL, NEVER)).toBe(-EINVAL);
    expect(futexWait(a.task, word, 0, 0, false, 0, NEVER)).toBe(-EINVAL);
    expect(futexWait(a.task, word + 4096, 0, 0, false, ALL, NEVER)).toBe(-EFAULT);
    expect(futexWait(a.task, -1, 0, 0, false, ALL, NEVER)).toBe(-EFAULT);
  });

  it('ends by timeout or signal, but a wake-up that came first counts', () => {
    expect(wait(a).run(TIMED_OUT)).toBe(-ETIMEDOUT);
    expect(wait(a).run(INTERRUPTED)).toBe(-512);
    wait(a);
    wake(1);
    expect(a.run(INTERRUPTED)).toBe(0);
    a.call(futexWait(a.task, word, 0, 0, false, ALL, 99));
    expect(a.run(INTERRUPTED)).toBe(-516);
    a.call(a.task.restartBlock!.restart(a.task));
    expect(a.run(TIMED_OUT)).toBe(-ETIMEDOUT);
  });

  it('meets in shared memory, also from another address space', () => {
    const shared = mapped(mm, { length: 4096, flags: 0x21 });
    const child = mm.fork() as MemoryManager;
    const other = new Thread(20, child);
    other.call(futexWait(other.task, shared, 0, 0, true, ALL, NEVER));
    expect(futexWake(a.task, shared, 0, 1, false, ALL)).toBe(0);
    expect(futexWake(a.task, shared, 0, 1, true, ALL)).toBe(1);
    expect(other.run()).toBe(0);
    // Private memory after fork is not the same futex.
    other.call(futexWait(other.task, word, 0, 0, true, ALL, NEVER));
    expect(futexWake(a.task, word, 0, 1, true, ALL)).toBe(0);
    expect(futexWake(other.task, word, 0, 1, true, ALL)).toBe(1);
    child.decRef();
  });

  it('requeues and compares', () => {
    wait(a);
    wait(b);
    wait(c);
    expect(futexRequeue(a.task, word, 0, word + 8, 0, 1, 1, false, 5)).toBe(-EAGAIN);
    expect(futexRequeue(a.task, word, 0, word + 8, 0, -1, 1, false, -1)).toBe(-EINVAL);
    expect(futexRequeue(a.task, word, 0, word + 8, 0, 1, 1, false, 0)).toBe(2);
    expect([a.run(), b.run(), c.run()]).toEqual([0, null, null]);
    expect(futexWake(a.task, word + 8, 0, 9, false, ALL)).toBe(1);
    expect(b.run()).toBe(0);
    expect(wake(9)).toBe(1);
    expect(c.run()).toBe(0);
  });

  it('operates on the second word and wakes by its old value', () => {
    wait(a);
    wait(b, word + 8);
    mm.writeUint32(word + 8, 7);
    // word[1] += 3; if old > 6 wake there too.
    expect(futexWakeOp(a.task, word, 0, word + 8, 0, 1, 1, false, (1 << 28) | (4 << 24) | (3 << 12) | 6)).toBe(2);
    expect(mm.readUint32(word + 8)).toBe(10);
    expect([a.run(), b.run()]).toEqual([0, 0]);
    expect(futexWakeOp(a.task, word, 0, word + 4096, 0, 1, 1, false, 0)).toBe(-EFAULT);
    expect(futexWakeOp(a.task, word, 0, word + 8, 0, 1, 1, false, 7 << 28)).toBe(-38);
  });

  it('waits for several', () => {
    const entry = (addr: number) => ({ addr, low: 0, value: mm.readUint32(addr), shared: false });
    a.call(futexWaitMany(a.task, [entry(word), entry(word + 4), entry(word + 8)], NEVER));
    futexWake(b.task, word + 4, 0, 1, false, ALL);
    expect(a.run()).toBe(1);
    expect(futexWaitMany(a.task, [entry(word), { ...entry(word + 4), value: 9 }], NEVER)).toBe(-EAGAIN);
  });
});

describe('priority-inheriting futexes', () => {
  const lock = (thread: Thread, addr = word) => thread.call(futexLockPi(thread.task, addr, 0, false, NEVER, false));
  const unlock = (thread: Thread, addr = word) => futexUnlockPi(thread.task, addr, 0, false);

  it('is taken, contended and handed over', () => {
    expect(lock(a).result).toBe(0);
    expect(mm.readUint32(word)).toBe(10);
    expect(lock(a).result).toBe(-EDEADLK);
    expect(lock(b).result).toBe(null);
    expect(mm.readUint32(word)).toBe(WAITERS + 10);
    expect(futexLockPi(c.task, word, 0, false, NEVER, true)).toBe(-EAGAIN);
    expect(unlock(b)).toBe(-EPERM);
    expect(unlock(a)).toBe(0);
    expect(b.run()).toBe(0);
    expect(mm.readUint32(word)).toBe(WAITERS + 11);
    expect(unlock(b)).toBe(0);
    expect(mm.readUint32(word)).toBe(0);
  });

  it('gives realtime tasks the lock first', () => {
    lock(a);
    lock(b);
    c.task.schedPriority = 5;
    lock(c);
    unlock(a);
    expect([b.run(), c.run()]).toEqual([null, 0]);
    unlock(c);
    expect(b.run()).toBe(0);
    unlock(b);
  });

  it('finds deadlocks and dead owners', () => {
    lock(a);
    lock(b, word + 8);
    lock(b);
    expect(lock(a, word + 8).result).toBe(-EDEADLK);
    expect(b.run(INTERRUPTED)).toBe(-513);
    mm.writeUint32(word + 16, 4711);
    expect(lock(a, word + 16).result).toBe(-ESRCH);
    // A waiter that is none of a lock's is a misuse.
    mm.writeUint32(word + 24, 10);
    wait(c, word + 24);
    expect(lock(b, word + 24).result).toBe(-EINVAL);
    futexWake(a.task, word + 24, 0, 1, false, ALL);
    expect(c.run()).toBe(0);
  });

  it('passes to the next waiter when the owner exits', () => {
    lock(a);
    lock(b);
    futexExit(a.task);
    expect(b.run()).toBe(0);
    expect(mm.readUint32(word)).toBe(WAITERS + DIED + 11);
    unlock(b);
  });

  it('requeues condition waiters to the lock', () => {
    const cond = word + 64;
    const waitRequeue = (thread: Thread) => thread.call(futexWaitRequeuePi(thread.task, cond, 0, 0, word, 0, false, ALL, NEVER));
    waitRequeue(a);
    waitRequeue(b);
    lock(c);
    expect(futexRequeuePi(c.task, cond, 0, word, 0, 1, 10, false, 0)).toBe(2);
    expect([a.run(), b.run()]).toEqual([null, null]);
    unlock(c);
    expect([a.run(), b.run()]).toEqual([0, null]);
    unlock(a);
    expect(b.run()).toBe(0);
    unlock(b);
    // With the lock free the first waiter gets it at once.
    waitRequeue(a);
    expect(futexRequeuePi(c.task, cond, 0, word, 0, 1, 10, false, 0)).toBe(1);
    expect(a.run()).toBe(0);
    expect(mm.readUint32(word) % WAITERS).toBe(10);
    unlock(a);
    waitRequeue(a);
    expect(futexWake(b.task, cond, 0, 1, false, ALL)).toBe(-EINVAL);
    expect(a.run(TIMED_OUT)).toBe(-ETIMEDOUT);
  });
});

describe('robust lists', () => {
  it('marks what the dead task held, wakes, and survives a broken list', () => {
    const head = word + 1024;
    const node = (i: number) => word + 2048 + i * 32;
    // Lock word 8 bytes after the list entry.
    mm.writeUint64(head, node(0));
    mm.writeUint64(head + 8, 8);
    mm.writeUint64(head + 16, node(2));
    mm.writeUint64(node(0), node(1));
    mm.writeUint64(node(1), head);
    mm.writeUint32(node(0) + 8, WAITERS + 10);
    mm.writeUint32(node(1) + 8, 99);
    mm.writeUint32(node(2) + 8, 10);
    b.call(futexWait(b.task, node(0) + 8, 0, WAITERS + 10, true, ALL, NEVER));
    a.task.robustList = head;
    futexExit(a.task);
    expect(mm.readUint32(node(0) + 8)).toBe(WAITERS + DIED);
    expect(mm.readUint32(node(1) + 8)).toBe(99);
    expect(mm.readUint32(node(2) + 8)).toBe(DIED);
    expect(b.run()).toBe(0);
    // A circle that never returns to its head, and wild pointers.
    mm.writeUint64(head, node(0));
    mm.writeUint64(node(0), node(0));
    for (const wild of [node(0), -1, 2 ** 46, 3]) {
      mm.writeUint64(node(0), wild);
      a.task.robustList = head;
      futexExit(a.task);
    }
    a.task.robustList = word + 4094;
    futexExit(a.task);
  });
});
