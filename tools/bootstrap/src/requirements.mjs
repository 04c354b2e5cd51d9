import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';
import { SetupError } from './setup-error.mjs';

/** What the native parts are built with: why, the environment variable that names another, the usual names. */
const tools = [
  { what: 'a C compiler', variable: 'CC', names: ['cc'], debian: 'gcc' },
  { what: 'a C++ compiler', variable: 'CXX', names: ['g++'], debian: 'g++' },
  { what: 'make', variable: 'MAKE', names: ['make', 'gmake'], debian: 'make' },
  { what: 'python3 (node-gyp runs it)', variable: 'PYTHON', names: ['python3'], debian: 'python3' },
];

/**
 * @param {string} file
 */
function isProgram(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/**
 * The path of a program, or undefined.
 *
 * @param {string} name
 * @param {NodeJS.ProcessEnv} [env]
 */
export function findProgram(name, env = process.env) {
  if (name.includes('/')) return isProgram(name) ? name : undefined;
  const folders = (env.PATH ?? '').split(path.delimiter).filter(Boolean);
  return folders.map((folder) => path.join(folder, name)).find(isProgram);
}

/**
 * Checks that the native parts can be built here.
 *
 * @param {NodeJS.ProcessEnv} [env]
 * @param {NodeJS.Platform} [platform]
 * @throws {SetupError} naming everything that is missing
 */
export function checkRequirements(env = process.env, platform = process.platform) {
  if (platform !== 'linux') throw new SetupError(`sbx runs on Linux; this is ${platform}. A Linux machine or virtual machine will do.`);
  const missing = tools.filter(({ variable, names }) => {
    // CC may hold options: "ccache gcc", "gcc -m64".
    const named = env[variable]?.trim().split(/\s+/)[0];
    return !(named ? [named] : names).some((name) => findProgram(name, env));
  });
  if (missing.length === 0) return;
  const lines = missing.map(
    ({ what, variable, names }) => `  - ${what}: ${env[variable] ? `${variable}=${env[variable]}` : names.join(' or ')} is not on PATH`,
  );
  throw new SetupError(
    `The native parts of sbx are built here, and that takes\n${lines.join('\n')}\nOn Debian or Ubuntu: apt-get install ${missing.map(({ debian }) => debian).join(' ')}`,
  );
}
