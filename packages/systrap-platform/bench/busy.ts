/**
 * What looking before sleeping (`spin`) costs where there are fewer CPUs than busy sandboxes would like: `pnpm --filter @sbx/systrap-platform bench:busy`.
 * One process, and as many as CPUs, each with a platform whose program makes system calls all the time, for a second, with and without looking, in turn.
 * System calls a second of all of them together; the ratio is time with looking to time without.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ACCESS_EXECUTE, ACCESS_READ, EVENT_INTERRUPT, MEMORY_ANONYMOUS, MemoryFile, REG } from '@sbx/platform';
import { summarize } from '../../../tools/native/measure.js';
import { SystrapPlatform } from '../src/index.js';

const MiB = 2 ** 20;
const CODE = 0x10000;
const ROUNDS = 5;
const SECOND_NS = 1e9;
/** Instructions between two system calls: `mov $count, %ecx; 1: loop 1b; syscall; jmp` to the start. */
const COMPUTING = [1, 10_000, 100_000];

/** Makes system calls for a second and returns how many it were. */
async function work(computing: number, spin: boolean): Promise<number> {
  const memory = MemoryFile.create({ name: 'application', limit: MiB });
  const kernelMemory = MemoryFile.create({ name: 'kernel', limit: MiB });
  const platform = new SystrapPlatform({ memory, kernelMemory, wake() {}, spin });
  const code = memory.allocate(4096, MEMORY_ANONYMOUS);
  const count = [computing & 255, (computing >> 8) & 255, (computing >> 16) & 255, 0];
  memory.bytes(code, 4096).set([0xb9, ...count, 0xe2, 0xfe, 0x0f, 0x05, 0xeb, 0xf5]);
  const space = platform.newAddressSpace(null);
  const context = platform.newContext();
  if (space instanceof Promise || typeof context === 'number') throw new Error('no memory');
  space.mapFile(CODE, memory, code, 4096, ACCESS_READ | ACCESS_EXECUTE, true);
  context.page.setReg(REG.rip, CODE);
  let calls = 0;
  for (const end = process.hrtime.bigint() + BigInt(SECOND_NS); process.hrtime.bigint() < end; calls++) {
    // A run ends when the event loop has something to do.
    while (context.switch(space, -1, SECOND_NS) === EVENT_INTERRUPT) await setImmediate();
    context.page.setResult(0);
  }
  platform.destroy();
  memory.destroy();
  kernelMemory.destroy();
  return calls;
}

async function workTogether(processes: number, computing: number, spin: boolean): Promise<number> {
  const children = Array.from({ length: processes }, () => fork(fileURLToPath(import.meta.url), [String(computing), String(spin)]));
  const ends = children.map((child) => once(child, 'exit'));
  const counts = await Promise.all(children.map(async (child) => Number((await once(child, 'message'))[0])));
  await Promise.all(ends);
  return counts.reduce((sum, calls) => sum + calls);
}

async function compare(): Promise<void> {
  const rows: Record<string, Record<string, number>> = {};
  for (const processes of [1, availableParallelism()]) {
    for (const computing of COMPUTING) {
      const looking: number[] = [];
      const sleeping: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        looking.push(await workTogether(processes, computing, true));
        sleeping.push(await workTogether(processes, computing, false));
      }
      const [most, least] = [summarize(looking).median, summarize(sleeping).median];
      rows[`${processes} busy, ${computing} instructions a call`] = {
        looking: most,
        sleeping: least,
        'time ratio': Math.round((100 * least) / most) / 100,
      };
    }
  }
  console.table(rows);
}

const [computing, spin] = process.argv.slice(2);
if (computing === undefined) await compare();
else process.send?.(await work(Number(computing), spin === 'true'));
