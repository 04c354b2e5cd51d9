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

/** One translation unit: its headers, further C declarations, and expressions of which the values are wanted. */
export interface Unit {
  readonly headers: readonly string[];
  readonly declare?: string;
  readonly expressions: readonly string[];
}

/** A value of a C expression, and the size of its type. */
export interface Value {
  readonly size: number;
  readonly value: bigint;
}

/** Evaluates the expressions of all units in one program: each unit has its own headers, linking and running is done once. */
export function evaluate(tool: Toolchain, units: readonly Unit[]): Value[][] {
  const dir = mkdtempSync(join(tmpdir(), 'abi-proof-'));
  try {
    const sources = units.map(({ headers, declare = '', expressions }, i) => {
      const lines = expressions.map((e) => `{ __typeof__((${e}) + 0) v = (${e}); printf("%d %lld\\n", (int)sizeof v, (long long)v); }`);
      const file = join(dir, `unit${i}.c`);
      writeFileSync(
        file,
        `${includes(headers)}int printf(const char *, ...);\n${declare}\nvoid unit${i}(void) {\n${lines.join('\n')}\n}\n`,
      );
      return file;
    });
    const calls = units.map((_, i) => `void unit${i}(void); unit${i}();`).join(' ');
    const main = join(dir, 'main.c');
    writeFileSync(main, `int main(void) { ${calls} return 0; }\n`);
    const binary = join(dir, 'proof');
    const build = spawnSync(tool.compiler, ['-D_GNU_SOURCE', '-O0', '-w', '-static', '-o', binary, main, ...sources], { encoding: 'utf8' });
    if (build.status !== 0) throw new Error(`${tool.compiler} failed:\n${build.stderr.slice(0, 4000)}`);
    const [command, ...args] = [...tool.runner, binary];
    const lines = execFileSync(command!, args, { encoding: 'utf8', maxBuffer: 1 << 28 }).split('\n');
    let at = 0;
    return units.map(({ expressions }) =>
      expressions.map(() => {
        const [size, value] = lines[at++]!.split(' ');
        return { size: Number(size), value: BigInt(value!) };
      }),
    );
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Is this header set Linux 6.1's? Later ones have larger counts and masks. */
export function isLinux61(tool: Toolchain): boolean {
  const [[code]] = evaluate(tool, [{ headers: ['linux/version.h'], expressions: ['LINUX_VERSION_CODE >> 8'] }]) as [[Value]];
  return Number(code.value) === ((6 << 8) | 1);
}
