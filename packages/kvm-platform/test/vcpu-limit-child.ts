/** Runs more contexts than a machine has vCPUs; see vcpu-limit.test.ts. */
import { Guest } from './guest.js';

const WANTED = 8;

try {
  const guest = new Guest(WANTED);
  const { platform } = guest;
  platform.prepare();
  const events: number[] = [guest.run(guest.thread('syscalls'))];
  for (let i = 0; i < WANTED; i++) guest.thread('syscalls').start(guest.space);
  while (events.length <= WANTED) {
    const context = platform.poll();
    if (context !== null) events.push(context.page.event);
    else platform.wait(1e9);
  }
  console.log(JSON.stringify({ concurrency: platform.concurrency, events, failure: platform.failure() }));
  guest.destroy();
} catch (error) {
  console.log(JSON.stringify({ error: String(error) }));
}
