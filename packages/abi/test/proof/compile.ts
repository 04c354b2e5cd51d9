/**
 * Compiles and runs generated C programs, natively and for arm64, so that what the headers say can be compared with what we say.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Arch } from '../../src/host.js';

const works = (command: string, ...args: string[]): boolean => spawnSync(command, args, { stdio: 'ignore' }).status === 0;

/** A C compiler for one architecture, and how to run what it made. */
export interface Toolchain {
  readonly arch: Arch;
  readonly compiler: string;
  readonly runner: readonly string[];
  /** Why it can't be used, if so. */
  readonly missing: string | undefined;
}

function native(arch: Arch): Toolchain {
  return { arch, compiler: 'cc', runner: [], missing: works('cc', '--version') ? undefined : 'no C compiler' };
}

function cross(arch: Arch, triple: string, qemu: string): Toolchain {
  const compiler = `${triple}-gcc`;
  let missing: string | undefined;
  if (!works(compiler, '--version')) missing = `no ${compiler}`;
  else if (!works(qemu, '--version')) missing = `no ${qemu}`;
  return { arch, compiler, runner: [qemu], missing };
}

export const toolchains: readonly Toolchain[] =
  process.arch === 'arm64'
    ? [native('arm64'), cross('amd64', 'x86_64-linux-gnu', 'qemu-x86_64-static')]
    : [native('amd64'), cross('arm64', 'aarch64-linux-gnu', 'qemu-aarch64-static')];

const includes = (headers: readonly string[]): string => headers.map((h) => `#include <${h}>\n`).join('');

/** Names that the headers define: object-like macros and enumeration constants. */
export function definedNames(tool: Toolchain, headers: readonly string[]): Set<string> {
  const text = execFileSync(tool.compiler, ['-E', '-dD', '-D_GNU_SOURCE', '-xc', '-'], {
    input: includes(headers),
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const names = new Set<string>();
  for (const match of text.matchAll(/^#define (\w+)(?!\w|\()/gm)) names.add(match[1]!);
  for (const body of text.replace(/^#.*$/gm, '').matchAll(/enum\s*\w*\s*\{([^}]*)\}/g)) {
    for (const item of body[1]!.split(',')) {
      const name = /^\s*(\w+)/.exec(item);
      if (name) names.add(name[1]!);
    }
  }
  return names;
}

/** Compiles a program that starts with the headers, runs it, and returns the lines that it printed. */
export function run(tool: Toolchain, headers: readonly string[], declarations: string, statements: readonly string[]): string[] {
  const dir = mkdtempSync(join(tmpdir(), 'abi-proof-'));
  try {
    const source = join(dir, 'proof.c');
    const binary = join(dir, 'proof');
    writeFileSync(
      source,
      `${includes(headers)}int printf(const char *, ...);\n${declarations}\nint main(void) {\n${statements.join('\n')}\nreturn 0;\n}\n`,
    );
    const build = spawnSync(tool.compiler, ['-D_GNU_SOURCE', '-O0', '-w', '-static', '-o', binary, source], { encoding: 'utf8' });
    if (build.status !== 0) throw new Error(`${tool.compiler} failed:\n${build.stderr.slice(0, 4000)}`);
    const [command, ...args] = [...tool.runner, binary];
    return execFileSync(command!, args, { encoding: 'utf8', maxBuffer: 1 << 28 })
      .trimEnd()
      .split('\n');
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Is this header set Linux 6.1's? Later ones have larger counts and masks. */
export function isLinux61(tool: Toolchain): boolean {
  const [code] = run(tool, ['linux/version.h'], '', ['printf("%d\\n", LINUX_VERSION_CODE >> 8);']);
  return code === String((6 << 8) | 1);
}
