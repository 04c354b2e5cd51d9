import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Sandbox } from '../src/index.js';
import { describeSandbox } from './support/describe-sandbox.js';
import { failure } from './support/failure.js';
import { guestTool, TOOL } from './support/guest-tool.js';
import { until } from './support/processes.js';
import { scratch } from './support/scratch.js';
import { Transcript } from './support/transcript.js';

const MiB = 2 ** 20;
const PROCESSES = 150;

describeSandbox('programs that take all they can get', { c: true }, () => {
  const folder = scratch('hostile');
  let sandbox: Sandbox;
  beforeAll(async () => {
    const tool = await guestTool(folder);
    sandbox = await Sandbox.create({ workingDirectory: false, mounts: [tool], limits: { memory: 96 * MiB, processes: PROCESSES } });
  });
  afterAll(() => sandbox?.close());

  /** Whether other programs can run. */
  async function goesOn(): Promise<void> {
    expect(await sandbox.run('sh', ['-c', 'echo well | cat'])).toEqual({ exitCode: 0, signal: null, stdout: 'well\n', stderr: '' });
  }

  /** Whether nothing of what had been is left. */
  async function isWell(): Promise<void> {
    await goesOn();
    const { stdout } = await sandbox.run('ps', ['-e', '-o', 'stat=,comm=']);
    expect(stdout.split('\n').filter((line) => line !== '' && !/^Z|^\S+ +(init|ps)$/.test(line))).toEqual([]);
  }

  it('processes: up to the limit, then EAGAIN', async () => {
    const { stdout } = await sandbox.run(TOOL, ['forks']);
    const [, count, rest] = /^(\d+) (.*)$/s.exec(stdout)!;
    expect(rest).toBe('EAGAIN\ngone\n');
    expect(Number(count)).toBeGreaterThan(PROCESSES - 10);
    expect(Number(count)).toBeLessThan(PROCESSES);
    await isWell();
  });

  it('a fork bomb, which ends with its program', async () => {
    const bomb = await sandbox.spawn(TOOL, ['bomb']);
    const refused = await until(async () =>
      sandbox.run('true').then(
        () => null,
        (error) => error,
      ),
    );
    expect(refused).toMatchObject({ code: 'ERR_SBX_SPAWN', errno: 'EAGAIN' });
    bomb.killTree();
    expect(await bomb.wait()).toEqual({ exitCode: null, signal: 'SIGKILL' });
    await isWell();
    expect((await failure(sandbox.run(TOOL, ['bomb'], { timeout: 1000 }))).code).toBe('ERR_SBX_TIMEOUT');
    await isWell();
  });

  it('memory: the program that has most is killed, others go on', async () => {
    const bystander = await sandbox.spawn('cat');
    expect(await sandbox.run(TOOL, ['eat', '200'])).toMatchObject({ exitCode: null, signal: 'SIGKILL', stdout: '' });
    const holder = await sandbox.spawn(TOOL, ['eat', '60']);
    await new Transcript(holder.stdout).shows(/eaten/);
    expect((await sandbox.run(TOOL, ['eat', '50'])).stdout).toBe('eaten\n');
    expect(await holder.wait()).toEqual({ exitCode: null, signal: 'SIGKILL' });
    bystander.stdin.end('still here');
    expect(await text(bystander.stdout)).toBe('still here');
    expect((await sandbox.run(TOOL, ['eat', '40'])).stdout).toBe('eaten\n');
    await isWell();
  });

  it('files in memory: ENOSPC, and what is removed can be used again', async () => {
    for (let i = 0; i < 2; i++) {
      const filled = await sandbox.run('sh', ['-c', 'head -c 1G /dev/zero >/tmp/full; echo $?; rm /tmp/full']);
      expect(filled.stdout).toBe('1\n');
      expect(filled.stderr).toMatch(/No space left on device/);
    }
    await isWell();
  });

  it('pipes: a program that fills them all is ended, not the others', async () => {
    const script =
      'import os\nfor i in range(500):\n r, w = os.pipe()\n os.set_blocking(w, False)\n os.write(w, b"x" * 65536)\nprint("all")';
    const { stdout, signal } = await sandbox.run('python3', ['-c', script]);
    expect({ stdout, signal }).toEqual({ stdout: 'all\n', signal: null });
    await isWell();
  });

  it('10,000 open files', async () => {
    expect((await sandbox.run(TOOL, ['open', '10000'])).stdout).toBe('10000 OK 1\n');
    expect((await sandbox.run('sh', ['-c', `ulimit -n 100; ${TOOL} open 10000`])).stdout).toMatch(/^9\d EMFILE 1\n$/);
    await isWell();
  });

  it.each(['spin', 'ignore'])('one that can only be killed: %s', async (what) => {
    const children = await Promise.all([1, 2, 3].map(() => sandbox.spawn(TOOL, [what])));
    for (const child of children) await new Transcript(child.stdout).shows(/ready/);
    // Others get their share.
    await goesOn();
    if (what === 'ignore') for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) children[0].kill(signal);
    for (const child of children) child.kill('SIGKILL');
    for (const child of children) expect(await child.wait()).toEqual({ exitCode: null, signal: 'SIGKILL' });
    await isWell();
  });

  it('signals to init, which nobody can kill', async () => {
    const script =
      'for s in TERM KILL STOP HUP RTMIN; do kill -s $s 1 || exit; done; kill -0 1 && cat /proc/1/status >/dev/null; echo there';
    expect((await sandbox.run('bash', ['-c', script])).stdout).toBe('there\n');
    await isWell();
  });

  it('a sandbox that is closed in the midst of it', async () => {
    const other = await Sandbox.create({
      workingDirectory: false,
      mounts: [{ target: '/tool', source: folder }],
      limits: { processes: 100 },
    });
    const children = await Promise.all(['bomb', 'spin', 'ignore'].map((what) => other.spawn(TOOL, [what])));
    await other.close();
    for (const child of children) expect((await failure(child.wait())).code).toBe('ERR_SBX_CLOSED');
    await isWell();
  });
});
