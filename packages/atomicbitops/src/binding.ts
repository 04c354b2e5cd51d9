import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { AtomicBitOps, WordArray } from './types.js';

/** What native/binding.c exports. */
export interface NativeBinding {
  /** Absent on machines other than amd64 and arm64. */
  assembly?: AtomicBitOps;
  portable: AtomicBitOps;
  /** Where the ...Halves functions of both leave the previous value: low half, high half. */
  previousHalves: Uint32Array;
  addressOf(array: WordArray, index?: number): number;
}

/** The native part, or why there is none. */
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
