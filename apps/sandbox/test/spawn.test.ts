import { once } from 'node:events';
import { constants } from 'node:os';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Sandbox, type SandboxProcess } from '../src/index.js';
import { describeSandbox } from './support/describe-sandbox.js';
import { failure } from './support/failure.js';
import { until } from './support/processes.js';
import { Transcript } from './support/transcript.js';

/** Long enough for a program that goes on to be seen going on. */
const A_WHILE_MS = 400;
/** What may be under way between a program and its reader: a pipe of 64 KiB, and what Node reads ahead. */
const MOST_BUFFERED = 512 * 1024;

describeSandbox('Sandbox.spawn', {}, () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await Sandbox.create({ workingDirectory: false });
  });
  afterAll(() => sandbox?.close());

  /** What the shell that runs `loop` has counted in the file. */
  const counted = async (file: string) => Number((await sandbox.run('cat', [file])).stdout);
  /** Waits until a count stays as it is. */
  const standstill = (file: string) =>
    until(async () => {
      const before = await counted(file);
      await delay(A_WHILE_MS);
      return before > 0 && (await counted(file)) === before && before;
    });

  it('gives a running program streams and a process id', async () => {
    const child = await sandbox.spawn('sh', ['-c', 'echo $$; read line; echo "$line" >&2; exit 5']);
    expect(child.exit).toBeNull();
    child.stdin.write('a line\n');
    expect(await text(child.stdout)).toBe(`${child.pid}\n`);
    expect(await text(child.stderr)).toBe('a line\n');
    expect(await child.wait()).toEqual({ exitCode: 5, signal: null });
    expect(await child.wait()).toEqual({ exitCode: 5, signal: null });
    expect(child.exit).toEqual({ exitCode: 5, signal: null });
    // No effect any more.
    child.kill();
    child.resize({ columns: 1, rows: 1 });
  });

  it('lets a program wait that writes faster than it is read', async () => {
    const loop = 'i=0; while [ $i -lt 600 ]; do printf %4096d 0; i=$((i + 1)); echo $i >/tmp/written; done';
    const child = await sandbox.spawn('sh', ['-c', loop]);
    const pieces = await standstill('/tmp/written');
    expect(pieces * 4096).toBeLessThan(MOST_BUFFERED);
    expect(child.exit).toBeNull();
    let bytes = 0;
    for await (const chunk of child.stdout) {
      bytes += chunk.length;
      if (bytes < 100_000) await delay(10);
    }
    expect(bytes).toBe(600 * 4096);
    expect(await child.wait()).toMatchObject({ exitCode: 0 });
  });

  it('lets the writer wait for a program that does not read', async () => {
    await sandbox.run('mkfifo', ['/tmp/go']);
    const reader = await sandbox.spawn('sh', ['-c', 'read go </tmp/go; wc -c']);
    const chunk = Buffer.alloc(65536, 'x');
    let written = 0;
    while (reader.stdin.write(chunk)) written += chunk.length;
    written += chunk.length;
    let drained = false;
    reader.stdin.once('drain', () => {
      drained = true;
    });
    await delay(A_WHILE_MS);
    expect(drained).toBe(false);
    expect(written).toBeLessThan(MOST_BUFFERED);
    await sandbox.run('sh', ['-c', 'echo go >/tmp/go']);
    await until(() => drained);
    reader.stdin.end('end');
    expect(await text(reader.stdout)).toBe(`${written + 3}\n`);
  });

  it('tells a program by SIGPIPE and EPIPE that nobody reads any more', async () => {
    const child = await sandbox.spawn('yes');
    await once(child.stdout, 'data');
    child.stdout.destroy();
    expect(await child.wait()).toEqual({ exitCode: null, signal: 'SIGPIPE' });
    const stubborn = await sandbox.spawn('sh', ['-c', 'trap "" PIPE; read x; echo lost; echo $? >&2']);
    stubborn.stdout.destroy();
    stubborn.stdin.end('\n');
    expect(await text(stubborn.stderr)).toMatch(/I\/O error\n1\n$/);
  });

  it('takes input early, late, in pieces, or not at all', async () => {
    const late = await sandbox.spawn('cat');
    setTimeout(() => late.stdin.end('late'), 200);
    expect(await text(late.stdout)).toBe('late');
    const gone = await sandbox.spawn('true');
    await gone.wait();
    gone.stdin.write('too late');
    gone.stdin.end();
    const closed = await sandbox.spawn('sh', ['-c', 'exec <&-; sleep 0.5; echo end']);
    closed.stdin.write('x'.repeat(300_000));
    expect(await text(closed.stdout)).toBe('end\n');
    const destroyed = await sandbox.spawn('cat');
    destroyed.stdin.destroy();
    expect(await destroyed.wait()).toEqual({ exitCode: 0, signal: null });
  });

  it.each(['SIGTERM', 'SIGKILL', 'SIGHUP', 'SIGUSR1', 'SIGABRT'] as const)('ends a program by %s', async (signal) => {
    const child = await sandbox.spawn('sleep', ['1000']);
    child.kill(signal);
    expect(await child.wait()).toEqual({ exitCode: null, signal });
    const again = await sandbox.spawn('sleep', ['1000']);
    again.kill(constants.signals[signal]);
    expect(await again.wait()).toEqual({ exitCode: null, signal });
  });

  it('sends signals that a program handles, stops and continues', async () => {
    const child = await sandbox.spawn('sh', ['-c', 'trap "echo got it" USR1; trap "exit 9" INT; echo ready; while :; do sleep 0.05; done']);
    const output = new Transcript(child.stdout);
    await output.shows(/ready/);
    child.kill('SIGUSR1');
    await output.shows(/got it/);
    child.kill('SIGSTOP');
    const state = async () => (await sandbox.run('ps', ['-o', 'stat=', '-p', `${child.pid}`])).stdout[0];
    await until(async () => (await state()) === 'T');
    child.kill('SIGCONT');
    await until(async () => (await state()) !== 'T');
    child.kill('SIGINT');
    expect(await child.wait()).toEqual({ exitCode: 9, signal: null });
    expect(() => child.kill('SIGNONE' as NodeJS.Signals)).toThrow("unknown signal 'SIGNONE'");
    expect(() => child.kill(65)).toThrow("unknown signal '65'");
  });

  it('kills a stopped program, one that ignores all signals, and one that never makes a system call', async () => {
    const stopped = await sandbox.spawn('sleep', ['1000']);
    stopped.kill('SIGSTOP');
    stopped.kill('SIGKILL');
    expect(await stopped.wait()).toMatchObject({ signal: 'SIGKILL' });
    const ignoring = await sandbox.spawn('sh', [
      '-c',
      'trap "" $(seq 1 8) $(seq 10 18) $(seq 20 64) 2>/dev/null; echo ready; while :; do sleep 0.05; done',
    ]);
    await new Transcript(ignoring.stdout).shows(/ready/);
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const) ignoring.kill(signal);
    await delay(A_WHILE_MS);
    expect(ignoring.exit).toBeNull();
    ignoring.kill('SIGKILL');
    expect(await ignoring.wait()).toMatchObject({ signal: 'SIGKILL' });
    const spinning = await sandbox.spawn('perl', ['-e', '$| = 1; print "ready"; 1 while 1']);
    await new Transcript(spinning.stdout).shows(/ready/);
    spinning.kill('SIGTERM');
    expect(await spinning.wait()).toMatchObject({ signal: 'SIGTERM' });
  });

  it('ends a program at its timeout, or when its AbortSignal fires, and says why', async () => {
    const late = await sandbox.spawn('sh', ['-c', 'trap "" TERM; (setsid sleep 1005 &); sleep 1006'], { timeout: 1000 });
    expect(await late.wait()).toEqual({ exitCode: null, signal: 'SIGKILL' });
    expect(late.killedBecause).toMatchObject({ code: 'ERR_SBX_TIMEOUT' });
    const controller = new AbortController();
    const aborted = await sandbox.spawn('sleep', ['1007'], { signal: controller.signal });
    controller.abort();
    expect(await aborted.wait()).toEqual({ exitCode: null, signal: 'SIGKILL' });
    expect(aborted.killedBecause).toMatchObject({ code: 'ABORT_ERR' });
    const { stdout } = await sandbox.run('ps', ['-e', '-o', 'args=']);
    expect(stdout.split('\n').filter((line) => /^sleep 100/.test(line))).toEqual([]);
    expect((await failure(sandbox.spawn('true', [], { signal: AbortSignal.abort() }))).code).toBe('ABORT_ERR');
  });

  describeTerminal(() => sandbox);
});

/** Programs with a terminal. */
function describeTerminal(sandbox: () => Sandbox): void {
  const onTerminal = (script: string): Promise<SandboxProcess> =>
    sandbox().spawn('sh', ['-c', script], { tty: { columns: 91, rows: 17 }, env: { TERM: 'dumb' } });

  it('gives a program a terminal of the size that is asked for', async () => {
    const child = await onTerminal('tty; stty size; echo err >&2; test -t 0 && test -t 1 && test -t 2 && echo all');
    expect(await text(child.stdout)).toBe('/dev/pts/0\r\n17 91\r\nerr\r\nall\r\n');
    expect(await text(child.stderr)).toBe('');
    expect(await child.wait()).toEqual({ exitCode: 0, signal: null });
  });

  it('tells it of a new size', async () => {
    const child = await onTerminal('trap "stty size; exit 0" WINCH; echo ready; while :; do sleep 0.05; done');
    const output = new Transcript(child.stdout);
    await output.shows(/ready/);
    for (const size of [{ columns: 0, rows: 5 }, { columns: 5, rows: 70_000 }, { columns: 1.5, rows: 5 }, {} as never])
      expect(() => child.resize(size)).toThrow(expect.objectContaining({ code: 'ERR_SBX_OPTION' }));
    child.resize({ columns: 133, rows: 44 });
    expect(await output.all()).toBe('ready\r\n44 133\r\n');
  });

  it('understands keys: echo, editing, Ctrl-C, Ctrl-D', async () => {
    const child = await onTerminal('trap "echo interrupted" INT; read line; echo "line: $line"; sh -c "echo next; cat"; echo end');
    const output = new Transcript(child.stdout);
    child.stdin.write('wrogn\x7f\x7fng\r');
    await output.shows(/next\r\n/);
    child.stdin.write('\x03');
    expect(await output.all()).toBe('wrogn\b \b\b \bng\r\nline: wrong\r\nnext\r\n^Cinterrupted\r\nend\r\n');
    expect(await child.wait()).toMatchObject({ exitCode: 0 });
    const reader = await onTerminal('cat');
    reader.stdin.write('text\r\x04');
    expect(await text(reader.stdout)).toBe('text\r\ntext\r\n');
  });

  it('hangs up when its input ends, and passes on all that was written', async () => {
    const child = await onTerminal('seq 1 20000');
    const lines = (await text(child.stdout)).split('\r\n');
    expect(lines.length).toBe(20_001);
    expect(lines[19_999]).toBe('20000');
    const reader = await onTerminal('cat; echo end of input');
    reader.stdin.end('text\r');
    expect(await text(reader.stdout)).toMatch(/end of input\r\n$/);
  });

  it('lets a program wait whose terminal is not read', async () => {
    const child = await onTerminal('yes 0123456789');
    await delay(A_WHILE_MS);
    child.kill('SIGKILL');
    let bytes = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    await once(child.stdout, 'close');
    expect(bytes).toBeLessThan(MOST_BUFFERED);
    expect(await child.wait()).toMatchObject({ signal: 'SIGKILL' });
  });
}
