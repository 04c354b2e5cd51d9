import { describe, expect, test } from 'vitest';
import { PLATFORMS } from '../../../apps/sandbox/src/sentry/prepare.js';
import { sandboxUnusable } from '../../../apps/sandbox/test/support/describe-sandbox.js';
import { testUnless } from '../../native/conditional-test.js';
import { checkTypes, publicEntries, undocumentedExports, writeDocstringExamples } from '../src/docstrings.js';

/** What an example uses that this machine lacks, or undefined. */
function lacking(code: string): string | undefined {
  if (code.includes("from '@sbx/sandbox'")) return sandboxUnusable();
  for (const platform of PLATFORMS) {
    if (!code.includes(`from '@sbx/${platform.name}-platform'`)) continue;
    const { usable, reason } = platform.probe();
    if (!usable) return `${platform.name}: ${reason}`;
  }
  return undefined;
}

describe('the examples in docstrings', () => {
  const examples = writeDocstringExamples();

  test('have the right types', () => {
    expect(examples.length).toBeGreaterThanOrEqual(80);
    expect(checkTypes(examples.map(({ module }) => module))).toEqual({ status: 0, stdout: '' });
  });

  for (const { name, code, module } of examples) {
    testUnless(lacking(code), `do what they say: ${name}`, () => import(module));
  }
});

/** Entries whose exports need no example, and why. */
const NO_EXAMPLES: Readonly<Record<string, string>> = {
  '@sbx/platform/conformance': 'it defines tests, which an example that runs in a test cannot do',
};

describe('what is exported', () => {
  for (const entry of publicEntries.filter(({ name }) => !(name in NO_EXAMPLES))) {
    test(`has docstrings, and examples that show it: ${entry.name}`, async () => {
      expect(await undocumentedExports(entry), entry.name).toEqual([]);
    });
  }
});
