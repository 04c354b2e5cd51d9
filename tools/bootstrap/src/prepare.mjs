import { ensureBuilt } from './build.mjs';
import { ensureInstalled } from './install.mjs';
import { checkRequirements } from './requirements.mjs';

/**
 * Brings a clone to the state in which everything runs: requirements checked, dependencies installed, packages built.
 *
 * @throws {SetupError}
 */
export async function prepare() {
  checkRequirements();
  await ensureInstalled();
  await ensureBuilt();
}
