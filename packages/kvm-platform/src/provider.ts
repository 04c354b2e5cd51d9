import { MemoryFile, type Platform, type PlatformOptions, type PlatformProvider, type Probe } from '@sbx/platform';
import { KvmPlatform } from './kvm-platform.js';
import { measureRoundTrip } from './round-trip.js';

const MiB = 2 ** 20;

function describeMode(platform: KvmPlatform): string {
  const { syscallFaults, shadow } = platform.machine.mode;
  const notes: string[] = [];
  if (syscallFaults) notes.push('ring 0 is emulated in software, system calls arrive as page faults');
  if (shadow) notes.push('page tables are shadowed');
  return notes.length === 0 ? 'usable' : `usable (${notes.join('; ')})`;
}

/**
 * KVM as a platform that can be chosen: `probe` makes a virtual machine, runs ring 3 in it and measures a system call, which blocks for some milliseconds;
 * `create` throws a `KvmError` where KVM does not work.
 *
 * @example
 * import { kvmProvider } from '@sbx/kvm-platform';
 *
 * const { usable, roundTripNs } = kvmProvider.probe();
 * usable === (roundTripNs !== undefined); // true
 */
export const kvmProvider: PlatformProvider = {
  name: 'kvm',

  probe(deviceFd?: number): Probe {
    let memory: MemoryFile | null = null;
    let kernelMemory: MemoryFile | null = null;
    let platform: KvmPlatform | null = null;
    try {
      memory = MemoryFile.create({ name: 'kvm-probe', limit: 2 * MiB });
      kernelMemory = MemoryFile.create({ name: 'kvm-probe-kernel', limit: 8 * MiB });
      const options: PlatformOptions = { memory, kernelMemory, wake() {}, concurrency: 1, ...(deviceFd === undefined ? {} : { deviceFd }) };
      platform = new KvmPlatform(options);
      return { usable: true, reason: describeMode(platform), roundTripNs: measureRoundTrip(platform) };
    } catch (error) {
      return { usable: false, reason: error instanceof Error ? error.message : String(error) };
    } finally {
      platform?.destroy();
      memory?.destroy();
      kernelMemory?.destroy();
    }
  },

  create(options: PlatformOptions): Platform {
    return new KvmPlatform(options);
  },
};
