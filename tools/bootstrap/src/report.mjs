import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * What a part of the tests did.
 *
 * @typedef {object} Report
 * @property {number} passed
 * @property {string[]} failed names
 * @property {{ name: string, reason: string }[]} skipped
 */

/**
 * What makes vitest write a Report.
 *
 * @param {string} file
 */
export function reporterArguments(file) {
  const reporter = fileURLToPath(new URL('vitest-reporter.mjs', import.meta.url));
  return { args: ['--reporter=default', `--reporter=${reporter}`], env: { SBX_TEST_REPORT: file } };
}

/**
 * The report in a file. Where the run wrote none, or ended in failure without a failed test, that is one failure.
 *
 * @param {string} file
 * @param {string} name
 * @param {number} status exit status of the run
 * @returns {Report}
 */
export function readReport(file, name, status) {
  if (!existsSync(file))
    return status === 0 ? { passed: 1, failed: [], skipped: [] } : { passed: 0, failed: [`${name} (exit status ${status})`], skipped: [] };
  /** @type {Report} */
  const report = JSON.parse(readFileSync(file, 'utf8'));
  if (status !== 0 && report.failed.length === 0) report.failed.push(`${name} (exit status ${status})`);
  return report;
}

/**
 * @param {readonly Report[]} reports
 * @returns {Report}
 */
export function sum(reports) {
  return {
    passed: reports.reduce((total, { passed }) => total + passed, 0),
    failed: reports.flatMap(({ failed }) => failed),
    skipped: reports.flatMap(({ skipped }) => skipped),
  };
}

/**
 * Skipped tests as lines, those with the same reason in one.
 *
 * @param {Report['skipped']} skipped
 */
export function skippedLines(skipped) {
  /** @type {Map<string, string[]>} */
  const byReason = new Map();
  for (const { name, reason } of skipped) byReason.set(reason, [...(byReason.get(reason) ?? []), name]);
  return [...byReason].map(([reason, names]) =>
    names.length === 1 ? `  ${names[0]}: ${reason}` : `  ${names.length} tests, such as ${names[0]}: ${reason}`,
  );
}
