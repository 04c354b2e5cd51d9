// Builds the native part of the package in the current folder with node-gyp, against the headers of the running Node.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

/** The prefix whose include/node holds this Node's headers: npm's `nodedir`, else the one beside the running binary; else node-gyp downloads. */
function headerPrefix() {
  const candidates = [process.env.npm_config_nodedir, path.dirname(path.dirname(process.execPath))];
  return candidates.find((prefix) => prefix && existsSync(path.join(prefix, 'include/node/node_api.h')));
}

// A package may have no native part yet.
if (!existsSync('binding.gyp')) process.exit(0);

const require = createRequire(import.meta.url);
const nodeGyp = require.resolve('node-gyp/bin/node-gyp.js');
const prefix = headerPrefix();
const headers = prefix ? [`--nodedir=${prefix}`] : [];
const configured = existsSync('build/config.gypi');
for (const step of configured ? ['build'] : ['configure', 'build']) {
  const { status } = spawnSync(process.execPath, [nodeGyp, step, '--loglevel=warn', ...headers, ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(status ?? 1);
}
