import { mergeConfig } from 'vitest/config';
import { platformProject } from '../../vitest.shared.js';

export default mergeConfig(
  platformProject('@sbx/sandbox on systrap', 'systrap', ['test/{run,spawn,hostile,deaths,confinement,files}.test.ts']),
  { test: { globalSetup: ['test/support/build.ts'] } },
);
