import { describe } from 'vitest';
import { addressSpaceIOSuite } from './address-space-io.js';
import { eventsSuite } from './events.js';
import { extendedStateSuite } from './extended-state.js';
import { faultsSuite } from './fault-suite.js';
import type { MakePlatform } from './harness.js';
import { interruptsSuite } from './interrupts.js';
import { lifecycleSuite } from './lifecycle.js';
import { mappingsSuite } from './mappings.js';
import { parallelSuite } from './parallel.js';
import { registersSuite } from './registers.js';

export type { MakePlatform } from './harness.js';

/**
 * Defines the vitest tests that every platform must pass, unchanged. `makePlatform` is a provider's `create`; it is called several times, and platforms
 * made by it exist side by side.
 *
 * ```ts
 * platformConformance('kvm', (options) => kvm.create(options));
 * ```
 */
export function platformConformance(name: string, makePlatform: MakePlatform): void {
  describe(`${name}: platform conformance`, () => {
    registersSuite(makePlatform);
    faultsSuite(makePlatform);
    extendedStateSuite(makePlatform);
    interruptsSuite(makePlatform);
    parallelSuite(makePlatform);
    mappingsSuite(makePlatform);
    addressSpaceIOSuite(makePlatform);
    eventsSuite(makePlatform);
    lifecycleSuite(makePlatform);
  });
}
