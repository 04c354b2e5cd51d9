/** Counts with compare-and-swap and hands values on with swap, on words shared with other threads, and faults in between. */
import { parentPort, workerData } from 'node:worker_threads';
import { compareAndSwapUint32, copyIn, lastFaultAddress, loadUint32, previousHalves, swapUint32, swapUint64Halves } from '../src/index.js';

export interface Swapping {
  /** Addresses: a counter, a word that is swapped, one of 64 bits, and one that can't be accessed. */
  counter: number;
  word: number;
  wide: number;
  none: number;
  rounds: number;
  gate: SharedArrayBuffer;
}

const { counter, word, wide, none, rounds, gate } = workerData as Swapping;
const buffer = new Uint8Array(16);
let anomalies = 0;
let held = 0;
let heldHigh = 0;

parentPort?.postMessage('ready');
Atomics.wait(new Int32Array(gate), 0, 0);
for (let i = 0; i < rounds; i++) {
  let seen = loadUint32(counter);
  for (let found: number; (found = compareAndSwapUint32(counter, seen, seen + 1)) !== seen; seen = found);
  // Each adds one to what it holds and exchanges it for what is there: in the end nothing is missing.
  held = swapUint32(word, held + 1);
  swapUint64Halves(wide, i, heldHigh + 1);
  heldHigh = previousHalves[1]!;
  if (i % 10 === 0 && (copyIn(buffer, none) !== 0 || lastFaultAddress() !== none)) anomalies++;
}
parentPort?.postMessage({ anomalies, held, heldHigh });
