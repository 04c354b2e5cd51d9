import { mergeConfig } from 'vitest/config';
import { project } from '../../vitest.shared.js';

export default mergeConfig(project('@sbx/sandbox'), { test: { globalSetup: ['test/support/build.ts'] } });
