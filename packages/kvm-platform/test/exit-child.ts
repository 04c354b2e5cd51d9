/** Ends while contexts run, in the way that the argument says; see exit.test.ts. */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { typescriptWorker } from '../../../tools/native/typescript-worker.js';
import { Guest } from './guest.js';

const way = isMainThread ? process.argv[2] : workerData;
if (way === 'worker' || way === 'worker-terminate') {
  const worker = typescriptWorker(new URL(import.meta.url), { workerData: way === 'worker' ? 'in-worker' : 'in-worker-spin' });
  await new Promise((resolve) => worker.once(way === 'worker' ? 'exit' : 'message', resolve));
  if (way === 'worker-terminate') await worker.terminate();
  // The main thread can use a machine of its own afterwards.
  const guest = new Guest();
  guest.run(guest.thread('syscalls'));
  guest.destroy();
  console.log('done');
} else {
  const guest = new Guest();
  guest.run(guest.thread('syscalls'));
  guest.thread('spin').start(guest.space);
  guest.thread('syscalls').start(guest.space);
  guest.platform.arm();
  if (way === 'exit') {
    console.log('done');
    process.exit(0);
  }
  if (way === 'throw') {
    console.log('done');
    throw new Error('on purpose');
  }
  if (way === 'in-worker') process.exit(0);
  if (way === 'in-worker-spin') {
    parentPort?.postMessage('ready');
    setInterval(() => {}, 1000);
  }
  if (way === 'destroy') {
    guest.destroy();
    console.log('done');
  }
}
