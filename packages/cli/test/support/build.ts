import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import buildSandbox from '../../../../apps/sandbox/test/support/build.js';

/** Before the tests: makes what sbx runs from the present sources. Not where the tests are for another sbx, or somebody has built. */
export default function build(): void {
  buildSandbox();
  if (process.env.SBX_TEST_SBX !== undefined || process.env.SBX_TEST_VM !== undefined) return;
  execFileSync(process.execPath, [fileURLToPath(new URL('../../build.mjs', import.meta.url))], { stdio: 'inherit' });
}
