import { chmodSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { HostFileSystem } from '../../src/fs/host/host-file-system.js';
import { OverlayFileSystem } from '../../src/fs/overlay/overlay-file-system.js';
import { TmpfsSuperBlock } from '../../src/fs/tmpfs/tmpfs.js';
import type { Kernel } from '../../src/kernel.js';
import type { SuperBlock } from '../../src/vfs/super-block.js';
import { HostTree } from '../host/fixture.js';
import { testArea } from './run/area.js';
import { compileGuest } from './run/compile.js';
import { runOnHost } from './run/host.js';
import { comparable } from './run/outcome.js';
import { guestPrograms } from './run/programs.js';
import { GuestSandbox } from './run/sandbox.js';

testArea('host');

/*
 * What programs do with files must not depend on the file system: these programs are run once more with /tmp, where they make their files, on a
 * writable mount of a host directory, and on an overlay over one.
 */
const systems: Record<string, (kernel: Kernel, directoryFd: number) => SuperBlock | number> = {
  'a writable host directory': (kernel, directoryFd) => HostFileSystem.create(kernel, { directoryFd }),
  'an overlay over a host directory': (kernel, directoryFd) => {
    const lower = HostFileSystem.create(kernel, { directoryFd, readOnly: true });
    const upper = new TmpfsSuperBlock(kernel, kernel.vfs.allocateDevice(), { mode: 0o1777 });
    return typeof lower === 'number' ? lower : OverlayFileSystem.create(kernel, { lowers: [lower], upper });
  },
};
const PROGRAMS = [
  ...guestPrograms('vfs'),
  ...guestPrograms('fs'),
  ...guestPrograms('mm').filter((program) => /mmap|efault|madvise/.test(program.name)),
];
const only = process.env.GUEST ?? '';

describe.each(Object.entries(systems))('guest programs with their files on %s', (_name, make) => {
  const tree = new HostTree();
  chmodSync(tree.root, 0o1777);
  const sandbox = new GuestSandbox();
  afterAll(() => {
    sandbox.stop();
    tree.dispose();
  });
  let mounted: Kernel | null = null;

  for (const program of PROGRAMS) {
    if (program.oracle !== 'host' || !program.name.includes(only)) continue;
    it(program.name, async () => {
      const { kernel } = sandbox.booted;
      if (mounted !== kernel) {
        const system = make(kernel, tree.open());
        if (typeof system === 'number') throw new Error(`no file system: ${system}`);
        expect(typeof kernel.vfs.mountAt(kernel.vfs.kernelCaller, '/tmp', system, 'test')).toBe('object');
        mounted = kernel;
      }
      const binary = await compileGuest(program.file, program.libcs[0]);
      const [host, guest] = await Promise.all([runOnHost(binary), sandbox.run(binary)]);
      expect(comparable(guest), guest.stderr).toBe(comparable(host));
    });
  }
});
