import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect } from 'vitest';
import { testUnless } from '../../../tools/native/conditional-test.js';
import { missing, toolchains } from '../../../tools/native/toolchain.js';

const include = fileURLToPath(new URL('../native/include', import.meta.url));
const work = mkdtempSync(path.join(tmpdir(), 'ring0-header-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** Runs the compiler on `source`. */
function compile(name: string, source: string, includes: string[] = [include]): { status: number | null; errors: string } {
  const file = path.join(work, name);
  writeFileSync(file, source);
  const flags = ['-c', '-std=c17', '-Wall', '-Wextra', '-Werror', ...includes.map((folder) => `-I${folder}`), '-o', `${file}.o`];
  const run = spawnSync(toolchains.host.cc, [...flags, file], { encoding: 'utf8' });
  return { status: run.status, errors: run.stderr };
}

const reason = process.arch === 'x64' ? missing(toolchains.host) : 'the header is for amd64';
const it = (name: string, body: () => void) => testUnless(reason, name, body);

describe('the generated header', () => {
  it('agrees with the C structures', () => {
    expect(compile('agree.c', '#include "ring0_amd64.h"\nint agree;\n')).toEqual({ status: 0, errors: '' });
  });

  it('can be read by the assembler', () => {
    const source = '#include "ring0_offsets_amd64.h"\n.text\nmovq %gs:CPU_SELF, %rax\nmovq PTRACE_RIP+CPU_USER_REGISTERS(%rax), %rcx\n';
    expect(compile('read.S', source)).toEqual({ status: 0, errors: '' });
  });

  it('assembles the entry and exit code, which is a text that may be copied anywhere: it has no relocations', () => {
    const source = fileURLToPath(new URL('../native/entry_amd64.S', import.meta.url));
    expect(compile('entry.S', `#include "${source}"\n`)).toEqual({ status: 0, errors: '' });
    const relocations = spawnSync('readelf', ['-rW', path.join(work, 'entry.S.o')], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
    });
    expect(relocations.stdout).toMatch(/There are no relocations in this file/);
  });

  it('does not compile when an offset is wrong', () => {
    for (const name of ['CPU_USER_REGISTERS', 'CPU_TSS', 'CPU_IDTR', 'PTRACE_RIP', 'TSS_IST1', 'CPU_SIZE']) expectRefused(name);
  });

  /** A header in which `name` is 8 more than it should be. */
  function expectRefused(name: string): void {
    const header = readFileSync(path.join(include, 'ring0_offsets_amd64.h'), 'utf8');
    const wrong = header.replace(new RegExp(`#define ${name} 0x(.*)`), (_line, value: string) => {
      return `#define ${name} 0x${(Number.parseInt(value, 16) + 8).toString(16)}`;
    });
    expect(wrong).not.toBe(header);
    writeFileSync(path.join(work, 'ring0_offsets_amd64.h'), wrong);
    writeFileSync(path.join(work, 'ring0_amd64.h'), readFileSync(path.join(include, 'ring0_amd64.h')));
    const result = compile('wrong.c', '#include "ring0_amd64.h"\nint wrong;\n', [work]);
    expect(result.status).not.toBe(0);
    expect(result.errors).toMatch(/static assertion failed/);
  }

  it('agrees with the kernel headers: register order, flags, control registers', () => {
    const offsets = [
      'r15',
      'r14',
      'r13',
      'r12',
      'rbp',
      'rbx',
      'r11',
      'r10',
      'r9',
      'r8',
      'rax',
      'rcx',
      'rdx',
      'rsi',
      'rdi',
      'orig_rax',
      'rip',
      'cs',
    ];
    offsets.push('rsp', 'ss', 'fs_base', 'gs_base', 'ds', 'es', 'fs', 'gs');
    const flags: Record<string, string> = { RFLAGS_STEP: 'TF', RFLAGS_RESERVED: 'FIXED' };
    for (const name of ['CF', 'IF', 'DF', 'IOPL', 'NT', 'RF', 'AC', 'ID']) flags[`RFLAGS_${name}`] = name;
    const cr0 = ['PE', 'MP', 'EM', 'TS', 'ET', 'NE', 'WP', 'AM', 'NW', 'CD', 'PG'];
    const cr4 = ['TSD', 'DE', 'PSE', 'PAE', 'MCE', 'PGE', 'PCE', 'OSFXSR', 'OSXMMEXCPT', 'UMIP', 'LA57', 'FSGSBASE', 'PCIDE', 'OSXSAVE'];
    cr4.push('SMEP', 'SMAP', 'PKE');
    const lines = ['#include <asm/processor-flags.h>', '#include <stddef.h>', '#include <sys/user.h>', '#include "ring0_offsets_amd64.h"'];
    const same = (ours: string, theirs: string) => lines.push(`_Static_assert(${ours} == (${theirs}), "${ours}");`);
    for (const name of offsets) same(`PTRACE_${name.toUpperCase()}`, `offsetof(struct user_regs_struct, ${name})`);
    same('PTRACE_FLAGS', 'offsetof(struct user_regs_struct, eflags)');
    same('PTRACE_SIZE', 'sizeof(struct user_regs_struct)');
    for (const [ours, theirs] of Object.entries(flags)) same(ours, `X86_EFLAGS_${theirs}`);
    for (const name of cr0) same(`CR0_${name}`, `X86_CR0_${name}`);
    for (const name of cr4) same(`CR4_${name}`, `X86_CR4_${name}`);
    same('CR3_PCID_MASK', 'X86_CR3_PCID_MASK');
    same('((unsigned long)CR3_NO_FLUSH_HIGH << 32)', 'X86_CR3_PCID_NOFLUSH');
    expect(compile('kernel.c', `${lines.join('\n')}\nint kernel;\n`)).toEqual({ status: 0, errors: '' });
  });
});
