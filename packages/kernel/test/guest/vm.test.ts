import { vmUnavailable } from '@sbx/vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compileGuest } from './run/compile.js';
import { comparable, type Outcome } from './run/outcome.js';
import { allGuestPrograms } from './run/programs.js';
import { GuestSandbox } from './run/sandbox.js';
import { uncovered } from './run/uncovered.js';
import { runInTestVm } from './run/vm.js';

const reason = process.env.CI ? undefined : vmUnavailable();
const only = process.env.GUEST ?? '';
const programs = allGuestPrograms().filter(({ oracle, name }) => oracle === 'vm' && name.includes(only));

/* Programs whose answer depends on the kernel's version, or that take a root with all capabilities: Linux 6.1 in the test VM says what is right. */
describe.skipIf(reason)(`guest programs and Linux 6.1${reason ? ` (${reason})` : ''}`, { timeout: 400_000 }, () => {
  const sandbox = new GuestSandbox();
  const expected = new Map<string, Outcome>();
  beforeAll(async () => {
    const binaries = await Promise.all(programs.map(({ file, libcs }) => compileGuest(file, libcs[0])));
    const outcomes = await runInTestVm(binaries);
    for (const [i, outcome] of outcomes.entries()) expected.set(programs[i].name, outcome);
  }, 400_000);
  afterAll(() => sandbox.stop());

  for (const program of programs) {
    it(program.name, async () => {
      const guest = await sandbox.run(await compileGuest(program.file, program.libcs[0]));
      expect(comparable(guest), guest.stderr).toBe(comparable(expected.get(program.name)!));
      expect(uncovered(program, sandbox.record.calls), 'what the header claims and the program does not do').toEqual([]);
    });
  }
});
