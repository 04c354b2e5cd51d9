// Compares the two builds of the sandbox's kernel: size, start, and system calls; the table is in the README. Each number is the best of some rounds, so that what else
// the machine does matters little. SBX_PLATFORM chooses the platform.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const here = fileURLToPath(new URL('.', import.meta.url));
const sbx = `${here}../../cli/bin/sbx`;
const folder = mkdtempSync(path.join(tmpdir(), 'sbx-bench-'));
const program = `${folder}/calls`;
execFileSync('gcc', ['-O2', '-static', '-o', program, `${here}calls.c`]);

const platform = process.env.SBX_PLATFORM === undefined ? [] : ['--platform', process.env.SBX_PLATFORM];
const run = (flags, args = []) =>
  execFileSync(sbx, ['run', ...platform, ...flags, '-v', `${folder}:/bench:ro`, '--', '/bench/calls', ...args], { encoding: 'utf8' });
const calls = (flags, args) =>
  new Map(
    run(flags, args)
      .trim()
      .split('\n')
      .map((line) => [line.split('\t')[0], Number(line.split('\t')[1])]),
  );

/** Milliseconds that `sbx run -- true` takes. */
function start(flags) {
  const times = [];
  for (let i = 0; i < 12; i++) {
    const begin = performance.now();
    execFileSync(sbx, ['run', ...platform, ...flags, '--', 'true']);
    if (i > 1) times.push(performance.now() - begin);
  }
  return Math.min(...times);
}

const bundles = ['kernel', 'kernel-kcov'].map((name) => readFileSync(`${here}../../../apps/sandbox/dist/sentry/${name}.cjs`));
const kib = (bytes) => `${Math.round(bytes / 1024)} KiB`;
const us = (ns) => `${(ns / 1000).toFixed(1)} us`;
const rows = [
  ['bundle', ...bundles.map(({ length }) => kib(length)), ''],
  ['bundle, gzip', ...bundles.map((bytes) => kib(gzipSync(bytes).length)), ''],
  ['`sbx run -- true`', `${start([]).toFixed(0)} ms`, `${start(['--kcov']).toFixed(0)} ms`, ''],
];
const [normal, idle, tracing] = [calls([]), calls(['--kcov']), calls(['--kcov'], ['trace'])];
for (const [name, ns] of normal) rows.push([name, us(ns), us(idle.get(name)), us(tracing.get(name))]);
rmSync(folder, { recursive: true });

process.stdout.write('| | normal | coverage build | coverage build, task traces |\n|---|---:|---:|---:|\n');
for (const row of rows) process.stdout.write(`| ${row.join(' | ')} |\n`);
