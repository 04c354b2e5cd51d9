import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cache } from '../src/paths.mjs';
import { readReport, skippedLines, sum } from '../src/report.mjs';
import { runTestScript } from '../src/scripts.mjs';

let folder = '';
beforeAll(() => {
  // Inside the repository, for vitest to be found.
  mkdirSync(cache, { recursive: true });
  folder = mkdtempSync(path.join(cache, 'report-test-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string) {
  writeFileSync(path.join(folder, name), text);
}

/** Runs a script in the folder; its output would be taken for that of this run. */
function runQuietly(command: string) {
  return runTestScript({ name: '@sbx/fixture', folder, command }, { timeout: 50_000, quiet: true });
}

test('the report of a vitest run has every test, skipped ones with their reason', async () => {
  write('vitest.config.mjs', 'export default { test: { name: "fixture", include: ["*.case.mjs"] } };');
  write(
    'mixed.case.mjs',
    `import { describe, expect, test } from 'vitest';
    test('passes', () => {});
    test('fails', () => expect(1).toBe(2));
    test('is skipped at run time', (context) => context.skip('no such device'));
    test.skip('is skipped (musl-gcc is not installed)', () => {});
    describe.skip('a suite (needs KVM)', () => { test('in it', () => {}); });
    test.todo('is to be written');`,
  );
  write('broken.case.mjs', "import './missing.mjs';");
  const report = await runQuietly('vitest run');
  expect(report.passed).toBe(1);
  expect(report.failed).toEqual([path.join(folder, 'broken.case.mjs'), 'fixture fails']);
  expect(report.skipped).toEqual([
    { name: 'fixture is skipped at run time', reason: 'no such device' },
    { name: 'fixture is skipped (musl-gcc is not installed)', reason: 'musl-gcc is not installed' },
    { name: 'fixture a suite (needs KVM) > in it', reason: 'needs KVM' },
    { name: 'fixture is to be written', reason: 'no reason given' },
  ]);
});

test('any other script is one test', async () => {
  expect(await runQuietly('true')).toEqual({ passed: 1, failed: [], skipped: [] });
  expect(await runQuietly('exit 3')).toEqual({ passed: 0, failed: ['@sbx/fixture (exit status 3)'], skipped: [] });
  expect(await runQuietly('kill -9 $$')).toEqual({ passed: 0, failed: ['@sbx/fixture (exit status 137)'], skipped: [] });
});

test('a run that fails without a failed test is a failure', () => {
  write('report.json', JSON.stringify({ passed: 5, failed: [], skipped: [] }));
  expect(readReport(path.join(folder, 'report.json'), 'x', 0).failed).toEqual([]);
  expect(readReport(path.join(folder, 'report.json'), 'x', 1).failed).toEqual(['x (exit status 1)']);
});

test('reports are summed, and skipped tests listed by reason', () => {
  const skipped = ['a', 'b', 'c'].map((name) => ({ name, reason: name === 'c' ? 'other' : 'same' }));
  const total = sum([
    { passed: 1, failed: ['x'], skipped: skipped.slice(0, 1) },
    { passed: 2, failed: ['y', 'z'], skipped: skipped.slice(1) },
  ]);
  expect(total).toEqual({ passed: 3, failed: ['x', 'y', 'z'], skipped });
  expect(skippedLines(total.skipped)).toEqual(['  2 tests, such as a: same', '  c: other']);
});
