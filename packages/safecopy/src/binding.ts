import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { ByteArray } from './types.js';

/** What native/binding.c exports. */
export interface NativeBinding {
  copyIn(array: ByteArray, source: number, length: number, offset: number): number;
  copyOut(destination: number, array: ByteArray, length: number, offset: number): number;
  copy(destination: number, source: number, length: number): number;
  zeroOut(destination: number, length: number): number;
  loadUint32(address: number): number;
  swapUint32(address: number, value: number): number;
  compareAndSwapUint32(address: number, expected: number, desired: number): number;
  swapUint64(address: number, value: bigint): bigint;
  swapUint64Halves(address: number, low: number, high: number): number;
  addressOf(array: ByteArray): number;
  /** Puts the signal handlers in front again: 0 or a negative errno. */
  install(): number;
  /** Of the last call: 0, SIGSEGV, SIGBUS or -EINVAL; the address; the alignment that it lacks. */
  status: Float64Array;
  previousHalves: Uint32Array;
}

/** The native part, or why there is none. Loading it installs the signal handlers, once in a process. */
export const native: { binding: NativeBinding } | { binding: undefined; reason: string } = load();

function load() {
  if (process.platform !== 'linux') return { binding: undefined, reason: `there is none for ${process.platform}, only for linux` };
  try {
    const nodeGypBuild = createRequire(import.meta.url)('node-gyp-build') as (folder: string) => NativeBinding;
    return { binding: nodeGypBuild(fileURLToPath(new URL('..', import.meta.url))) };
  } catch (error) {
    return { binding: undefined, reason: (error as Error).message };
  }
}
