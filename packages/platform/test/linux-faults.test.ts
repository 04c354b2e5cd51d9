import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compile, missing, toolchains } from '../../../tools/native/toolchain.js';
import { CPU_IS_EMULATED, FAULTS, type Value } from '../conformance/faults.js';
import { GUEST, GUEST_CODE } from '../conformance/guest-amd64.js';
import { CODE, DATA, DATA_PAGES, READ_ONLY, STACK_SIZE, STACK_TOP } from '../conformance/layout.js';

/** What the conformance suite expects of a platform is what this host's Linux does with the same instructions in a plain process. */
const why = process.arch === 'x64' ? missing(toolchains.host) : 'this machine is not x64';
describe.skipIf(why)(`the fault table is what Linux reports${why ? ` [${why}]` : ''}`, () => {
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'sbx-faults-'));
    writeFileSync(path.join(folder, 'code.bin'), GUEST_CODE);
    const source = fileURLToPath(new URL('native/linux_faults.c', import.meta.url));
    await compile(toolchains.host, [source], path.join(folder, 'faults'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const hex = (value: Value) => `0x${value.toString(16)}`;

  test.each(
    FAULTS.filter((fault) => !fault.hostMayDiffer && !(CPU_IS_EMULATED && fault.realCpuOnly)).map((fault) => [fault.name, fault] as const),
  )('%s', (_, fault) => {
    const data = Buffer.from(fault.data ?? []).toString('hex');
    const layout = [CODE, DATA, DATA_PAGES * 4096, READ_ONLY, STACK_TOP, STACK_SIZE].map(hex);
    const start = [fault.rip ?? CODE + GUEST[fault.entry], fault.rdi ?? 0, fault.rsp ?? STACK_TOP].map(hex);
    const output = execFileSync(path.join(folder, 'faults'), [path.join(folder, 'code.bin'), ...layout, ...start, data], {
      encoding: 'utf8',
    });
    const seen = JSON.parse(output);
    expect(seen.signo).toBe(fault.signo);
    if (fault.code !== undefined) expect(seen.code).toBe(fault.code);
    const pc = typeof fault.pc === 'string' ? CODE + GUEST[fault.pc] : fault.pc;
    if (pc !== undefined) expect(seen.rip).toBe(hex(pc));
    expect(seen.addr).toBe(fault.address === 'pc' ? seen.rip : hex(fault.address));
    if (fault.vector !== undefined) expect(seen.trapno).toBe(fault.vector);
    if (fault.access !== undefined) expect(seen.err & 0x10 ? 4 : seen.err & 2 ? 2 : 1).toBe(fault.access);
  });
});
