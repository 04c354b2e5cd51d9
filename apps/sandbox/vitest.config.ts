import { mergeConfig } from 'vitest/config';
import { platformProject } from '../../vitest.shared.js';

export default mergeConfig(platformProject('@sbx/sandbox', 'kvm'), { test: { globalSetup: ['test/support/build.ts'] } });
