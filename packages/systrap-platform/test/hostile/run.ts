import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { compile, toolchains } from '../../../../tools/native/toolchain.js';
import type { Extent } from './attacks.js';
import { type Report, readLog, type Seen } from './report.js';

const run = promisify(execFile);
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const folder = here(`../../build/test/hostile-${process.pid}`);
const { buildProgram } = createRequire(import.meta.url)('../../native/build_images.cjs') as {
  buildProgram: (name: string, file: string) => void;
};

/** Builds the code of hostile threads. */
export async function buildGuest(object: string, code: string): Promise<void> {
  mkdirSync(dirname(object), { recursive: true });
  await run('cc', ['-c', here('guest.S'), '-o', object]);
  await run('objcopy', ['-O', 'binary', '-j', '.text', object, code]);
}

/** Builds the observer, the zygote and the guest's code; runs the attacks; gives what they report and what the observer saw. `progress` gets a line now and then. */
export async function attackObserved(extent: Extent, seed: number, progress?: Writable): Promise<{ report: Report; seen: Seen[] }> {
  mkdirSync(folder, { recursive: true });
  const [observer, zygote, object, code, log, report] = ['observer', 'zygote', 'guest.o', 'guest.bin', 'log', 'report.json'].map(
    (name) => `${folder}/${name}`,
  );
  await compile(toolchains.host, [here('observer.c')], observer!, [`-I${here('../../native')}`]);
  buildProgram('zygote_image', zygote!);
  await buildGuest(object!, code!);
  const child = [process.execPath, '--import', 'tsx', '--conditions=@sbx/source', here('attack-child.ts')];
  const attack = run(observer!, [zygote!, log!, ...child, report!, code!, `${seed}`, JSON.stringify(extent)]);
  if (progress !== undefined) attack.child.stderr!.pipe(progress, { end: false });
  await attack;
  const result = { report: JSON.parse(readFileSync(report!, 'utf8')), seen: readLog(readFileSync(log!)) };
  rmSync(folder, { recursive: true });
  return result;
}
