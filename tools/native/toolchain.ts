/** Compiling and running C in tests, for this machine and for others under emulation. */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A C compiler and how to start what it makes. */
export interface Toolchain {
  readonly cc: string;
  /** Put before the path of a program to run it: empty, or an emulator with its options. */
  readonly runner: readonly string[];
  readonly flags: readonly string[];
  /** Programs (names or paths) that must exist, each with the Debian package that has it. */
  readonly needs: Readonly<Record<string, string>>;
}

const cross = { 'aarch64-linux-gnu-gcc': 'gcc-aarch64-linux-gnu', 'qemu-aarch64-static': 'qemu-user-static' };
/** libc for arm64 that `-L` shows to the emulated program, from libc6-dev-arm64-cross, which the cross-compiler depends on. */
const arm64Root = '/usr/aarch64-linux-gnu';

/** glibc and musl on both architectures; `host` is whatever `cc` makes. */
export const toolchains = {
  host: { cc: 'cc', runner: [], flags: [], needs: { cc: 'gcc' } },
  musl: { cc: 'musl-gcc', runner: [], flags: [], needs: { 'musl-gcc': 'musl-tools' } },
  arm64: { cc: 'aarch64-linux-gnu-gcc', runner: ['qemu-aarch64-static', '-cpu', 'max', '-L', arm64Root], flags: [], needs: cross },
  /** ARMv8.0, that is without the atomic instructions of ARMv8.1 (LSE). */
  arm64Base: {
    cc: 'aarch64-linux-gnu-gcc',
    runner: ['qemu-aarch64-static', '-cpu', 'cortex-a57', '-L', arm64Root],
    flags: [],
    needs: cross,
  },
  /** Debian's specs file makes any gcc for the architecture a compiler for musl. */
  arm64Musl: {
    cc: 'aarch64-linux-gnu-gcc',
    runner: ['qemu-aarch64-static'],
    flags: ['-specs', '/usr/lib/aarch64-linux-musl/musl-gcc.specs', '-mno-outline-atomics'],
    needs: { ...cross, '/usr/lib/aarch64-linux-musl/musl-gcc.specs': 'musl-dev:arm64' },
  },
} as const satisfies Record<string, Toolchain>;

/** Why what the toolchain needs is not there, or undefined if it is. */
export function missing(toolchain: Toolchain): string | undefined {
  const absent = Object.keys(toolchain.needs).filter((program) => !installed(program));
  if (absent.length === 0) return undefined;
  return `not installed: ${absent.map((program) => `${program} (Debian: ${toolchain.needs[program]})`).join(', ')}`;
}

function installed(program: string): boolean {
  if (program.startsWith('/')) return existsSync(program);
  return (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)));
}

/** Compiles and links `sources` into `output`, strictly; rejects with the compiler's messages. */
export async function compile(
  toolchain: Toolchain,
  sources: readonly string[],
  output: string,
  flags: readonly string[] = [],
): Promise<void> {
  mkdirSync(dirname(output), { recursive: true });
  const strict = ['-std=gnu17', '-O2', '-g', '-Wall', '-Wextra', '-Werror', '-pthread'];
  await run(toolchain.cc, [...strict, ...sources, '-o', output, ...toolchain.flags, ...flags]);
}

export interface Outcome {
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Runs a compiled program (or any, with the `host` toolchain) to its end. */
export function execute(toolchain: Toolchain, program: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Outcome {
  const [file, ...rest] = [...toolchain.runner, program, ...args];
  const result = spawnSync(file as string, rest, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: 300_000,
    maxBuffer: 1 << 26,
  });
  if (result.error) throw result.error;
  return { status: result.status, signal: result.signal, stdout: result.stdout, stderr: result.stderr };
}
