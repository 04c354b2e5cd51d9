import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { nodeBinary, supported } from '../node-versions.mjs';
import { ensureBuilt, turbo } from './build.mjs';
import { exec } from './exec.mjs';
import { ensureInstalled } from './install.mjs';
import { cache, root } from './paths.mjs';
import { readReport, reporterArguments, skippedLines, sum } from './report.mjs';
import { checkRequirements } from './requirements.mjs';
import { reporting, runTestScript, scriptPath, scriptsNamed } from './scripts.mjs';
import { SetupError } from './setup-error.mjs';

/** @typedef {import('./report.mjs').Report} Report */
/** @typedef {{ name: string, run: () => Promise<Report>, reads?: boolean }} Part `reads`: it only reads sources, so that several can run at once. */

/** Continuous integration: nothing may be skipped. */
const ci = Boolean(process.env.CI);
const minute = 60_000;
const bin = (/** @type {string} */ name) => path.join(root, 'node_modules/.bin', name);

/** @type {Part[]} */
const parts = [
  { name: 'lint', reads: true, run: () => check('lint', bin('biome'), ['check', '--error-on-warnings', '.']) },
  {
    name: 'layers',
    reads: true,
    run: () => check('layers', bin('depcruise'), ['--config', 'tools/layers/dependency-cruiser.cjs', 'packages', 'apps', 'tools']),
  },
  { name: 'types', reads: true, run: types },
  { name: 'unit', run: vitest },
  { name: 'e2e', run: otherNodes },
  { name: 'vm', run: testVm },
];

/**
 * npm test: installs, builds and runs every part, also after one that failed; the last line is the sum.
 *
 * @param {readonly string[]} names of the parts to run; none means all
 */
export async function test(names) {
  const unknown = names.filter((name) => !parts.some((part) => part.name === name));
  if (unknown.length > 0) {
    process.stderr.write(`npm test has no part ${unknown.join(', ')}; it has ${parts.map(({ name }) => name).join(', ')}\n`);
    process.exitCode = 1;
    return;
  }
  /** @type {{ name: string, report: Report, seconds: number }[]} */
  const results = [];
  const add = async (/** @type {Part} */ { name, run }) => {
    process.stdout.write(`\n== ${name} ==\n`);
    const before = performance.now();
    /** @type {Report} */
    let report;
    try {
      report = await run();
    } catch (error) {
      process.stdout.write(`${error instanceof SetupError ? error.message : error instanceof Error ? error.stack : error}\n`);
      report = { passed: 0, failed: [name], skipped: [] };
    }
    results.push({ name, report, seconds: (performance.now() - before) / 1000 });
    return report.failed.length === 0;
  };
  const installed = await add({
    name: 'install',
    run: async () => {
      checkRequirements();
      await ensureInstalled();
      return one(true, 'install');
    },
  });
  const chosen = parts.filter(({ name }) => names.length === 0 || names.includes(name));
  if (installed) {
    await add({ name: 'build', run: build });
    await Promise.all(chosen.filter(({ reads }) => reads).map(add));
    for (const part of chosen) if (!part.reads) await add(part);
  }

  process.stdout.write('\n');
  for (const { name, report, seconds } of results) {
    const counts = `${report.passed} passed, ${report.failed.length} failed, ${report.skipped.length} skipped`;
    process.stdout.write(`${name.padEnd(8)} ${counts.padEnd(36)} ${seconds.toFixed(1).padStart(7)} s\n`);
  }
  const { passed, failed, skipped } = sum(results.map(({ report }) => report));
  if (skipped.length > 0)
    process.stdout.write(`\nSkipped${ci ? ', which counts as failed because CI is set' : ''}:\n${skippedLines(skipped).join('\n')}\n`);
  if (failed.length > 0) process.stdout.write(`\nFailed:\n${failed.map((name) => `  ${name}`).join('\n')}\n`);
  const failures = failed.length + (ci ? skipped.length : 0);
  process.stdout.write(`\n${passed} passed, ${failures} failed${!ci && skipped.length > 0 ? `, ${skipped.length} skipped` : ''}\n`);
  process.exitCode = failures === 0 ? 0 : 1;
}

/**
 * The report of a part that is one test.
 *
 * @param {boolean} ok
 * @param {string} name
 * @returns {Report}
 */
function one(ok, name) {
  return { passed: ok ? 1 : 0, failed: ok ? [] : [name], skipped: [] };
}

async function build() {
  await ensureBuilt();
  return one(true, 'build');
}

/** @param {string} name @param {string} program @param {readonly string[]} args */
async function check(name, program, args) {
  const { status, output, error } = await exec(program, args, { timeout: 10 * minute, quiet: true });
  if (error) process.stdout.write(`${error.message}\n`);
  if (status !== 0) process.stdout.write(output);
  return one(status === 0, name);
}

async function types() {
  const { status, output } = await turbo(['typecheck']);
  process.stdout.write(status === 0 ? `${output.trim().split('\n').slice(-4).join('\n')}\n` : output);
  return one(status === 0, 'types');
}

async function vitest() {
  const folder = scratch();
  try {
    const file = path.join(folder, 'report.json');
    const { args, env } = reporterArguments(file);
    const { status } = await exec(bin('vitest'), ['run', ...args], { env: { ...process.env, ...env }, timeout: 40 * minute });
    return readReport(file, 'vitest', status);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The scripts test:e2e on the oldest and the newest Node, where that isn't the one that ran all tests just now. */
async function otherNodes() {
  const scripts = scriptsNamed('test:e2e');
  const running = Number(process.versions.node.split('.')[0]);
  const majors = [supported[0], supported[supported.length - 1]].filter((major) => major !== running);
  if (!ci) {
    const reason = 'only where CI is set: they take other Node binaries from npm';
    return { passed: 0, failed: [], skipped: scripts.map(({ name }) => ({ name: `${name} on Node ${majors.join(' and ')}`, reason })) };
  }
  const reports = [];
  for (const major of majors) {
    const node = await nodeBinary(major);
    for (const script of scripts) {
      process.stdout.write(`${script.name} on Node ${major}\n`);
      const report = await runTestScript(script, { node, env: { ...process.env, SBX_NODE: node }, timeout: 20 * minute });
      reports.push({ ...report, failed: report.failed.map((name) => `Node ${major}: ${name}`) });
    }
  }
  return sum(reports);
}

/** Packages whose tests run many programs: with two CPUs, on a busy host, QEMU's nested virtualization does not last (packages/kvm-platform/README.md). */
const oneVmCpu = new Set(['@sbx/cli']);

/** The scripts test:vm, each in a VM of its own. */
async function testVm() {
  const scripts = scriptsNamed('test:vm');
  const vm = path.join(root, 'tools/vm/src/main.ts');
  const { status: unavailable, output: reason } = await exec(process.execPath, ['--import', 'tsx', vm, '--check'], { quiet: true });
  if (unavailable && !ci)
    return { passed: 0, failed: [], skipped: scripts.map(({ name }) => ({ name: `${name} in the test VM`, reason: reason.trim() })) };
  const reports = [];
  for (const script of scripts) {
    const folder = scratch();
    try {
      const file = path.join(folder, 'report.json');
      const { args, env } = reporting(script, file);
      const variables = {
        ...env,
        PATH: scriptPath(script, process.execPath),
        SBX_TEST_VM: '1',
        ...(ci ? { CI: '1' } : {}),
      };
      const cpus = oneVmCpu.has(script.name) ? '1' : '2';
      const options = ['--timeout', '420', '--cpus', cpus, '--cwd', script.folder, '--writable', folder];
      const environment = Object.entries(variables).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
      // One worker for all files, which loads each module once: under emulation both take seconds for each file.
      const single = args.length > 0 ? ['--poolOptions.forks.singleFork', '--no-isolate'] : [];
      const words = ['sh', '-c', `${script.command} "$@"`, 'sh', ...args, ...single];
      process.stdout.write(`${script.name} in the test VM\n`);
      const start = () =>
        exec(process.execPath, ['--import', 'tsx', vm, ...options, ...environment, '--', ...words], { timeout: 20 * minute });
      let { status } = await start();
      // Nothing was tested: the emulated machine, or Node in it, has crashed.
      if (args.length > 0 && !existsSync(file)) {
        process.stdout.write(`${script.name}: the run in the VM ended without a report (exit status ${status}); it is tried once more\n`);
        ({ status } = await start());
      }
      const report = readReport(file, script.name, status);
      reports.push({ ...report, failed: report.failed.map((name) => `VM: ${name}`) });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return sum(reports);
}

/** A new folder for a report. */
function scratch() {
  mkdirSync(cache, { recursive: true });
  return mkdtempSync(path.join(cache, 'report-'));
}
