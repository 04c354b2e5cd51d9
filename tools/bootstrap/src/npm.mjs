import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { exec } from './exec.mjs';
import { SetupError } from './setup-error.mjs';

const networkFailure =
  /ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ERR_SOCKET_TIMEOUT|UND_ERR_|network (error|timeout)/;

/**
 * The message for a failed install: whether the registry could not be reached, else the tool's own words.
 *
 * @param {string} what
 * @param {string} output
 */
export function installFailure(what, output) {
  const failure = networkFailure.exec(output);
  if (!failure) return new SetupError(`${what} failed:\n${output.trim()}`);
  return new SetupError(
    `${what} failed: the npm registry cannot be reached (${failure[0]}).\n` +
      'Check the network and, behind a proxy or a mirror, the settings "npm config get registry" and "npm config get https-proxy".',
  );
}

/** npm's own command line: the one that runs this process, else the one on PATH. */
function npm() {
  const running = process.env.npm_execpath;
  return running && path.basename(running) === 'npm-cli.js'
    ? { program: process.execPath, first: [running] }
    : { program: 'npm', first: [] };
}

/**
 * Installs one package with npm into a folder of its own, which appears whole or not at all. Runs no scripts of the package.
 *
 * @param {string} spec as npm takes it, `name@version`
 * @param {string} parent the folder to install into
 * @param {(installed: string) => string} nameOf gives the name of the new folder in `parent`, from the temporary folder
 * @returns {Promise<string>} the new folder
 */
export async function installAlone(spec, parent, nameOf) {
  mkdirSync(parent, { recursive: true });
  const scratch = mkdtempSync(path.join(parent, '.install-'));
  try {
    const { program, first } = npm();
    const flags = ['--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts', '--global=false', '--loglevel=error'];
    const retries = ['--fetch-retries=2', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=5000'];
    const { status, output, error } = await exec(program, [...first, 'install', '--prefix', scratch, ...flags, ...retries, spec], {
      cwd: scratch,
      quiet: true,
    });
    if (error) throw new SetupError(`npm can't be started: ${error.message}`);
    if (status !== 0) throw installFailure(`npm install ${spec}`, output);
    const target = path.join(parent, nameOf(scratch));
    try {
      renameSync(scratch, target);
    } catch (failure) {
      // Another process was faster.
      if (/** @type {NodeJS.ErrnoException} */ (failure).code !== 'ENOTEMPTY') throw failure;
    }
    return target;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
