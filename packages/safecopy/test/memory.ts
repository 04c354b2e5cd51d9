import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compile, missing, toolchains } from '../../../tools/native/toolchain.js';

/** What test/native/memory.c exports. Addresses and lengths in bytes, protection 1 = read, 2 = write; results below 0 are failures. */
export interface TestMemory {
  reserve(length: number): number;
  map(address: number, length: number, protection: number): number;
  protect(address: number, length: number, protection: number): number;
  unmap(address: number, length: number): number;
  mapFile(address: number, length: number, fileLength: number): number;
  crash(address: number): number;
  ownCopy(address: number): number;
  ownInstall(): number;
  handlerOf(signal: number): number;
}

export const packageFolder = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);
const { include_dir: apiHeaders } = require('node-api-headers') as { include_dir: string };
const sources = ['memory.c', 'user.S', 'user.c'].map((name) => join(packageFolder, 'test/native', name));

/** Why {@link buildTestMemory} can't, or undefined. */
export const whyNoTestMemory: string | undefined = missing(toolchains.host);

/** Compiles the addon, one for each test file that asks, and returns its path. */
export async function buildTestMemory(name: string): Promise<string> {
  const output = join(packageFolder, 'build/test', `memory-${name}.node`);
  const flags = ['-shared', '-fPIC', '-Wl,-z,nodelete', `-I${apiHeaders}`, `-I${join(packageFolder, 'native/include')}`];
  await compile(toolchains.host, sources, output, flags);
  return output;
}

export function loadTestMemory(file: string): TestMemory {
  return require(file) as TestMemory;
}

export const PAGE = 4096;
