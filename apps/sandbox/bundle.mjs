// Makes dist/sentry: the bundles from which sentries run. With --marks they say on stderr how long their start takes, step by step.
import { fileURLToPath } from 'node:url';
import { bundle } from '../../tools/bundle/bundle.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const define = { SBX_MARKS: String(process.argv.includes('--marks')) };
const make = (entry, name, options) =>
  bundle({ entry: `${here}src/${entry}`, outfile: `${here}dist/sentry/${name}.cjs`, define, ...options });

await Promise.all([
  make('boot/boot.ts', 'boot', { plain: true }),
  make('sentry/index.ts', 'sentry'),
  make('serve/main.ts', 'serve', { external: ['@sbx/sandbox/sentry'] }),
  make('kernel/index.ts', 'kernel'),
]);
