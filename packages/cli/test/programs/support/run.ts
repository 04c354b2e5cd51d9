import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/** The command line under test: this clone's, as `npm start` builds it, or the one that SBX_TEST_SBX names (an installed package's). */
export const sbx = process.env.SBX_TEST_SBX ?? fileURLToPath(new URL('../../../bin/sbx', import.meta.url));

/** What a caller's environment is in these tests: the same on each machine. `node` is the one that runs the tests. */
export const ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: process.env.HOME ?? '/',
  LANG: 'C',
  TZ: 'UTC',
  SBX_NODE: process.execPath,
  // The platform of the project to which the test belongs.
  ...(process.env.SBX_PLATFORM === undefined ? {} : { SBX_PLATFORM: process.env.SBX_PLATFORM }),
};

/** How much longer everything may take: in the test VM each instruction is emulated. */
export const SLOWNESS = process.env.SBX_TEST_VM === undefined ? 1 : 5;

/** How a program ended, and what it wrote. */
export interface Outcome {
  /** The exit status, or 128 + the signal, as a shell says it. */
  readonly status: number;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What the program reads; nothing by default. */
  readonly input?: string;
  /** Milliseconds; a program that takes longer hangs: it is killed, and the promise is rejected with what it wrote. */
  readonly timeout?: number;
}

/** A program did not end. */
export class Hang extends Error {
  constructor(
    command: string,
    timeout: number,
    readonly outcome: Outcome,
  ) {
    super(`not done after ${timeout / 1000} s: ${command}\n${outcome.stdout.subarray(-2000)}\n${outcome.stderr.subarray(-2000)}`);
  }
}

/** Runs a program of this machine to its end. */
export function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const { timeout = 60_000 * SLOWNESS, input } = options;
  return new Promise((resolve, reject) => {
    const child = start(file, args, {
      cwd: options.cwd,
      env: { ...options.env },
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout!.on('data', (bytes: Buffer) => stdout.push(bytes));
    child.stderr!.on('data', (bytes: Buffer) => stderr.push(bytes));
    // The program may end without reading it.
    child.stdin?.on('error', () => {}).end(input);
    let hangs = false;
    const timer = setTimeout(() => {
      hangs = true;
      killGroup(child);
    }, timeout);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const status = code ?? 128 + constants.signals[signal!];
      const outcome = { status, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) };
      if (hangs) reject(new Hang([file, ...args].join(' ').slice(0, 500), timeout, outcome));
      else resolve(outcome);
    });
  });
}

/** Runs `sbx run FLAGS -- COMMAND`. */
export function runInSandbox(flags: readonly string[], command: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return run(sbx, ['run', ...flags, '--', ...command], { env: ENVIRONMENT, ...options });
}

/** Runs a shell script in a sandbox and returns what it wrote; fails when its status is not `status`. */
export async function shellInSandbox(
  flags: readonly string[],
  script: string,
  options: RunOptions & { status?: number } = {},
): Promise<string> {
  const outcome = await runInSandbox(flags, ['sh', '-c', script], options);
  if (outcome.status !== (options.status ?? 0))
    throw new Error(`status ${outcome.status}, not ${options.status ?? 0}:\n${outcome.stdout}${outcome.stderr}`);
  return outcome.stdout.toString('latin1');
}

/** Starts a program as the leader of a process group of its own. */
export function start(file: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
  return spawn(file, args, { env: { ...ENVIRONMENT }, detached: true, ...options });
}

export function killGroup(child: ChildProcess): void {
  try {
    process.kill(-child.pid!, 'SIGKILL');
  } catch {}
}

let unusable: string | null | undefined;

/** Why no sandbox can run here, or undefined when it can. */
export function sandboxUnusable(): string | undefined {
  if (unusable === undefined) {
    const { status, stdout, stderr } = spawnSync(sbx, ['platforms'], { env: { ...ENVIRONMENT }, encoding: 'utf8' });
    unusable = status === 0 ? null : `no sandbox can run here: ${`${stdout}${stderr}`.trim().split('\n').slice(0, 3).join(' ')}`;
  }
  return unusable ?? undefined;
}

/** Why a program can't be run here, or undefined when it is installed. */
export function programMissing(...names: readonly string[]): string | undefined {
  const missing = names.filter((name) => spawnSync('which', [name], { env: { ...ENVIRONMENT } }).status !== 0);
  return missing.length === 0 ? undefined : `${missing.map((name) => path.basename(name)).join(', ')}: not installed`;
}
