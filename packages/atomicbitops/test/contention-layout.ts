import type { implementations } from '../src/index.js';

/** What a thread of contention.test.ts is told. */
export interface Contention {
  memory: SharedArrayBuffer;
  implementation: keyof typeof implementations;
  thread: number;
  rounds: number;
}

/** Bytes of the words that the threads share. */
export const layout = { bits32: 0, toggled32: 4, bits64: 8, sum32: 16, toggled64: 24, sum64: 32, start: 40, size: 64 };
