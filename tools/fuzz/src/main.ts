import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { minimise } from './minimise.js';
import { corpusFolder, runFuzzer, workFolder } from './sandbox.js';

/** Programs that a worker executes before a new one takes its place and the kernel is checked. */
const BATCH = '50';
/** Calls of one sandbox. */
const ROUND = 1_000_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '30' },
    calls: { type: 'string', default: '120000' },
    findings: { type: 'string', default: 'findings' },
    'save-corpus': { type: 'boolean', default: false },
  },
});

/** All files of programs in the corpus, as the sandbox sees them. */
function corpus(): string[] {
  return readdirSync(corpusFolder)
    .filter((name) => name.endsWith('.programs'))
    .map((name) => `/corpus/${name}`);
}

/** Fuzzes for some time, in one sandbox after the other; a finding costs its sandbox only. The number of different findings. */
async function fuzz(folder: string, minutes: number): Promise<number> {
  const end = performance.now() + minutes * 60_000;
  const found = new Map<string, number>();
  const findings = path.resolve(values.findings);
  let calls = 0;
  let time = 0;
  let blocks = 0;
  const kept = path.join(folder, 'kept');
  for (let seed = Number(values.seed); performance.now() < end; seed++) {
    const start = existsSync(kept) ? ['/fuzz/kept'] : corpus();
    const seconds = String(Math.ceil((end - performance.now()) / 1000));
    const run = await runFuzzer(folder, (out) => ['run', String(seed), String(ROUND), seconds, 'guided', out, BATCH, ...start]);
    calls += run.calls;
    time += run.seconds;
    blocks = Math.max(blocks, run.blocks);
    if (run.corpus !== '') writeFileSync(kept, run.corpus);
    process.stdout.write(`seed ${seed}: ${run.calls} calls, ${run.blocks} blocks, ${Math.round(run.calls / run.seconds || 0)} calls/s\n`);
    if (run.finding === null) continue;
    const times = (found.get(run.finding) ?? 0) + 1;
    found.set(run.finding, times);
    process.stdout.write(`FOUND (${times}): ${run.finding}\n`);
    if (times > 1) continue;
    const { text, reproduced } = await minimise(folder, run.current, run.finding);
    mkdirSync(findings, { recursive: true });
    const name = `${run.finding.replaceAll(/[^\w]+/g, '-').slice(0, 80)}-${seed}`;
    writeFileSync(path.join(findings, `${name}.programs`), text);
    writeFileSync(
      path.join(findings, `${name}.txt`),
      `${run.finding}\n${reproduced ? '' : 'not reproduced from its last programs alone\n'}${run.report}`,
    );
    process.stdout.write(`${reproduced ? 'reproduced' : 'NOT reproduced'}: ${path.join(findings, name)}\n`);
  }
  process.stdout.write(
    `${calls} calls in ${time.toFixed(0)} s, ${Math.round(calls / time)} calls/s; ${blocks} blocks; ${found.size} findings\n`,
  );
  if (values['save-corpus'] && existsSync(kept)) writeFileSync(path.join(corpusFolder, 'kept.programs'), readFileSync(kept));
  return found.size;
}

/** Three pairs of runs, with and without feedback, from nothing: a table for the README. */
async function compare(folder: string): Promise<number> {
  const marks = 10;
  let worse = 0;
  const table: string[] = [];
  for (let seed = Number(values.seed); seed < Number(values.seed) + 3; seed++) {
    const results: Record<string, Awaited<ReturnType<typeof runFuzzer>>> = {};
    for (const mode of ['guided', 'unguided']) {
      const run = await runFuzzer(folder, (out) => ['run', String(seed), values.calls, '3600', mode, out, BATCH]);
      if (run.finding !== null) throw new Error(`${mode}, seed ${seed}: ${run.finding}\n${run.report}`);
      results[mode] = run;
    }
    const { guided, unguided } = results;
    const at = (curve: (typeof guided)['curve'], share: number) =>
      curve.findLast(([calls]) => calls <= share * Number(values.calls) * 1.02)?.[1] ?? 0;
    const shares = Array.from({ length: marks }, (_, i) => (i + 1) / marks);
    if (table.length === 0)
      table.push(
        `| seed | | ${shares.map((share) => `${Math.round((share * Number(values.calls)) / 1000)}k`).join(' | ')} |`,
        `|---|---|${'---:|'.repeat(marks)}`,
      );
    for (const [mode, run] of Object.entries(results))
      table.push(`| ${seed} | ${mode} | ${shares.map((share) => at(run.curve, share)).join(' | ')} |`);
    if (guided.blocks <= unguided.blocks) worse++;
    appendFileSync(path.join(folder, 'curves.json'), `${JSON.stringify({ seed, guided: guided.curve, unguided: unguided.curve })}\n`);
    process.stdout.write(
      `seed ${seed}: guided ${guided.blocks}, unguided ${unguided.blocks} blocks after ${values.calls} calls (${(guided.seconds + unguided.seconds).toFixed(0)} s)\n`,
    );
  }
  process.stdout.write(`${table.join('\n')}\n`);
  return worse;
}

const folder = workFolder();
try {
  const bad = positionals[0] === 'compare' ? await compare(folder) : await fuzz(folder, Number(values.minutes));
  process.exitCode = bad === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
