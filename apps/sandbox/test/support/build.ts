import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../..', import.meta.url));
const tsup = fileURLToPath(new URL('../../../../node_modules/.bin/tsup', import.meta.url));

/**
 * Before the tests: makes the bundles that sentries run, and the library as it is published, from the present sources. Not where the tests are for another sbx,
 * or somebody has built.
 */
export default function build(): void {
  if (process.env.SBX_TEST_SBX !== undefined || process.env.SBX_TEST_VM !== undefined) return;
  execFileSync(process.execPath, [`${folder}bundle.mjs`], { stdio: 'inherit' });
  execFileSync(tsup, ['--no-clean', '--silent'], { cwd: folder, stdio: 'inherit' });
}
