/** Takes the second half of a mapping away and gives it back, again and again, until told to stop. See workers.test.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import { loadTestMemory } from './memory.js';

export interface Vanishing {
  addon: string;
  address: number;
  size: number;
  /** Two 32-bit words: whether to stop, and how many copies there were. */
  state: SharedArrayBuffer;
}

const { addon, address, size, state } = workerData as Vanishing;
const memory = loadTestMemory(addon);
const words = new Int32Array(state);

/** Lets a state be: mostly for a moment, each fourth time until some copies have begun and ended in it, however slow they are. */
function linger(round: number): void {
  if (round % 4 === 0) {
    const seen = Atomics.load(words, 1);
    while (Atomics.load(words, 1) - seen < 4 && Atomics.load(words, 0) === 0) Atomics.wait(words, 1, Atomics.load(words, 1), 1);
  } else {
    for (let spin = 0; spin < 300; spin++) Atomics.load(words, 0);
  }
}

parentPort?.postMessage('ready');
for (let round = 0; Atomics.load(words, 0) === 0; round++) {
  // Mapping over it is munmap and mmap in one: no other mapping can slip in between.
  memory.map(address + size / 2, size / 2, 0);
  linger(round);
  memory.map(address + size / 2, size / 2, 3);
  linger(round + 2);
}
