import { expect, test } from 'vitest';
import { loadOrder } from './kernel-cache.js';

const modulesDep = `kernel/a/top.ko: kernel/b/middle.ko kernel/c/base.ko
kernel/b/middle.ko: kernel/c/base.ko
kernel/c/base.ko:
kernel/d/other.ko: kernel/c/base.ko
`;

test('a module is loaded once, after what it depends on', () => {
  expect(loadOrder(modulesDep, ['top', 'other'])).toEqual([
    'kernel/c/base.ko',
    'kernel/b/middle.ko',
    'kernel/a/top.ko',
    'kernel/d/other.ko',
  ]);
});

test('a module that the kernel lacks is named', () => {
  expect(() => loadOrder(modulesDep, ['9p'])).toThrow('no module 9p');
});
