import path from 'node:path';
import process from 'node:process';
import { beforeAll, expect, it } from 'vitest';
import { emptied, scratch } from '../../../../../apps/sandbox/test/support/scratch.js';
import { treeDigest } from '../../../../../apps/sandbox/test/support/tree-digest.js';
import { batchInSandbox, batchOnHost, type RowOutcome } from './batch.js';
import { describePrograms } from './describe.js';
import { makeFixture } from './fixture.js';
import { SLOWNESS } from './run.js';
import { type Row, readTable } from './table.js';

/** Only rows with this text are run: `ROW=sort npx vitest run …`. */
const only = process.env.ROW ?? '';

/** What the directory is on in which rows run: the in-memory overlay over a host directory (the default), a tmpfs, a writable mount of the host's directory. */
export type Variant = 'overlay' | 'tmpfs' | 'writable';

export interface TableOptions {
  /** Programs of this machine without which the table can't be run. */
  readonly programs?: readonly string[];
  readonly variants?: readonly Variant[];
  /** Makes more files; returns nothing. */
  readonly prepare?: (fixture: string) => Promise<void> | void;
  /** Variables for the rows. */
  readonly env?: Readonly<Record<string, string>>;
  /** Flags for each sandbox. */
  readonly flags?: readonly string[];
  /** Milliseconds for all rows. */
  readonly timeout?: number;
}

/** Defines the tests of a table: each row ends with the same status, output and error output on this machine and in a sandbox, on each kind of file system. */
export function testTable(name: string, options: TableOptions = {}): void {
  const { programs = [], variants = ['overlay'] } = options;
  const timeout = (options.timeout ?? 120_000) * SLOWNESS;
  const rows = readTable(name).filter(({ command }) => command.includes(only));
  describePrograms(`${name}, host and sandbox`, { programs: ['bash', 'prlimit', ...programs] }, () => {
    const outcomes = new Map<Variant | 'host', RowOutcome[]>();
    let untouched: { before: string[]; after: string[] };

    beforeAll(
      async () => {
        const top = scratch('table');
        const fixture = emptied(path.join(top, 'fixture'));
        const work = emptied(path.join(top, 'work'));
        makeFixture(fixture);
        await options.prepare?.(fixture);
        const before = treeDigest(top);
        for (const variant of [...variants].sort(writableLast)) {
          if (variant === 'writable') untouched = { before, after: treeDigest(top) };
          const flags = [...mountFlags(variant, work), ...(options.flags ?? [])];
          outcomes.set(variant, await batchInSandbox(rows, work, fixture, flags, { cwd: top, env: options.env, timeout }));
        }
        untouched ??= { before, after: treeDigest(top) };
        // Last, because rows change the files.
        outcomes.set('host', await batchOnHost(rows, emptied(work), fixture, { env: options.env, timeout }));
      },
      (variants.length + 1) * timeout + 30_000,
    );

    for (const [number, row] of rows.entries()) it(row.command, () => compare(number));

    function compare(number: number): void {
      const host = outcomes.get('host')![number];
      expect(host.status, `the host itself does not finish: ${host.stderr}`).toBeGreaterThanOrEqual(0);
      for (const variant of variants) expect(show(outcomes.get(variant)![number]), `on ${variant}`).toBe(show(host));
    }

    it('leaves the files of the host alone', () => expect(untouched.after).toEqual(untouched.before));
  });
}

function writableLast(a: Variant, b: Variant): number {
  return Number(a === 'writable') - Number(b === 'writable');
}

function mountFlags(variant: Variant, work: string): string[] {
  if (variant === 'tmpfs') return ['--mount', `type=tmpfs,target=${work}`];
  return variant === 'writable' ? ['-v', `${work}:${work}`] : [];
}

/** One text, so that a difference is shown as a diff of lines. Without the pids that bash prints when a signal ended a program. */
function show({ status, stdout, stderr }: RowOutcome): string {
  return `${stdout}\n--- stderr\n${stderr.replace(/^(.*: line \d+:) +\d+ (?=[A-Z])/gm, '$1 PID ')}\n--- status ${status}`;
}

/** The names of programs that occur as words in a table's rows. */
export function namesIn(rows: readonly Row[]): Set<string> {
  return new Set(rows.flatMap(({ command }) => command.split(/[\s;|&()$`'"]+/)));
}
