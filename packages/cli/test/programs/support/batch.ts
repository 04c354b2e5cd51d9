import process from 'node:process';
import { ENVIRONMENT, Hang, type Outcome, run, runInSandbox } from './run.js';
import type { Row } from './table.js';

/** What a row printed, and its status. */
export interface RowOutcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Separates the rows' output; no row prints it. */
const MARK = '\x1e';

/**
 * Runs rows one after the other, each in a shell and an empty directory of its own, and marks where the output of each begins and ends. All in one sandbox: a
 * table takes seconds, not a minute, and what a row leaves behind in the kernel may disturb the next, as on a machine.
 */
const DRIVER = String.raw`
umask 022
export W=$1 F=$2 HOME=$1/home; shift 2
mkdir -p "$HOME"
number=0
for command; do
  mkdir "$W/$number" && cd "$W/$number" || exit 99
  printf '\036%d\n' $number; printf '\036%d\n' $number >&2
  bash --norc --noprofile -c "$command" </dev/null
  printf '\036=%d\n' $?
  number=$((number + 1))
done
`;

export interface BatchOptions {
  /** Programs for the rows: appended to PATH. */
  readonly timeout?: number;
  readonly env?: Readonly<Record<string, string>>;
}

const WORDS = (rows: readonly Row[], work: string, fixture: string) => [
  'bash',
  '--norc',
  '--noprofile',
  '-c',
  DRIVER,
  'driver',
  work,
  fixture,
  ...rows.map(({ command }) => command),
];

/** Runs the rows on this machine. `work` is an empty directory, `fixture` has the files that they may use. */
export async function batchOnHost(rows: readonly Row[], work: string, fixture: string, options: BatchOptions = {}): Promise<RowOutcome[]> {
  const [file, ...args] = WORDS(rows, work, fixture);
  const { timeout = 120_000 } = options;
  const limits = ['--core=0:0', '--nofile=1024:', '--stack=8388608:'];
  return parse(rows, () =>
    run('prlimit', [...limits, '--', file, ...args], { cwd: work, env: { ...ENVIRONMENT, ...options.env }, timeout }),
  );
}

/** Runs the rows in a sandbox. */
export async function batchInSandbox(
  rows: readonly Row[],
  work: string,
  fixture: string,
  flags: readonly string[],
  options: BatchOptions & { cwd: string },
): Promise<RowOutcome[]> {
  const { timeout = 120_000, cwd } = options;
  const variables = Object.entries({ ...ENVIRONMENT, ...options.env }).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  return parse(rows, () => runInSandbox([...variables, ...flags], WORDS(rows, work, fixture), { cwd, timeout }));
}

/** A batch that hangs, or whose shell dies, has the rows up to there; the row at which it ended says so, those after it are missing. */
async function parse(rows: readonly Row[], start: () => Promise<Outcome>): Promise<RowOutcome[]> {
  let outcome: Outcome;
  let end = '';
  try {
    outcome = await start();
    end = `the batch ended here, with status ${outcome.status}: ${outcome.stderr.subarray(-2000)}`;
  } catch (error) {
    if (!(error instanceof Hang)) throw error;
    outcome = error.outcome;
    end = `hangs: ${outcome.stderr.subarray(-2000)}`;
  }
  if (process.env.SBX_TEST_VERBOSE) process.stderr.write(outcome.stderr);
  const stdout = sections(outcome.stdout);
  const stderr = sections(outcome.stderr);
  return rows.map((_, number) => {
    const text = stdout.get(number);
    if (text === undefined)
      return { status: -1, stdout: '', stderr: number === 0 || stdout.has(number - 1) ? end : 'not run: a row before it did not end' };
    const found = new RegExp(`${MARK}=(\\d+)\\n`).exec(text);
    if (found === null) return { status: -1, stdout: text, stderr: end };
    return {
      status: Number(found[1]),
      stdout: text.slice(0, found.index) + text.slice(found.index + found[0].length),
      stderr: stderr.get(number) ?? '',
    };
  });
}

/** The text after each mark with a number, by number. */
function sections(bytes: Buffer): Map<number, string> {
  const found = new Map<number, string>();
  const pieces = bytes.toString('latin1').split(new RegExp(`${MARK}(\\d+)\\n`));
  for (let i = 1; i < pieces.length; i += 2) found.set(Number(pieces[i]), pieces[i + 1]);
  return found;
}
