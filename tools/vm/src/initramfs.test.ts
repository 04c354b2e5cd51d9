import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { commandScript } from './initramfs.js';

test('the command gets its words, folder and environment unchanged', () => {
  const words = ["it's", '$HOME `x`', 'a\nb', '*', ''];
  const script = commandScript({
    command: ['node', '-e', 'console.log(JSON.stringify([process.cwd(), process.env.QUOTED, process.argv.slice(1)]))', ...words],
    cwd: '/usr',
    env: { PATH: process.env.PATH ?? '', QUOTED: `"'\\` },
    writable: [],
    stdin: false,
  });
  expect(JSON.parse(execFileSync('sh', ['-c', script], { encoding: 'utf8' }))).toEqual(['/usr', `"'\\`, words]);
});
