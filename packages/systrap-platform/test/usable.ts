import { testUnless } from '../../../tools/native/conditional-test.js';
import { systrapProvider } from '../src/index.js';

const probe = systrapProvider.probe();

/** Why tests that need stub processes are skipped; undefined: they are not. */
export const systrapMissing = probe.usable ? undefined : `systrap: ${probe.reason}`;

/** A test that runs where stub processes can be used. */
export function testWithSystrap(name: string, body: () => Promise<void> | void, timeout?: number): void {
  testUnless(systrapMissing, name, body, timeout);
}
