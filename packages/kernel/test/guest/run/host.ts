import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import path from 'node:path';
import type { Outcome } from './outcome.js';

/** Limits that programs may see or run into: as the sandbox gives them. */
export const LIMITS = ['--core=0:0', '--nofile=1024:', '--stack=8388608:'];
/** What programs find in their environment. */
export const ENVIRONMENT = { PATH: '/bin:/usr/bin' };

/** Runs a program on this machine's kernel: a session leader in an empty directory. */
export function runOnHost(binary: string, timeout = 60_000): Promise<Outcome> {
  const folder = mkdtempSync(path.join(tmpdir(), 'guest-'));
  return new Promise<Outcome>((resolve, reject) => {
    const child = spawn('prlimit', [...LIMITS, '--', binary], {
      cwd: folder,
      env: ENVIRONMENT,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('latin1').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('latin1').on('data', (text: string) => {
      stderr += text;
    });
    const killGroup = () => {
      try {
        process.kill(-child.pid!, 'SIGKILL');
      } catch {}
    };
    const timer = setTimeout(() => {
      killGroup();
      reject(new Error(`${binary} did not end on the host within ${timeout / 1000} s; it printed:\n${stdout}${stderr}`));
    }, timeout);
    child.on('error', reject);
    // What a program leaves running would keep the pipes open.
    child.on('exit', () => setTimeout(killGroup, 200).unref());
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      removeLeftovers(child.pid!);
      resolve({ end: signal === null ? `exit ${code}` : `signal ${constants.signals[signal]}`, stdout, stderr });
    });
  }).finally(() => rmSync(folder, { recursive: true, force: true }));
}

/** Programs make their working directories in /tmp, with their pid in the name. */
function removeLeftovers(pid: number): void {
  for (const name of readdirSync('/tmp')) {
    if (name.startsWith('case-') && name.endsWith(`-${pid}`)) rmSync(path.join('/tmp', name), { recursive: true, force: true });
  }
}
