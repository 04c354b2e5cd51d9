import { MemoryFile, type Platform, type PlatformOptions, type PlatformProvider, type Probe } from '@sbx/platform';
import { measureRoundTrip } from './round-trip.js';
import { SystrapPlatform } from './systrap-platform.js';

const MiB = 2 ** 20;

/**
 * Stub processes as a platform that can be chosen: `probe` makes one, runs code in it and measures a system call, which blocks for some milliseconds; `create`
 * throws a `SystrapError` where they do not work.
 *
 * @example
 * import { systrapProvider } from '@sbx/systrap-platform';
 *
 * const { usable, roundTripNs } = systrapProvider.probe();
 * usable === (roundTripNs !== undefined); // true
 */
export const systrapProvider: PlatformProvider = {
  name: 'systrap',

  probe(): Probe {
    let memory: MemoryFile | null = null;
    let kernelMemory: MemoryFile | null = null;
    let platform: SystrapPlatform | null = null;
    try {
      memory = MemoryFile.create({ name: 'systrap-probe', limit: 2 * MiB });
      kernelMemory = MemoryFile.create({ name: 'systrap-probe-kernel', limit: 2 * MiB });
      platform = new SystrapPlatform({ memory, kernelMemory, wake() {}, concurrency: 1 });
      return { usable: true, reason: 'usable', roundTripNs: measureRoundTrip(platform) };
    } catch (error) {
      return { usable: false, reason: error instanceof Error ? error.message : String(error) };
    } finally {
      platform?.destroy();
      memory?.destroy();
      kernelMemory?.destroy();
    }
  },

  create(options: PlatformOptions): Platform {
    return new SystrapPlatform(options);
  },
};
