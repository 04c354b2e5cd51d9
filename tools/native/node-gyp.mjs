// Where node-gyp is, and what it has to be told so that it does not download headers when they are here.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

export const nodeGyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');

/** The prefix whose include/node holds this Node's headers: npm's `nodedir`, else the one beside the running binary. */
export function headerPrefix() {
  const candidates = [process.env.npm_config_nodedir, path.dirname(path.dirname(process.execPath))];
  return candidates.find((prefix) => prefix && existsSync(path.join(prefix, 'include/node/node_api.h')));
}

export function nodeGypOptions() {
  const prefix = headerPrefix();
  return prefix ? [`--nodedir=${prefix}`] : [];
}
