import { existsSync } from 'node:fs';
import type { Platform, PlatformProvider } from '@sbx/platform';
import { describe, expect } from 'vitest';
import { testUnless } from '../../../../tools/native/conditional-test.js';
import { boot } from '../support/boot.js';
import { platformProvider } from '../support/platform.js';

const BUSYBOX = '/bin/busybox';
const probe = platformProvider.probe();
const absent = existsSync(BUSYBOX) ? undefined : 'not installed: busybox (Debian: busybox-static)';
const missing = probe.usable ? absent : `${platformProvider.name}: ${probe.reason}`;

/** The platform, with so many address spaces at most, as where the host permits so many processes. */
function scarce(most: number): PlatformProvider {
  return {
    name: platformProvider.name,
    probe: () => probe,
    create(options): Platform {
      const platform = platformProvider.create(options);
      const make = platform.newAddressSpace.bind(platform);
      const waiting: (() => void)[] = [];
      let used = 0;
      platform.newAddressSpace = (mappings) => {
        if (used === most) return new Promise((resolve) => waiting.push(resolve));
        const space = make(mappings);
        if (space instanceof Promise) return space;
        used++;
        const release = space.release.bind(space);
        space.release = () => {
          release();
          used--;
          for (const resolve of waiting.splice(0)) resolve();
        };
        return space;
      };
      return platform;
    },
  };
}

describe.each([1, 2, 3])('with %i address spaces for all programs', (most) => {
  testUnless(missing, 'programs wait for each other, talk, and compute', async () => {
    const booted = boot(scarce(most));
    booted.put('/bin/busybox', BUSYBOX);
    const sh = (script: string) => booted.run(['/bin/busybox', 'sh', '-c', script]);
    expect(await sh('x=$(busybox echo a; busybox echo b); echo $x; busybox seq 300 | busybox sort -n | busybox tail -n 1')).toEqual({
      status: 0,
      stdout: 'a b\n300\n',
      stderr: '',
    });
    // Each of them could run for ever: they take turns.
    const count = 'i=0; while [ $i -lt 400 ]; do i=$((i+1)); done; echo $i';
    expect(await sh(`(${count}) & (${count}) & (${count}) & wait`)).toEqual({ status: 0, stdout: '400\n400\n400\n', stderr: '' });
    expect(await sh('trap "echo caught; exit 3" TERM; (busybox sleep 0.05; kill $$) & while :; do :; done')).toEqual({
      status: 3 << 8,
      stdout: 'caught\n',
      stderr: '',
    });
    booted.shutdown();
  });
});
