import { expect, it } from 'vitest';
import { decode } from './arguments.js';

it.each([['plain'], ['日本 😀'], ['grüße']])('keeps UTF-8: %s', (text) => expect(decode(Buffer.from(text))).toBe(text));

it('keeps bytes that are no UTF-8 apart from those that are', () => {
  expect(decode(Buffer.from('61ff62c3bc', 'hex'))).toBe('a\udcffbü');
  expect(decode(Buffer.from('c3f09f9880e282', 'hex'))).toBe('\udcc3😀\udce2\udc82');
  // What would be a surrogate, or more than four bytes could say, is no UTF-8.
  expect(decode(Buffer.from('eda080', 'hex'))).toBe('\udced\udca0\udc80');
  expect(decode(Buffer.alloc(0))).toBe('');
});
