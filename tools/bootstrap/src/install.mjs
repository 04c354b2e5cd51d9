import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { exec } from './exec.mjs';
import { installAlone, installFailure } from './npm.mjs';
import { cache, root } from './paths.mjs';

const stamp = path.join(root, 'node_modules/.sbx-installed');

/** The pnpm that package.json pins; fetched into the cache by npm at first use. Returns the folder to put on PATH. */
async function ensurePnpm() {
  const { packageManager } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const version = /^pnpm@([^+]+)/.exec(packageManager)?.[1];
  if (!version) throw new Error(`package.json: packageManager "${packageManager}" is not pnpm@VERSION`);
  const parent = path.join(cache, 'pnpm');
  const bin = path.join(parent, version, 'node_modules/.bin');
  if (!existsSync(path.join(bin, 'pnpm'))) {
    process.stderr.write(`Fetching pnpm ${version}\n`);
    await installAlone(`pnpm@${version}`, parent, () => version);
  }
  return bin;
}

/** What the installed packages depend on. */
function installKey() {
  const hash = createHash('sha256').update(`${process.version} ${process.arch}\n`);
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml']) hash.update(readFileSync(path.join(root, file)));
  return hash.digest('hex');
}

/**
 * Brings pnpm and the repository's dependencies up to date. Sets PATH of this process so that pnpm is found on it.
 * Does nothing where a previous run did the same.
 *
 * @throws {SetupError}
 */
export async function ensureInstalled() {
  const bin = await ensurePnpm();
  const tools = path.join(root, 'node_modules/.bin');
  process.env.PATH = [bin, tools, ...(process.env.PATH ?? '').split(path.delimiter).filter((folder) => folder !== bin)].join(
    path.delimiter,
  );
  const key = installKey();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === key) return;
  process.stderr.write('Installing dependencies\n');
  // Scripts: the native parts of this repository are built by turbo, and no dependency needs one.
  const flags = ['--frozen-lockfile', '--ignore-scripts', '--prefer-offline', '--reporter=append-only', '--loglevel=warn'];
  const retries = ['--config.fetch-retries=2', '--config.fetch-retry-mintimeout=1000', '--config.fetch-retry-maxtimeout=5000'];
  const { status, output } = await exec(path.join(bin, 'pnpm'), ['install', ...flags, ...retries], { quiet: true });
  if (status !== 0) throw installFailure('pnpm install', output);
  writeFileSync(stamp, key);
}
