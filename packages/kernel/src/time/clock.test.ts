import { expect, it } from 'vitest';
import { HostClock } from './clock.js';

it("shows the host's clocks", () => {
  const clock = new HostClock();
  for (let i = 0; i < 1000; i++) {
    const before = process.hrtime.bigint();
    const now = clock.monotonic();
    const after = process.hrtime.bigint();
    expect(BigInt(now)).toBeGreaterThanOrEqual(before);
    expect(BigInt(now)).toBeLessThanOrEqual(after);
    const from = Date.now();
    clock.readRealtime();
    const to = Date.now();
    const milliseconds = Math.floor(clock.seconds * 1000 + clock.nanoseconds / 1e6 + 0.02);
    expect(milliseconds).toBeGreaterThanOrEqual(from);
    expect(milliseconds).toBeLessThanOrEqual(to + 1);
  }
});

it('keeps realtime and monotonic time in step', () => {
  const clock = new HostClock();
  clock.readRealtime();
  const { realtimeOffsetSeconds, realtimeOffsetNanoseconds } = clock;
  expect(realtimeOffsetNanoseconds).toBeGreaterThanOrEqual(0);
  expect(realtimeOffsetNanoseconds).toBeLessThan(1e9);
  const now = clock.monotonic();
  clock.readRealtime();
  const shown = clock.seconds * 1e9 + clock.nanoseconds;
  expect(Math.abs(shown - (now + realtimeOffsetSeconds * 1e9 + realtimeOffsetNanoseconds))).toBeLessThan(1e9);
});
