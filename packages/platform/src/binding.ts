import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { PlatformError } from './error.js';

/** A mapped memory file of the native part; opaque. */
export interface MappingHandle {
  readonly brand: 'mapping';
}

/**
 * The native part (native/binding.c). Offsets and lengths are bytes inside the mapping; a wrong argument throws a TypeError with code
 * `ERR_SBX_NATIVE_ARGUMENT`. Functions that return a number return a negative errno for what the host refused.
 */
export interface Binding {
  /** Makes a sealed memfd of `size` bytes without memory and maps it at a multiple of `align`. */
  create(name: string, size: number, align: number): MappingHandle | number;
  base(handle: MappingHandle): number;
  fd(handle: MappingHandle): number;
  /** An external ArrayBuffer over the range; ask once for each range. */
  chunk(handle: MappingHandle, offset: number, length: number): ArrayBuffer;
  /** Detaches every ArrayBuffer, unmaps and closes. */
  destroy(handle: MappingHandle): void;
  commit(handle: MappingHandle, offset: number, length: number): number;
  punch(handle: MappingHandle, offset: number, length: number): number;
  /** The next offset with memory (`hole` 0) or without (`hole` 1), at most the size. */
  seek(handle: MappingHandle, offset: number, hole: 0 | 1): number;
  hostBytes(handle: MappingHandle): number;
  /** memmove inside the mapping. */
  copy(handle: MappingHandle, to: number, from: number, length: number): void;
}

const require = createRequire(import.meta.url);
// src/ and dist/ are both one level below the package's root.
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** Importing the package works on every machine: where there is no native part, the first use says why. */
function load(): Binding {
  let reason = `there is none for ${process.platform}, only for linux`;
  try {
    if (process.platform === 'linux') return require('node-gyp-build')(root);
  } catch (error) {
    reason = (error as Error).message;
  }
  const create = () => {
    throw new PlatformError('ERR_SBX_NATIVE_UNAVAILABLE', `memory files need the native part of @sbx/platform: ${reason}`);
  };
  return { create } as unknown as Binding;
}

export const binding: Binding = load();
