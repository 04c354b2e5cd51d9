import { expect } from 'vitest';
import { stress } from './stress.js';
import { testWithKvm } from './usable.js';

testWithKvm('everything at once, at random', () => {
  const seed = Date.now() % 2 ** 31;
  const { syscalls, faults, interrupts } = stress(4, seed);
  expect(Math.min(syscalls, faults, interrupts)).toBeGreaterThan(10);
});
