import { readlinkSync } from 'node:fs';
import { expect, it } from 'vitest';
import { descendants, until } from '../../../apps/sandbox/test/support/processes.js';
import { testUnless } from '../../../tools/native/conditional-test.js';
import { describePrograms } from './programs/support/describe.js';
import { ENVIRONMENT, killGroup, run, sbx, shellInSandbox, start } from './programs/support/run.js';

function executable(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return '';
  }
}

describePrograms('the processes of sbx run', {}, () => {
  it('are one of Node, and the launcher’s', async () => {
    const child = start(sbx, ['run', '--', 'sh', '-c', 'echo ready; exec sleep 1000']);
    let output = '';
    child.stdout!.on('data', (text) => {
      output += text;
    });
    try {
      await until(() => output.includes('ready'));
      const programs = [child.pid!, ...descendants(child.pid!)].map(executable);
      expect(programs.filter((file) => file === executable(process.pid))).toHaveLength(1);
    } finally {
      killGroup(child);
    }
  });

  it('serve 200 processes at once, of which nothing is left', async () => {
    // All but the sandbox's first process and the shell.
    const script = `
      i=0; while [ $i -lt 200 ]; do sleep 1000 & all="$all $!"; i=$((i + 1)); done
      n=0; for p in /proc/[0-9]*; do n=$((n + 1)); done; echo $n
      kill -9 $all; wait
      n=0; for p in /proc/[0-9]*; do n=$((n + 1)); done; echo $n`;
    expect(await shellInSandbox([], script)).toBe('202\n2\n');
  });

  // Under KVM they are none of the host's.
  if (process.env.SBX_PLATFORM !== 'systrap') return;
  const unlimited = process.getuid!() === 0 ? undefined : 'only root can become a user of its own, of whom all processes are counted';
  testUnless(unlimited, 'take turns where the host gives fewer', async () => {
    const user = String(61_000 + (process.pid % 1000));
    const asUser = ['--reuid', user, '--regid', user, '--clear-groups', '--inh-caps=-all', '--bounding-set=-all'];
    const script = 'i=0; while [ $i -lt 40 ]; do sleep 0.1 & i=$((i + 1)); done; wait; echo all of $i';
    const command = [sbx, 'run', '--platform', 'systrap', '-w', '/usr', '--', 'sh', '-c', script];
    // Of these some fifteen are the sentry's own.
    const { status, stdout, stderr } = await run('prlimit', ['--nproc=24', 'setpriv', ...asUser, ...command], {
      cwd: '/usr',
      env: { ...ENVIRONMENT, HOME: '/nonexistent' },
    });
    expect({ status, output: `${stdout}${stderr}` }).toEqual({ status: 0, output: 'all of 40\n' });
  });
});
