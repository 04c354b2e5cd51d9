// Builds the native part of the package in the current folder with node-gyp, against the headers of the running Node.
// Warnings are errors here (a user's other compiler may warn of other things, so binding.gyp does not say so).
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { nodeGyp, nodeGypOptions } from './node-gyp.mjs';

/** Whether the Makefile that `configure` makes is there and of the present binding.gyp. */
function configured() {
  const modified = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return modified('build/Makefile') > modified('binding.gyp');
}

// A package may have no native part yet.
if (!existsSync('binding.gyp')) process.exit(0);

const env = { ...process.env, CFLAGS: `${process.env.CFLAGS ?? ''} -Werror` };
for (const step of configured() ? ['build'] : ['configure', 'build']) {
  const args = [nodeGyp, step, '--loglevel=warn', ...nodeGypOptions(), ...process.argv.slice(2)];
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit', env });
  if (status !== 0) process.exit(status ?? 1);
}
