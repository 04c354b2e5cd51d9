// Makes dist/sentry: the bundles from which sentries run.
import { fileURLToPath } from 'node:url';
import { bundle } from '../../tools/bundle/bundle.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const make = (entry, name, options) => bundle({ entry: `${here}src/${entry}`, outfile: `${here}dist/sentry/${name}.cjs`, ...options });

await Promise.all([
  make('kernel/index.ts', 'kernel'),
  make('sentry/index.ts', 'sentry'),
  make('sentry/serve-main.ts', 'serve', { external: ['@sbx/sandbox/sentry'] }),
  make('boot/boot.ts', 'boot', { plain: true }),
]);
