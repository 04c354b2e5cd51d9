import { platformConformance } from '@sbx/platform/conformance';
import { describe, test } from 'vitest';
import { kvmProvider } from '../src/index.js';

const { usable, reason } = kvmProvider.probe();

if (usable) platformConformance('kvm', (options) => kvmProvider.create(options));
else describe('kvm', () => test.skip(`conformance: ${reason}`, () => {}));
