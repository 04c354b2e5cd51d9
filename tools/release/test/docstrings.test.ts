import { describe, expect, test } from 'vitest';
import { sandboxUnusable } from '../../../apps/sandbox/test/support/describe-sandbox.js';
import { testUnless } from '../../native/conditional-test.js';
import { checkTypes, writeDocstringExamples } from '../src/docstrings.js';

describe('the examples in docstrings', () => {
  const examples = writeDocstringExamples();

  test('have the right types', () => {
    expect(examples.length).toBeGreaterThanOrEqual(5);
    expect(checkTypes(examples.map(({ module }) => module))).toEqual({ status: 0, stdout: '' });
  });

  for (const { name, module } of examples) {
    const reason = name.startsWith('apps/sandbox/') ? sandboxUnusable() : undefined;
    testUnless(reason, `do what they say: ${name}`, () => import(module));
  }
});
