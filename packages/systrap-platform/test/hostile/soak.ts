/** soak.ts [SEED]: every jump to every byte of the stub's text with every register file, and long races. */
import { attackObserved } from './run.js';
import { judge, summarize } from './verdict.js';

const seed = Number(process.argv[2] ?? Date.now() % 2 ** 31);
const start = performance.now();
const { report, seen } = await attackObserved(
  { jumps: undefined, racedJumps: 20_000, numbers: 600, numberStep: 1, milliseconds: 6_000 },
  seed,
  process.stderr,
);
const verdict = judge(report, seen);
console.log(`seed ${seed}: ${summarize(report, verdict, performance.now() - start)}`);
for (const fault of verdict.faults) console.error(fault);
if (verdict.faults.length > 0) process.exitCode = 1;
