import path from 'node:path';
import type { LimitsConfig, MountConfig, RootConfig, SandboxConfig } from '../config/config.js';
import { callingUser, defaultLimits, exactEnvironment, homeDirectory, scrubEnvironment } from '../config/defaults.js';
import { currentDirectory } from '../config/paths.js';
import { SandboxError } from './errors.js';
import type { LimitOptions, MountOptions, RootfsOptions, SandboxOptions } from './options.js';

/** What a client's options mean, with this process's directory, user and environment in the place of what they leave out. */
export function configOf(options: SandboxOptions): SandboxConfig {
  const root = rootOf(options.rootfs);
  const { user, workingDirectory = '.' } = options;
  const env = exactEnvironment(process.env);
  return {
    root,
    mounts: (options.mounts ?? []).map(mountOf),
    workingDirectory: workingDirectory === false || root.type === 'dir' ? null : hostPathOf(workingDirectory),
    home: homeDirectory(env),
    user: user === undefined ? callingUser() : { uid: user.uid, gid: user.gid, groups: user.groups ?? [] },
    hostname: options.hostname ?? 'sbx',
    limits: limitsOf(options.limits),
    platform: options.platform ?? 'auto',
    env: mergeEnvironment(scrubEnvironment(env), options.env),
  };
}

/** `base` with the variables of `changes`; undefined takes one away. */
export function mergeEnvironment(
  base: Readonly<Record<string, string>>,
  changes: Readonly<Record<string, string | undefined>> = {},
): Record<string, string> {
  const merged: Record<string, string> = { ...base };
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) delete merged[name];
    else merged[name] = value;
  }
  return merged;
}

function hostPathOf(file: string): string {
  if (path.isAbsolute(file)) return path.resolve(file);
  try {
    return path.resolve(currentDirectory(), file);
  } catch (error) {
    throw new SandboxError('ERR_SBX_MOUNT', (error as Error).message);
  }
}

function rootOf(options: RootfsOptions = { type: 'system' }): RootConfig {
  return options.type === 'dir' ? { type: 'dir', path: hostPathOf(options.path), writable: options.writable ?? false } : options;
}

function mountOf(options: MountOptions): MountConfig {
  const target = path.posix.join('/', options.target).replace(/(.)\/$/, '$1');
  if ('type' in options) return { type: 'tmpfs', target, size: options.size ?? null };
  const mode = options.overlay ? 'overlay' : options.readOnly ? 'ro' : 'rw';
  return { type: 'host', source: hostPathOf(options.source), target, mode };
}

function limitsOf(options: LimitOptions = {}): LimitsConfig {
  const limits = defaultLimits();
  const { openFiles } = options;
  return {
    memory: options.memory ?? limits.memory,
    tasks: options.processes ?? limits.tasks,
    openFilesSoft: typeof openFiles === 'object' ? openFiles.soft : (openFiles ?? limits.openFilesSoft),
    openFilesHard: typeof openFiles === 'object' ? openFiles.hard : (openFiles ?? limits.openFilesHard),
  };
}
