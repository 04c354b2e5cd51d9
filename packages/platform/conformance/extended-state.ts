import { EVENT_INTERRUPT, EVENT_SYSCALL, REG } from '@sbx/platform';
import { beforeAll, describe, expect, test } from 'vitest';
import { busy, type MakePlatform, type Pages, Random, type Thread, useMachine } from './harness.js';
import { DATA } from './layout.js';

/** x87, SSE, AVX and AVX-512: not PKRU, which would lock the guest out of its own memory, nor anything that is no register file. */
const COMPONENTS = 0xe7;
const AREA = 4096;
const XMM = 160;
const BV = 512;

/** Fills an XSAVE area with random, valid contents. */
function fill(area: Uint8Array, features: number, size: number, random: Random): void {
  area.fill(0);
  const view = new DataView(area.buffer, area.byteOffset, area.length);
  view.setUint16(0, 0x37f ^ (random.below(4) << 10), true); // control word: a rounding mode
  area[4] = 0xff; // all eight x87 registers in use
  view.setUint32(24, 0x1f80 ^ (random.below(4) << 13), true); // MXCSR: a rounding mode
  view.setUint32(28, 0xffff, true);
  for (let st = 0; st < 8; st++) {
    for (let i = 0; i < 8; i++) area[32 + st * 16 + i] = random.u32();
    area[32 + st * 16 + 7] |= 0x80;
    view.setUint16(32 + st * 16 + 8, 0x3fff + random.below(100), true);
  }
  for (let i = XMM; i < 416; i++) area[i] = random.u32();
  for (let i = 576; i < size; i++) area[i] = random.u32();
  view.setUint32(BV, features, true);
}

/** The area without what the architecture leaves open: the last x87 instruction, and bytes that XSAVE does not define. */
function comparable(area: Uint8Array, size: number): Uint8Array {
  const copy = Uint8Array.from(area.subarray(0, size));
  copy.fill(0, 6, 24);
  for (let st = 0; st < 8; st++) copy.fill(0, 32 + st * 16 + 10, 48 + st * 16);
  copy.fill(0, 416, 512);
  return copy;
}

/** The extended (FP/SIMD) state belongs to the context, whatever else runs on its CPU. */
export function extendedStateSuite(make: MakePlatform): void {
  describe('extended state', () => {
    const machine = useMachine(make, { concurrency: 1 });
    let features: number;
    let size: number;
    beforeAll(() => {
      const state = machine().platform.extendedState;
      features = state.featuresLow & COMPONENTS;
      size = state.size;
    });

    /** A thread that loads the area at `DATA + index * 4 pages` and stores to the two pages after it. */
    function loader(as: Thread['as'], index: number): Thread {
      const thread = machine().thread(as, 'xstate', index);
      arm(thread, index);
      return thread;
    }
    function arm(thread: Thread, index: number): void {
      const base = DATA + index * 3 * AREA;
      thread.goto('xstate');
      thread.set(REG.rdi, base);
      thread.set(REG.rsi, base + AREA);
      thread.set(REG.rbx, base + 2 * AREA);
      thread.set(REG.r8, features);
      thread.set(REG.r9, 0);
    }
    const area = (data: Pages, index: number) => data.bytes.subarray(index * AREA, (index + 1) * AREA);

    test('has at least x87 and SSE, in an area that fits the context page', () => {
      expect(features & 3).toBe(3);
      expect(size).toBeGreaterThanOrEqual(576);
      expect(size).toBeLessThanOrEqual(4096);
    });

    test('a new context has the initial state', async () => {
      const { as, data } = await machine().space(2);
      const dirty = loader(as, 0);
      fill(area(data, 0), features, size, new Random(1));
      dirty.runToSyscall();
      const thread = machine().thread(as, 'store_xstate', 1);
      thread.set(REG.rsi, DATA + 4 * AREA);
      thread.set(REG.r8, features);
      thread.runToSyscall();
      const view = new DataView(data.bytes.buffer, data.bytes.byteOffset + 4 * AREA, AREA);
      expect(view.getUint16(0, true)).toBe(0x37f);
      expect(view.getUint32(24, true)).toBe(0x1f80);
      expect(
        area(data, 4)
          .subarray(32, 416)
          .every((x) => x === 0),
      ).toBe(true);
      expect(
        area(data, 4)
          .subarray(576, size)
          .every((x) => x === 0),
      ).toBe(true);
    });

    test('two contexts on one CPU keep theirs, with switch and with start', async () => {
      const { as, data } = await machine().space(2);
      const random = new Random(2);
      const threads = [loader(as, 0), loader(as, 1)];
      for (let round = 0; round < 30; round++) {
        const step = (thread: Thread) => {
          if (random.below(2) === 0) return thread.runToSyscall();
          do thread.start();
          while (machine().next().page.event === EVENT_INTERRUPT);
          expect(thread.page.event).toBe(EVENT_SYSCALL);
        };
        threads.forEach((thread, i) => {
          for (let page = 0; page < 3; page++) area(data, i * 3 + page).fill(0);
          fill(area(data, i * 3), features, size, random);
          arm(thread, i);
        });
        for (const thread of threads) step(thread); // each loads, stores at once, makes a system call
        for (const thread of random.below(2) === 0 ? threads : [...threads].reverse()) step(thread); // stores again
        for (let i = 0; i < 2; i++) {
          const [input, before, after] = [0, 1, 2].map((page) => comparable(area(data, i * 3 + page), size));
          expect(Buffer.compare(after, before)).toBe(0);
          expect(Buffer.compare(before.subarray(24, 28), input.subarray(24, 28))).toBe(0);
          expect(Buffer.compare(before.subarray(32, 416), input.subarray(32, 416))).toBe(0);
          if ((features & 4) !== 0) expect(Buffer.compare(before.subarray(576, 832), input.subarray(576, 832))).toBe(0);
        }
      }
    });

    test('pullState shows it, and edits take effect after pushState', async () => {
      const { as, data } = await machine().space(2);
      const random = new Random(3);
      const [thread, other] = [loader(as, 0), loader(as, 1)];
      for (let round = 0; round < 10; round++) {
        fill(area(data, 0), features, size, random);
        fill(area(data, 3), features, size, random);
        arm(thread, 0);
        thread.runToSyscall();
        if (round % 2 === 0) {
          arm(other, 1);
          other.runToSyscall();
        }
        thread.context.pullState();
        const { xstate } = thread.page;
        expect(Buffer.compare(xstate.subarray(XMM, 416), area(data, 0).subarray(XMM, 416))).toBe(0);
        for (let i = XMM; i < 416; i++) xstate[i] ^= 0x5a;
        const edited = Uint8Array.from(xstate.subarray(XMM, 416));
        thread.context.pushState();
        thread.runToSyscall();
        expect(Buffer.compare(area(data, 2).subarray(XMM, 416), edited)).toBe(0);
      }
    });

    test('pullState without an edit changes nothing', async () => {
      const { as, data } = await machine().space();
      const thread = loader(as, 0);
      fill(area(data, 0), features, size, new Random(4));
      thread.runToSyscall();
      thread.context.pullState();
      thread.context.pullState();
      thread.runToSyscall();
      expect(Buffer.compare(comparable(area(data, 2), size), comparable(area(data, 1), size))).toBe(0);
    });

    test('is kept by threads that are interrupted at any moment', async () => {
      const { as, data } = await machine().space(2);
      const random = new Random(5);
      const threads = [0, 1].map((i) => {
        const thread = machine().thread(as, 'keep_xmm', i);
        for (let b = 0; b < 16; b++) data.bytes[i * AREA + b] = random.u32();
        thread.set(REG.rdi, DATA + i * AREA);
        thread.set(REG.rsi, DATA + i * AREA + 64);
        return thread;
      });
      const progress = () => Math.min(...[0, 1].map((i) => data.i32[i * 1024 + 16]));
      // On a busy machine a thread may not get a CPU before it is interrupted.
      for (let round = 0; round < 100 || (progress() === 0 && round < 10_000); round++) {
        const thread = threads[round & 1];
        thread.start();
        busy(random.below(3) * 0.3);
        thread.context.interrupt();
        expect(machine().next()).toBe(thread.context);
        expect(thread.page.event).toBe(EVENT_INTERRUPT);
      }
      expect(progress()).toBeGreaterThan(0);
    });

    test('an area that no processor would accept does not harm the platform', async () => {
      const { as } = await machine().space();
      const thread = machine().thread(as, 'one_syscall');
      thread.context.pullState();
      thread.page.xstate.fill(0xff);
      thread.context.pushState();
      thread.run(); // loads something valid, or reports a fault
      expect(machine().platform.failure()).toBeNull();
      const next = machine().thread(as, 'one_syscall');
      next.runToSyscall();
    });
  });
}
