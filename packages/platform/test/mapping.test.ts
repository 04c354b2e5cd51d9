import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { testWith } from '../../../tools/native/conditional-test.js';
import { compile, execute, type Toolchain, toolchains } from '../../../tools/native/toolchain.js';

const folder = fileURLToPath(new URL('..', import.meta.url));
const sources = [join(folder, 'test/native/mapping_test.c'), join(folder, 'native/mapping.c')];

async function run(name: string, toolchain: Toolchain, flags: string[] = []): Promise<void> {
  const program = join(folder, 'build/test', `mapping_test-${name}`);
  await compile(toolchain, sources, program, ['-D_GNU_SOURCE', ...flags]);
  const { status, signal, stderr } = execute(toolchain, program, [], { ASAN_OPTIONS: 'detect_leaks=0:allocator_may_return_null=1' });
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
}

testWith(toolchains.host, 'the mapping keeps its promises', () => run('host', toolchains.host));
testWith(toolchains.host, 'the same under AddressSanitizer and UBSan', () =>
  run('sanitized', toolchains.host, ['-fsanitize=address,undefined', '-fno-sanitize-recover=all']),
);
testWith(toolchains.musl, 'the same with musl', () => run('musl', toolchains.musl));
testWith(toolchains.arm64, 'the same on arm64', () => run('arm64', toolchains.arm64));
