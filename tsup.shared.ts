import type { Options } from 'tsup';

/** Builds a library package: a file for each entry, as ESM and as CommonJS; other packages stay external. */
export function library(entry: Record<string, string> = { index: 'src/index.ts' }, format: Options['format'] = ['esm', 'cjs']): Options {
  return { entry, format, target: 'node20', platform: 'node', clean: true, splitting: false, shims: true };
}
