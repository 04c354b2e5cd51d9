import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { descendants } from '../../../apps/sandbox/test/support/processes.js';
import type { Table } from '../../../tools/native/results.js';
import type { System } from './systems.js';

/** A start is over by then. */
const SETTLE_MS = 2_000;
const WATCH_MS = 10_000;

/** How much CPU time a sandbox takes in which nothing happens; the host itself would take none. */
export async function measureIdle(all: readonly System[]): Promise<Table> {
  const systems = all.filter(({ prefix }) => prefix.length > 0);
  const samples: Record<string, number[]> = {};
  for (const { name, prefix } of systems) {
    const child = spawn(prefix[0], [...prefix.slice(1), 'sh', '-c', 'echo; sleep 1000; true'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(child.stdout!, 'data');
    await delay(SETTLE_MS);
    const pids = [child.pid!, ...descendants(child.pid!)];
    const before = cpuTime(pids);
    await delay(WATCH_MS);
    samples[name] = [cpuTime(pids) - before];
    child.kill();
    await once(child, 'exit');
  }
  return {
    title: 'A sandbox with a sleeping shell',
    notes: ['CPU time of all its processes in 10 s, from 2 s after the start; 20 ms are 0.2 %. One run.'],
    systems: systems.map(({ name }) => name),
    rows: [{ name: 'CPU time in 10 s', samples }],
  };
}

/** CPU time of all threads, in nanoseconds (Documentation/scheduler/sched-stats.rst). */
function cpuTime(pids: readonly number[]): number {
  const threads = pids.flatMap((pid) => readdirSync(`/proc/${pid}/task`).map((tid) => `/proc/${pid}/task/${tid}/schedstat`));
  return threads.reduce((sum, file) => sum + Number(readFileSync(file, 'latin1').split(' ')[0]), 0);
}
