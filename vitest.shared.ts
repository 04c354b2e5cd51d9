import { defineConfig } from 'vitest/config';

/** A project whose sandboxes run on a platform, unless SBX_PLATFORM names another; `include`: its tests. */
export function platformProject(name: string, platform: 'kvm' | 'systrap', include?: string[]) {
  const { SBX_PLATFORM = platform } = platform === 'kvm' ? process.env : {};
  const config = project(name, { SBX_PLATFORM });
  if (include !== undefined) config.test!.include = include;
  return config;
}

/** In the test VM, where every module that is compiled takes its time, other packages are what was built of them. */
const built = process.env.SBX_TEST_VM !== undefined;
const conditions = [...(built ? [] : ['@sbx/source']), 'node', 'import'];

/** What every package's vitest.config.ts extends: sources by the `@sbx/source` condition, real processes, hang-only timeouts. */
export function project(name: string, env: Record<string, string> = {}) {
  return defineConfig({
    resolve: { conditions },
    ssr: { resolve: { conditions } },
    test: {
      name,
      env,
      include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'conformance/**/*.test.ts'],
      pool: 'forks',
      server: { deps: { external: built ? [/\/packages\/[^/]+\/dist\//] : [] } },
      testTimeout: 60_000,
      hookTimeout: 60_000,
    },
  });
}
