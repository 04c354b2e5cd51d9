import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Runs `body` while no other process does so with the same lock file. The lock is that of flock(1), held by a child until its
 * standard input ends: the kernel gives it back however this process ends.
 */
export async function locked(file, body) {
  const holder = spawn('flock', [file, 'sh', '-c', 'echo locked; exec cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(holder, 'close').then(([status]) => {
    throw new Error(`flock ${file} ended with ${status}`);
  });
  try {
    await Promise.race([once(holder.stdout, 'data'), ended]);
    return await body();
  } finally {
    holder.stdin?.end();
    await ended.catch(() => {});
  }
}
