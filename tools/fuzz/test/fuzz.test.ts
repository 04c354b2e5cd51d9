import { readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describePrograms } from '../../../packages/cli/test/programs/support/describe.js';
import { parsePrograms, printPrograms } from '../src/minimise.js';
import { corpusFolder, runFuzzer, workFolder } from '../src/sandbox.js';

const files = readdirSync(corpusFolder).filter((name) => name.endsWith('.programs'));
const minutes = 60_000;

it('programs are text that is read as it was written', () => {
  for (const name of files) {
    const text = readFileSync(path.join(corpusFolder, name), 'latin1');
    expect(printPrograms(parsePrograms(text))).toBe(text);
  }
});

describePrograms('the fuzzer', { programs: ['gcc'] }, () => {
  let folder: string;
  beforeAll(() => {
    folder = workFolder();
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  // What once broke the kernel, and what reached the farthest.
  it.each(files)(
    'the corpus finds nothing: %s',
    async (name) => {
      const { finding, report, calls } = await runFuzzer(folder, (out) => ['replay', out, '50', `/corpus/${name}`], 400);
      expect(finding, report).toBeNull();
      expect(calls).toBeGreaterThan(0);
    },
    8 * minutes,
  );

  // A worker for each program: the working directory of the next one shows what has become of /tmp.
  it(
    'goes on when programs have unmounted /tmp and made the root read-only',
    async () => {
      const { finding, report } = await runFuzzer(folder, (out) => ['replay', out, '1', '/corpus/read-only-tmp.programs'], 60);
      expect(finding, report).toBeNull();
      expect(report).toContain('programs 3 ');
    },
    2 * minutes,
  );

  it(
    'a slice of new programs finds nothing, and reaches new code',
    async () => {
      const { finding, report, blocks, curve } = await runFuzzer(folder, (out) => ['run', '4711', '5000', '120', 'guided', out, '50'], 200);
      expect(finding, report).toBeNull();
      expect(blocks).toBeGreaterThan(2000);
      expect(curve.length).toBeGreaterThan(0);
    },
    5 * minutes,
  );
});
