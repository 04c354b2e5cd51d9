import { Worker, type WorkerOptions } from 'node:worker_threads';

/** A worker thread that runs a TypeScript module of this repository, for tests (`--import tsx` has no effect in a worker on Node 20). */
export function typescriptWorker(module: URL, options: WorkerOptions = {}): Worker {
  const execArgv = ['--conditions=@sbx/source', ...(options.execArgv ?? [])];
  return new Worker(new URL('./typescript-worker.mjs', import.meta.url), { ...options, argv: [module.href], execArgv });
}
