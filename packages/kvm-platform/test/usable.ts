import { testUnless } from '../../../tools/native/conditional-test.js';
import { kvmProvider } from '../src/index.js';

const probe = kvmProvider.probe();

/** Why tests that need KVM are skipped; undefined: they are not. */
export const kvmMissing = probe.usable ? undefined : `KVM: ${probe.reason}`;

/** A test that runs where KVM can be used. */
export function testWithKvm(name: string, body: () => Promise<void> | void, timeout?: number): void {
  testUnless(kvmMissing, name, body, timeout);
}
