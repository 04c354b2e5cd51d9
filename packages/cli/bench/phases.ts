import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Row, Table } from '../../../tools/native/results.js';
import type { Extent, Workspace } from './workspace.js';

const sandbox = fileURLToPath(new URL('../../../apps/sandbox', import.meta.url));
const main = fileURLToPath(new URL('../dist/main.cjs', import.meta.url));
/** As the sentry's marks print it. */
const MARK = /^ *([\d.]+) ms +[\d.]+ ms CPU {2}(.*)$/gm;

/** The steps of a start of `sbx run -- /bin/true`, from bundles that say when each is done. */
export function measurePhases(platforms: readonly string[], { folder }: Workspace, extent: Extent): Table {
  execFileSync(process.execPath, [`${sandbox}/bundle.mjs`, '--marks'], { stdio: ['ignore', 'ignore', 'inherit'] });
  const rows = new Map<string, Record<string, number[]>>();
  const add = (name: string, column: string, value: number) => {
    let row = rows.get(name);
    if (row === undefined) rows.set(name, (row = {}));
    (row[column] ??= []).push(value);
  };
  for (let run = -1; run < extent.runs; run++) {
    for (const platform of platforms) {
      const argv = [`${sandbox}/build/sentry-with-marks/boot.cjs`, main, 'run', '--platform', platform, '--', '/bin/true'];
      const start = process.hrtime.bigint();
      const { stderr } = spawnSync(`${sandbox}/build/Release/sbx-launch`, argv, { cwd: folder, encoding: 'utf8' });
      const total = Number(process.hrtime.bigint() - start);
      if (run < 0) continue;
      let before = 0;
      for (const [, ms, what] of stderr.matchAll(MARK)) {
        const now = Number(ms) * 1e6;
        add(what, `sbx ${platform}`, now - before);
        before = now;
      }
      add('launcher before, exit after', `sbx ${platform}`, total - before);
      add('all', `sbx ${platform}`, total);
    }
  }
  return {
    title: 'A start of `sbx run -- /bin/true`, step by step',
    notes: ['Each row is the time since the one above; the first is since the start of Node.'],
    systems: platforms.map((platform) => `sbx ${platform}`),
    rows: [...rows].map(([name, samples]): Row => ({ name, samples })),
  };
}
