import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { runFuzzer } from './sandbox.js';

/** Runs of the minimiser, at most. */
const MAX_RUNS = 60;

type Program = readonly string[];

/** The programs of a text, a line for each call. */
export function parsePrograms(text: string): Program[] {
  return text
    .split('\n\n')
    .map((program) => program.split('\n').filter(Boolean))
    .filter((program) => program.length > 0);
}
export function printPrograms(programs: readonly Program[]): string {
  return programs.map((program) => `${program.join('\n')}\n\n`).join('');
}

/** Executes programs in one worker, and says what is wrong afterwards. */
export async function reproduce(folder: string, text: string): Promise<string | null> {
  writeFileSync(path.join(folder, 'candidate'), text);
  const { finding } = await runFuzzer(folder, (out) => ['replay', out, '1000000', '/fuzz/candidate'], 120);
  return finding;
}

/**
 * Leaves programs and calls out while the same is found. What can't be reproduced, because it depends on time, comes back as it was.
 */
export async function minimise(folder: string, text: string, finding: string): Promise<{ text: string; reproduced: boolean }> {
  let runs = 0;
  const same = async (programs: readonly Program[]) => runs++ < MAX_RUNS && (await reproduce(folder, printPrograms(programs))) === finding;
  let programs = parsePrograms(text);
  if (!(await same(programs))) return { text, reproduced: false };
  programs = await leaveOut(programs, same);
  for (let i = 0; i < programs.length; i++) {
    const others = programs;
    const calls = await leaveOut([...programs[i]], (fewer) => same(others.with(i, fewer)));
    programs = programs.with(i, calls);
  }
  return { text: printPrograms(programs), reproduced: true };
}

/** Leaves out ever smaller pieces of a list as long as `holds`. */
async function leaveOut<T>(list: T[], holds: (list: T[]) => Promise<boolean>): Promise<T[]> {
  for (let piece = Math.ceil(list.length / 2); piece >= 1; piece = piece === 1 ? 0 : Math.ceil(piece / 2)) {
    for (let at = 0; at < list.length && list.length > 1; ) {
      const fewer = list.toSpliced(at, piece);
      if (fewer.length > 0 && (await holds(fewer))) list = fewer;
      else at += piece;
    }
  }
  return list;
}
