// Makes dist/main.cjs, the bundle that @sbx/sandbox's boot script runs.
import { fileURLToPath } from 'node:url';
import { bundle } from '../../tools/bundle/bundle.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));

await bundle({
  entry: `${here}src/main.ts`,
  outfile: `${here}dist/main.cjs`,
  external: ['@sbx/sandbox/sentry'],
  // It takes milliseconds to load.
  alias: { 'node:child_process': `${here}src/no-child-process.ts` },
});
