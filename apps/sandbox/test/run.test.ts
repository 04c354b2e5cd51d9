import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Sandbox } from '../src/index.js';
import { describeSandbox } from './support/describe-sandbox.js';
import { failure } from './support/failure.js';

describeSandbox('Sandbox.run', {}, () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await Sandbox.create({ workingDirectory: false, env: { FROM: 'sandbox', KEPT: 'yes' } });
  });
  afterAll(() => sandbox?.close());

  /** Command lines of the programs that run. */
  const running = async () => (await sandbox.run('ps', ['-e', '-o', 'args='])).stdout.split('\n');

  it('gives what a program wrote and how it ended', async () => {
    expect(await sandbox.run('sh', ['-c', 'echo out; echo err >&2; exit 3'])).toEqual({
      exitCode: 3,
      signal: null,
      stdout: 'out\n',
      stderr: 'err\n',
    });
    expect(await sandbox.run('sh', ['-c', 'kill -SEGV $$'])).toMatchObject({ exitCode: null, signal: 'SIGSEGV' });
    expect(await sandbox.run('sh', ['-c', 'kill -40 $$'])).toMatchObject({ exitCode: null, signal: 'SIGRTMIN+6' });
    expect(await sandbox.run('true')).toEqual({ exitCode: 0, signal: null, stdout: '', stderr: '' });
  });

  it('decodes output as asked', async () => {
    const bytes = ['-c', "printf 'gr\\303\\274n\\377'"];
    expect((await sandbox.run('sh', bytes)).stdout).toBe('grün\ufffd');
    expect((await sandbox.run('sh', bytes, { encoding: 'latin1' })).stdout).toBe('grÃ¼nÿ');
    expect((await sandbox.run('sh', bytes, { encoding: 'hex' })).stdout).toBe('6772c3bc6eff');
    const { stdout, stderr } = await sandbox.run('sh', bytes, { encoding: 'buffer' });
    expect(stdout).toEqual(Buffer.from([0x67, 0x72, 0xc3, 0xbc, 0x6e, 0xff]));
    expect(stderr).toEqual(Buffer.alloc(0));
  });

  it('passes arguments and variables on as they are', async () => {
    const args = ['', ' ', '*', '$HOME', '"', '\\', 'two\nlines', 'grün', '日本'];
    const { stdout } = await sandbox.run('sh', ['-c', 'for a; do printf "%s|" "$a"; done', 'sh', ...args]);
    expect(stdout).toBe(args.map((arg) => `${arg}|`).join(''));
    const env = { FROM: 'run', WÖRTER: 'a b=c\nd', EMPTY: '', KEPT: undefined };
    const printed = (await sandbox.run('env', ['-0'], { env })).stdout.split('\0');
    expect(printed).toEqual(expect.arrayContaining(['FROM=run', 'WÖRTER=a b=c\nd', 'EMPTY=', `PATH=${process.env.PATH}`]));
    expect(printed.filter((line) => line.startsWith('KEPT'))).toEqual([]);
    // One run's variables are not another's.
    expect((await sandbox.run('sh', ['-c', 'echo $FROM $KEPT'])).stdout).toBe('sandbox yes\n');
  });

  it('starts programs where it is told to', async () => {
    expect((await sandbox.run('pwd')).stdout).toBe('/\n');
    expect((await sandbox.run('pwd', [], { cwd: '/usr/bin' })).stdout).toBe('/usr/bin\n');
    // A path is looked for from there, too.
    expect((await sandbox.run('./pwd', [], { cwd: '/usr/bin' })).stdout).toBe('/usr/bin\n');
  });

  it.each([
    ['text', 'a line\n', 'a line\n'],
    ['bytes', new Uint8Array([0x62, 0x0a]), 'b\n'],
    ['a stream', Readable.from(['c', 'd\n']), 'cd\n'],
    [
      'a generator',
      (async function* () {
        yield 'e';
        yield new Uint8Array([0x0a]);
      })(),
      'e\n',
    ],
    ['nothing', undefined, ''],
    ['empty text', '', ''],
  ])('gives a program its input: %s', async (_, input, output) => {
    expect((await sandbox.run('cat', [], { input })).stdout).toBe(output);
  });

  it('does not mind a program that wants no input', async () => {
    expect(await sandbox.run('true', [], { input: 'x'.repeat(2 ** 20) })).toMatchObject({ exitCode: 0 });
    expect((await sandbox.run('head', ['-c', '3'], { input: Readable.from(endless()) })).stdout).toBe('xxx');
    expect((await sandbox.run('sh', ['-c', 'exec <&-; echo closed'], { input: 'x'.repeat(2 ** 20) })).stdout).toBe('closed\n');
  });

  it('ends a program whose input fails', async () => {
    const input = (async function* () {
      yield 'one\n';
      throw new Error('the disk is gone');
    })();
    const error = await failure(sandbox.run('sh', ['-c', 'read a; echo got $a; sleep 100'], { input }));
    expect(error).toMatchObject({ code: 'ERR_SBX_INPUT', message: "the program's input failed: the disk is gone" });
    expect(error.cause).toMatchObject({ message: 'the disk is gone' });
  });

  it('kills a program that writes more than maxBuffer', async () => {
    const error = await failure(sandbox.run('sh', ['-c', 'echo ok >&2; yes'], { maxBuffer: 100_000 }));
    expect(error).toMatchObject({ code: 'ERR_SBX_MAX_BUFFER', message: 'the program wrote more than 100000 bytes (maxBuffer)' });
    // The first 100,000 bytes are kept.
    expect(`${error.stderr}${error.stdout}`.length).toBe(100_000);
    expect(error.stdout).toMatch(/^(y\n)+y?$/);
    const just = await sandbox.run('head', ['-c', '100000', '/dev/zero'], { maxBuffer: 100_000 });
    expect(just.stdout.length).toBe(100_000);
    expect((await failure(sandbox.run('head', ['-c', '100001', '/dev/zero'], { maxBuffer: 100_000 }))).code).toBe('ERR_SBX_MAX_BUFFER');
    expect(await running()).not.toContain('yes');
  });

  it('kills a program, and all that it started, that takes longer than timeout', async () => {
    const script = 'trap "" TERM INT HUP; echo before; sleep 1000 & (setsid sleep 1001 &) ; while :; do sleep 1002; done';
    const error = await failure(sandbox.run('sh', ['-c', script], { timeout: 1500 }));
    expect(error).toMatchObject({ code: 'ERR_SBX_TIMEOUT', message: 'the program did not end within 1500 ms', stdout: 'before\n' });
    expect((await running()).filter((line) => /^sleep 100/.test(line))).toEqual([]);
    expect((await sandbox.run('sh', ['-c', 'sleep 0.1; echo done'], { timeout: 60_000 })).stdout).toBe('done\n');
  });

  it('waits for what a program left running with its streams, but not longer than timeout', async () => {
    expect(await sandbox.run('sh', ['-c', '(sleep 0.3; echo late) & echo early'])).toMatchObject({ stdout: 'early\nlate\n', exitCode: 0 });
    const error = await failure(sandbox.run('sh', ['-c', 'setsid sleep 1003 & echo early'], { timeout: 1500 }));
    expect(error).toMatchObject({ code: 'ERR_SBX_TIMEOUT', stdout: 'early\n' });
    // What is not wanted any more is not left behind, and what nobody waits for runs on.
    await sandbox.run('sh', ['-c', 'exec >/dev/null 2>&1; sleep 1004 &']);
    expect((await running()).filter((line) => /^sleep 100/.test(line))).toEqual(['sleep 1004']);
    await sandbox.run('pkill', ['sleep']);
  });

  it('kills a program when an AbortSignal fires', async () => {
    const controller = new AbortController();
    const running = failure(sandbox.run('sh', ['-c', 'echo started; exec sleep 1000'], { signal: controller.signal }));
    setTimeout(() => controller.abort(new Error('enough')), 500);
    const error = await running;
    expect(error).toMatchObject({ code: 'ABORT_ERR', name: 'AbortError', cause: { message: 'enough' } });
    expect((await failure(sandbox.run('true', [], { signal: AbortSignal.abort() }))).code).toBe('ABORT_ERR');
    const unused = new AbortController();
    await sandbox.run('true', [], { signal: unused.signal });
    unused.abort();
    expect((await sandbox.run('echo', ['still there'])).stdout).toBe('still there\n');
  });

  it.each([
    ['no-such-program', {}, 'ENOENT', 'no-such-program: command not found'],
    ['/no/such/program', {}, 'ENOENT', '/no/such/program: No such file or directory'],
    ['/etc/passwd', {}, 'EACCES', '/etc/passwd: permission denied'],
    ['/etc', {}, 'EACCES', '/etc: permission denied'],
    ['true', { cwd: '/no/such/place' }, 'ENOENT', 'cannot start in /no/such/place: No such file or directory'],
    ['true', { cwd: '/etc/passwd' }, 'ENOTDIR', 'cannot start in /etc/passwd: Not a directory'],
  ])('says why %s %j cannot be started', async (program, options, errno, message) => {
    expect(await failure(sandbox.run(program, [], options))).toMatchObject({ code: 'ERR_SBX_SPAWN', errno, message });
  });

  it('runs programs side by side, which share files and process ids', async () => {
    const letters = [...'abcdefgh'];
    const results = await Promise.all(
      letters.map((letter) => sandbox.run('sh', ['-c', `echo ${letter} >/tmp/${letter}; cat; echo $$`], { input: letter })),
    );
    const pids = results.map(({ stdout }, i) => {
      expect(stdout[0]).toBe(letters[i]);
      return Number(stdout.slice(1));
    });
    expect(new Set(pids).size).toBe(letters.length);
    expect((await sandbox.run('sh', ['-c', 'cat /tmp/[a-h]'])).stdout).toBe('a\nb\nc\nd\ne\nf\ng\nh\n');
  });
});

function* endless() {
  const piece = 'x'.repeat(65536);
  for (;;) yield piece;
}
