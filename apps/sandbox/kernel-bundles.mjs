// The two bundles of the kernel. The coverage build is the same with a counter in each basic block of @sbx/kernel, with /sys/kernel/debug/kcov, and with a file of
// sources for reports.
import { fileURLToPath } from 'node:url';
import { kcov } from '@sbx/kcov/instrument';
import { bundle } from '../../tools/bundle/bundle.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const entry = fileURLToPath(new URL('src/kernel/index.ts', import.meta.url));

/**
 * @param {string} folder where kernel.cjs is written
 * @param {Record<string, string>} define
 */
export function bundleKernel(folder, define = { SBX_MARKS: 'false' }) {
  return bundle({ entry, outfile: `${folder}/kernel.cjs`, define });
}

/**
 * @param {string} folder where kernel-kcov.cjs and kernel-kcov.json.gz are written
 * @param {Record<string, string>} define
 */
export function bundleKernelWithCoverage(folder, define = { SBX_MARKS: 'false' }) {
  const include = (name) => /^packages\/kernel\/src\/(?!kcov\/)/.test(name);
  const plugins = [kcov({ root, include, sources: `${folder}/kernel-kcov.json.gz` })];
  return bundle({ entry, outfile: `${folder}/kernel-kcov.cjs`, define, conditions: ['@sbx/coverage'], plugins });
}
