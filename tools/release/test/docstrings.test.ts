import { describe, expect, test } from 'vitest';
import { PLATFORMS } from '../../../apps/sandbox/src/sentry/prepare.js';
import { sandboxUnusable } from '../../../apps/sandbox/test/support/describe-sandbox.js';
import { testUnless } from '../../native/conditional-test.js';
import { checkTypes, exportsWithoutExample, publicEntries, writeDocstringExamples } from '../src/docstrings.js';

/** What an example in this file needs that this machine lacks, or undefined. */
function lacking(name: string): string | undefined {
  if (name.startsWith('apps/sandbox/')) return sandboxUnusable();
  for (const provider of PLATFORMS) {
    if (!name.startsWith(`packages/${provider.name}-platform/`)) continue;
    const { usable, reason } = provider.probe();
    return usable ? undefined : `${provider.name}: ${reason}`;
  }
  return undefined;
}

describe('the examples in docstrings', () => {
  const examples = writeDocstringExamples();

  test('have the right types', () => {
    expect(examples.length).toBeGreaterThanOrEqual(30);
    expect(checkTypes(examples.map(({ module }) => module))).toEqual({ status: 0, stdout: '' });
  });

  for (const { name, module } of examples) {
    testUnless(lacking(name), `do what they say: ${name}`, () => import(module));
  }
});

/** Entries whose exports need no example, and why. */
const NO_EXAMPLES: Readonly<Record<string, string>> = {
  '@sbx/platform/conformance': 'it defines tests, which an example that runs in a test cannot do',
  '@sbx/kernel': 'to be written',
};

describe('what is exported', () => {
  for (const entry of publicEntries.filter(({ name }) => !(name in NO_EXAMPLES))) {
    test(`has an example, or one in its source file: ${entry.name}`, async () => {
      expect(await exportsWithoutExample(entry), entry.name).toEqual([]);
    });
  }
});
