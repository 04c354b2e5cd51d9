import path from 'node:path';
import { exec } from './exec.mjs';
import { root } from './paths.mjs';
import { SetupError } from './setup-error.mjs';

/**
 * Runs turbo tasks of all packages; those whose inputs have not changed come from its cache.
 *
 * @param {readonly string[]} tasks
 */
export function turbo(tasks) {
  const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1', TURBO_NO_UPDATE_NOTIFIER: '1' };
  const args = ['run', ...tasks, '--output-logs=errors-only'];
  return exec(path.join(root, 'node_modules/.bin/turbo'), args, { env, quiet: true });
}

/**
 * Builds all packages, native parts included.
 *
 * @throws {SetupError}
 */
export async function ensureBuilt() {
  const { status, output } = await turbo(['build']);
  if (status === 0) return;
  process.stderr.write(output);
  throw new SetupError('The build failed; the lines above say why.');
}
