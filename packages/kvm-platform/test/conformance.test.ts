import { platformConformance } from '@sbx/platform/conformance';
import { kvmProvider } from '../src/index.js';
import { kvmMissing, testWithKvm } from './usable.js';

if (kvmMissing === undefined) platformConformance('kvm', (options) => kvmProvider.create(options));
else testWithKvm('platform conformance', () => {});
