// Makes memory files and leaves them to the garbage collector and to the end of worker threads. Prints what is left.
import { readFileSync } from 'node:fs';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { MEMORY_SYSTEM, MemoryFile } from '../src/index.js';

const MiB = 2 ** 20;

function make(name: string): MemoryFile {
  const memory = MemoryFile.create({ name, limit: 1024 * MiB });
  for (let i = 0; i < 3; i++) memory.allocate(64 * MiB, MEMORY_SYSTEM);
  return memory;
}
function mappings(name: string): number {
  return readFileSync('/proc/self/maps', 'utf8').split(`/memfd:${name} `).length - 1;
}
const turn = () => new Promise((resolve) => setTimeout(resolve, 20));

if (isMainThread) {
  make('dropped');
  const view = make('viewed').bytes(0, 4096);
  for (let i = 0; i < 10; i++) {
    globalThis.gc?.();
    await turn();
  }
  view[5] = 7;
  for (const how of ['end', 'terminate']) {
    // Node 20 does not load TypeScript in workers by --import.
    const code = `import('tsx/esm/api').then(({ register }) => { register(); return import('${import.meta.url}'); })`;
    const worker = new Worker(code, { eval: true, workerData: how });
    await new Promise((resolve) => {
      worker.on('message', () => worker.terminate());
      worker.on('exit', resolve);
    });
  }
  console.log(JSON.stringify({ dropped: mappings('dropped'), viewed: mappings('viewed'), worker: mappings('worker'), view: view[5] }));
  make('kept'); // at the exit of the process
} else {
  const memory = make('worker');
  if (workerData === 'terminate') {
    parentPort?.postMessage(memory.totalSize());
    for (;;);
  }
}
