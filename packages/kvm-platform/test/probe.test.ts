import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { testUnless } from '../../../tools/native/conditional-test.js';
import { kvmProvider } from '../src/index.js';
import { testWithKvm } from './usable.js';

const child = fileURLToPath(new URL('probe-child.ts', import.meta.url));
const node = [process.execPath, '--import', 'tsx', '--conditions=@sbx/source', child];
const notRoot = process.getuid?.() === 0 ? undefined : 'only root can hide or replace a device';

/** What the probe says in a process that was started by `command`. */
function probeIn(command: string[]): { usable: boolean; reason: string } {
  const [program, ...rest] = [...command, ...node];
  const { stdout, stderr } = spawnSync(program!, rest, { encoding: 'utf8' });
  try {
    return JSON.parse(stdout);
  } catch {
    throw new Error(`no answer: ${stdout}${stderr}`);
  }
}

const hidden = (mount: string): string[] => ['unshare', '-m', 'sh', '-c', `${mount} && exec "$0" "$@"`];

describe('probe', () => {
  testWithKvm('finds a device, and measures a system call', () => {
    const probe = kvmProvider.probe();
    expect(probe.usable).toBe(true);
    expect(probe.reason).toMatch(/^usable/);
    expect(probe.roundTripNs).toBeGreaterThan(100);
    expect(probe.roundTripNs).toBeLessThan(1e8);
  });

  testWithKvm('takes a descriptor that was opened before, and leaves it open', () => {
    const fd = openSync('/dev/kvm', 'r+');
    for (let i = 0; i < 3; i++) expect(kvmProvider.probe(fd).usable).toBe(true);
    closeSync(fd);
  });

  test('a descriptor that is something else', () => {
    const fd = openSync('/dev/null', 'r+');
    expect(kvmProvider.probe(fd)).toEqual({ usable: false, reason: expect.stringMatching(/^the device is not a KVM: .*errno 25/) });
    closeSync(fd);
    expect(kvmProvider.probe(99_999)).toEqual({ usable: false, reason: expect.stringMatching(/^the device is not a KVM: .*errno 9/) });
  });

  testUnless(notRoot, 'no device', () => {
    const { usable, reason } = probeIn(hidden('mount -t tmpfs none /dev'));
    expect({ usable, reason }).toEqual({ usable: false, reason: expect.stringMatching(/\/dev\/kvm does not exist/) });
  });

  testUnless(notRoot ?? (existsSync('/dev/kvm') ? undefined : 'there is no /dev/kvm to replace'), 'something else in its place', () => {
    const { usable, reason } = probeIn(hidden('mount --bind /dev/null /dev/kvm'));
    expect({ usable, reason }).toEqual({ usable: false, reason: expect.stringMatching(/not a KVM/) });
  });

  testUnless(notRoot ?? (existsSync('/dev/kvm') ? undefined : 'there is no /dev/kvm to replace'), 'no permission', () => {
    const mount = 'mount -t tmpfs none /dev && mknod -m 600 /dev/kvm c 10 232 && mknod -m 666 /dev/null c 1 3';
    const drop = 'exec setpriv --reuid 65534 --regid 65534 --clear-groups "$0" "$@"';
    const { usable, reason } = probeIn(['unshare', '-m', 'sh', '-c', `${mount} && ${drop}`]);
    expect({ usable, reason }).toEqual({ usable: false, reason: expect.stringMatching(/no permission to open \/dev\/kvm/) });
  });
});
