import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** One run for the whole repository; each workspace folder is a project, resolved from its TypeScript sources; where tests run programs, a
 * second one runs them on the other platform. */
export default defineConfig({
  test: {
    projects: ['{packages,apps,tools}/*/vitest.config.ts', '{packages,apps}/*/vitest.systrap.config.ts'],
    reporters: ['default'],
    // Two more than there are CPUs: many tests wait, for processes, timeouts and the like.
    poolOptions: { forks: { maxForks: availableParallelism() + 2 } },
  },
});
