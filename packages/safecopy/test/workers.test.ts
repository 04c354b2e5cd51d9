import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { beforeAll, expect } from 'vitest';
import { testUnless } from '../../../tools/native/conditional-test.js';
import { typescriptWorker } from '../../../tools/native/typescript-worker.js';
import { addressOf, copyIn, copyOut, lastFaultAddress, lastFaultSignal, zeroOut } from '../src/index.js';
import { buildTestMemory, loadTestMemory, PAGE, type TestMemory, whyNoTestMemory } from './memory.js';
import type { Swapping } from './swapping-worker.js';
import type { Vanishing } from './vanishing-worker.js';

let addon: string;
let memory: TestMemory;
beforeAll(async () => {
  if (whyNoTestMemory) return;
  addon = await buildTestMemory('workers');
  memory = loadTestMemory(addon);
});

const SIGSEGV = 11;

testUnless(whyNoTestMemory, 'memory that another thread unmaps during the copy', async () => {
  const size = 64 * PAGE;
  const half = size / 2;
  const address = memory.reserve(size);
  expect(memory.map(address, half, 3)).toBe(0);
  const state = new SharedArrayBuffer(8);
  const words = new Int32Array(state);
  const workerData: Vanishing = { addon, address, size, state };
  const worker = typescriptWorker(new URL('./vanishing-worker.ts', import.meta.url), { workerData });
  await once(worker, 'message');
  const pattern = new Uint8Array(half).fill(0x5a);
  expect(copyOut(address, pattern)).toBe(half);
  const buffer = new Uint8Array(size);
  const source = new Uint8Array(size).fill(0x5a);
  let whole = 0;
  let parts = 0;
  for (let i = 0; whole < 100 || parts < 100; i++) {
    buffer.fill(1);
    // In turns; the offset makes blocks cross the edges of pages.
    const shift = 1 + (i % 63);
    const length = size - shift;
    const done =
      i % 3 === 0
        ? copyIn(buffer, address + shift, length)
        : i % 3 === 1
          ? copyOut(address + shift, source, length)
          : zeroOut(address + half, half) + (half - shift);
    if (done === length) {
      whole++;
      expect(lastFaultSignal()).toBe(0);
    } else {
      parts++;
      expect(lastFaultSignal()).toBe(SIGSEGV);
      expect(lastFaultAddress()).toBe(address + shift + done);
      expect(done).toBeGreaterThanOrEqual(half - shift);
    }
    Atomics.add(words, 1, 1);
    if (i % 3 === 0) expect(Buffer.compare(buffer.subarray(0, half - shift), pattern.subarray(0, half - shift))).toBe(0);
  }
  Atomics.store(words, 0, 1);
  await once(worker, 'exit');
});

testUnless(whyNoTestMemory, 'threads lose no update of a word, while all of them fault', async () => {
  const rounds = 5000;
  const threads = 3;
  const words = new BigUint64Array(new SharedArrayBuffer(192));
  const address = addressOf(words);
  const gate = new SharedArrayBuffer(4);
  const workerData: Swapping = { counter: address, word: address + 64, wide: address + 128, none: memory.reserve(PAGE), rounds, gate };
  const workers = Array.from({ length: threads }, () => typescriptWorker(new URL('./swapping-worker.ts', import.meta.url), { workerData }));
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  const results = Promise.all(workers.map(resultOf));
  Atomics.store(new Int32Array(gate), 0, 1);
  Atomics.notify(new Int32Array(gate), 0);
  let held = 0;
  let heldHigh = 0;
  for (const result of await results) {
    expect(result.anomalies).toBe(0);
    held += result.held;
    heldHigh += result.heldHigh;
  }
  expect(Number(words[0])).toBe(threads * rounds);
  expect(Number(words[8]) + held).toBe(threads * rounds);
  expect(Number(words[16]! >> 32n) + heldHigh).toBe(threads * rounds);
});

async function resultOf(worker: Worker): Promise<{ anomalies: number; held: number; heldHigh: number }> {
  return (await once(worker, 'message'))[0];
}
