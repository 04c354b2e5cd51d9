// pnpm gen: writes all generated files that are checked in. pnpm gen --check: only says which are stale, and fails if any is.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { configuredFolders, loadConfig, staleOutputs, writeOutputs } from './outputs.js';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
const check = process.argv.includes('--check');
let stale = 0;
for (const folder of configuredFolders(root)) {
  const config = await loadConfig(folder);
  const paths = check ? staleOutputs(folder, config) : writeOutputs(folder, config);
  stale += paths.length;
  for (const output of paths) console.log(`${check ? 'stale' : 'wrote'} ${path.relative(root, path.join(folder, output))}`);
}
if (check && stale > 0) process.exitCode = 1;
