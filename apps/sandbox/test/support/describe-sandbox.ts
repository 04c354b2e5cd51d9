import process from 'node:process';
import { kvmProvider } from '@sbx/kvm-platform';
import { describe, it } from 'vitest';
import { missing, toolchains } from '../../../../tools/native/toolchain.js';

/** Why no sandbox can run here, or undefined when it can. */
export function sandboxUnusable(): string | undefined {
  const { usable, reason } = kvmProvider.probe();
  return usable ? undefined : `no sandbox can run here: ${reason}`;
}

/**
 * Tests that need a working sandbox, and with `c` a compiler. Where one is missing they are skipped, with the reason in the name; in CI they fail with it.
 */
export function describeSandbox(name: string, needs: { c?: boolean }, body: () => void): void {
  const reason = sandboxUnusable() ?? (needs.c ? missing(toolchains.host) : undefined);
  if (reason === undefined) describe(name, body);
  else if (process.env.CI) {
    it(name, () => {
      throw new Error(`nothing is skipped in CI: ${reason}`);
    });
  } else describe.skip(`${name} (${reason})`, body);
}
