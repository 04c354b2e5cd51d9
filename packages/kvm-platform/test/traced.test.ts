import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { testUnless } from '../../../tools/native/conditional-test.js';
import { syscallRules } from '../src/syscall-rules.js';
import { kvmMissing } from './usable.js';

const child = fileURLToPath(new URL('traced-child.ts', import.meta.url));
const strace = spawnSync('strace', ['-V']).error === undefined ? undefined : 'strace is not installed';
const LIMIT_MS = 280_000;

describe('under a tracer', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'traced-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function test(): void {
    const trace = path.join(folder, 'trace');
    const node = [process.execPath, '--import', 'tsx', '--conditions=@sbx/source', child];
    const { status, stdout, stderr } = spawnSync('strace', ['-f', '-q', '-o', trace, ...node], { encoding: 'latin1', timeout: LIMIT_MS });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    // The compiler of the TypeScript loader is another process.
    const threads = /^threads ([0-9 ]+)$/m.exec(stdout)?.[1].split(' ') ?? [];
    const lines = readFileSync(trace, 'latin1').split('\n');
    const start = lines.findIndex((line) => line.includes('"BEGIN'));
    const end = lines.findIndex((line) => line.includes('"END'));
    expect(start > 0 && end > start).toBe(true);
    const rules = new Set(syscallRules.map(({ name }) => name));
    const used = new Set<string>();
    for (const line of lines.slice(start + 1, end)) {
      const [, thread, name] = /^(\d+) +([a-z_0-9]+)\(/.exec(line) ?? [];
      if (thread !== undefined && threads.includes(thread)) used.add(name);
    }
    // Node's event loop.
    const others = ['epoll_pwait', 'nanosleep'];
    expect([...used].filter((name) => !rules.has(name) && !others.includes(name))).toEqual([]);
    expect(used).toContain('ioctl');
  }
  testUnless(kvmMissing ?? strace, 'everything works, and calls nothing that the filter rules do not list', test, LIMIT_MS);
});
