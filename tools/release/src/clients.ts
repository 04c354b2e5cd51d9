import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { exec, execOk } from './exec.js';
import { root } from './packages.js';
import type { Registry } from './registry.js';

/** The registry that npm is configured to use. */
export async function configuredRegistry(): Promise<string> {
  const { stdout } = await exec('npm', ['config', 'get', 'registry'], { cwd: root, env: process.env });
  return stdout.trim();
}

/** Where the pnpm is that package.json pins, if npm test has fetched it. */
function pnpmFolders(): string[] {
  const cache = path.join(root, '.cache/pnpm');
  try {
    return readdirSync(cache).map((version) => path.join(cache, version, 'node_modules/.bin'));
  } catch {
    return [];
  }
}

/**
 * The environment for npm and pnpm to work with a registry and nothing else: no configuration of the user's or of a running npm, caches
 * in `folder`.
 */
export function clientEnvironment(registry: Registry, folder: string): NodeJS.ProcessEnv {
  mkdirSync(folder, { recursive: true });
  const npmrc = path.join(folder, 'npmrc');
  const host = registry.url.replace(/^http:/, '');
  // The token is what a client wants to have before it publishes; the registry lets anybody.
  const lines = [`${host}:_authToken=anybody`, 'audit=false', 'fund=false', 'update-notifier=false'];
  writeFileSync(npmrc, `${lines.join('\n')}\n`);
  const environment = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(npm_|pnpm_|NODE_OPTIONS$|NODE_ENV$|VITEST|TEST$)/i.test(name)),
  );
  return {
    ...environment,
    PATH: [...pnpmFolders(), process.env.PATH].join(path.delimiter),
    // In the environment, because changesets takes npm's public registry where no variable names another.
    npm_config_registry: registry.url,
    // And should a client think of another registry all the same, it does not get there.
    npm_config_https_proxy: 'http://127.0.0.1:9/',
    npm_config_noproxy: '127.0.0.1',
    npm_config_userconfig: npmrc,
    npm_config_cache: path.join(folder, 'npm-cache'),
    XDG_DATA_HOME: path.join(folder, 'data'),
    XDG_CACHE_HOME: path.join(folder, 'cache'),
    XDG_STATE_HOME: path.join(folder, 'state'),
  };
}

/** Publishes every package of the repository whose version the registry does not have, by the command that makes a release. */
export async function publishAll(registry: Registry, environment: NodeJS.ProcessEnv): Promise<string> {
  const target = await execOk('npm', ['config', 'get', 'registry'], { cwd: root, env: environment });
  if (target.trim() !== registry.url) throw new Error(`this would publish to ${target.trim()}`);
  return execOk(path.join(root, 'node_modules/.bin/changeset'), ['publish', '--no-git-tag'], { cwd: root, env: environment });
}
