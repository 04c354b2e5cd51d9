/**
 * Tests that need what a machine may lack: skipped there, with the reason in the name and on the console. With CI set in the
 * environment nothing is skipped, and such a test fails with the reason instead.
 */
import { test } from 'vitest';
import { missing, type Toolchain } from './toolchain.js';

/** A test that runs where `reason` is undefined. */
export function testUnless(reason: string | undefined, name: string, body: () => Promise<void> | void, timeout?: number): void {
  if (reason === undefined) {
    test(name, body, timeout);
  } else if (process.env.CI) {
    test(name, () => {
      throw new Error(`nothing is skipped in CI: ${reason}`);
    });
  } else {
    console.warn(`skipped: ${name}: ${reason}`);
    test.skip(`${name} (${reason})`, () => {});
  }
}

/** A test that runs where the toolchain is installed. */
export function testWith(toolchain: Toolchain, name: string, body: () => Promise<void> | void, timeout?: number): void {
  testUnless(missing(toolchain), name, body, timeout);
}
