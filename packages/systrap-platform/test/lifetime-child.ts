/** Makes a platform with busy stubs, prints their numbers and that of the zygote, and stays. See lifetime.test.ts. */
import { writeSync } from 'node:fs';
import { Guest, parentOf } from './guest.js';

const guest = new Guest();
const spaces = [guest.space, ...Array.from({ length: 4 }, () => guest.newSpace())];
for (const space of spaces) guest.thread('spin').start(space);
guest.run(guest.thread('syscalls'));
const stubs = spaces.map((space) => space.process as number);
writeSync(1, `${[parentOf(stubs[0]!), ...stubs].join(' ')}\n`);
if (process.argv[2] === 'exit') process.exit(0);
setInterval(() => {}, 1e6);
