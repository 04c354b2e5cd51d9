// Where node-gyp is, and what it has to be told so that it downloads no headers.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
export const nodeGyp = require.resolve('node-gyp/bin/node-gyp.js');

/** The prefix whose include/node holds this Node's headers: npm's `nodedir`, else the one beside the running binary. */
function installedHeaders() {
  const candidates = [process.env.npm_config_nodedir, path.dirname(path.dirname(process.execPath))];
  return candidates.find((prefix) => prefix && existsSync(path.join(prefix, 'include/node/node_api.h')));
}

/**
 * A prefix made of what the addons need, which is Node-API alone: its headers are an npm package, the same for every version of
 * Node. For a Node that came without headers (npm's own `node` package has none).
 */
export function apiHeaders() {
  const { include_dir: headers, version } = { ...require('node-api-headers'), ...require('node-api-headers/package.json') };
  const cache = fileURLToPath(new URL('../../.cache', import.meta.url));
  const prefix = path.join(cache, `node-api-headers-${version}`);
  const include = path.join(prefix, 'include/node');
  if (existsSync(path.join(include, 'common.gypi'))) return prefix;
  mkdirSync(cache, { recursive: true });
  const scratch = mkdtempSync(`${prefix}-`);
  for (const name of readdirSync(headers)) cpSync(path.join(headers, name), path.join(scratch, 'include/node', name));
  cpSync(fileURLToPath(new URL('./common.gypi', import.meta.url)), path.join(scratch, 'include/node/common.gypi'));
  try {
    // Complete or not at all: builds of several packages run at the same time.
    renameSync(scratch, prefix);
  } catch {
    rmSync(scratch, { recursive: true });
  }
  return prefix;
}

export function nodeGypOptions() {
  return [`--nodedir=${installedHeaders() ?? apiHeaders()}`];
}
