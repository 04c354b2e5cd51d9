import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Where programs are run: on the host, in sbx on one of its platforms, or in a peer. */
export interface System {
  readonly name: string;
  /** What a command is put behind. */
  readonly prefix: readonly string[];
  /** A folder on a tmpfs, for programs. */
  readonly scratch: string;
  /** Why it can't be used here, or undefined. */
  readonly unusable?: string;
}

export const SBX = fileURLToPath(new URL('../bin/sbx', import.meta.url));
const PROBE_TIMEOUT_MS = 60_000;

/**
 * The host, every platform of sbx that this version has or only the one called `platform`, and runsc (gVisor) on ptrace, which needs no KVM. All of them: what
 * can't be used says why.
 */
export function systems(platform: string | undefined): System[] {
  return [{ name: 'host', prefix: [], scratch: '/dev/shm' }, ...platforms(platform), runsc()];
}

function platforms(wanted: string | undefined): System[] {
  const { stdout, stderr } = spawnSync(SBX, ['platforms', '--json'], { encoding: 'utf8' });
  if (stdout === '') throw new Error(`sbx platforms failed: ${stderr}`);
  const reports = JSON.parse(stdout).platforms as { name: string; usable: boolean; reason: string }[];
  const chosen = reports.filter(({ name }) => wanted === undefined || name === wanted);
  if (chosen.length === 0) throw new Error(`there is no platform ${wanted}: there are ${reports.map(({ name }) => name).join(', ')}`);
  return chosen.map(({ name, usable, reason }) => ({
    name: `sbx ${name}`,
    prefix: [SBX, 'run', '--platform', name, '--'],
    scratch: '/tmp',
    unusable: usable ? undefined : reason,
  }));
}

function runsc(): System {
  const rootless = process.getuid?.() === 0 ? [] : ['--rootless'];
  const prefix = ['runsc', '--platform=ptrace', '--network=none', '--ignore-cgroups', ...rootless, 'do', '--quiet'];
  const { status, error, stderr } = spawnSync(prefix[0], [...prefix.slice(1), '/bin/true'], {
    encoding: 'utf8',
    timeout: PROBE_TIMEOUT_MS,
  });
  const reason = error === undefined ? `it ends with status ${status}: ${stderr.trim().split('\n').at(-1)}` : error.message;
  return { name: 'runsc ptrace', prefix, scratch: '/tmp', unusable: status === 0 ? undefined : reason };
}
