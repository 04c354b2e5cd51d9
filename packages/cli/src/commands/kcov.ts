import { openSync, readFileSync, writeSync } from 'node:fs';
import { consumeCoverageData } from '@sbx/kcov';
import { type BlockTable, htmlReport, lcovReport, parsePcs, readSources, type SourceLocation } from '@sbx/kcov/report';
import { Command, InvalidArgumentError } from 'commander';
import { EXIT_SBX, Messages, print } from '../messages.js';
import { type RunFlags, runProgram } from './run.js';

interface ReportFlags {
  pcs?: string;
  lcov?: string;
  html?: string;
  all?: boolean;
}

/** `sbx run` without other flags, as the caller. */
const PLAIN: RunFlags = { env: [], volume: [], mount: [], platform: 'auto', hostname: 'sbx', watchdog: 30, kcov: true };

/** `sbx kcov`: what the coverage build's PCs mean. */
export function kcovCommand(): Command {
  return new Command('kcov')
    .description("show which code of the sandbox's own kernel ran (see sbx run --kcov)")
    .enablePositionalOptions()
    .addCommand(reportCommand())
    .addCommand(pcCommand())
    .addHelpText('after', '\nExamples:\n  sbx kcov report --html ls.html -- ls -l\n  sbx kcov pc 0xffffffff80001234');
}

function reportCommand(): Command {
  return new Command('report')
    .description('write a report of the code that was covered: by a program that is run, or by PCs from a file')
    .argument('[command...]', 'a program to run, and its arguments: the report is of all that the kernel did, from its start on')
    .usage('[flags] [--] [COMMAND [ARGUMENT...]]')
    .passThroughOptions()
    .option('--pcs <file>', 'take the PCs in this file, as programs print what kcov gave them (0x…); - is stdin')
    .option('--lcov <file>', "write lines in lcov's format; - is stdout")
    .option('--html <file>', 'write a page with the sources, covered and uncovered blocks')
    .option('--all', 'show also the files of which nothing is covered in the page')
    .addHelpText(
      'after',
      `
Examples:
  sbx kcov report --html ls.html --lcov ls.info -- ls -l
                                            what the kernel did for ls
  sbx run --kcov -- ./fuzzer >pcs.txt; sbx kcov report --pcs pcs.txt --html fuzzer.html`,
    )
    .action(report);
}

function pcCommand(): Command {
  return new Command('pc')
    .description('show where in the sources PCs are')
    .argument('<pc...>', 'PCs, as kcov gave them', collectPcs)
    .addHelpText('after', '\nExamples:\n  sbx kcov pc 0xffffffff80001234\n\nExit status: 0 if all of them are PCs of this build, else 1.')
    .action(showPcs);
}

function collectPcs(text: string, previous: bigint[] = []): bigint[] {
  if (!/^(0x)?[0-9a-f]{1,16}$/i.test(text)) throw new InvalidArgumentError('It takes PCs such as 0xffffffff80001234.');
  return [...previous, BigInt(text.startsWith('0x') ? text : `0x${text}`)];
}

async function readTable(): Promise<BlockTable> {
  const sentry = await import('@sbx/sandbox/sentry');
  return readSources(sentry.kcovSources());
}

async function report(command: string[], flags: ReportFlags): Promise<void> {
  const fail = (message: string) => {
    new Messages().say('error', message);
    process.exitCode = EXIT_SBX;
  };
  if (flags.lcov === undefined && flags.html === undefined) return fail('sbx kcov report needs --lcov, --html or both');
  if (command.length > 0 === (flags.pcs !== undefined)) return fail('sbx kcov report takes either a command or --pcs FILE');
  const table = await readTable();
  let outputs: [number, (pcs: bigint[]) => string][];
  try {
    outputs = openOutputs(table, flags);
    if (flags.pcs !== undefined) {
      write(table, outputs, parsePcs(readFileSync(flags.pcs === '-' ? 0 : flags.pcs, 'latin1')));
      return;
    }
  } catch (error) {
    return fail((error as Error).message);
  }
  await runProgram(command, PLAIN, () => write(table, outputs, takeCoverage()));
}

/** The PCs of all blocks that the kernel reached, except on behalf of tasks that traced by themselves. The kernel's bundle and this one share the registry. */
function takeCoverage(): bigint[] {
  const pcs: bigint[] = [];
  consumeCoverageData((word) => pcs.push(Buffer.from(word).readBigUInt64LE()) > 0);
  return pcs;
}

/** Opens the files of the reports before a program runs. */
function openOutputs(table: BlockTable, { lcov, html, all }: ReportFlags): [number, (pcs: bigint[]) => string][] {
  const outputs: [number, (pcs: bigint[]) => string][] = [];
  if (lcov !== undefined) outputs.push([lcov === '-' ? 1 : openSync(lcov, 'w'), (pcs) => lcovReport(table, pcs)]);
  if (html !== undefined)
    outputs.push([openSync(html, 'w'), (pcs) => htmlReport(table, pcs, { title: "Coverage of the sandbox's kernel", all })]);
  return outputs;
}

function write(table: BlockTable, outputs: readonly [number, (pcs: bigint[]) => string][], pcs: bigint[]): void {
  for (const [fd, make] of outputs) {
    const bytes = Buffer.from(make(pcs));
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
  }
  const unknown = pcs.filter((pc) => table.indexOf(pc) < 0).length;
  const covered = new Set(pcs).size - unknown;
  new Messages().say(
    'info',
    `${covered} of ${table.size} blocks are covered${unknown > 0 ? `; ${unknown} PCs are none of this build` : ''}`,
  );
}

async function showPcs(pcs: bigint[]): Promise<void> {
  const table = await readTable();
  for (const pc of pcs) {
    const location = table.locate(pc);
    if (location === null) process.exitCode = 1;
    print(`0x${pc.toString(16)} ${location === null ? 'no PC of this build' : describe(table, location)}\n`);
  }
}

/** Where it is, and the first line of it. */
function describe(table: BlockTable, { file, line, column }: SourceLocation): string {
  const text = table.files.find(({ name }) => name === file)?.source?.split('\n')[line - 1] ?? '';
  return `${file}:${line}:${column + 1}: ${text.trim()}`;
}
