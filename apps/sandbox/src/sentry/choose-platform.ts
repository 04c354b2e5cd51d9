import { accessSync, constants, readFileSync } from 'node:fs';
import { type PlatformProvider, PlatformRegistry } from '@sbx/platform';
import { UserCache } from '../boot/user-cache.js';

/**
 * The fastest of the platforms that work here. Measuring takes longer than the rest of a start, so the choice is kept for this user until the machine starts
 * anew, access to KVM changes, or `sbx platforms` measures again. Throws a `PlatformError` when there is none.
 */
export function measuredPlatform(platforms: readonly PlatformProvider[]): PlatformProvider {
  const { provider } = new PlatformRegistry(platforms).select('auto');
  rememberPlatform(platforms, provider);
  return provider;
}

/** Keeps what a measurement has found for the next starts. */
export function rememberPlatform(platforms: readonly PlatformProvider[], fastest: PlatformProvider): void {
  UserCache.ofUser(process.env)?.write(entry(platforms), Buffer.from(fastest.name));
}

/** The platform that was measured to be the fastest before, or null. */
export function rememberedPlatform(platforms: readonly PlatformProvider[]): PlatformProvider | null {
  const name = UserCache.ofUser(process.env)?.read(entry(platforms))?.toString();
  return platforms.find((provider) => provider.name === name) ?? null;
}

/** What the measurement holds for. */
function entry(platforms: readonly PlatformProvider[]): string {
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  return ['platform', ...platforms.map(({ name }) => name), canUseKvm() ? 'kvm-is-open' : 'kvm-is-closed', boot].join('-');
}

function canUseKvm(): boolean {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
