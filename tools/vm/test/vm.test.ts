import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runInVm, type VmOptions, vmUnavailable } from '../src/index.js';

const reason = process.env.CI ? undefined : vmUnavailable();
const here = path.dirname(fileURLToPath(import.meta.url));

/** Runs a command in the VM and collects its output. */
async function collect(command: string[], options: Partial<VmOptions> = {}) {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const output = Promise.all([buffer(stdout), buffer(stderr)]);
  try {
    const status = await runInVm({ command, timeout: 240, stdout, stderr, ...options });
    stdout.end();
    stderr.end();
    const [out, err] = await output;
    return { status, stdout: out.toString('latin1'), stderr: err.toString('latin1') };
  } finally {
    stdout.destroy();
    stderr.destroy();
    await output.catch(() => {});
  }
}

describe.skipIf(reason)(`the test VM${reason ? ` (${reason})` : ''}`, { timeout: 300_000 }, () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'vm-test-'));
    execFileSync('cc', ['-Wall', '-Wextra', '-Werror', '-o', path.join(folder, 'kvm-smoke'), path.join(here, 'kvm-smoke.c')]);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('has a true KVM that runs code, and both streams and the status come out exactly', async () => {
    const script = `cd ${folder}
      grep -o -w -m1 svm /proc/cpuinfo
      ./kvm-smoke
      node -p '6 * 7'
      seq 1 200000
      echo kept > share/kept; echo lost > lost
      printf 'no newline' >&2
      exit 42`;
    execFileSync('mkdir', [path.join(folder, 'share')]);
    const result = await collect(['bash', '-c', script], { writable: [path.join(folder, 'share')] });
    const numbers = Array.from({ length: 200_000 }, (_, i) => `${i + 1}\n`).join('');
    expect(result.stderr).toBe('no newline');
    expect(result.stdout.slice(0, 40)).toMatch(/^svm\napi 12\nout 7\nhlt\n42\n1\n2\n/);
    expect(result.stdout === `svm\napi 12\nout 7\nhlt\n42\n${numbers}`).toBe(true);
    expect(result.status).toBe(42);
    expect(readFileSync(path.join(folder, 'share/kept'), 'latin1')).toBe('kept\n');
    expect(existsSync(path.join(folder, 'lost'))).toBe(false);
  });

  test('passes standard input and environment in, and a signal out', async () => {
    const stdin = new PassThrough();
    stdin.end('first\nsecond\n');
    const env = { PATH: '/usr/bin:/bin', GREETING: "it's" };
    const result = await collect(['sh', '-c', 'cat; env; pwd; kill -9 $$'], { stdin, env, cwd: '/usr' });
    const variables = result.stdout.split('\n').filter((line) => /^(PATH|GREETING|HOME|LANG)=/.test(line));
    expect(result.stdout).toMatch(/^first\nsecond\n/);
    expect(result.stdout).toMatch(/\n\/usr\n$/);
    expect(variables.sort()).toEqual(["GREETING=it's", 'PATH=/usr/bin:/bin']);
    expect(result.status).toBe(137);
  });

  test('says what the kernel knows of a command that died, and takes folders by other names, too', async () => {
    const other = `${folder}-link`;
    symlinkSync(folder, other);
    try {
      const crash = 'echo reached > reached; exec python3 -c "import ctypes; ctypes.string_at(8)"';
      const result = await collect(['sh', '-c', crash], { writable: [other], cwd: other });
      expect(result.status).toBe(139);
      expect(result.stderr).toMatch(/^vm: kernel: .*python3\[\d+\]: segfault at 8 /m);
      expect(readFileSync(path.join(folder, 'reached'), 'latin1')).toBe('reached\n');
    } finally {
      rmSync(other);
    }
  });

  test('is stopped after its time', async () => {
    const before = performance.now();
    await expect(collect(['sleep', '1000'], { timeout: 3 })).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(performance.now() - before).toBeLessThan(60_000);
  });
});
