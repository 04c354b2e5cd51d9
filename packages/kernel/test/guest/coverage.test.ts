import { describe, expect, it } from 'vitest';
import { syscallEntries } from '../../src/syscalls/table.js';
import { allGuestPrograms } from './run/programs.js';
import { CANNOT_FAIL, countCases, guestCoverage } from './run/table.js';

/** Calls that are served and that no program covers, and why. */
const UNCOVERED: Readonly<Record<string, string>> = {
  quotactl: 'needs a file system with quotas to say what is right',
  rseq: 'served by Linux, deliberately not here',
  userfaultfd: 'served by Linux, deliberately not here',
  name_to_handle_at: 'depends on the file system of the host',
};

describe('guest programs', () => {
  const programs = allGuestPrograms();
  const coverage = guestCoverage(programs);

  it('have at least 200 cases over at least 120 system calls', () => {
    expect(countCases(programs)).toBeGreaterThanOrEqual(200);
    expect(coverage.length).toBeGreaterThanOrEqual(120);
  });

  it('cover every call that the kernel serves', () => {
    const covered = new Set(coverage.map(({ call }) => call));
    const missing = syscallEntries.map(({ name }) => name).filter((name) => !covered.has(name));
    expect(missing.sort()).toEqual(Object.keys(UNCOVERED).sort());
  });

  it('have an error path for every call that can fail', () => {
    const without = coverage.filter(({ errors }) => errors.size === 0).map(({ call }) => call);
    expect(without.filter((call) => !Object.hasOwn(CANNOT_FAIL, call))).toEqual([]);
    // What has an error path is not said to have none.
    const failing = new Set(coverage.filter(({ errors }) => errors.size > 0).map(({ call }) => call));
    expect(Object.keys(CANNOT_FAIL).filter((call) => failing.has(call))).toEqual([]);
  });
});
