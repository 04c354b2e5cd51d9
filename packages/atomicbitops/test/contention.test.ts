import { once } from 'node:events';
import { expect, test } from 'vitest';
import { typescriptWorker } from '../../../tools/native/typescript-worker.js';
import type { implementations } from '../src/index.js';
import { type Contention, layout } from './contention-layout.js';

const rounds = 5000;

/** Runs one worker per entry, all on the same memory at the same time, and returns the memory and the anomalies that they saw. */
async function contend(names: (keyof typeof implementations)[]): Promise<{ view: DataView; anomalies: number[] }> {
  const memory = new SharedArrayBuffer(layout.size);
  const workers = names.map((implementation, thread) => {
    const workerData: Contention = { memory, implementation, thread, rounds };
    return typescriptWorker(new URL('./contender.ts', import.meta.url), { workerData });
  });
  try {
    await Promise.all(workers.map((worker) => once(worker, 'message')));
    const results = Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0] as number));
    const gate = new Int32Array(memory, layout.start + 4, 1);
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
    return { anomalies: await results, view: new DataView(memory) };
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

test.each([
  ['assembly', 'assembly'],
  ['portable', 'portable'],
  ['javascript', 'javascript'],
  ['assembly', 'portable', 'javascript', 'assembly'],
] as (keyof typeof implementations)[][])('threads lose no update: %s and %s …', async (...names) => {
  const threads = names.filter((name) => name !== undefined);
  const { view, anomalies } = await contend(threads);
  expect(anomalies).toEqual(threads.map(() => 0));
  let toggled = 0;
  for (let thread = 0; thread < threads.length; thread++) for (let i = 0; i < rounds; i++) toggled ^= i * 7 + thread;
  expect(view.getUint32(layout.bits32, true)).toBe(0);
  expect(view.getBigUint64(layout.bits64, true)).toBe(0n);
  expect(view.getUint32(layout.toggled32, true)).toBe(toggled);
  expect(view.getBigUint64(layout.toggled64, true)).toBe(BigInt(toggled) << 20n);
  expect(view.getUint32(layout.sum32, true)).toBe(threads.length * rounds);
  expect(view.getBigUint64(layout.sum64, true)).toBe(BigInt(threads.length * rounds) * 0x100000001n);
});
