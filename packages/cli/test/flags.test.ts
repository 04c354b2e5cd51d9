import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { emptied, scratch } from '../../../apps/sandbox/test/support/scratch.js';
import { describePrograms } from './programs/support/describe.js';
import { ENVIRONMENT, run, runInSandbox, sbx } from './programs/support/run.js';

const folder = scratch('flags');
const options = { cwd: folder };
beforeEach(() => void emptied(folder));

/** Runs the command line itself. */
async function command(...args: string[]) {
  const { status, stdout, stderr } = await run(sbx, args, { cwd: folder, env: ENVIRONMENT });
  return { status, stdout: stdout.toString(), stderr: stderr.toString() };
}
/** Runs a shell script with flags. */
async function shell(flags: string[], script: string, env: Record<string, string> = {}) {
  const { status, stdout, stderr } = await runInSandbox(flags, ['sh', '-c', script], { ...options, env: { ...ENVIRONMENT, ...env } });
  return { status, stdout: stdout.toString(), stderr: stderr.toString() };
}

describe('the command line', () => {
  it('shows examples for each command', async () => {
    for (const name of ['run', 'platforms', 'info']) {
      const { status, stdout } = await command(name, '--help');
      expect(stdout).toMatch(new RegExp(`Examples:\n  sbx ${name}`));
      expect(status).toBe(0);
    }
    expect((await command('--help')).stdout).toContain('run a program in a new sandbox');
  });

  it.each([
    [['run', '--timout', '3', '--', 'true'], "unknown option '--timout'\n(Did you mean --timeout?)"],
    [['rum', 'true'], "unknown command 'rum'\n(Did you mean run?)"],
    [['run', '--memory', 'much', 'true'], 'It takes a size such as 512m or 2g.'],
    [['run', '--timeout', 'soon', 'true'], 'It takes a time such as 10s, 500ms or 2m.'],
    [['run', '-v', '/tmp', 'true'], 'It takes HOST:GUEST'],
    [['run', '-v', '/tmp:data', 'true'], "The path inside, 'data', has to be absolute."],
    [['run', '--net', 'host', 'true'], 'It is not there in this version: programs have no network yet.'],
    [['run', '--mount', 'type=volume,target=/x', 'true'], "The types of mounts are bind and tmpfs, not 'volume'."],
    [['run', '-u', 'nobody-like-this', 'true'], "there is no user 'nobody-like-this'"],
    [['run', '-v', '/no/such/place:/data', 'true'], 'cannot show /no/such/place: no such file or directory'],
    [['run', '--hostname', 'ü'.repeat(33), 'true'], 'a --hostname has 1 to 64 bytes'],
    [['run', '--hostname', '', 'true'], 'a --hostname has 1 to 64 bytes'],
    [['run', '--platform', 'abacus', 'true'], "unknown platform 'abacus'"],
    [['run'], "missing required argument 'command'"],
  ])('says what is wrong with %j', async (args, message) => {
    const { status, stderr } = await command(...args);
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/^sbx: /);
    expect(status).toBe(125);
  });

  it('says what there is with info and platforms, for people and for machines', async () => {
    const info = JSON.parse((await command('info', '--json')).stdout);
    expect(info.node).toBe(process.version);
    expect(info.isolation).toContainEqual(expect.objectContaining({ step: expect.stringContaining('seccomp'), active: false }));
    expect((await command('info')).stdout).toMatch(/NOT YET {2}seccomp filter/);
    const { platforms } = JSON.parse((await command('platforms', '--json')).stdout);
    expect(platforms).toEqual(['kvm', 'systrap'].map((name) => expect.objectContaining({ name, reason: expect.any(String) })));
    expect((await command('platforms')).stdout).toMatch(/^PLATFORM +USABLE +SYSTEM CALL +NOTES\nkvm .*\nsystrap /);
  });
});

describePrograms('sbx run', {}, () => {
  it.each([
    ['exit 0', 0],
    ['exit 7', 7],
    ['kill -TERM $$', 143],
    ['kill -KILL $$', 137],
    ['kill -SEGV $$', 139],
  ])('ends as the program does: %s', async (script, status) => {
    expect((await shell([], script)).status).toBe(status);
  });

  it('ends with 127 for a program that is not there, 126 for one that is none', async () => {
    writeFileSync(`${folder}/text`, 'no program', { mode: 0o644 });
    writeFileSync(`${folder}/nonsense`, '\x7fELFnonsense', { mode: 0o755 });
    expect(await command('run', 'no-such-program')).toMatchObject({ status: 127, stderr: 'sbx: no-such-program: command not found\n' });
    expect(await command('run', './missing')).toMatchObject({ status: 127, stderr: 'sbx: ./missing: No such file or directory\n' });
    expect(await command('run', './text')).toMatchObject({ status: 126, stderr: 'sbx: ./text: permission denied\n' });
    expect(await command('run', './nonsense')).toMatchObject({ status: 126, stderr: 'sbx: ./nonsense: Exec format error\n' });
    expect(await command('run', '-w', '/nowhere', 'true')).toMatchObject({
      status: 126,
      stderr: 'sbx: cannot start in /nowhere: No such file or directory\n',
    });
  });

  it('takes what follows the program as its own, with or without --', async () => {
    const expected = { status: 0, stdout: '[--help] [-e] [--] [x y] []\n' };
    const words = ['sh', '-c', 'for word; do printf "[%s] " "$word"; done | sed "s/ $//"; echo', 'sh', '--help', '-e', '--', 'x y', ''];
    expect(await command('run', ...words)).toMatchObject(expected);
    expect(await command('run', '--', ...words)).toMatchObject(expected);
    expect(await command('run', '--verbose', '--strace=trace', ...words)).toMatchObject(expected);
  });

  it('ends with 124 when the time is over', async () => {
    const before = performance.now();
    const { status } = await shell(['--timeout', '300ms'], 'trap "" TERM INT; sleep 100 & while :; do :; done');
    expect(status).toBe(124);
    expect(performance.now() - before).toBeLessThan(20_000);
  });

  it('gives the environment that is asked for, and no more', async () => {
    const caller = {
      SECRET: 's3cr3t',
      LC_ALL: 'C.UTF-8',
      TERM: 'xterm',
      USER: 'someone',
      NODE_OPTIONS: '--no-warnings',
      LD_LIBRARY_PATH: '/nowhere',
    };
    const names = async (...flags: string[]) =>
      (await shell(flags, 'env | cut -d= -f1 | grep -vx "PWD\\|OLDPWD\\|_\\|SHLVL" | sort', caller)).stdout.trim().split('\n');
    expect(await names()).toEqual(['HOME', 'LANG', 'LC_ALL', 'PATH', 'TERM', 'TZ', 'USER']);
    expect(await names('-e', 'SECRET', '-e', 'NEW=1', '-e', 'ABSENT')).toEqual([
      'HOME',
      'LANG',
      'LC_ALL',
      'NEW',
      'PATH',
      'SECRET',
      'TERM',
      'TZ',
      'USER',
    ]);
    expect(await names('--env-host')).toEqual(expect.arrayContaining(['NODE_OPTIONS', 'LD_LIBRARY_PATH', 'SECRET']));
    const { stdout } = await runInSandbox(['-e', 'SECRET', '-e', 'NEW=a b=c', '-e', 'EMPTY=', '-e', 'Ü=ö'], ['env'], {
      ...options,
      env: { ...ENVIRONMENT, ...caller },
    });
    expect(stdout.toString().split('\n')).toEqual(expect.arrayContaining(['SECRET=s3cr3t', 'NEW=a b=c', 'EMPTY=', 'Ü=ö']));
    expect((await shell(['--env-host'], 'env | grep -c SBX_NODE', caller)).stdout).toBe('1\n'); // which this test sets
  });

  it('sets hostname, working directory and user', async () => {
    const { stdout } = await shell(
      ['--hostname', 'elsewhere', '-w', '/tmp', '-u', '1234:2345'],
      'hostname; pwd; id -u; id -g; id -G; cat /etc/hostname; touch x && stat -c %u:%g x',
    );
    expect(stdout).toBe('elsewhere\n/tmp\n1234\n2345\n2345\nelsewhere\n1234:2345\n');
    expect((await shell(['-u', 'nobody'], 'id -un; id -gn')).stdout).toBe('nobody\nnogroup\n');
    expect((await shell([], 'id -u; id -g')).stdout).toBe(`${process.getuid!()}\n${process.getgid!()}\n`);
  });

  it('keeps to the memory limit, and says which program it killed', async () => {
    const { status, stderr } = await shell(['--memory', '64m'], 'head -c 200m /dev/zero | tail -c 150m | wc -c');
    expect(stderr).toMatch(/^sbx: out of memory: killed process \d+ \(tail\)/m);
    expect(status).toBe(0);
  });

  it('has default limits', async () => {
    const { stdout } = await shell([], 'ulimit -Sn; ulimit -Hn; ulimit -Ss; ulimit -Sc');
    expect(stdout).toBe('1024\n65536\n8192\n0\n');
  });

  it('writes system calls to a file or to stderr', async () => {
    const line = /^\[pid +\d+\] write\(1, "hi\\n", 3\) = 3$/m;
    expect((await shell(['--strace'], 'echo hi')).stderr).toMatch(line);
    expect((await shell(['--strace=calls'], 'echo hi; exec sleep 0.01')).stderr).toBe('');
    const calls = readFileSync(`${folder}/calls`, 'utf8');
    expect(calls).toMatch(line);
    expect(calls).toMatch(/^\[pid +\d+\] execve\("\/.*\/sleep", \["sleep", "0\.01"\], 0x[0-9a-f]+ \/\* \d+ vars \*\/\) = 0$/m);
    expect(calls).toMatch(/^\[pid +\d+\] exit_group\(0\) = \?$/m);
    expect(await shell(['--strace=no/such/place'], 'true')).toMatchObject({
      status: 125,
      stderr: 'sbx: cannot write no/such/place: no such file or directory\n',
    });
  });

  it('names unsupported calls at the end of a program that failed, and only then', async () => {
    const call = (number: number, status: number) => ['perl', '-e', `syscall(${number}) for 1..3; exit ${status}`];
    const failed = await runInSandbox([], call(425, 1), options);
    expect(failed.stderr.toString()).toBe(
      'sbx: programs made system calls that are not supported: io_uring_setup (3 times); see https://github.com/sbx/sbx/blob/main/docs/syscalls.md\n',
    );
    expect((await runInSandbox([], call(425, 0), options)).stderr.toString()).toBe('');
  });

  it('says more with --verbose, and everything as JSON with --json', async () => {
    const { stderr } = await shell(['--verbose'], 'true');
    expect(stderr).toContain(`sbx: platform: ${process.env.SBX_PLATFORM}`);
    const lines = (await shell(['--verbose', '--json'], 'true')).stderr.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toContainEqual({ level: 'info', message: `platform: ${process.env.SBX_PLATFORM}` });
    expect(JSON.parse((await command('run', '--json', 'no-such-program')).stderr)).toMatchObject({ level: 'error' });
  });

  it('takes a directory as the root', async () => {
    mkdirSync(`${folder}/root/bin`, { recursive: true });
    writeFileSync(`${folder}/root/bin/sh`, readFileSync('/bin/busybox'), { mode: 0o755 });
    const { status, stdout } = await shell(['--rootfs', 'root'], 'echo *; echo new >/new; cat /new; pwd; test -d /etc || echo no /etc');
    expect(stdout).toBe('bin dev proc run sys tmp\nnew\n/\nno /etc\n');
    expect(status).toBe(0);
    expect(readdirSync(`${folder}/root`)).toEqual(['bin']);
  });
});
