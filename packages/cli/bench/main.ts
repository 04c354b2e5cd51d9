/**
 * What a sandbox costs, beside the host and a peer in the same run: `pnpm --filter @sbx/cli bench`, options as below. Prints tables in Markdown, or with --json
 * a line of JSON for each. With `--write FILE` the tables go into that file, too.
 */
import { writeFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { parseArgs } from 'node:util';
import { type Table, toJson, toMarkdown } from '../../../tools/native/results.js';
import { measureCalls } from './calls.js';
import { measureEndings } from './endings.js';
import { measureIdle } from './idle.js';
import { measureParts } from './parts.js';
import { measurePhases } from './phases.js';
import { measureLibrary, measurePrograms } from './programs.js';
import { systems as allSystems } from './systems.js';
import { FULL, makeWorkspace, QUICK } from './workspace.js';

const { values: options } = parseArgs({
  options: {
    /** One of sbx's platforms; default: all. */
    platform: { type: 'string' },
    /** Less of everything. */
    quick: { type: 'boolean' },
    json: { type: 'boolean' },
    /** One of `measures` below; default: all. */
    only: { type: 'string' },
    write: { type: 'string' },
  },
});
const extent = options.quick ? QUICK : FULL;
/** More than some tenths: other work disturbed the figures. */
const load = loadavg()[0].toFixed(1);
const all = allSystems(options.platform);
const systems = all.filter(({ unusable }) => unusable === undefined);
const platforms = systems.flatMap(({ name }) => (name.startsWith('sbx ') ? [name.slice(4)] : []));
const missing = all.flatMap(({ name, unusable }) => (unusable === undefined ? [] : [`${name} can't be measured here: ${unusable}`]));
const tables: Table[] = [];

// Node would read these certificates at each start on the host, and sbx's launcher keeps them away from the sentry.
delete process.env.NODE_EXTRA_CA_CERTS;
using workspace = makeWorkspace();
const measures: Record<string, () => Table | Table[] | Promise<Table>> = {
  calls: () => measureCalls(systems, workspace, extent),
  parts: () => measureParts(platforms, workspace, extent),
  programs: () => measurePrograms(systems, workspace, extent),
  phases: () => measurePhases(platforms, workspace, extent),
  library: () => measureLibrary(platforms, extent),
  endings: () => measureEndings(systems, workspace, extent),
  idle: () => measureIdle(systems),
};
if (!options.json) process.stdout.write(`${heading()}\n`);
for (const [name, measure] of Object.entries(measures)) {
  if (options.only !== undefined && name !== options.only) continue;
  for (const table of [await measure()].flat()) {
    tables.push(table);
    process.stdout.write(
      options.json ? `${JSON.stringify({ machine: machine(), missing, ...toJson(table) })}\n` : `${toMarkdown(table)}\n`,
    );
  }
}
if (options.write !== undefined) writeFileSync(options.write, `# Benchmarks\n\n${heading()}\n${tables.map(toMarkdown).join('\n')}`);

function machine(): string {
  const processors = cpus();
  return `${processors.length} × ${processors[0].model}, Linux ${release().split('-')[0]}, Node ${process.version}, load average at the start ${load}`;
}

function heading(): string {
  const lines = [
    `Medians and 95th percentiles, and each median's ratio to the one of the first column, all from one run on one machine (${machine()}). Times of other machines`,
    'differ; ratios do less. Made by `npm run bench`.',
  ];
  return `${lines.join('\n')}\n${missing.map((line) => `\n${line}.\n`).join('')}`;
}
