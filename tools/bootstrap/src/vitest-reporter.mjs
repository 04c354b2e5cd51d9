import { writeFileSync } from 'node:fs';

/** A reporter for vitest that writes a Report (see report.mjs) to the file named by SBX_TEST_REPORT. */
export default class ReportWriter {
  /**
   * @param {readonly import('vitest/node').TestModule[]} modules
   * @param {readonly { name?: string, message?: string }[]} unhandledErrors
   */
  onTestRunEnd(modules, unhandledErrors) {
    /** @type {import('./report.mjs').Report} */
    const report = { passed: 0, failed: [], skipped: [] };
    for (const module of modules) {
      // A file that can't be loaded, or a failing hook.
      if (module.errors().length > 0) report.failed.push(module.moduleId);
      for (const suite of module.children.allSuites()) if (suite.errors().length > 0) report.failed.push(suite.fullName);
      for (const test of module.children.allTests()) addTest(report, module, test);
    }
    for (const error of unhandledErrors) report.failed.push(`outside any test: ${error.name}: ${error.message}`);
    if (process.env.SBX_TEST_REPORT) writeFileSync(process.env.SBX_TEST_REPORT, JSON.stringify(report));
  }
}

/**
 * @param {import('./report.mjs').Report} report
 * @param {import('vitest/node').TestModule} module
 * @param {import('vitest/node').TestCase} test
 */
function addTest(report, module, test) {
  const result = test.result();
  const name = `${module.project.name} ${test.fullName}`;
  if (result.state === 'passed') report.passed++;
  else if (result.state === 'failed') report.failed.push(name);
  else if (result.state === 'skipped') report.skipped.push({ name, reason: result.note ?? reasonInName(test.fullName) });
  else report.failed.push(`${name} (did not end)`);
}

/**
 * A suite that is skipped as a whole says why in parentheses at the end of its own or a test's name.
 *
 * @param {string} fullName
 */
function reasonInName(fullName) {
  const reasons = fullName.split(' > ').flatMap((part) => /\(([^()]*(?:\([^()]*\)[^()]*)*)\)$/.exec(part)?.[1] ?? []);
  return reasons.find((reason) => /not|no |needs|takes|lacks|missing|only/i.test(reason)) ?? 'no reason given';
}
