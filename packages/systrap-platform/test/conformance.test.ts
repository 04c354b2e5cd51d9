import { platformConformance } from '@sbx/platform/conformance';
import { systrapProvider } from '../src/index.js';
import { systrapMissing, testWithSystrap } from './usable.js';

if (systrapMissing === undefined) platformConformance('systrap', (options) => systrapProvider.create(options));
else testWithSystrap('platform conformance', () => {});
