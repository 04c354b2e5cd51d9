import { fileURLToPath } from 'node:url';
import { kvmProvider } from '@sbx/kvm-platform';
import { expect } from 'vitest';
import { testUnless } from '../../../tools/native/conditional-test.js';
import { runReadmeExamples } from '../../../tools/native/readme.js';

const { usable, reason } = kvmProvider.probe();

testUnless(usable ? undefined : `KVM: ${reason}`, 'the example of the README prints what the README says', () => {
  const examples = runReadmeExamples(fileURLToPath(new URL('..', import.meta.url)));
  expect(examples.length).toBe(1);
  for (const { stdout, stderr, documented } of examples) expect({ stdout, stderr }).toEqual({ stdout: documented, stderr: '' });
});
