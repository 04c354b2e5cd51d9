import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect } from 'vitest';
import { testUnless } from '../../../tools/native/conditional-test.js';
import { syscallRules } from '../src/syscall-rules.js';
import { kvmMissing } from './usable.js';

const child = fileURLToPath(new URL('traced-child.ts', import.meta.url));
const strace = spawnSync('strace', ['-V']).error === undefined ? undefined : 'strace is not installed';

describe('under a tracer', () => {
  testUnless(kvmMissing ?? strace, 'everything works, and calls nothing that the filter rules do not list', () => {
    const { status, stdout, stderr } = spawnSync(
      'strace',
      ['-f', '-q', '-o', '|cat', process.execPath, '--import', 'tsx', '--conditions=@sbx/source', child],
      { encoding: 'latin1', maxBuffer: 2 ** 28, timeout: 55_000 },
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const lines = stdout.split('\n');
    const start = lines.findIndex((line) => line.includes('"BEGIN'));
    const end = lines.findIndex((line) => line.includes('"END'));
    expect(start > 0 && end > start).toBe(true);
    const rules = new Set(syscallRules.map(({ name }) => name));
    const used = new Set<string>();
    for (const line of lines.slice(start + 1, end)) {
      const name = /^\d+ +([a-z_0-9]+)\(/.exec(line)?.[1];
      if (name !== undefined) used.add(name);
    }
    // Node's event loop, and the compiler of the TypeScript loader, which is a process of its own.
    const others = ['epoll_pwait', 'nanosleep'];
    expect([...used].filter((name) => !rules.has(name) && !others.includes(name))).toEqual([]);
    expect(used).toContain('ioctl');
  });
});
