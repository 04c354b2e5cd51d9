/**
 * The first script of a sentry: `node boot.cjs MAIN ARGUMENT...` runs the bundle MAIN, which finds its arguments in `process.argv` as usual. Small, because it
 * alone is compiled anew at every start.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import nodeGypBuild from 'node-gyp-build';
import { openBundle } from './bundles.js';
import { CodeCache } from './code-cache.js';
import { mark } from './marks.js';
import type { Runtime } from './runtime.js';

// This file is a CommonJS module when it runs.
declare const __filename: string;
declare const require: (id: string) => unknown;

mark('boot script runs');
const here = path.dirname(__filename);
const cache = CodeCache.ofUser(process.env);
const modules = new Map<string, unknown>();

const runtime: Runtime = {
  open: (name) => openBundle(`${here}/${name}.cjs`, cache, requireInBundle, runtime),
  requireFrom: () => requireInBundle,
  moduleUrl: (packageName) => `file://${findPackage(packageName)}/dist/index.js`,
};

function requireInBundle(id: string): unknown {
  if (id === 'node-gyp-build') return nodeGypBuild;
  if (id !== '@sbx/sandbox/sentry') return require(id);
  let exports = modules.get(id);
  if (exports === undefined) modules.set(id, (exports = runtime.open('sentry').run()));
  return exports;
}

/** The folder of a package that this one depends on, or of this one, where Node would find it from here; Node itself takes longer. */
function findPackage(name: string): string {
  const own = path.dirname(path.dirname(here));
  if (name === '@sbx/sandbox') return own;
  for (let folder = own; ; folder = path.dirname(folder)) {
    const candidate = `${folder}/node_modules/${name}`;
    if (existsSync(candidate)) return candidate;
    if (folder === '/') throw new Error(`${name} is not installed`);
  }
}

process.argv.splice(1, 2, path.resolve(process.argv[2]));
const main = openBundle(process.argv[1], cache, requireInBundle, runtime);
mark('main bundle compiled');
main.run();
