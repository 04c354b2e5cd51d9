import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { summarize } from '../../../tools/native/measure.js';
import type { Row, Table } from '../../../tools/native/results.js';
import type { Extent, Workspace } from './workspace.js';

const kernel = fileURLToPath(new URL('../../kernel', import.meta.url));

type Parts = Record<string, { roundTrip: number[]; kernel: number[]; handler: number[] }>;

/** A system call's round trip, split (packages/kernel/bench/parts.ts). */
export function measureParts(platforms: readonly string[], { folder, calls }: Workspace, extent: Extent): Table[] {
  return platforms.map((platform) => {
    const options = ['--import', 'tsx', '--conditions=@sbx/source', 'bench/parts.ts'];
    const args = [platform, path.resolve(folder, calls), String(extent.samples * extent.rounds), String(extent.milliseconds)];
    const { status, stdout, stderr } = spawnSync(process.execPath, [...options, ...args], { cwd: kernel, encoding: 'utf8' });
    if (status !== 0) throw new Error(`the parts of system calls on ${platform} could not be measured: ${stderr}`);
    const rows = Object.entries(JSON.parse(stdout) as Parts).map(([name, parts]): Row => {
      const whole = summarize(parts.roundTrip).median;
      const ours = summarize(parts.kernel).median;
      const handler = summarize(parts.handler).median;
      const samples = {
        'round trip': parts.roundTrip,
        "the platform's exit": [whole - ours],
        dispatch: [Math.max(0, ours - handler)],
        handler: parts.handler,
        'dispatch and handler': parts.kernel,
      };
      return { name, samples };
    });
    return {
      title: `Parts of system calls on ${platform}`,
      notes: [
        'Dispatch is what the run loop does: the event, the table, time accounting, the return; it is the difference of two measurements, and so is the exit.',
        'Of two calls that are measured together the figures are sums.',
      ],
      systems: ['round trip', "the platform's exit", 'dispatch', 'handler', 'dispatch and handler'],
      rows,
    };
  });
}
