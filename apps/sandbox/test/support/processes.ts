import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Catches hangs. */
const PATIENCE_MS = 20_000;

export interface HostProcess {
  readonly pid: number;
  readonly parent: number;
  /** One letter, as in proc(5). */
  readonly state: string;
  readonly command: string;
}

/** All processes of the host. */
export function processes(): HostProcess[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const command = readFileSync(`/proc/${name}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
      return [{ pid: Number(name), parent: Number(parent), state, command }];
    } catch {
      return [];
    }
  });
}

/** Everything that descends from a process. */
export function descendants(pid: number): number[] {
  const all = processes();
  const found = [pid];
  for (const parent of found) found.push(...all.filter((each) => each.parent === parent).map((each) => each.pid));
  return found.slice(1);
}

/** The sentry that a launcher has started: its child that runs another program. (The zygote is the launcher itself.) */
export async function sentryOf(launcher: number): Promise<number> {
  return until(
    () => processes().find(({ parent, command }) => parent === launcher && !command.includes('sbx-launch') && command !== '')?.pid,
  );
}

/** Waits until something is the case. */
export async function until<T>(test: () => T | undefined | false | null | Promise<T | undefined | false | null>): Promise<T> {
  const giveUp = performance.now() + PATIENCE_MS;
  for (;;) {
    const value = await test();
    if (value !== undefined && value !== false && value !== null) return value;
    if (performance.now() > giveUp) throw new Error(`never: ${test}`);
    await delay(10);
  }
}

/** Whether the process is there and no zombie. */
export function isAlive(pid: number): boolean {
  return processes().some((process) => process.pid === pid && process.state !== 'Z');
}
