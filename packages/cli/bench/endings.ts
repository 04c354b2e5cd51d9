import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { processes } from '../../../apps/sandbox/test/support/processes.js';
import type { Row, Table } from '../../../tools/native/results.js';
import type { System } from './systems.js';
import type { Extent, Workspace } from './workspace.js';

const PATIENCE_MS = 20_000;

/** How fast a sandbox ends that is told to, or whose client dies. */
export async function measureEndings(systems: readonly System[], workspace: Workspace, extent: Extent): Promise<Table> {
  const measures: Record<string, (system: System, workspace: Workspace) => Promise<number | string>> = {
    'SIGTERM to a program that makes no system call': stop,
    'kill -9 of the client, until nothing is left': abandon,
  };
  const rows: Row[] = [];
  for (const [name, measure] of Object.entries(measures)) {
    const samples: Record<string, number[] | string> = {};
    for (let run = 0; run < extent.runs; run++) {
      for (const system of systems) {
        if (typeof samples[system.name] === 'string') continue;
        const time = await measure(system, workspace);
        if (typeof time === 'string') samples[system.name] = time;
        else samples[system.name] = [...(samples[system.name] ?? []), time] as number[];
      }
    }
    rows.push({ name, samples });
  }
  return {
    title: 'Endings',
    notes: ['The client is the process that the caller started. What is left are processes that it, or its descendants, had started.'],
    systems: systems.map(({ name }) => name),
    rows,
  };
}

/** Starts a command and waits until its program has written something. */
async function start(command: readonly string[], folder: string): Promise<ChildProcess> {
  const child = spawn(command[0], command.slice(1), { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] });
  await once(child.stdout!, 'data');
  return child;
}

async function stop({ prefix }: System, { folder, spin }: Workspace): Promise<number | string> {
  const child = await start([...prefix, spin], folder);
  const begin = process.hrtime.bigint();
  child.kill('SIGTERM');
  const ended = await Promise.race([once(child, 'exit'), delay(PATIENCE_MS, null, { ref: false })]);
  const time = Number(process.hrtime.bigint() - begin);
  if (ended !== null) return time;
  const rest = descendants(child.pid!);
  child.kill('SIGKILL');
  for (const { pid } of rest) kill(pid);
  return `not after ${PATIENCE_MS / 1000} s`;
}

async function abandon({ prefix }: System, { folder }: Workspace): Promise<number | string> {
  if (prefix.length === 0) return 'programs outlive who started them';
  const child = await start([...prefix, 'sh', '-c', 'sleep 1000 & echo; sleep 1000'], folder);
  const rest = descendants(child.pid!);
  const begin = process.hrtime.bigint();
  child.kill('SIGKILL');
  for (;;) {
    const left = rest.filter(isAlive);
    const time = Number(process.hrtime.bigint() - begin);
    if (left.length === 0) return time;
    if (time > PATIENCE_MS * 1e6) {
      for (const { pid } of left) kill(pid);
      return `${left.length} processes are left after ${PATIENCE_MS / 1000} s`;
    }
    await delay(1);
  }
}

/** A process, told from a later one with the same number by when it started. */
interface Started {
  readonly pid: number;
  readonly startTime: string;
}

function descendants(pid: number): Started[] {
  const all = processes();
  const found = [{ pid, startTime: startTime(pid) }];
  for (const { pid: parent } of found) {
    for (const process of all) if (process.parent === parent) found.push({ pid: process.pid, startTime: startTime(process.pid) });
  }
  return found;
}

/** proc(5): field 22, and 3 for zombies, which are nothing but a number any more. */
function isAlive(process: Started): boolean {
  return process.startTime !== '' && startTime(process.pid) === process.startTime;
}
function startTime(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? '' : fields[19];
  } catch {
    return '';
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {}
}
