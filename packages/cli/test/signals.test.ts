import type { ChildProcess } from 'node:child_process';
import { expect, it } from 'vitest';
import { until } from '../../../apps/sandbox/test/support/processes.js';
import { describePrograms } from './programs/support/describe.js';
import { ENVIRONMENT, killGroup, run, sbx, start } from './programs/support/run.js';

const SIGNALS = ['SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGINT'] as const;
const NUMBERS = { SIGTERM: 15, SIGHUP: 1, SIGQUIT: 3, SIGUSR1: 10, SIGUSR2: 12, SIGINT: 2 };

/** Starts a shell script in a sandbox and waits until it says that it is ready. */
async function ready(script: string): Promise<Running> {
  const running = new Running(start(sbx, ['run', '--', 'sh', '-c', `${script}`]));
  await until(() => running.output.includes('ready'));
  return running;
}

class Running {
  output = '';
  readonly ended: Promise<number | null>;
  constructor(readonly child: ChildProcess) {
    child.stdout!.on('data', (text) => {
      this.output += text;
    });
    this.ended = new Promise((resolve) => child.on('close', (code) => resolve(code)));
  }
  async end(): Promise<number | null> {
    const timer = setTimeout(() => killGroup(this.child), 30_000);
    const code = await this.ended;
    clearTimeout(timer);
    return code;
  }
}

describePrograms('signals to sbx run', { programs: ['bash'] }, () => {
  it.each(SIGNALS)('%s reaches the program, which may handle it', async (signal) => {
    const running = await ready(`trap 'echo caught; exit 7' ${signal.slice(3)}; echo ready; while :; do sleep 0.1; done`);
    running.child.kill(signal);
    expect(await running.end()).toBe(7);
    expect(running.output).toBe('ready\ncaught\n');
  });

  it.each(SIGNALS)('%s ends a program that does not', async (signal) => {
    const running = await ready('echo ready; exec sleep 1000');
    running.child.kill(signal);
    expect(await running.end()).toBe(128 + NUMBERS[signal]);
  });

  it('stay ignored where the caller ignores them', async () => {
    const script = `trap '' HUP USR1; exec "$SBX" run -- sh -c 'kill -HUP $$; kill -USR1 $$; echo survived; kill -USR2 $$'`;
    const { status, stdout } = await run('bash', ['-c', script], { env: { ...ENVIRONMENT, SBX: sbx } });
    expect(stdout.toString()).toBe('survived\n');
    expect(status).toBe(140);
  });

  it('an interrupt twice within two seconds ends the sandbox, whatever the program does', async () => {
    const running = await ready(`trap '' INT TERM; echo ready; while :; do sleep 0.1; done`);
    running.child.kill('SIGINT');
    running.child.kill('SIGINT');
    // Two signals may become one: then it is not over yet.
    const timer = setInterval(() => running.child.kill('SIGINT'), 100);
    expect(await running.end()).toBe(130);
    clearInterval(timer);
  });
});
