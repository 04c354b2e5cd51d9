import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { testWith } from '../../../tools/native/conditional-test.js';
import { compile, execute, type Toolchain, toolchains } from '../../../tools/native/toolchain.js';

const folder = fileURLToPath(new URL('..', import.meta.url));
const sources = ['atomic_test.c', 'user.S', 'user.c'].map((name) => join(folder, 'test/native', name));
const include = `-I${join(folder, 'native/include')}`;

async function runHarness(name: string, toolchain: Toolchain, flags: string[] = []): Promise<string> {
  const program = join(folder, 'build/test', `atomic_test-${name}`);
  await compile(toolchain, sources, program, [include, ...flags]);
  // Leak detection needs ptrace, which the emulator does not have; nothing here allocates.
  const { status, signal, stdout, stderr } = execute(toolchain, program, [], { ASAN_OPTIONS: 'detect_leaks=0' });
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
  return stdout;
}

const sanitized = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'];

testWith(toolchains.host, 'assembly and portable C agree with the model, and lose no update', async () => {
  await runHarness('host', toolchains.host);
});
testWith(toolchains.host, 'the same under AddressSanitizer and UBSan', async () => {
  await runHarness('sanitized', toolchains.host, sanitized);
});
testWith(toolchains.musl, 'the same with musl', async () => {
  await runHarness('musl', toolchains.musl);
});
testWith(toolchains.arm64, 'the same on arm64 with LSE instructions', async () => {
  expect(await runHarness('arm64-lse', toolchains.arm64)).toContain('lse=1\n');
});
testWith(toolchains.arm64Base, 'the same on arm64 with exclusive loads and stores', async () => {
  expect(await runHarness('arm64-exclusive', toolchains.arm64Base)).toContain('lse=0\n');
});
testWith(toolchains.arm64, 'the same on arm64 under AddressSanitizer and UBSan', async () => {
  await runHarness('arm64-sanitized', toolchains.arm64, sanitized);
});
testWith(toolchains.arm64Musl, 'the same on arm64 with musl', async () => {
  await runHarness('arm64-musl', toolchains.arm64Musl);
});
