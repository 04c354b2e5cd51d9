import { defineConfig } from 'vitest/config';

/** What every package's vitest.config.ts extends: sources by the `@sbx/source` condition, real processes, hang-only timeouts. */
export function project(name: string) {
  return defineConfig({
    resolve: { conditions: ['@sbx/source', 'node', 'import'] },
    ssr: { resolve: { conditions: ['@sbx/source', 'node', 'import'] } },
    test: {
      name,
      include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'conformance/**/*.test.ts'],
      pool: 'forks',
      testTimeout: 60_000,
      hookTimeout: 60_000,
    },
  });
}
