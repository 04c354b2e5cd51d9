import { expect, it } from 'vitest';
import { scratch } from '../../../apps/sandbox/test/support/scratch.js';
import { describePrograms } from './programs/support/describe.js';
import { ENVIRONMENT, run, runInSandbox, sbx } from './programs/support/run.js';

const folder = scratch('streams');

/** Runs a bash script on this machine, in which $SBX is the command line under test. */
async function bash(script: string) {
  const { status, stdout, stderr } = await run('bash', ['-c', script], { cwd: folder, env: { ...ENVIRONMENT, SBX: sbx } });
  return { status, stdout: stdout.toString('latin1'), stderr: stderr.toString('latin1') };
}
describePrograms('the streams of sbx run', { programs: ['bash', 'od', 'perl'] }, () => {
  it('pass bytes untouched, both ways', async () => {
    const { stdout } = await bash(
      `perl -e 'print map { chr } 0 .. 255 for 1 .. 4000' > in; $SBX run -- cat < in | cmp - in && cat in | $SBX run -- cat > out; cmp in out && echo same`,
    );
    expect(stdout).toBe('same\n');
  });

  it('end a program whose reader has gone', async () => {
    expect(await bash('set -o pipefail; $SBX run -- yes | head -n 1; echo $?')).toEqual({ status: 0, stdout: 'y\n141\n', stderr: '' });
  });

  it('share their position with the caller: each program goes on where the one before it stopped', async () => {
    const { stdout } = await bash(
      `seq 5 > in; { $SBX run -- sh -c 'read a; echo $a'; $SBX run -- sh -c 'read a; echo $a'; cat; } < in > out; cat out`,
    );
    // The shell reads a byte at a time, so that nothing is lost between them.
    expect(stdout).toBe('1\n2\n3\n4\n5\n');
  });

  it('may be full: the program sees the error', async () => {
    const { status, stderr } = await bash('$SBX run -- cat /etc/passwd > /dev/full');
    expect(stderr).toBe('cat: write error: No space left on device\n');
    expect(status).toBe(1);
  });

  it('may be closed: the program gets EBADF', async () => {
    const program = `sh -c 'cat; echo $?; { echo out; } 2>/dev/null || exit 5'`;
    for (const closed of ['<&-', '>&-', '2>&-', '<&- >&- 2>&-']) {
      const { status, stdout } = await bash(`${program} ${closed}`);
      expect(await bash(`$SBX run -- ${program} ${closed}`), closed).toMatchObject({ status, stdout });
    }
  });

  it('take what Node writes, whatever they are', async () => {
    const script = 'console.log("out"); console.error("err"); process.stdin.on("data", (text) => console.log(String(text)))';
    // Node's own pipes are sockets.
    const { stdout, stderr } = await runInSandbox([], [process.execPath, '-e', script], {
      cwd: folder,
      input: 'in',
    });
    expect(stdout.toString()).toBe('out\nin\n');
    expect(stderr.toString()).toBe('err\n');
    expect((await bash(`echo x | $SBX run -- sh -c 'cat > /dev/stdout; echo y > /dev/stderr' 2>&1 | cat`)).stdout).toBe('x\ny\n');
  });
});

describePrograms('words that are no UTF-8', { programs: ['bash', 'od'] }, () => {
  it('reach the program as they are', async () => {
    const { stdout } = await bash(
      String.raw`$SBX run -e $'BYTES=\xfe\xff' -- sh -c 'printf "%s|" "$@" "$BYTES"' sh $'a\xffb' $'\xc3\xbc' '' $'two\nlines' $'\xed\xa0\x80' '�'`,
    );
    expect(Buffer.from(stdout, 'latin1').toString('hex')).toBe(
      Buffer.from('a\xffb|\xc3\xbc||two\nlines|\xed\xa0\x80|\xef\xbf\xbd|\xfe\xff|', 'latin1').toString('hex'),
    );
  });
});

describePrograms('the answers of sbx', { programs: ['bash'] }, () => {
  it.each(['info', 'platforms', '--help', 'run --help', '--version'])(
    '%s: an error when they cannot be written, quiet when nobody reads',
    async (words) => {
      expect(await bash(`$SBX ${words} > /dev/full`)).toMatchObject({
        status: 125,
        stderr: 'sbx: cannot write to stdout: no space left on device\n',
      });
      const { stderr } = await bash(`$SBX ${words} | true`);
      expect(stderr).toBe('');
    },
  );
});
