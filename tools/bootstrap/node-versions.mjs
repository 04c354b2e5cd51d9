// Fetches binaries of given Node versions from npm, for tests: node tools/bootstrap/node-versions.mjs 20 26
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { installAlone } from './src/npm.mjs';
import { cache } from './src/paths.mjs';
import { command, SetupError } from './src/setup-error.mjs';

/** The major versions on which sbx runs. Continuous integration tests on the first and the last. */
export const supported = [20, 22, 24, 26];

/** Inside the folder of one version. */
const inside = (/** @type {string} */ file) => path.join('node_modules', `node-linux-${process.arch}`, file);

/**
 * The path of a Node binary of that major version, from `.cache/node`; the newest is fetched if there is none yet.
 *
 * @param {number} major
 * @throws {SetupError}
 */
export async function nodeBinary(major) {
  if (process.platform !== 'linux') throw new SetupError('npm has Node binaries for tests on Linux only');
  const parent = path.join(cache, 'node');
  const found = existsSync(parent) ? readdirSync(parent).find((name) => name.startsWith(`${major}.`)) : undefined;
  const folder = found
    ? path.join(parent, found)
    : await installAlone(`node-linux-${process.arch}@${major}`, parent, (scratch) => {
        return JSON.parse(readFileSync(path.join(scratch, inside('package.json')), 'utf8')).version;
      });
  return path.join(folder, inside('bin/node'));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await command(async () => {
    for (const word of process.argv.slice(2)) console.log(await nodeBinary(Number(word)));
    return 0;
  });
}
