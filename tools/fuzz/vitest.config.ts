import { mergeConfig } from 'vitest/config';
import { project } from '../../vitest.shared.js';

export default mergeConfig(project('@sbx/fuzz'), { test: { globalSetup: ['../../packages/cli/test/support/build.ts'] } });
