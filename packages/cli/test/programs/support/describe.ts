import process from 'node:process';
import { describe, it } from 'vitest';
import { programMissing, sandboxUnusable } from './run.js';

/**
 * Tests that need a working sandbox and these programs of the machine. Where one is missing they are skipped, with the reason in the name; in CI they fail.
 */
export function describePrograms(name: string, needs: { programs?: readonly string[] }, body: () => void): void {
  const reason = sandboxUnusable() ?? programMissing(...(needs.programs ?? []));
  if (reason === undefined) describe(name, body);
  else if (process.env.CI) {
    it(name, () => {
      throw new Error(`nothing is skipped in CI: ${reason}`);
    });
  } else describe.skip(`${name} (${reason})`, body);
}
