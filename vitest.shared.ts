import { defineConfig } from 'vitest/config';

/** A project whose sandboxes run on a platform, unless SBX_PLATFORM names another; `include`: its tests. */
export function platformProject(name: string, platform: 'kvm' | 'systrap', include?: string[]) {
  const { SBX_PLATFORM = platform } = platform === 'kvm' ? process.env : {};
  const config = project(name, { SBX_PLATFORM });
  if (include !== undefined) config.test!.include = include;
  return config;
}

/** What every package's vitest.config.ts extends: sources by the `@sbx/source` condition, real processes, hang-only timeouts. */
export function project(name: string, env: Record<string, string> = {}) {
  return defineConfig({
    resolve: { conditions: ['@sbx/source', 'node', 'import'] },
    ssr: { resolve: { conditions: ['@sbx/source', 'node', 'import'] } },
    test: {
      name,
      env,
      include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'conformance/**/*.test.ts'],
      pool: 'forks',
      testTimeout: 60_000,
      hookTimeout: 60_000,
    },
  });
}
