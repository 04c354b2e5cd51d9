import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { runReadmeExamples } from '../../../tools/native/readme.js';
import { describeSandbox } from './support/describe-sandbox.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const run = promisify(execFile);

/**
 * A program that has done work of its own (V8's optimizer has run: the first time brings 3.5 MiB of Node's own text into memory) makes sandboxes one after the
 * other, that end in all ways; prints what it has after the fifth and after the twentieth. Garbage is collected before each look, and glibc has one arena for
 * all threads: with one for each, what a thread of libuv's pool freed stays there, up to 2 MiB more or less from run to run.
 */
const TWENTY = `
const { readFileSync, readdirSync } = require('node:fs');
const { Sandbox } = require('@sbx/sandbox');
const work = () => {
  const rows = [];
  for (let i = 0; i < 1000; i++) rows.push({ name: 'n' + i, value: i * 1.5, list: [i, i + 1] });
  return JSON.parse(JSON.stringify(rows)).filter((row) => /n[0-9]+/.test(row.name)).map((row) => row.list.reduce((a, b) => a + b, 0)).sort();
};
const measure = async () => {
  await new Promise((resolve) => setTimeout(resolve, 300));
  for (let i = 0; i < 3; i++) gc();
  return {
    descriptors: readdirSync('/proc/self/fd').length,
    threads: readdirSync('/proc/self/task').length,
    rss: Number(/VmRSS:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'latin1'))[1]),
  };
};
(async () => {
  for (let i = 0; i < 500; i++) work();
  const results = [];
  for (let i = 1; i <= 20; i++) {
    const sandbox = await Sandbox.create({ workingDirectory: false, limits: i % 5 === 4 ? { wallTime: 1500 } : {} });
    await sandbox.run('sh', ['-c', 'head -c 1000000 /dev/zero; echo err >&2'], { input: 'x'.repeat(100000) });
    await sandbox.run('sleep', ['100'], { timeout: 50 }).catch(() => {});
    if (i % 5 === 4) await sandbox.run('sleep', ['100']).catch(() => {});
    await sandbox.close();
    if (i === 5 || i === 20) results.push(await measure());
  }
  console.log(JSON.stringify(results));
})();`;

describeSandbox('the embedding program', {}, () => {
  it('has as many descriptors and threads after twenty sandboxes as after five, and at most 5 % more memory', async () => {
    const { stdout } = await run(process.execPath, ['--expose-gc', '-e', TWENTY], {
      cwd: root,
      env: { ...process.env, MALLOC_ARENA_MAX: '1' },
    });
    const [five, twenty] = JSON.parse(stdout);
    expect(twenty).toEqual({ ...five, rss: twenty.rss });
    expect(twenty.rss).toBeLessThanOrEqual(five.rss * 1.05);
  }, 300_000);

  it.each([
    [
      'ESM',
      [
        '--input-type=module',
        '-e',
        "import { Sandbox } from '@sbx/sandbox'; const s = await Sandbox.create(); console.log((await s.run('echo', ['it ran'])).stdout.trim()); await s.close();",
      ],
    ],
    [
      'CommonJS',
      [
        '-e',
        "const { Sandbox } = require('@sbx/sandbox'); Sandbox.create().then(async (s) => { console.log((await s.run('echo', ['it ran'])).stdout.trim()); await s.close(); });",
      ],
    ],
  ])('may be %s', async (_, args) => {
    expect(await run(process.execPath, args, { cwd: root })).toEqual({ stdout: 'it ran\n', stderr: '' });
  });

  it('does what the README shows', () => {
    const examples = runReadmeExamples(root);
    expect(examples.length).toBeGreaterThan(0);
    for (const { status, stdout, stderr, documented } of examples)
      expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: documented, stderr: '' });
  });
});
