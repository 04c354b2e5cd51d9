import { expect, it } from 'vitest';
import { decodeBytes, toByteString } from './byte-string.js';

it.each([['plain'], ['日本 😀'], ['grüße']])('keeps UTF-8: %s', (text) => expect(decodeBytes(Buffer.from(text))).toBe(text));

it('keeps bytes that are no UTF-8 apart from those that are', () => {
  expect(decodeBytes(Buffer.from('61ff62c3bc', 'hex'))).toBe('a\udcffbü');
  expect(decodeBytes(Buffer.from('c3f09f9880e282', 'hex'))).toBe('\udcc3😀\udce2\udc82');
  // What would be a surrogate, or more than four bytes could say, is no UTF-8.
  expect(decodeBytes(Buffer.from('eda080', 'hex'))).toBe('\udced\udca0\udc80');
  expect(decodeBytes(Buffer.alloc(0))).toBe('');
});

it('gives the bytes back', () => {
  for (const hex of ['61ff62c3bc', 'c3f09f9880e282', 'eda080', 'efbfbd', '']) {
    const bytes = Buffer.from(hex, 'hex');
    expect(Buffer.from(toByteString(decodeBytes(bytes)), 'latin1').toString('hex')).toBe(hex);
  }
});
