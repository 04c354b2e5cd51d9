import { staleOutputs } from '@sbx/gen';
import { expect, test } from 'vitest';
import config from '../gen.config.js';

test('generated files are what their sources say (else: pnpm --filter @sbx/gen gen)', () => {
  expect(staleOutputs(new URL('..', import.meta.url), config)).toEqual([]);
});
