import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { EVENT_SYSCALL } from '@sbx/platform';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { testUnless } from '../../../tools/native/conditional-test.js';
import { compile, missing, toolchains } from '../../../tools/native/toolchain.js';
import { kvmMissing } from './usable.js';

const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const reason = kvmMissing ?? missing(toolchains.host);

describe('a KVM that gives few vCPUs', () => {
  let folder = '';
  let library = '';
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'vcpu-limit-'));
    library = path.join(folder, 'vcpu-limit.so');
    if (reason === undefined) await compile(toolchains.host, [file('vcpu-limit.c')], library, ['-shared', '-fPIC', '-ldl']);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function runWith(vcpus: number): unknown {
    const args = ['--import', 'tsx', '--conditions=@sbx/source', file('vcpu-limit-child.ts')];
    const env = { ...process.env, LD_PRELOAD: library, VCPU_LIMIT: String(vcpus) };
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env, timeout: 50_000 });
    if (stderr !== '') throw new Error(stderr);
    return JSON.parse(stdout);
  }

  for (const vcpus of [2, 4, 1000]) {
    testUnless(reason, `runs all contexts on ${vcpus}`, () => {
      const events = new Array(9).fill(EVENT_SYSCALL);
      expect(runWith(vcpus)).toEqual({ concurrency: Math.min(8, vcpus - 1), events, failure: null });
    });
  }

  testUnless(reason, 'says that one is too few', () => {
    expect(runWith(1)).toEqual({ error: 'KvmError: KVM gives a virtual machine 1 vCPU, 2 are needed' });
  });
});
