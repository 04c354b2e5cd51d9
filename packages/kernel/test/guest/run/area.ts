import { afterAll, describe, expect, it } from 'vitest';
import { compileGuest, compilerMissing } from './compile.js';
import { runOnHost } from './host.js';
import { comparable } from './outcome.js';
import { type GuestProgram, guestPrograms, type Libc } from './programs.js';
import { GuestSandbox } from './sandbox.js';
import { uncovered } from './uncovered.js';

/** Only programs whose name has this in it are run: `GUEST=futex npx vitest run …`. */
const only = process.env.GUEST ?? '';

/** Defines the tests of an area: each of its programs prints and returns the same on this machine's kernel and in the sandbox. */
export function testArea(area: string): void {
  describe(`guest programs: ${area}`, () => {
    const sandbox = new GuestSandbox();
    afterAll(() => sandbox.stop());
    for (const program of guestPrograms(area)) {
      if (program.oracle !== 'host' || !program.name.includes(only)) continue;
      for (const libc of program.libcs) testProgram(sandbox, program, libc);
    }
  });
}

function testProgram(sandbox: GuestSandbox, program: GuestProgram, libc: Libc): void {
  it(`${program.name}, ${libc}`, async (context) => {
    const missing = compilerMissing(libc);
    if (missing !== undefined) context.skip(missing);
    const binary = await compileGuest(program.file, libc);
    let [host, guest] = await Promise.all([runOnHost(binary), sandbox.run(binary)]);
    for (let again = 0; program.timingSensitive && again < 2 && comparable(host) !== comparable(guest); again++) {
      host = await runOnHost(binary);
      guest = await sandbox.run(binary);
    }
    expect(comparable(guest), guest.stderr).toBe(comparable(host));
    // Another library may make a function of other calls.
    if (libc === program.libcs[0])
      expect(uncovered(program, sandbox.record.calls), 'what the header claims and the program does not do').toEqual([]);
  });
}
