import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect } from 'vitest';
import { testWithKvm } from './usable.js';

const child = fileURLToPath(new URL('exit-child.ts', import.meta.url));

function end(way: string): { status: number | null; signal: string | null; stdout: string; stderr: string } {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', '--conditions=@sbx/source', child, way], {
    encoding: 'utf8',
    timeout: 50_000,
  });
  return { status, signal, stdout, stderr };
}

describe('a process that ends while contexts run', () => {
  testWithKvm('by process.exit', () => {
    expect(end('exit')).toEqual({ status: 0, signal: null, stdout: 'done\n', stderr: '' });
  });
  testWithKvm('by an exception', () => {
    expect(end('throw')).toEqual({ status: 1, signal: null, stdout: 'done\n', stderr: expect.stringContaining('on purpose') });
  });
  testWithKvm('after destroy', () => {
    expect(end('destroy')).toEqual({ status: 0, signal: null, stdout: 'done\n', stderr: '' });
  });
  testWithKvm('or a worker thread that exits so', () => {
    expect(end('worker')).toEqual({ status: 0, signal: null, stdout: 'done\n', stderr: '' });
  });
  testWithKvm('or a worker thread that is terminated', () => {
    expect(end('worker-terminate')).toEqual({ status: 0, signal: null, stdout: 'done\n', stderr: '' });
  });
});
