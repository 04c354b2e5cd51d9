/**
 * The first script of a sentry: `node boot.cjs MAIN ARGUMENT...` runs the bundle MAIN, which finds its arguments in `process.argv` as usual. Small, because it
 * alone is compiled anew at every start.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { Bundles } from './bundles.js';
import { mark } from './marks.js';
import { loadNativePart } from './native-parts.js';
import type { Runtime } from './runtime.js';
import { UserCache } from './user-cache.js';

// This file is a CommonJS module when it runs.
declare const __filename: string;
declare const require: (id: string) => unknown;

mark('boot script runs');
const here = path.dirname(__filename);
const recorder = `${here}/record.cjs`;
const modules = new Map<string, unknown>();

const runtime: Runtime = {
  open: (name) => bundles.open(`${here}/${name}.cjs`),
  writeCode: () => bundles.write(),
  requireFrom: (packageName) => (id) =>
    id === 'node-gyp-build' ? () => loadNativePart(findPackage(packageName), packageName) : requireInBundle(id),
  moduleUrl: (packageName) => `file://${findPackage(packageName)}/dist/index.js`,
};

function requireInBundle(id: string): unknown {
  if (LATE.has(id)) return loadLate(id);
  if (id !== '@sbx/sandbox/sentry') return require(id);
  let exports = modules.get(id);
  if (exports === undefined) modules.set(id, (exports = runtime.open('sentry').run()));
  return exports;
}

/** Modules of Node's that take milliseconds to load, and that a start does not use: loaded when something of theirs is. */
const LATE = new Set(['node:stream', 'node:stream/promises', 'node:zlib']);

function loadLate(id: string): object {
  return new Proxy({}, { get: (_target, name) => (require(id) as Record<string | symbol, unknown>)[name] });
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
const cache = UserCache.ofUser(process.env);
const bundles = new Bundles(cache, process.argv[1] === recorder ? null : recorder, requireInBundle, runtime);
const main = bundles.openMain(process.argv[1]);
mark('main bundle compiled');
main.run();
