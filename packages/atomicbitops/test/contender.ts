/** One thread of contention.test.ts: works on shared memory with the implementation that it is told, and reports anomalies. */
import { parentPort, workerData } from 'node:worker_threads';
import { type AtomicBitOps, addressOf, implementations, previousHalves } from '../src/index.js';
import { type Contention, layout } from './contention-layout.js';

const { memory, implementation, thread, rounds } = workerData as Contention;
const ops = implementations[implementation] as AtomicBitOps;
const bytes = new Uint8Array(memory);
const bit32 = 2 ** (thread * 5);
const bit64Low = thread % 2 === 0 ? bit32 : 0;
const bit64High = thread % 2 === 0 ? 0 : bit32;
const bit64 = (BigInt(bit64High) << 32n) | BigInt(bit64Low);
let anomalies = 0;

// Half of the threads by address, where the implementation takes one.
const at = implementation === 'javascript' || thread % 2 === 0 ? undefined : addressOf(bytes);

const start = new Int32Array(memory, layout.start, 1);
Atomics.add(start, 0, 1);
parentPort?.postMessage('ready');
Atomics.wait(new Int32Array(memory, layout.start + 4, 1), 0, 0);

for (let i = 0; i < rounds; i++) {
  // Nobody else touches this thread's bit, so the previous value of that bit is known.
  const or = at === undefined ? ops.orUint32(bytes, layout.bits32, bit32) : ops.orUint32(at + layout.bits32, bit32);
  const and = at === undefined ? ops.andUint32(bytes, layout.bits32, ~bit32) : ops.andUint32(at + layout.bits32, ~bit32);
  if ((or & bit32) !== 0 || (and & bit32) === 0) anomalies++;
  if ((ops.orUint64(bytes, layout.bits64, bit64) & bit64) !== 0n) anomalies++;
  ops.andUint64Halves(bytes, layout.bits64, ~bit64Low, ~bit64High);
  if (((previousHalves[0]! & bit64Low) | (previousHalves[1]! & bit64High)) === 0) anomalies++;

  ops.xorUint32(bytes, layout.toggled32, i * 7 + thread);
  ops.xorUint64(bytes, layout.toggled64, BigInt(i * 7 + thread) << 20n);

  // Compare-and-swap against plain Atomics on the same word: both must see each other.
  const words = new Uint32Array(memory);
  if (i % 2 === 0) {
    Atomics.add(words, layout.sum32 / 4, 1);
  } else {
    let seen = Atomics.load(words, layout.sum32 / 4);
    for (let found: number; (found = ops.compareAndSwapUint32(words, layout.sum32 / 4, seen, seen + 1)) !== seen; seen = found);
  }
  let seen64 = 0n;
  for (
    let found: bigint;
    (found = ops.compareAndSwapUint64(bytes, layout.sum64, seen64, seen64 + 0x100000001n)) !== seen64;
    seen64 = found
  );
}
parentPort?.postMessage(anomalies);
