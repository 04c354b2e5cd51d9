import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { sentryOf } from '../../../apps/sandbox/test/support/processes.js';
import { scratch } from '../../../apps/sandbox/test/support/scratch.js';
import { describePrograms } from './programs/support/describe.js';
import { ENVIRONMENT, run, runInSandbox, sbx } from './programs/support/run.js';

const folder = scratch('kcov');

function compile(name: string): void {
  const source = fileURLToPath(new URL(`kcov/${name}.c`, import.meta.url));
  execFileSync('gcc', ['-std=gnu17', '-O1', '-Wall', '-Wextra', '-Werror', '-static', '-pthread', '-o', `${folder}/${name}`, source]);
}

async function command(...args: string[]) {
  const { status, stdout, stderr } = await run(sbx, args, { cwd: folder, env: ENVIRONMENT });
  return { status, stdout: stdout.toString(), stderr: stderr.toString() };
}
async function inSandbox(flags: string[], ...words: string[]) {
  const { status, stdout, stderr } = await runInSandbox(flags, words, { cwd: folder });
  return { status, stdout: stdout.toString(), stderr: stderr.toString() };
}
/** `file:line:column: text` of each PC. */
async function sources(pcs: readonly string[]): Promise<string[]> {
  const { status, stdout } = await command('kcov', 'pc', ...pcs);
  expect(status).toBe(0);
  return stdout
    .trim()
    .split('\n')
    .map((line) => line.slice(line.indexOf(' ') + 1));
}

describePrograms('sbx run --kcov', { programs: ['gcc'] }, () => {
  beforeAll(() => {
    // For everybody.
    chmodSync(folder, 0o755);
    compile('device');
    compile('example');
  });

  it("runs the example of the kernel's documentation, whose PCs lead to what implements read", async () => {
    const { status, stdout, stderr } = await inSandbox(['--kcov'], './example');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const pcs = stdout.trim().split('\n');
    expect(pcs.every((pc) => /^0xffffffff8000[0-9a-f]{4}$/.test(pc))).toBe(true);
    const lines = await sources(pcs);
    const readArguments = lines.findIndex((line) =>
      /^packages\/kernel\/src\/vfs\/syscalls-io\.ts:\d+:\d+: const file = fileArg\(task, args, 0\);/.test(line),
    );
    const bad = lines.findIndex((line) => /^packages\/kernel\/src\/vfs\/syscalls-io\.ts:.* -EBADF : readUser\(/.test(line));
    expect(readArguments).toBeGreaterThan(0);
    expect(bad).toBeGreaterThan(readArguments);
    expect(lines.some((line) => line.startsWith('packages/kernel/src/vfs/fd-table.ts:'))).toBe(true);
    expect(lines.some((line) => line.includes('/kcov/'))).toBe(false);
    // The same build, the same call, the same PCs; those of the run loop depend on time.
    const again = (await inSandbox(['--kcov'], './example')).stdout.trim().split('\n');
    const ofVfs = (text: string) => text.startsWith('packages/kernel/src/vfs/');
    expect(again).toEqual(expect.arrayContaining(pcs.filter((_, i) => ofVfs(lines[i]))));

    writeFileSync(`${folder}/pcs`, stdout);
    const reported = await command('kcov', 'report', '--pcs', 'pcs', '--lcov', '-', '--html', 'example.html');
    expect(reported).toMatchObject({ status: 0, stderr: expect.stringMatching(/^sbx: \d+ of \d+ blocks are covered\n$/) });
    const file = reported.stdout.split('end_of_record').find((record) => record.includes('SF:packages/kernel/src/vfs/syscalls-io.ts\n'))!;
    expect(file).toContain(`DA:${/:(\d+):/.exec(lines[readArguments])![1]},1\n`);
    expect(readFileSync(`${folder}/example.html`, 'utf8')).toContain('packages/kernel/src/vfs/syscalls-io.ts');
  });

  it.each([
    ['files', 10],
    ['sizes', 24],
    ['commands', 40],
    ['maps', 22],
    ['full', 11],
    ['children', 13],
    ['threads', 3],
    ['exec', 4],
    ['closing', 12],
    ['race', 5],
  ])('the device: %s', async (part, checks) => {
    const { status, stdout, stderr } = await inSandbox(['--kcov'], './device', part);
    const lines = stdout.trim().split('\n');
    const failed = lines.filter((line) => !line.startsWith('ok '));
    expect({ status, stderr, failed, checks: lines.length }).toEqual({ status: 0, stderr: '', failed: [], checks });
  });

  it('two tasks that trace at the same time never see blocks of each other', async () => {
    const { status, stdout } = await inSandbox(['--kcov'], './device', 'two');
    expect(status).toBe(0);
    const of = async (who: string) => {
      const pcs = new Set([...stdout.matchAll(new RegExp(`^${who} (0x\\w+)$`, 'gm'))].map(([, pc]) => pc));
      return (await sources([...pcs])).map((line) => line.slice('packages/kernel/src/'.length));
    };
    const reader = await of('reader');
    const namer = await of('namer');
    const has = (lines: readonly string[], prefix: string) => lines.some((line) => line.startsWith(prefix));
    expect([has(reader, 'fs/pipe/pipe.ts'), has(reader, 'wait/'), has(namer, 'system/syscalls.ts')]).toEqual([true, true, true]);
    expect([has(reader, 'system/'), has(namer, 'fs/pipe/'), has(namer, 'vfs/syscalls-io.ts'), has(namer, 'wait/wait-queue.ts')]).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });

  it('enables and disables many times without growing', async () => {
    const cycles = process.env.SBX_SOAK === undefined ? 10_000 : 100_000;
    const child = spawn(sbx, ['run', '--kcov', '--', './device', 'cycles', String(cycles)], {
      cwd: folder,
      env: ENVIRONMENT,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const ended = new Promise((resolve) => child.on('close', resolve));
    const resident: number[] = [];
    const said: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      said.push(line);
      const status = readFileSync(`/proc/${await sentryOf(child.pid!)}/status`, 'latin1');
      resident.push(Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) * 1024);
      child.stdin.write('\n');
    }
    expect(said).toEqual(['warm', 'done']);
    expect(await ended).toBe(0);
    expect(resident[1] - resident[0]).toBeLessThan(32 * 2 ** 20);
  });

  it('is root unless told otherwise, and only root may open it', async () => {
    expect((await inSandbox(['--kcov'], 'id', '-u')).stdout).toBe('0\n');
    expect((await inSandbox(['--kcov', '-u', '1234'], 'id', '-u')).stdout).toBe('1234\n');
    const refused = await inSandbox(['--kcov', '-u', '1234'], './example');
    expect(refused).toMatchObject({ status: 1, stderr: 'open: Permission denied\n' });
  });

  it('is needed: without it there is no such file', async () => {
    expect(await inSandbox(['-u', '0'], './example')).toMatchObject({ status: 1, stderr: 'open: No such file or directory\n' });
    expect((await inSandbox(['-u', '0'], 'ls', '-A', '/sys/kernel/debug')).stdout).toBe('');
  });

  it('sbx kcov report runs a program and shows what the kernel did for it', async () => {
    const { status, stdout, stderr } = await command(
      'kcov',
      'report',
      '--lcov',
      'mkfifo.info',
      '--html',
      'mkfifo.html',
      '--',
      'sh',
      '-c',
      'mkfifo /tmp/f; echo made; exit 3',
    );
    expect({ status, stdout }).toEqual({ status: 3, stdout: 'made\n' });
    expect(stderr).toMatch(/^sbx: \d{4} of \d{5} blocks are covered\n$/);
    const records = readFileSync(`${folder}/mkfifo.info`, 'utf8').split('end_of_record\n');
    const hits = (file: string) =>
      Number(/LH:(\d+)/.exec(records.find((record) => record.includes(`SF:packages/kernel/src/${file}\n`))!)![1]);
    expect(hits('vfs/syscalls-directory.ts')).toBeGreaterThan(0);
    expect(hits('fs/anon/timerfd.ts')).toBe(0);
  });
});

describe('sbx kcov', () => {
  it.each([
    [['kcov', 'pc', 'here'], 'It takes PCs such as 0xffffffff80001234.'],
    [['kcov', 'report', '--html', 'x.html'], 'takes either a command or --pcs FILE'],
    [['kcov', 'report', '--html', 'x.html', '--pcs', 'x', 'ls'], 'takes either a command or --pcs FILE'],
    [['kcov', 'report', 'ls'], 'needs --lcov, --html or both'],
    [['kcov', 'report', '--html', '/no/such/place', '--pcs', '-'], 'ENOENT'],
    [['kcov', 'report', '--lcov', '-', '--pcs', 'missing'], 'ENOENT'],
  ])('says what is wrong with %j', async (args, message) => {
    const { status, stderr } = await command(...args);
    expect(stderr).toContain(message);
    expect(status).toBe(125);
  });

  it('says of a PC of another build that it is none', async () => {
    expect(await command('kcov', 'pc', '0xffffffff8fffffff', '12')).toMatchObject({
      status: 1,
      stdout: '0xffffffff8fffffff no PC of this build\n0x12 no PC of this build\n',
    });
  });
});
