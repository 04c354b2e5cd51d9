import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Metafile } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundleKernel, bundleKernelWithCoverage } from '../kernel-bundles.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'sbx-bundles-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const root = fileURLToPath(new URL('../../..', import.meta.url));

let normal: Metafile;
let coverage: Metafile;
beforeAll(async () => {
  normal = await bundleKernel(folder);
  coverage = await bundleKernelWithCoverage(folder);
});

/** Bytes that each source file has in the bundle. */
function contents(metafile: Metafile): Map<string, number> {
  const [{ inputs }] = Object.values(metafile.outputs);
  return new Map(Object.entries(inputs).map(([file, { bytesInOutput }]) => [path.relative(root, path.resolve(file)), bytesInOutput]));
}
const ofKcov = (file: string) => /^packages\/(kcov|kernel\/src\/kcov)\//.test(file);

it('the normal kernel has nothing of kcov', () => {
  const found = [...contents(normal)].filter(([file, bytes]) => ofKcov(file) && bytes > 0);
  // An empty table.
  expect(found.filter(([file]) => file !== 'packages/kernel/src/kcov/none.ts')).toEqual([]);
  expect(found.reduce((sum, [, bytes]) => sum + bytes, 0)).toBeLessThan(100);
  const text = readFileSync(path.join(folder, 'kernel.cjs'), 'latin1');
  for (const word of ['$kcov', '@sbx/kcov', 'switchCoverage', '[kcov:', 'KcovDriver']) expect(text).not.toContain(word);
});

it('the coverage build has a counter in each file of the kernel with code, and in no other', () => {
  const text = readFileSync(path.join(folder, 'kernel-kcov.cjs'), 'latin1');
  for (const word of ['$kcov', 'switchCoverage', '[kcov:']) expect(text).toContain(word);
  const registered = new Set([...text.matchAll(/\.register\("([^"]+)",\[/g)].map(([, name]) => name));
  expect(registered.size).toBeGreaterThan(200);
  expect([...registered].filter((name) => !name.startsWith('packages/kernel/src/') || ofKcov(name))).toEqual([]);
  const files = [...contents(coverage).keys()].filter((file) => file.startsWith('packages/kernel/src/') && !ofKcov(file));
  // The rest has constants and tables alone.
  expect(registered.size / files.length).toBeGreaterThan(0.85);
});
