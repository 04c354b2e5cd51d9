import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { runInVm } from '@sbx/vm';
import { ENVIRONMENT, LIMITS } from './host.js';
import type { Outcome } from './outcome.js';

/** Runs each program ($1, …) as host.ts does and prints `exit status, length` and the output of each. */
const SCRIPT = `
for program; do
  folder=$(mktemp -d /tmp/guest-XXXXXX) && cd "$folder" || exit 1
  env -i ${Object.entries(ENVIRONMENT)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')} setsid prlimit ${LIMITS.join(' ')} -- "$program" </dev/null >/run/out 2>/run/err
  echo "$? $(stat -c %s /run/out) $(stat -c %s /run/err)"
  cat /run/out /run/err
done`;

/** Runs programs one after the other on Linux 6.1 in the test VM. */
export async function runInTestVm(binaries: readonly string[]): Promise<Outcome[]> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const output = Promise.all([buffer(stdout), buffer(stderr)]);
  const status = await runInVm({ command: ['sh', '-c', SCRIPT, 'sh', ...binaries], cwd: '/', timeout: 300, stdout, stderr });
  stdout.end();
  stderr.end();
  const [out, err] = (await output).map((bytes) => bytes.toString('latin1'));
  if (status !== 0) throw new Error(`the test VM gave ${status}: ${err}`);
  const outcomes: Outcome[] = [];
  for (let at = 0; at < out.length; ) {
    const line = out.indexOf('\n', at);
    const [end, length, errors] = out.slice(at, line).split(' ').map(Number);
    const text = out.slice(line + 1, line + 1 + length);
    at = line + 1 + length + errors;
    // As a shell has it; no program exits with more than 128.
    outcomes.push({ end: end > 128 ? `signal ${end - 128}` : `exit ${end}`, stdout: text, stderr: out.slice(at - errors, at) });
  }
  return outcomes;
}
