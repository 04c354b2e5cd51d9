/** Does a bit of everything between two marks; see traced.test.ts. */
import { readdirSync, writeSync } from 'node:fs';
import { ACCESS_READ, ACCESS_WRITE, MEMORY_ANONYMOUS } from '@sbx/platform';
import { DATA, Guest } from './guest.js';

const guest = new Guest(2);
const { platform, space, memory } = guest;
writeSync(1, 'BEGIN\n');
const [a, b] = [guest.thread('syscalls'), guest.thread('syscalls')];
for (let i = 0; i < 50; i++) {
  guest.run(a);
  b.start(space);
  while (platform.poll() === null) platform.wait(1e9);
}
const spinners = [guest.thread('spin'), guest.thread('spin'), guest.thread('spin')];
for (const spinner of spinners) spinner.start(space);
guest.thread('spin').switch(space, -1, 20e6);
for (let i = 0; i < 10; i++) {
  space.writeProtect(DATA, 4096);
  space.mapFile(DATA, memory, guest.data, 4096, ACCESS_READ | ACCESS_WRITE, true);
}
for (const spinner of spinners) spinner.interrupt();
for (let left = spinners.length; left > 0; ) {
  if (platform.poll() === null) platform.wait(1e9);
  else left--;
}
a.pullState();
a.pushState();
guest.run(a);
guest.run(guest.thread('undefined'));
const large = memory.allocate(2 ** 25, MEMORY_ANONYMOUS);
space.mapFile(0x10000000, memory, large, 2 ** 25, ACCESS_READ, true);
guest.newSpace().release();
writeSync(1, 'END\n');
writeSync(1, `threads ${readdirSync('/proc/self/task').join(' ')}\n`);
process.exit(0);
