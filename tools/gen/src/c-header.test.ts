import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { defines, printHeader, screaming } from './c-header.js';

const header = {
  guard: 'T_H',
  source: 't.ts',
  about: 'A test.',
  groups: [{ comment: 'Offsets', defines: [...defines('T_', { aB: 4, c: 0x10 }), { name: 'T_MASK', value: 0xff00, hex: true }] }],
  structs: [
    {
      name: 't',
      comment: 'A struct with a gap.',
      size: 64,
      members: [
        { name: 'words', type: 'uint64_t', size: 8, count: 2, offset: 16 },
        { name: 'first', type: 'uint32_t', size: 4, offset: 4 },
      ],
    },
  ],
};

test('names become screaming snake case', () => {
  expect(screaming('faultAddressLow')).toBe('FAULT_ADDRESS_LOW');
  expect(screaming('r15')).toBe('R15');
  expect(screaming('fsBase')).toBe('FS_BASE');
});

test('a printed header compiles in C and in assembly, with the offsets asked for', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'sbx-gen-test-'));
  try {
    writeFileSync(path.join(folder, 't.h'), printHeader(header));
    writeFileSync(
      path.join(folder, 't.c'),
      '#include "t.h"\n_Static_assert(T_A_B == 4 && T_C == 16 && T_MASK == 0xff00, "");\n_Static_assert(offsetof(struct t, first) == T_A_B, "");\n',
    );
    writeFileSync(path.join(folder, 's.S'), '#include "t.h"\n  .long T_C\n');
    execFileSync('cc', ['-std=c17', '-Wall', '-Wextra', '-Werror', '-c', 't.c', 's.S'], { cwd: folder });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('an overlap is refused', () => {
  const members = [
    { name: 'a', type: 'uint64_t', size: 8, offset: 0 },
    { name: 'b', type: 'uint32_t', size: 4, offset: 4 },
  ];
  expect(() => printHeader({ ...header, structs: [{ name: 'u', comment: '', size: 8, members }] })).toThrow(/overlaps/);
});
