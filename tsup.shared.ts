import { defineConfig } from 'tsup';

/** Builds a library package: one ESM and one CommonJS file; other packages stay external. */
export function library(entry: Record<string, string> = { index: 'src/index.ts' }) {
  return defineConfig({ entry, format: ['esm', 'cjs'], target: 'node20', platform: 'node', clean: true, splitting: false, shims: true });
}
