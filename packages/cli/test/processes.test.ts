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

  const platform = process.env.SBX_PLATFORM === 'systrap' ? 'systrap' : 'kvm';
  const unlimited = process.getuid!() === 0 ? undefined : 'only root can become a user of its own, of whom all processes are counted';
  let users = 61_000 + 100 * (process.pid % 100);
  /** Runs a program as a user who may have so many processes and threads, and has none yet. */
  async function runLimited(processes: number, command: string[]): Promise<{ status: number; output: string }> {
    const user = String(users++);
    // A device that the user may open.
    const device = 'mount -t tmpfs none /dev && mknod -m 666 /dev/kvm c 10 232 && mknod -m 666 /dev/null c 1 3 && exec "$0" "$@"';
    const prepared = platform === 'kvm' ? ['unshare', '-m', 'sh', '-c', device] : [];
    const asUser = ['setpriv', '--reuid', user, '--regid', user, '--clear-groups', '--inh-caps=-all', '--bounding-set=-all'];
    const limited = [...prepared, 'prlimit', `--nproc=${processes}`, ...asUser];
    const [program, ...args] = [...limited, sbx, 'run', '--platform', platform, '-w', '/usr', '--', ...command];
    const { status, stdout, stderr } = await run(program!, args, { cwd: '/usr', env: { ...ENVIRONMENT, HOME: '/nonexistent' } });
    return { status, output: `${stdout}${stderr}` };
  }

  testUnless(unlimited, 'are asked for in words where the host gives too few', async () => {
    let enough = 1;
    for (; enough < 24; enough++) {
      const outcome = await runLimited(enough, ['true']);
      if (outcome.status === 0) break;
      const output = expect.stringMatching(/^sbx: .*\(ulimit -u, pids\.max.*\n$/);
      expect({ enough, ...outcome }).toEqual({ enough, status: 125, output });
    }
    // Node has seven threads.
    expect(enough).toBeGreaterThan(7);
    expect(enough).toBeLessThan(24);
  });

  // Under KVM they are none of the host's.
  if (platform !== 'systrap') return;
  testUnless(unlimited, 'take turns where the host gives fewer', async () => {
    const script = 'i=0; while [ $i -lt 40 ]; do sleep 0.1 & i=$((i + 1)); done; wait; echo all of $i';
    // Of these some fifteen are the sentry's own.
    expect(await runLimited(24, ['sh', '-c', script])).toEqual({ status: 0, output: 'all of 40\n' });
  });
});
