import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** How much is measured. */
export interface Extent {
  /** How often each system is asked for its samples. */
  readonly rounds: number;
  /** Samples a round of what takes microseconds, and how long each is. */
  readonly samples: number;
  readonly milliseconds: number;
  /** Runs of whole programs. */
  readonly runs: number;
  /** Of what is read, written or piped in one run. */
  readonly megabytes: number;
}

export const FULL: Extent = { rounds: 3, samples: 5, milliseconds: 10, runs: 7, megabytes: 256 };
export const QUICK: Extent = { rounds: 1, samples: 5, milliseconds: 2, runs: 3, megabytes: 32 };

/** The folder from which programs run, seen by every system, and what is in it. */
export interface Workspace extends Disposable {
  readonly folder: string;
  /** Paths of programs, relative to the folder. */
  readonly calls: string;
  readonly spin: string;
  readonly hello: string;
}

export function makeWorkspace(): Workspace {
  const folder = mkdtempSync(path.join(tmpdir(), 'sbx-bench-'));
  for (const name of ['calls', 'spin']) {
    const source = fileURLToPath(new URL(`guest/${name}.c`, import.meta.url));
    const flags = ['-std=gnu17', '-O2', '-Wall', '-Wextra', '-Werror', '-static', '-pthread'];
    execFileSync('gcc', [...flags, '-o', path.join(folder, name), source], { stdio: 'inherit' });
  }
  writeFileSync(path.join(folder, 'hello.c'), '#include <stdio.h>\nint main(void) { puts("hello"); }\n');
  return {
    folder,
    calls: './calls',
    spin: './spin',
    hello: 'hello.c',
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
