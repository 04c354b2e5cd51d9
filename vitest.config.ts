import { defineConfig } from 'vitest/config';

/** One run for the whole repository; each workspace folder is a project, resolved from its TypeScript sources. */
export default defineConfig({
  test: {
    projects: ['packages/*/vitest.config.ts', 'apps/*/vitest.config.ts', 'tools/*/vitest.config.ts'],
    reporters: ['default'],
  },
});
