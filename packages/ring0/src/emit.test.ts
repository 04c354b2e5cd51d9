import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ARCHITECTURES, emit, headerName } from './emit.js';

describe('emit', () => {
  for (const arch of ARCHITECTURES) {
    it(`the checked-in header of ${arch} is fresh (else: pnpm --filter @sbx/ring0 emit)`, () => {
      const path = new URL(`../native/include/${headerName(arch)}`, import.meta.url);
      expect(readFileSync(path, 'utf8')).toBe(emit(arch));
    });
  }

  it('asserts the offset of every field of the CPU structure and of every register in C', () => {
    const asserts = readFileSync(new URL('../native/include/ring0_amd64.h', import.meta.url), 'utf8');
    const names = [...emit('amd64').matchAll(/#define ((?:CPU|PTRACE|TSS|GATE)_\w+)/g)].map((match) => match[1]!);
    const missing = names.filter((name) => !new RegExp(`\\b${name}\\b`).test(asserts));
    expect(missing).toEqual([]);
    expect(names.length).toBeGreaterThan(60);
  });
});
