import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect } from 'vitest';
import { isAlive, until } from './guest.js';
import { testWithSystrap } from './usable.js';

const child = fileURLToPath(new URL('lifetime-child.ts', import.meta.url));

/** The numbers of the processes that a child has made, and the child. */
async function start(...args: string[]) {
  const sentry = spawn(process.execPath, ['--import', 'tsx', '--conditions=@sbx/source', child, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const line = await new Promise<string>((resolve) => sentry.stdout.setEncoding('utf8').once('data', resolve));
  const pids = line.trim().split(' ').map(Number);
  expect(pids.length).toBe(6);
  return { sentry, pids };
}

describe('nothing is left behind', () => {
  testWithSystrap('when the sentry is killed', async () => {
    const { sentry, pids } = await start();
    expect(pids.every(isAlive)).toBe(true);
    sentry.kill('SIGKILL');
    await until(() => !pids.some(isAlive));
  });

  testWithSystrap('when it leaves without a word', async () => {
    const { pids } = await start('exit');
    await until(() => !pids.some(isAlive));
  });
});
