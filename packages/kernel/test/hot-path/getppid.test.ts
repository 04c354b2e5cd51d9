import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { testUnless } from '../../../../tools/native/conditional-test.js';
import { compileGuest, compilerMissing } from '../guest/run/compile.js';
import { platformProvider } from '../support/platform.js';

const run = promisify(execFile);
const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const WARM_UP = 100_000;
const CALLS = 1_000_000;
/** A call takes some 30 us where KVM is made by software, and much more on a busy machine. */
const HANG = 15 * 60_000;

const probe = platformProvider.probe();
const missing = probe.usable ? compilerMissing('glibc') : `${platformProvider.name}: ${probe.reason}`;

testUnless(
  missing,
  'a million system calls allocate so little that nothing is collected, and leave nothing on the heap',
  async () => {
    const program = await compileGuest(file('getppid.c'));
    // V8's defaults, but where KVM is made by software, and a run takes from 30 s to minutes: 8 s after a collection (that which is forced at the first mark) the
    // memory reducer begins with collections of its own; and what the run loop and the vDSO's page allocate with time, some 20 KB a second until they are
    // optimized, fits into 8 MiB even where a call takes 200 us. The smallest object for each call, 16 bytes, does not.
    const v8 = ['--expose-gc', ...(platformProvider.name === 'kvm' ? ['--no-memory-reducer', '--min-semi-space-size=8'] : [])];
    const node = [...v8, '--import', 'tsx', '--conditions=@sbx/source', file('getppid-child.ts')];
    const { stdout } = await run(process.execPath, [...node, program, String(WARM_UP), String(CALLS)], { timeout: HANG });
    const { growth, nsPerCall, ...rest } = JSON.parse(stdout);
    // The collections that were forced show that collections are seen.
    expect(rest).toEqual({ status: 0, stderr: '', marks: 2, forced: expect.any(Number), collections: 0 });
    expect(rest.forced).toBeGreaterThanOrEqual(2);
    expect(growth).toBeLessThan(64 * 1024);
    expect(nsPerCall).toBeGreaterThan(0);
  },
  HANG + 60_000,
);
