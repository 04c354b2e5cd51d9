import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../..', import.meta.url));

/** Before the tests: makes the bundles that sbx runs from the present sources. Not where the tests are for another sbx, or somebody has built. */
export default function build(): void {
  if (process.env.SBX_TEST_SBX !== undefined || process.env.SBX_TEST_VM !== undefined) return;
  execFileSync(process.execPath, [`${root}/apps/sandbox/bundle.mjs`], { stdio: 'inherit' });
  execFileSync(process.execPath, [`${root}/packages/cli/build.mjs`], { stdio: 'inherit' });
}
