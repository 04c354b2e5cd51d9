import process from 'node:process';
import { describe, it } from 'vitest';
import { missing, toolchains } from '../../../../tools/native/toolchain.js';
import { PLATFORMS } from '../../src/sentry/prepare.js';

/** Why no sandbox can run here, or undefined when it can. */
export function sandboxUnusable(): string | undefined {
  const probes = PLATFORMS.map((platform) => ({ name: platform.name, ...platform.probe() }));
  if (probes.some(({ usable }) => usable)) return undefined;
  return `no sandbox can run here: ${probes.map(({ name, reason }) => `${name}: ${reason}`).join('; ')}`;
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
