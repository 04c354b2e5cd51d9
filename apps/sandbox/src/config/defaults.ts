import { readFileSync } from 'node:fs';
import { totalmem, userInfo } from 'node:os';
import process from 'node:process';
import { decodeBytes, isLossy } from './byte-string.js';
import type { LimitsConfig, UserConfig } from './config.js';

/** Where programs are looked for when there is no PATH. */
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const MiB = 2 ** 20;

/** What a sandbox may use unless more is asked for: of memory half of the host's. */
export function defaultLimits(): LimitsConfig {
  const host = totalmem();
  // What a control group grants: 0, undefined or 2^64 where there is none.
  const granted = process.constrainedMemory?.() || host;
  const memory = Math.floor(Math.min(host, granted) / 2 / MiB) * MiB;
  return { memory, tasks: 4096, openFilesSoft: 1024, openFilesHard: 65536 };
}

/** This process's environment with values that are no UTF-8 as they are: Node has lost their bytes. */
export function exactEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  if (!Object.values(env).some((value) => value !== undefined && isLossy(value))) return env;
  const exact = { ...env };
  // What the process was started with: true for those that have not been changed since.
  for (const entry of readFileSync('/proc/self/environ', 'latin1').split('\0')) {
    const bytes = Buffer.from(entry, 'latin1');
    const equals = entry.indexOf('=');
    const name = bytes.toString('utf8', 0, equals);
    if (env[name] === bytes.toString('utf8', equals + 1)) exact[name] = decodeBytes(bytes.subarray(equals + 1));
  }
  return exact;
}

const KEPT = 'SBX_KEPT_';

/** The environment of whoever called sbx: the launcher renames variables that would change how the sentry runs (see sbx-launch.c). */
export function callerEnvironment(env: NodeJS.ProcessEnv): Record<string, string> {
  const caller: Record<string, string> = {};
  for (const [name, value] of Object.entries(exactEnvironment(env))) {
    if (value === undefined || name === 'SBX_IGNORED' || name === 'SBX_NODE_ENTRY' || name === 'SBX_ZYGOTE') continue;
    caller[name.startsWith(KEPT) ? name.slice(KEPT.length) : name] = value;
  }
  return caller;
}

/** Variables of the caller's that programs get. */
const PASSED = new Set(['PATH', 'HOME', 'LANG', 'TZ', 'TERM', 'USER']);

/** The part of the caller's environment that programs get unless more is asked for: nothing that could be a secret. */
export function scrubEnvironment(env: NodeJS.ProcessEnv): Record<string, string> {
  const kept: Record<string, string> = { PATH: DEFAULT_PATH };
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && (PASSED.has(name) || name.startsWith('LC_'))) kept[name] = value;
  }
  return kept;
}

/** The caller's ids. */
export function callingUser(): UserConfig {
  return { uid: process.getuid!(), gid: process.getgid!(), groups: process.getgroups!() };
}

/** The caller's home directory: $HOME, else what the user database says. */
export function homeDirectory(env: NodeJS.ProcessEnv): string {
  if (env.HOME?.startsWith('/')) return env.HOME;
  try {
    return decodeBytes(userInfo({ encoding: 'buffer' }).homedir);
  } catch {
    return '/';
  }
}
