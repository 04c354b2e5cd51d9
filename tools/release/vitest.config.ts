import { mergeConfig } from 'vitest/config';
import { project } from '../../vitest.shared.js';

// Each test starts several programs, some of which install packages.
export default mergeConfig(project('@sbx/release'), { test: { testTimeout: 300_000 } });
