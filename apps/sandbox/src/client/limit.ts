import { abortError, SandboxError } from './errors.js';
import type { SpawnOptions } from './options.js';

/** Calls `end` with the reason when a program's `timeout` is over or its `signal` fires. Returns what calls that off. */
export function limit({ timeout, signal }: Pick<SpawnOptions, 'timeout' | 'signal'>, end: (because: SandboxError) => void): () => void {
  const late = () => end(new SandboxError('ERR_SBX_TIMEOUT', `the program did not end within ${timeout} ms`));
  const timer = timeout === undefined ? undefined : setTimeout(late, timeout);
  const abort = () => end(abortError(signal!));
  if (signal?.aborted) abort();
  else signal?.addEventListener('abort', abort, { once: true });
  return () => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  };
}
