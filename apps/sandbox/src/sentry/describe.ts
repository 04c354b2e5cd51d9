import { availableParallelism, release, totalmem } from 'node:os';
import { PlatformRegistry, type PlatformReport } from '@sbx/platform';
import { UserCache } from '../boot/user-cache.js';
import { defaultLimits } from '../config/defaults.js';
import { rememberPlatform } from './choose-platform.js';
import { type IsolationStep, isolationSteps } from './isolation.js';
import { PLATFORMS } from './prepare.js';

/** Every platform with its probe, and the one that 'auto' takes, from now on: a choice that was made on a busy machine is corrected. */
export function describePlatforms(): { platforms: PlatformReport[]; chosen: string | null } {
  const registry = new PlatformRegistry(PLATFORMS);
  const platforms = registry.reports();
  if (!platforms.some(({ usable }) => usable)) return { platforms, chosen: null };
  const { provider } = registry.select('auto');
  rememberPlatform(PLATFORMS, provider);
  return { platforms, chosen: provider.name };
}

export interface HostDescription {
  readonly node: string;
  readonly nodePath: string;
  readonly hostRelease: string;
  readonly arch: string;
  readonly cpus: number;
  readonly memory: number;
  /** Linux as programs see it. */
  readonly guestRelease: string;
  readonly defaultMemory: number;
  readonly codeCache: string | null;
  readonly isolation: readonly IsolationStep[];
}

export function describeHost(): HostDescription {
  return {
    node: process.version,
    nodePath: process.execPath,
    hostRelease: release(),
    arch: process.arch,
    cpus: availableParallelism(),
    memory: totalmem(),
    guestRelease: '6.1.0-sbx',
    defaultMemory: defaultLimits().memory,
    codeCache: UserCache.ofUser(process.env)?.folder ?? null,
    isolation: isolationSteps(null),
  };
}
