import { expect, it } from 'vitest';
import { RunLengths } from './run-lengths.js';

it('learns what a short run is', () => {
  const lengths = new RunLengths();
  expect(lengths.isLong(50_000)).toBe(false);
  expect(lengths.isLong(199_000)).toBe(false);
  expect(lengths.isLong(201_000)).toBe(true);
  expect(lengths.isLong(10_000)).toBe(false);
  expect(lengths.isLong(41_000)).toBe(true);
});

it('calls nothing long below 20 us, and everything from 400 us on', () => {
  const lengths = new RunLengths();
  expect(lengths.isLong(100)).toBe(false);
  expect(lengths.isLong(19_999)).toBe(false);
  expect(lengths.isLong(20_000)).toBe(true);
  const slow = new RunLengths();
  for (let i = 0; i < 10; i++) expect(slow.isLong(390_000)).toBe(false);
  expect(slow.isLong(400_000)).toBe(true);
});

it('forgets the shortest run in the end', () => {
  const lengths = new RunLengths();
  lengths.isLong(10_000);
  expect(lengths.isLong(90_000)).toBe(true);
  for (let i = 0; i < 10_000; i++) lengths.isLong(60_000);
  expect(lengths.isLong(90_000)).toBe(false);
});
