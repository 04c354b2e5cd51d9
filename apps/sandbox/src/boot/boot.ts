/**
 * The first script of a sentry: `node boot.cjs MAIN ARGUMENT...` runs the bundle MAIN, which finds its arguments in `process.argv` as usual. Small, because it
 * alone is compiled anew at every start.
 */
import { createRequire } from 'node:module';
import path from 'node:path';
import nodeGypBuild from 'node-gyp-build';
import { openBundle } from './bundles.js';
import { CodeCache } from './code-cache.js';
import type { Runtime } from './runtime.js';

declare const __filename: string;

const here = path.dirname(__filename);
const requireHere = createRequire(__filename);
const cache = CodeCache.ofUser(process.env);
const modules = new Map<string, unknown>();

const runtime: Runtime = {
  open: (name) => openBundle(`${here}/${name}.cjs`, cache, requireInBundle, runtime),
  requireFrom: () => requireInBundle,
  moduleUrl: (packageName) => `file://${path.dirname(requireHere.resolve(`${packageName}/package.json`))}/dist/index.js`,
};

function requireInBundle(id: string): unknown {
  if (id === 'node-gyp-build') return nodeGypBuild;
  if (id !== '@sbx/sandbox/sentry') return requireHere(id);
  let exports = modules.get(id);
  if (exports === undefined) modules.set(id, (exports = runtime.open('sentry').run()));
  return exports;
}

process.argv.splice(1, 2, path.resolve(process.argv[2]));
openBundle(process.argv[1], cache, requireInBundle, runtime).run();
