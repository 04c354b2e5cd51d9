import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('..', import.meta.url));
const sbx = fileURLToPath(new URL('../../../packages/cli/bin/sbx', import.meta.url));
/** What was kept of earlier runs, and what was found. */
export const corpusFolder = path.join(here, 'corpus');

/** How a run of the fuzzer in a sandbox ended. */
export interface Run {
  /** What is wrong with the kernel, or null. */
  readonly finding: string | null;
  /** What the sandbox said of it. */
  readonly report: string;
  /** The programs that the last worker executed, as text. */
  readonly current: string;
  readonly calls: number;
  readonly blocks: number;
  readonly seconds: number;
  readonly curve: readonly (readonly [number, number])[];
  /** The programs that were kept, as text. */
  readonly corpus: string;
}

/** Where programs are compiled and what they write: a folder of this machine, removed by who made it. */
export function workFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'sbx-fuzz-'));
  const sources = readdirSync(path.join(here, 'native')).filter((name) => name.endsWith('.c'));
  execFileSync('gcc', [
    ...['-std=gnu17', '-O2', '-Wall', '-Wextra', '-Werror', '-static', '-o', path.join(folder, 'fuzz')],
    ...sources.map((name) => path.join(here, 'native', name)),
  ]);
  return folder;
}

let runs = 0;

/** Runs the fuzzer in a new sandbox. Paths among `args` are inside: /corpus is the corpus, /fuzz the work folder, /out what the run writes. */
export async function runFuzzer(folder: string, args: (out: string) => readonly string[], timeout = 3600): Promise<Run> {
  const name = `out-${++runs}`;
  const out = path.join(folder, name);
  mkdirSync(out);
  const mounts = ['-v', `${out}:/out`, '-v', `${folder}:/fuzz:ro`, '-v', `${corpusFolder}:/corpus:ro`];
  const flags = [
    'run',
    '--kcov',
    '--platform',
    process.env.SBX_PLATFORM ?? 'auto',
    '--memory',
    '512m',
    '--watchdog',
    '15',
    '--timeout',
    `${timeout}s`,
    ...mounts,
  ];
  const child = spawn(sbx, [...flags, '--', '/fuzz/fuzz', ...args('/out')], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('latin1').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('latin1').on('data', (text) => (stderr += text));
  const status = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? 128 + constants.signals[signal!]));
  });
  const numbers = /^calls (\d+) programs \d+ blocks (\d+) corpus \d+ seconds ([\d.]+)$/m.exec(stdout);
  return {
    finding: findingOf(status, stdout, stderr),
    report: `${stdout.slice(-2000)}${stderr}`,
    current: read(path.join(out, 'current')),
    calls: Number(numbers?.[1] ?? 0),
    blocks: Number(numbers?.[2] ?? 0),
    seconds: Number(numbers?.[3] ?? 0),
    curve: [...stdout.matchAll(/^curve (\d+) (\d+)$/gm)].map(([, calls, blocks]) => [Number(calls), Number(blocks)]),
    corpus: read(path.join(out, 'corpus')),
  };
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

/** What a run shows to be wrong, in words that are the same for the same fault. */
function findingOf(status: number, stdout: string, stderr: string): string | null {
  const found = /^FIND (.*)$/m.exec(stdout);
  if (found !== null) return found[1].replaceAll(/\b[0-9a-f]{8,}\b/g, '…').replaceAll(/\d+/g, 'N');
  if (status === 0) return null;
  const panic = /which is a bug in sbx:\n(.*)\n(?:.*\n)*?\s+at (\S+)/.exec(stderr);
  if (panic !== null) return `panic: ${panic[1]} at ${panic[2]}`;
  return `exit status ${status}: ${stderr.trim().split('\n')[0]}`;
}
