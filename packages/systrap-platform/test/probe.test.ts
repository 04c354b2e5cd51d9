import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect } from 'vitest';
import { testUnless } from '../../../tools/native/conditional-test.js';
import { compile, missing, toolchains } from '../../../tools/native/toolchain.js';
import { systrapProvider } from '../src/index.js';
import { systrapMissing, testWithSystrap } from './usable.js';

const run = promisify(execFile);
const folder = fileURLToPath(new URL('..', import.meta.url));
const deny = path.join(folder, 'build/test/deny');
const node = [process.execPath, '--import', 'tsx', '--conditions=@sbx/source', path.join(folder, 'test/probe-child.ts')];
const unprivileged = process.getuid?.() === 0 && existsSync('/usr/bin/setpriv') ? undefined : 'only root can become somebody else';

const EPERM = 1;
const ENOSYS = 38;
const EAGAIN = 11;
/** System calls by number. */
const CALLS = {
  clone: 56,
  ptrace: 101,
  personality: 135,
  unshare: 272,
  seccomp: 317,
  memfd_create: 319,
  execveat: 322,
  process_vm_readv: 310,
};

/** What the probe says where calls fail. */
async function probeWith(errno: number, calls: (keyof typeof CALLS)[], command = node): Promise<{ usable: boolean; reason: string }> {
  const numbers = calls.map((name) => CALLS[name]).join(',');
  const { stdout, stderr } = await run(deny, [String(errno), numbers, ...command], { encoding: 'utf8', timeout: 50_000 });
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

describe('probe', () => {
  beforeAll(async () => {
    if (missing(toolchains.host) === undefined) await compile(toolchains.host, [path.join(folder, 'test/native/deny.c')], deny);
  });
  const cannotCompile = systrapMissing ?? missing(toolchains.host);

  testWithSystrap('measures a system call', () => {
    const probe = systrapProvider.probe();
    expect(probe).toEqual({ usable: true, reason: 'usable', roundTripNs: expect.any(Number) });
    expect(probe.roundTripNs).toBeGreaterThan(100);
    expect(probe.roundTripNs).toBeLessThan(1e8);
  });

  testUnless(cannotCompile, 'works where a container engine denies what Docker denies', async () => {
    expect(await probeWith(EPERM, ['personality', 'ptrace', 'unshare', 'process_vm_readv'])).toMatchObject({ usable: true });
  });

  testUnless(cannotCompile ?? unprivileged, 'works for an ordinary user without any capability', async () => {
    const user = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--inh-caps=-all', '--bounding-set=-all'];
    // Node has to find its modules, also where root's folders are closed to others.
    const asUser = async () => JSON.parse((await run(user[0]!, [...user.slice(1), ...node], { encoding: 'utf8', timeout: 50_000 })).stdout);
    expect(await asUser()).toMatchObject({ usable: true });
  });

  for (const [calls, errno, reason] of [
    [['seccomp'], ENOSYS, /^stub processes can't be set up: seccomp filters are not permitted here/],
    [['seccomp'], EPERM, /^stub processes can't be set up: seccomp filters are not permitted here/],
    [['memfd_create'], EPERM, /errno 1/],
    [['execveat'], ENOSYS, /./],
  ] as const) {
    testUnless(cannotCompile, `says what is wrong where ${calls.join()} fails with ${errno}`, async () => {
      const probe = await probeWith(errno, [...calls]);
      expect(probe).toEqual({ usable: false, reason: expect.stringMatching(reason) });
    });
  }

  testUnless(cannotCompile, 'does not hang where processes can be made no more', async () => {
    // Node's own threads are made by clone3, or by clone where there is none.
    const probe = await probeWith(EAGAIN, ['clone']);
    expect(probe.usable).toBe(false);
  });
});
