import { mergeConfig } from 'vitest/config';
import { project } from '../../vitest.shared.js';

export default mergeConfig(project('@sbx/cli'), { test: { globalSetup: ['test/support/build.ts'] } });
