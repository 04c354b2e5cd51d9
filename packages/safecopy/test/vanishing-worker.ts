/** Takes the second half of a mapping away and gives it back, again and again, until told to stop. See workers.test.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import { loadTestMemory } from './memory.js';

export interface Vanishing {
  addon: string;
  address: number;
  size: number;
  stop: SharedArrayBuffer;
}

const { addon, address, size, stop } = workerData as Vanishing;
const memory = loadTestMemory(addon);
const stopped = new Int32Array(stop);
parentPort?.postMessage('ready');
while (Atomics.load(stopped, 0) === 0) {
  // Mapping over it is munmap and mmap in one: no other mapping can slip in between.
  memory.map(address + size / 2, size / 2, 0);
  for (let spin = 0; spin < 300; spin++) Atomics.load(stopped, 0);
  memory.map(address + size / 2, size / 2, 3);
  for (let spin = 0; spin < 300; spin++) Atomics.load(stopped, 0);
}
