import { spawnSync } from 'node:child_process';
import type { Row, Table } from '../../../tools/native/results.js';
import type { System } from './systems.js';
import type { Extent, Workspace } from './workspace.js';

const TIMEOUT_MS = 300_000;

/** What system calls and the like cost, as a C program sees it (guest/calls.c). */
export function measureCalls(systems: readonly System[], { calls, folder }: Workspace, extent: Extent): Table {
  const samples = new Map<string, Record<string, number[] | string>>();
  // In turn, so that what the machine does meanwhile is spread over all of them.
  for (let round = 0; round < extent.rounds; round++) {
    for (const system of systems) {
      const [program, ...args] = [...system.prefix, calls, String(extent.samples), String(extent.milliseconds), system.scratch];
      const { status, stdout, stderr, error } = spawnSync(program, args, { cwd: folder, encoding: 'utf8', timeout: TIMEOUT_MS });
      for (const line of stdout.trim().split('\n').filter(Boolean)) {
        const [name, ...values] = line.split('\t');
        let row = samples.get(name);
        if (row === undefined) samples.set(name, (row = {}));
        const before = row[system.name];
        row[system.name] = [...(typeof before === 'object' ? before : []), ...values.map(Number)];
      }
      if (status !== 0) process.stderr.write(`${system.name}: calls: ${error?.message ?? `status ${status}`} ${stderr}\n`);
    }
  }
  const rows: Row[] = [...samples].map(([name, row]) => ({ name, samples: row }));
  return {
    title: 'System calls, as a program sees them',
    notes: ['Files without further words are on a tmpfs; `page faults of 64k` are those of 16 pages, one after the other.'],
    systems: systems.map(({ name }) => name),
    rows,
  };
}
