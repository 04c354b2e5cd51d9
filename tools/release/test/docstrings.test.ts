import { describe, expect, test } from 'vitest';
import { sandboxUnusable } from '../../../apps/sandbox/test/support/describe-sandbox.js';
import { testUnless } from '../../native/conditional-test.js';
import { checkTypes, exportsWithoutExample, publicEntries, writeDocstringExamples } from '../src/docstrings.js';

describe('the examples in docstrings', () => {
  const examples = writeDocstringExamples();

  test('have the right types', () => {
    expect(examples.length).toBeGreaterThanOrEqual(30);
    expect(checkTypes(examples.map(({ module }) => module))).toEqual({ status: 0, stdout: '' });
  });

  for (const { name, module } of examples) {
    const reason = name.startsWith('apps/sandbox/') ? sandboxUnusable() : undefined;
    testUnless(reason, `do what they say: ${name}`, () => import(module));
  }
});

/** Entries whose exports need no example, and why. */
const NO_EXAMPLES: Readonly<Record<string, string>> = {
  '@sbx/platform/conformance': 'it defines tests, which an example that runs in a test cannot do',
  '@sbx/abi': 'to be written',
  '@sbx/kcov': 'to be written',
  '@sbx/kcov/instrument': 'to be written',
  '@sbx/kcov/report': 'to be written',
  '@sbx/kernel': 'to be written',
  '@sbx/kvm-platform': 'to be written',
  '@sbx/ring0': 'to be written',
  '@sbx/systrap-platform': 'to be written',
};

describe('what is exported', () => {
  for (const entry of publicEntries.filter(({ name }) => !(name in NO_EXAMPLES))) {
    test(`has an example, or one in its source file: ${entry.name}`, async () => {
      expect(await exportsWithoutExample(entry), entry.name).toEqual([]);
    });
  }
});
