import { PlatformError } from './error.js';
import type { PlatformProvider, Probe } from './platform.js';

/** What probing one platform showed: a row of `sbx platforms`. */
export interface PlatformReport extends Probe {
  readonly name: string;
}

/** A platform that works here, chosen by `select`. */
export interface Selection {
  /** What makes it. */
  readonly provider: PlatformProvider;
  /** What probing it showed. */
  readonly probe: Probe;
}

/**
 * No platform can be used; `reports` has the reason of each that was tried. Its `code` is ERR_SBX_PLATFORM_UNUSABLE.
 *
 * @example
 * import { PlatformRegistry, PlatformUnusableError } from '@sbx/platform';
 *
 * let message = '';
 * try {
 *   new PlatformRegistry().select('auto');
 * } catch (error) {
 *   if (error instanceof PlatformUnusableError) message = error.message;
 * }
 * message; // 'no usable platform (none is registered)'
 */
export class PlatformUnusableError extends PlatformError {
  constructor(readonly reports: readonly PlatformReport[]) {
    const reasons = reports.map(({ name, reason }) => `${name}: ${reason}`).join('; ');
    super('ERR_SBX_PLATFORM_UNUSABLE', `no usable platform (${reasons || 'none is registered'})`);
  }
}

/**
 * The platforms that a program was built with, and the choice among them. Probing runs application code on the platform, so it takes a few milliseconds;
 * each is probed at most once for a registry.
 *
 * @example
 * import { type PlatformProvider, PlatformRegistry } from '@sbx/platform';
 *
 * const create = () => {
 *   throw new Error('an example has no platform');
 * };
 * const slow: PlatformProvider = { name: 'slow', probe: () => ({ usable: true, reason: 'works', roundTripNs: 5000 }), create };
 * const fast: PlatformProvider = { name: 'fast', probe: () => ({ usable: true, reason: 'works', roundTripNs: 900 }), create };
 * const platforms = new PlatformRegistry([slow, fast]);
 * platforms.select('auto').provider.name; // 'fast'
 */
export class PlatformRegistry {
  readonly #providers = new Map<string, PlatformProvider>();
  readonly #probes = new Map<string, Probe>();

  constructor(providers: Iterable<PlatformProvider> = []) {
    for (const provider of providers) this.register(provider);
  }

  /** Adds a platform; a later one of the same name replaces the earlier. */
  register(provider: PlatformProvider): void {
    this.#providers.set(provider.name, provider);
    this.#probes.delete(provider.name);
  }

  /** The names of all platforms, in the order in which they were registered. */
  get names(): string[] {
    return [...this.#providers.keys()];
  }

  /** Probes every platform, which takes a few milliseconds each; one that does not work has its reason. `deviceFd`: as in `PlatformOptions`. */
  reports(deviceFd?: number): PlatformReport[] {
    return [...this.#providers.values()].map((provider) => ({ name: provider.name, ...this.#probe(provider, deviceFd) }));
  }

  /**
   * The platform called `choice`, or, for 'auto', the one with the shortest system-call round trip. Throws a `PlatformError`: ERR_SBX_PLATFORM_UNKNOWN for a
   * name that is not registered, ERR_SBX_PLATFORM_UNUSABLE (a `PlatformUnusableError`) when it, or with 'auto' every one, does not work here.
   */
  select(choice: string, deviceFd?: number): Selection {
    const named = this.#providers.get(choice);
    if (named === undefined && choice !== 'auto') {
      throw new PlatformError(
        'ERR_SBX_PLATFORM_UNKNOWN',
        `unknown platform '${choice}' (there are: ${['auto', ...this.names].join(', ')})`,
      );
    }
    const candidates = named === undefined ? [...this.#providers.values()] : [named];
    let best: Selection | undefined;
    for (const provider of candidates) {
      const probe = this.#probe(provider, deviceFd);
      if (probe.usable && (best === undefined || roundTrip(probe) < roundTrip(best.probe))) best = { provider, probe };
    }
    if (best === undefined) throw new PlatformUnusableError(candidates.map(({ name }) => ({ name, ...this.#probes.get(name)! })));
    return best;
  }

  #probe(provider: PlatformProvider, deviceFd: number | undefined): Probe {
    const known = this.#probes.get(provider.name);
    if (known !== undefined) return known;
    let probe: Probe;
    try {
      probe = provider.probe(deviceFd);
    } catch (error) {
      probe = { usable: false, reason: `probing failed: ${error instanceof Error ? error.message : String(error)}` };
    }
    this.#probes.set(provider.name, probe);
    return probe;
  }
}

function roundTrip(probe: Probe): number {
  return probe.roundTripNs ?? Number.POSITIVE_INFINITY;
}

/** The platforms of this process: packages add themselves with `registerPlatform`, programs ask `selectPlatform`. */
export const platforms = new PlatformRegistry();

/** Adds a platform to `platforms`. */
export function registerPlatform(provider: PlatformProvider): void {
  platforms.register(provider);
}

/** `platforms.select(choice, deviceFd)`: see there. */
export function selectPlatform(choice: string, deviceFd?: number): Selection {
  return platforms.select(choice, deviceFd);
}
