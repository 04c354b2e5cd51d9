import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { runReadmeExamples } from '../../../tools/native/readme.js';
import { testWithSystrap } from './usable.js';

testWithSystrap('the example of the README prints what the README says', () => {
  const examples = runReadmeExamples(fileURLToPath(new URL('..', import.meta.url)));
  expect(examples.length).toBe(1);
  for (const { stdout, stderr, documented } of examples) expect({ stdout, stderr }).toEqual({ stdout: documented, stderr: '' });
});
