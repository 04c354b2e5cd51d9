import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { Sandbox, type SandboxError, type SandboxOptions } from '../src/index.js';
import { jsonLine } from '../src/protocol/lines.js';
import { describeSandbox } from './support/describe-sandbox.js';
import { failure } from './support/failure.js';
import { descendants, isAlive, processes, until } from './support/processes.js';
import { scratch } from './support/scratch.js';
import { observe } from './support/sentries.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const run = promisify(execFile);

describeSandbox('when the sentry dies', {}, () => {
  const folder = scratch('deaths');

  it.each(['sentry', 'launcher'] as const)('by kill -9 of the %s, everything rejects with a report', async (which) => {
    const observed = await observe({ workingDirectory: false });
    const { sandbox } = observed;
    const child = await sandbox.spawn('sleep', ['1000']);
    const running = failure(sandbox.run('sh', ['-c', 'echo partial; sleep 1000']));
    process.kill(observed[which], 'SIGKILL');
    const error = await failure(child.wait());
    expect(error).toMatchObject({ code: 'ERR_SBX_SENTRY_DIED', name: 'SandboxError' });
    if (which === 'sentry') {
      expect(error.report).toContain("sbx: the sandbox's kernel was killed by signal 9 (Killed)");
      expect(error.message).toContain('exit status 125');
    } else expect(error.message).toContain('signal SIGKILL');
    expect((await running).code).toBe('ERR_SBX_SENTRY_DIED');
    expect(await text(child.stdout).catch(() => 'cut')).toMatch(/^(cut)?$/);
    for (const attempt of [sandbox.run('true'), sandbox.spawn('true')]) expect((await failure(attempt)).code).toBe('ERR_SBX_SENTRY_DIED');
    child.kill();
    child.stdin.write('nobody reads this');
    await sandbox.close();
    await until(() => !isAlive(observed.sentry) && !isAlive(observed.launcher));
  });

  it('one sandbox is not another', async () => {
    await using other = await Sandbox.create({ workingDirectory: false });
    const observed = await observe({ workingDirectory: false });
    const waiting = await other.spawn('cat');
    process.kill(observed.sentry, 'SIGKILL');
    await until(() => !isAlive(observed.sentry));
    waiting.stdin.end('unharmed');
    expect(await text(waiting.stdout)).toBe('unharmed');
    await observed.sandbox.close();
  });

  it('by close, by the end of an await using block, and by wallTime', async () => {
    const observed = await observe({ workingDirectory: false });
    const child = await observed.sandbox.spawn('sleep', ['1000']);
    await Promise.all([observed.sandbox.close(), observed.sandbox.close()]);
    expect(isAlive(observed.sentry) || isAlive(observed.launcher)).toBe(false);
    expect((await failure(child.wait())).code).toBe('ERR_SBX_CLOSED');
    expect((await failure(observed.sandbox.run('true'))).code).toBe('ERR_SBX_CLOSED');
    let kept: Sandbox;
    {
      await using sandbox = await Sandbox.create({ workingDirectory: false });
      kept = sandbox;
      expect((await sandbox.run('echo', ['inside'])).stdout).toBe('inside\n');
    }
    expect((await failure(kept.run('true'))).code).toBe('ERR_SBX_CLOSED');
    await using limited = await Sandbox.create({ workingDirectory: false, limits: { wallTime: 1000 } });
    expect(await failure(limited.run('sleep', ['1000']))).toMatchObject({ code: 'ERR_SBX_WALL_TIME', message: /1000 ms/ });
  });

  it('by force, when it does not end by itself', async () => {
    const { sandbox, sentry, launcher } = await observe({ workingDirectory: false });
    process.kill(sentry, 'SIGSTOP');
    await sandbox.close();
    await until(() => !isAlive(sentry) && !isAlive(launcher));
  });

  it('by its watchdog, when its kernel hangs', async () => {
    // System calls are written to a pipe that nobody reads: the kernel's thread waits for the host as soon as it is full.
    await run('mkfifo', [`${folder}/trace`]);
    const reader = openSync(`${folder}/trace`, 'r+');
    onTestFinished(() => closeSync(reader));
    await using sandbox = await Sandbox.create({ workingDirectory: false, strace: `${folder}/trace`, watchdog: 2 });
    const error = await failure(sandbox.run('sh', ['-c', 'i=0; while [ $i -lt 5000 ]; do i=$((i + 1)); /bin/true; done']));
    expect(error).toMatchObject({ code: 'ERR_SBX_SENTRY_DIED', report: expect.stringContaining('made no progress for 2 seconds') });
    expect(error.report).toContain("its JavaScript thread is in native code or in a call of the host's kernel");
  });

  it('by its watchdog, which says where JavaScript loops', async () => {
    const script = `
      const native = require('node-gyp-build')(${JSON.stringify(root)});
      native.startWatchdog(1, () => 'tasks: none\\n' + new Error('here').stack);
      setTimeout(function loopsForEver() { for (let i = 0; ; i++) Math.sqrt(i); }, 100);`;
    const error = await run(process.execPath, ['-e', script], { cwd: root }).catch((reason) => reason);
    expect(error.code).toBe(125);
    expect(error.stderr).toMatch(/made no progress for 1 seconds[\s\S]*tasks: none\nError: here[\s\S]*loopsForEver/);
  });
});

describeSandbox('when the client dies', {}, () => {
  const start = `
    const { Sandbox } = await import('@sbx/sandbox');
    const sandboxes = await Promise.all([Sandbox.create(), Sandbox.create()]);
    for (const sandbox of sandboxes) for (const script of ['while :; do :; done', 'trap "" TERM INT HUP; sleep 1000 & wait']) await sandbox.spawn('sh', ['-c', script]);`;

  it.each([
    ['kill -9', 'setInterval(() => {}, 1000)', 'SIGKILL', null],
    ['a signal', 'setInterval(() => {}, 1000)', 'SIGTERM', null],
    ['process.exit', 'process.stdin.once("data", () => process.exit(7))', null, 7],
    ['an uncaught error', 'process.stdin.once("data", () => { throw new Error("uncaught") })', null, 1],
  ] as const)('by %s, nothing of it is left', async (_, rest, signal, status) => {
    const client = spawn(process.execPath, ['--input-type=module', '-e', `${start}\nconsole.log('ready');\n${rest}`], {
      cwd: root,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    onTestFinished(() => void client.kill('SIGKILL'));
    await once(client.stdout, 'data');
    const started = descendants(client.pid!);
    // Two launchers, two sentries, and what the platform has beside them.
    expect(started.length).toBeGreaterThanOrEqual(4);
    if (signal === null) client.stdin.write('go\n');
    else client.kill(signal);
    const [code] = await once(client, 'exit');
    expect(code).toBe(status);
    const before = performance.now();
    await until(() => !started.some(isAlive));
    expect(performance.now() - before).toBeLessThan(10_000);
  });

  it('does not have to: a sandbox that does nothing keeps no process alive', async () => {
    const script =
      "const { Sandbox } = await import('@sbx/sandbox'); const sandbox = await Sandbox.create(); await sandbox.run('true'); console.log('done');";
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: root, timeout: 60_000 });
    expect(stdout).toBe('done\n');
  });
});

describeSandbox('garbage from the client', {}, () => {
  const launcher = `${root}/build/Release/sbx-launch`;

  /** What a sentry that is sent `bytes` says on the control channel and on stderr, and its exit status. */
  async function send(...pieces: (string | Buffer)[]): Promise<{ status: number | null; said: string; stderr: string }> {
    const sentry = spawn(launcher, [`${root}/dist/sentry/boot.cjs`, `${root}/dist/sentry/serve.cjs`], {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
      env: { ...process.env, SBX_NODE: process.execPath },
    });
    onTestFinished(() => void sentry.kill('SIGKILL'));
    const control = sentry.stdio[3] as import('node:net').Socket;
    const said = text(control).catch(() => '');
    const stderr = text(sentry.stderr!);
    control.on('error', () => {});
    for (const piece of pieces) control.write(piece);
    const [status] = await once(sentry, 'exit');
    return { status, said: await said, stderr: await stderr };
  }

  const config = {
    root: { type: 'system' },
    mounts: [],
    workingDirectory: null,
    home: '/root',
    user: { uid: 0, gid: 0, groups: [] },
    hostname: 'x',
    limits: { memory: 2 ** 26, tasks: 10, openFilesSoft: 10, openFilesHard: 10 },
    platform: 'auto',
    env: {},
  };
  const create = { type: 'create', version: 1, config, watchdog: 30, strace: null };

  it.each<[string, (string | Buffer)[]]>([
    ['no JSON', ['garbage\n']],
    ['bytes', [Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) & 0xff)), '\n']],
    ['a line without end', Array.from({ length: 17 }, () => Buffer.alloc(2 ** 20, 'x'))],
    ['another first message', [jsonLine({ type: 'spawn', id: 1 })]],
    ['null', ['null\n']],
    ['a number', ['7\n']],
    ['another version', [jsonLine({ ...create, version: 99 })]],
    ['no configuration', [jsonLine({ ...create, config: undefined })]],
    ['a wrong configuration', [jsonLine({ ...create, config: { ...config, root: { type: 'dir', path: 7 } } })]],
    ['garbage after a good start', [jsonLine(create), 'garbage\n']],
    ['null after a good start', [jsonLine(create), 'null\n']],
    ['a program that is none', [jsonLine(create), jsonLine({ type: 'spawn', id: 1, argv: 7 })]],
  ])('ends the sentry with a message: %s', async (_, pieces) => {
    const { status, said, stderr } = await send(...pieces);
    const last = said.trim().split('\n').at(-1)!;
    if (status === 125) expect(stderr).toMatch(/^sbx: the (client sent something that is no message|sandbox cannot be started): /m);
    else expect(JSON.parse(last)).toMatchObject({ type: 'failed', code: expect.stringMatching(/^ERR_SBX_/) });
  });
});

describeSandbox('garbage from the sentry', {}, () => {
  const folder = scratch('garbage');

  /** A client whose sentry is a shell script that has the control channel as descriptor 3. */
  async function createWith(script: string, options: SandboxOptions = {}): Promise<SandboxError> {
    const fake = `${folder}/node-${Math.random().toString(36).slice(2)}`;
    writeFileSync(fake, `#!/bin/sh\n${script}\n`);
    chmodSync(fake, 0o755);
    const { execPath } = process;
    process.execPath = fake;
    try {
      return await failure(
        (async () => {
          const sandbox = await Sandbox.create(options);
          return sandbox.run('true');
        })(),
      );
    } finally {
      process.execPath = execPath;
    }
  }

  const ready = jsonLine({ type: 'ready', version: 1, platform: 'kvm', isolation: [], warnings: [] }).trim();

  it.each([
    ['no JSON', 'echo garbage >&3; sleep 100', 'ERR_SBX_SENTRY_DIED'],
    ['null', 'echo null >&3; sleep 100', 'ERR_SBX_SENTRY_DIED'],
    ['no message', `echo '{"type":"reddy"}' >&3; sleep 100`, 'ERR_SBX_SENTRY_DIED'],
    ['a message with wrong fields', `echo '{"type":"ready","version":1,"platform":7}' >&3; sleep 100`, 'ERR_SBX_SENTRY_DIED'],
    ['another version', `echo '${ready.replace('"version":1', '"version":2')}' >&3; sleep 100`, 'ERR_SBX_START'],
    ['more than any message', 'head -c 3000000 /dev/zero | tr "\\0" x >&3; sleep 100', 'ERR_SBX_SENTRY_DIED'],
    ['an unknown failure', `echo '{"type":"failed","code":"EVIL","message":""}' >&3; sleep 100`, 'ERR_SBX_SENTRY_DIED'],
    ['nothing, and ends', 'echo some words >&2; exit 3', 'ERR_SBX_START'],
    [
      'programs that nobody asked for',
      `echo '${ready}' >&3; echo '{"type":"exited","id":9,"code":0,"signo":null}' >&3; echo '{"type":"spawned","id":1}' >&3; sleep 100`,
      'ERR_SBX_SENTRY_DIED',
    ],
    [
      'an impossible end',
      `echo '${ready}' >&3; echo '{"type":"spawned","id":1,"pid":2}' >&3; echo '{"type":"exited","id":1,"code":1000,"signo":null}' >&3; sleep 100`,
      'ERR_SBX_SENTRY_DIED',
    ],
    ['words without end on stderr', 'yes >&2 & sleep 1; kill $!; exit 4', 'ERR_SBX_START'],
  ])('is an error for the client: %s', async (_, script, code) => {
    const error = await createWith(script);
    expect(error.code).toBe(code);
    expect((error.report ?? '').length).toBeLessThan(70_000);
  });

  it('silence is an error after startTimeout, and no process is left', async () => {
    const note = `${folder}/silent`;
    const launchers = () => processes().filter(({ command, state }) => command.includes(`--parent=${process.pid}`) && state !== 'Z');
    const others = new Set(launchers().map(({ pid }) => pid));
    const error = await createWith(`echo $$ >${note}; exec sleep 1000`, { startTimeout: 300 });
    expect(error).toMatchObject({ code: 'ERR_SBX_START', message: 'the sentry did not start within 300 ms (startTimeout)' });
    // The launcher and its zygote, and the sentry if it came that far.
    await until(() => launchers().every(({ pid }) => others.has(pid)));
    if (existsSync(note)) await until(() => !isAlive(Number(readFileSync(note, 'utf8'))));
  });
});
