import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { binding } from '../../src/host/binding.js';
import { type Clock, HostClock } from '../../src/time/clock.js';
import { VdsoTime } from '../../src/vdso/vdso-time.js';
import { VVAR_FIELDS } from '../../src/vdso/vvar-layout.js';

function read64(page: Int32Array, offset: number): number {
  return (page[offset / 4 + 1] >>> 0) * 2 ** 32 + (page[offset / 4] >>> 0);
}

/** What the vDSO computes for a TSC. */
function shown(page: Int32Array, low: number, high: number): number {
  const ticks = (high - (page[VVAR_FIELDS.tsc / 4 + 1] >>> 0)) * 2 ** 32 + (low - (page[VVAR_FIELDS.tsc / 4] >>> 0));
  return read64(page, VVAR_FIELDS.monotonic) + Math.floor((Math.max(ticks, 0) * read64(page, VVAR_FIELDS.multiplier)) / 2 ** 32);
}

const hasTsc = process.arch === 'x64';

describe('VdsoTime', () => {
  it('leaves time to system calls where the clock is not the host one', () => {
    const page = new Int32Array(1024);
    const virtual: Clock = {
      monotonic: () => 5,
      readRealtime: () => {},
      seconds: 0,
      nanoseconds: 0,
      boottimeOffset: 0,
      realtimeOffsetSeconds: 0,
      realtimeOffsetNanoseconds: 0,
      followsHost: false,
    };
    const time = new VdsoTime(page, virtual);
    time.refresh();
    expect(time.isActive).toBe(false);
    expect(time.nextRefresh).toBe(Number.POSITIVE_INFINITY);
  });

  it.runIf(hasTsc)('shows what the clock shows, and never less than before', async () => {
    const page = new Int32Array(1024);
    const clock = new HostClock();
    const time = new VdsoTime(page, clock);
    expect(time.isActive).toBe(false);
    const sample = new Uint32Array(4);
    let last = 0;
    let compared = 0;
    for (let round = 0; round < 60; round++) {
      await sleep(4);
      if (clock.monotonic() >= time.nextRefresh) {
        if (time.isActive) {
          binding.tscSample(sample);
          last = shown(page, sample[0], sample[1]);
        }
        time.refresh();
      }
      if (!time.isActive) continue;
      const before = clock.monotonic();
      binding.tscSample(sample);
      const after = clock.monotonic();
      const now = shown(page, sample[0], sample[1]);
      expect(now).toBeGreaterThanOrEqual(last);
      last = now;
      if (after - before > 20_000) continue;
      expect(now).toBeGreaterThan(before - 1000);
      expect(now).toBeLessThan(after + 1000);
      compared++;
    }
    expect(page[0] % 2).toBe(0);
    expect(compared).toBeGreaterThan(10);
    // Realtime is as far from monotonic as the clock says.
    clock.readRealtime();
    const real = (read64(page, VVAR_FIELDS.realSeconds) - clock.realtimeOffsetSeconds) * 1e9 + read64(page, VVAR_FIELDS.realNanoseconds);
    expect(real - clock.realtimeOffsetNanoseconds).toBe(read64(page, VVAR_FIELDS.monotonic));
  });
});
