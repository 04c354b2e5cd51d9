// Makes dist/sentry: the bundles from which sentries run. With --marks it makes build/sentry-with-marks instead, whose sentries say on stderr how long their start
// takes, step by step.
import { fileURLToPath } from 'node:url';
import { bundle } from '../../tools/bundle/bundle.mjs';
import { bundleKernel, bundleKernelWithCoverage } from './kernel-bundles.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const marks = process.argv.includes('--marks');
const define = { SBX_MARKS: String(marks) };
const folder = `${here}${marks ? 'build/sentry-with-marks' : 'dist/sentry'}`;
const make = (entry, name, options) => bundle({ entry: `${here}src/${entry}`, outfile: `${folder}/${name}.cjs`, define, ...options });

await Promise.all([
  make('boot/boot.ts', 'boot', { plain: true }),
  make('sentry/index.ts', 'sentry'),
  make('serve/main.ts', 'serve', { external: ['@sbx/sandbox/sentry'] }),
  make('record/main.ts', 'record', { external: ['@sbx/sandbox/sentry'] }),
  bundleKernel(folder, define),
  bundleKernelWithCoverage(folder, define),
]);
