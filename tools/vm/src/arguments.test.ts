import { describe, expect, test } from 'vitest';
import { environment, parseCommandLine, positive } from './arguments.js';

describe('the command line', () => {
  test.each([
    ['options, separator, command', ['--timeout', '5', '-i', '--', 'ls', '-l'], ['ls', '-l'], { timeout: '5', stdin: true }],
    ['no separator', ['--memory=512', 'ls', '--timeout', '5'], ['ls', '--timeout', '5'], { memory: '512' }],
    ['repeated', ['-e', 'A=1', '-e', 'B', 'env'], ['env'], { env: ['A=1', 'B'] }],
    ['a second separator is the command’s', ['--', 'sh', '--', 'x'], ['sh', '--', 'x'], {}],
    ['no command', ['-h'], [], { help: true }],
  ])('%s', (_, args, command, values) => {
    expect(parseCommandLine(args)).toEqual({ command, values });
  });

  test('an unknown option is refused', () => {
    expect(() => parseCommandLine(['--tiemout', '5', 'ls'])).toThrow(/--tiemout/);
  });

  test('numbers', () => {
    expect(positive('cpus', undefined)).toBeUndefined();
    expect(positive('cpus', '3')).toBe(3);
    for (const bad of ['0', '-1', '1.5', 'x', '']) expect(() => positive('cpus', bad)).toThrow('--cpus');
  });

  test('environment', () => {
    expect(environment(['A=1=2', 'B=', 'HOME', 'UNSET'], { HOME: '/h' })).toEqual({ A: '1=2', B: '', HOME: '/h' });
  });
});
