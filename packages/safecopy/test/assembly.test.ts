import { join } from 'node:path';
import { expect } from 'vitest';
import { testWith } from '../../../tools/native/conditional-test.js';
import { compile, execute, type Toolchain, toolchains } from '../../../tools/native/toolchain.js';
import { packageFolder } from './memory.js';

const native = join(packageFolder, 'test/native');

async function runHarness(harness: string, name: string, toolchain: Toolchain, args: string[], flags: string[] = []): Promise<void> {
  const program = join(packageFolder, 'build/test', `${harness}-${name}`);
  const sources = [`${harness}.c`, 'user.S', 'user.c'].map((file) => join(native, file));
  await compile(toolchain, sources, program, [`-I${join(packageFolder, 'native/include')}`, ...flags]);
  // The sanitizer leaves SIGSEGV and SIGBUS to the test; leak detection needs ptrace, which an emulator does not have.
  const { status, signal, stdout, stderr } = execute(toolchain, program, args, {
    ASAN_OPTIONS: 'handle_segv=0:handle_sigbus=0:detect_leaks=0',
  });
  // The emulator tells of each child that dies of a signal, as some are to.
  const complaints = stderr.replaceAll(/^qemu: uncaught target signal .*\n/gm, '');
  expect({ status, signal, stdout, complaints }).toEqual({ status: 0, signal: null, stdout: '0 failures\n', complaints: '' });
}

const sanitized = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
const undefinedSanitized = ['-fsanitize=undefined', '-fno-sanitize-recover=all'];
const portable = '-DSBX_SAFECOPY_PORTABLE';

/** Name, toolchain, extra flags, and the step between page offsets: 1 tries all 4096. */
const builds: [string, Toolchain, string[], string, string?][] = [
  ['amd64 or whatever this machine is', toolchains.host, [], '1'],
  ['amd64 with SSE2 only', toolchains.host, [], '20', 'sse'],
  ['amd64 with AVX', toolchains.host, [], '20', 'avx'],
  ['amd64 with string instructions', toolchains.host, [], '20', 'string'],
  ['this machine, sanitized', toolchains.host, sanitized, '20'],
  ['this machine, musl', toolchains.musl, [], '20'],
  ['this machine, portable C', toolchains.host, [portable], '20'],
  ['this machine, portable C, sanitized', toolchains.host, [portable, ...undefinedSanitized], '300'],
  ['arm64', toolchains.arm64, [], '100'],
  ['arm64, sanitized', toolchains.arm64, sanitized, '500'],
  ['arm64, musl', toolchains.arm64Musl, [], '500'],
];
for (const [name, toolchain, flags, step, way] of builds) {
  const file = name.replaceAll(/\W+/g, '-');
  const args = way === undefined ? [step] : [step, way];
  testWith(toolchain, `faults are exact and survived: ${name}`, () => runHarness('safecopy_test', file, toolchain, args, flags), 300_000);
  if (way !== undefined) continue;
  const emulated = toolchain.runner.length > 0 ? ['emulated'] : [];
  testWith(toolchain, `handlers share signals: ${name}`, () => runHarness('signal_chain_test', file, toolchain, emulated, flags), 300_000);
}
