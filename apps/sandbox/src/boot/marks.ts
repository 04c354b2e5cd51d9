import { writeSync } from 'node:fs';

/** Set by `node bundle.mjs --marks`. */
declare const SBX_MARKS: boolean | undefined;

/** In a build with marks: says how much time, and CPU time, a start has taken so far. In any other build there is nothing of it. */
export function mark(what: string): void {
  if (typeof SBX_MARKS === 'undefined' || !SBX_MARKS) return;
  const { user, system } = process.cpuUsage();
  writeSync(2, `${performance.now().toFixed(1).padStart(7)} ms ${((user + system) / 1000).toFixed(1).padStart(7)} ms CPU  ${what}\n`);
}
