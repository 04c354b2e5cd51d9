import { Sandbox, type SandboxOptions } from '../../src/index.js';
import { processes, sentryOf } from './processes.js';

/** A sandbox, and the processes of the host that make it. */
export interface Observed {
  readonly sandbox: Sandbox;
  readonly launcher: number;
  readonly sentry: number;
}

const launchers = () => processes().filter(({ parent, command }) => parent === process.pid && command.includes('sbx-launch'));

/** Makes a sandbox and looks which processes it has. One at a time. */
export async function observe(options: SandboxOptions = {}): Promise<Observed> {
  const before = new Set(launchers().map(({ pid }) => pid));
  const sandbox = await Sandbox.create(options);
  const launcher = launchers().find(({ pid }) => !before.has(pid))!.pid;
  return { sandbox, launcher, sentry: await sentryOf(launcher) };
}
