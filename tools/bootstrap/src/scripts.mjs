import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { exec } from './exec.mjs';
import { root } from './paths.mjs';
import { readReport, reporterArguments } from './report.mjs';

/**
 * A script of a package.json.
 *
 * @typedef {{ name: string, folder: string, command: string }} Script
 */

/**
 * The scripts with this name of all packages, in the order of the folders.
 *
 * @param {string} name
 * @returns {Script[]}
 */
export function scriptsNamed(name) {
  return ['packages', 'apps', 'tools'].flatMap((parent) =>
    readdirSync(path.join(root, parent)).flatMap((folder) => {
      const manifest = path.join(root, parent, folder, 'package.json');
      if (!existsSync(manifest)) return [];
      const { name: packageName, scripts } = JSON.parse(readFileSync(manifest, 'utf8'));
      return scripts?.[name] ? [{ name: packageName, folder: path.dirname(manifest), command: scripts[name] }] : [];
    }),
  );
}

/**
 * PATH for a script: that Node, the package's programs, the repository's.
 *
 * @param {Script} script
 * @param {string} node
 * @param {string} [rest]
 */
export function scriptPath(script, node, rest = process.env.PATH) {
  const folders = [path.dirname(node), path.join(script.folder, 'node_modules/.bin'), path.join(root, 'node_modules/.bin')];
  return [...folders, rest].join(path.delimiter);
}

/**
 * Arguments and variables that make a script write a report, if it is a vitest command line.
 *
 * @param {Script} script
 * @param {string} file
 */
export function reporting(script, file) {
  return script.command.startsWith('vitest ') ? reporterArguments(file) : { args: [], env: {} };
}

/**
 * Runs a script as pnpm does: by sh, in the package's folder, with its programs on PATH.
 *
 * @param {Script} script
 * @param {readonly string[]} args added at the end of the command
 * @param {{ env?: NodeJS.ProcessEnv, node?: string, timeout?: number, quiet?: boolean }} [options] `node`: the binary that `node` stands for
 */
export function runScript(script, args, { env = process.env, node, timeout, quiet } = {}) {
  const options = { cwd: script.folder, env: { ...env, PATH: scriptPath(script, node ?? process.execPath, env.PATH) }, timeout, quiet };
  return exec('sh', ['-c', `${script.command} "$@"`, 'sh', ...args], options);
}

/**
 * Runs a script that is a vitest command line and returns what its tests did. A script that is not counts as one test.
 *
 * @param {Script} script
 * @param {Parameters<typeof runScript>[2]} [options]
 */
export async function runTestScript(script, options) {
  const folder = mkdtempSync(path.join(tmpdir(), 'sbx-report-'));
  try {
    const file = path.join(folder, 'report.json');
    const { args, env } = reporting(script, file);
    const { status } = await runScript(script, args, { ...options, env: { ...(options?.env ?? process.env), ...env } });
    return readReport(file, script.name, status);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
