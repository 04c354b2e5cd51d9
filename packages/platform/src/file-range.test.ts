import { expect, test } from 'vitest';
import { FileRange } from './file-range.js';

test('prints half-open ranges in hexadecimal', () => {
  expect(`${new FileRange(0x1000, 0x3000)}`).toBe('[0x1000, 0x3000)');
  expect(new FileRange(0x1000, 0x3000).length).toBe(0x2000);
});

test('set operations', () => {
  const range = new FileRange(0x1000, 0x3000);
  expect(range.contains(0x1000)).toBe(true);
  expect(range.contains(0x3000)).toBe(false);
  expect(range.overlaps(new FileRange(0x3000, 0x4000))).toBe(false);
  expect(range.overlaps(new FileRange(0x2fff, 0x4000))).toBe(true);
  expect(range.isSupersetOf(new FileRange(0x2000, 0x3000))).toBe(true);
  expect(range.isSupersetOf(new FileRange(0x2000, 0x3001))).toBe(false);
  expect(`${range.intersect(new FileRange(0x2000, 0x9000))}`).toBe('[0x2000, 0x3000)');
  expect(range.intersect(new FileRange(0x4000, 0x9000)).length).toBe(0);
  expect(range.intersect(new FileRange(0, 0x10)).length).toBe(0);
  expect(range.equals(new FileRange(0x1000, 0x3000))).toBe(true);
});

test.each([
  [2, 1],
  [-1, 1],
  [0.5, 1],
  [0, 2 ** 53],
])('[%d, %d) is refused', (start, end) => {
  expect(() => new FileRange(start, end)).toThrow(RangeError);
});
