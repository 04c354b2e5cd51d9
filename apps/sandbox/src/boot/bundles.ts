import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Script } from 'node:vm';
import type { CodeCache } from './code-cache.js';
import type { Bundle, Runtime } from './runtime.js';

/** A bundle ends with a comment that holds the hash of its code (tools/bundle). */
const HASH_LENGTH = 32;

type BundleFunction = (module: { exports: unknown }, exports: object, require: (id: string) => unknown, runtime: Runtime) => void;

/**
 * Compiles the bundle in `file`, from the code cache if it is there, else completely, so that all of its functions are in the cache for the next time.
 * Compiling takes some 40 ms, the cached code 5.
 */
export function openBundle(file: string, cache: CodeCache | null, require: (id: string) => unknown, runtime: Runtime): Bundle {
  // esbuild writes ASCII: as latin1 it becomes a string without being decoded.
  const source = readFileSync(file, 'latin1');
  const entry = `${path.basename(file, '.cjs')}-${source.slice(-HASH_LENGTH)}-${process.version}-${process.arch}`;
  const cachedData = cache?.read(entry);
  let script = new Script(source, { filename: file, cachedData });
  if (cache !== null && script.cachedDataRejected !== false) {
    // Not at the top: the module takes its time to load.
    const { setFlagsFromString } = require('node:v8') as typeof import('node:v8');
    setFlagsFromString('--no-lazy');
    script = new Script(source, { filename: file });
    setFlagsFromString('--lazy');
    cache.write(entry, script.createCachedData());
  }
  return {
    run() {
      const module = { exports: {} as unknown };
      (script.runInThisContext() as BundleFunction)(module, module.exports as object, require, runtime);
      return module.exports;
    },
  };
}
