import { expect, test } from 'vitest';
import type { PlatformProvider, Probe } from './platform.js';
import { PlatformRegistry, PlatformUnusableError } from './registry.js';

function provider(name: string, probe: Probe | Error): PlatformProvider & { probes: number; fds: unknown[] } {
  return {
    name,
    probes: 0,
    fds: [],
    probe(deviceFd) {
      this.probes++;
      this.fds.push(deviceFd);
      if (probe instanceof Error) throw probe;
      return probe;
    },
    create() {
      throw new Error('not created here');
    },
  };
}

const slow = provider('slow', { usable: true, reason: 'works', roundTripNs: 9000 });
const fast = provider('fast', { usable: true, reason: 'works', roundTripNs: 800 });
const unknownSpeed = provider('unmeasured', { usable: true, reason: 'works' });
const absent = provider('absent', { usable: false, reason: '/dev/none: no such device' });
const broken = provider('broken', new Error('oops'));

test('auto takes the fastest that works', () => {
  expect(new PlatformRegistry([broken, unknownSpeed, slow, absent, fast]).select('auto').provider).toBe(fast);
  expect(new PlatformRegistry([unknownSpeed, slow]).select('auto').provider).toBe(slow);
  expect(new PlatformRegistry([absent, unknownSpeed]).select('auto').provider).toBe(unknownSpeed);
});

test('a name takes just that one, probed once, with the descriptor', () => {
  const a = provider('a', { usable: true, reason: '', roundTripNs: 5 });
  const b = provider('b', { usable: true, reason: '', roundTripNs: 1 });
  const registry = new PlatformRegistry([a, b]);
  expect(registry.select('a', 7).provider).toBe(a);
  registry.select('a');
  expect([a.probes, a.fds[0], b.probes]).toEqual([1, 7, 0]);
});

test('errors have stable codes and the reasons', () => {
  const registry = new PlatformRegistry([absent, broken]);
  expect(() => registry.select('kvn')).toThrow(
    expect.objectContaining({ code: 'ERR_SBX_PLATFORM_UNKNOWN', message: expect.stringContaining('absent') }),
  );
  const failure = (() => {
    try {
      return registry.select('auto');
    } catch (error) {
      return error;
    }
  })() as PlatformUnusableError;
  expect(failure).toBeInstanceOf(PlatformUnusableError);
  expect(failure.code).toBe('ERR_SBX_PLATFORM_UNUSABLE');
  expect(failure.message).toBe('no usable platform (absent: /dev/none: no such device; broken: probing failed: oops)');
  expect(failure.reports.map((r) => r.name)).toEqual(['absent', 'broken']);
  expect(() => registry.select('absent')).toThrow('no such device');
  expect(() => new PlatformRegistry().select('auto')).toThrow('none is registered');
  expect(registry.reports()).toEqual([
    { name: 'absent', usable: false, reason: '/dev/none: no such device' },
    { name: 'broken', usable: false, reason: 'probing failed: oops' },
  ]);
});
