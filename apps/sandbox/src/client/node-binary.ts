import { existsSync } from 'node:fs';
import path from 'node:path';
import { SandboxError } from './errors.js';

const OLDEST = 20;

/**
 * The Node binary for the sentry: this process's own if it is a Node that is new enough; else SBX_NODE, else the one on PATH. Throws a `SandboxError` where
 * there is none (in Electron, Bun, Deno or a single executable application the own binary is not a plain Node).
 */
export function nodeBinary(env: NodeJS.ProcessEnv = process.env): string {
  if (isPlainNode()) return process.execPath;
  if (env.SBX_NODE) return env.SBX_NODE;
  for (const folder of (env.PATH ?? '').split(path.delimiter)) {
    const file = path.join(folder, 'node');
    if (path.isAbsolute(file) && existsSync(file)) return file;
  }
  throw new SandboxError(
    'ERR_SBX_UNSUPPORTED',
    `sandboxes need Node.js ${OLDEST} or newer: put node on PATH, or set SBX_NODE to its binary`,
  );
}

function isPlainNode(): boolean {
  const { versions } = process;
  if ('electron' in versions || 'bun' in versions || 'deno' in versions) return false;
  if (Number.parseInt(versions.node, 10) < OLDEST) return false;
  // A single executable application runs itself, whatever its arguments are.
  const sea = process.getBuiltinModule?.('node:sea') as { isSea(): boolean } | undefined;
  return sea === undefined || !sea.isSea();
}
