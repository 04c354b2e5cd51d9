import { readFileSync } from 'node:fs';
import { staleOutputs } from '@sbx/gen';
import { describe, expect, it } from 'vitest';
import config from '../gen.config.js';
import { emit } from './emit.js';

describe('emit', () => {
  it('has made the checked-in headers (else: pnpm --filter @sbx/gen gen)', () => {
    expect(staleOutputs(new URL('..', import.meta.url), config)).toEqual([]);
  });

  it('asserts the offset of every field of the CPU structure and of every register in C', () => {
    const asserts = readFileSync(new URL('../native/include/ring0_amd64.h', import.meta.url), 'utf8');
    const names = [...emit('amd64').matchAll(/#define ((?:CPU|PTRACE|TSS|GATE)_\w+)/g)].map((match) => match[1]!);
    const missing = names.filter((name) => !new RegExp(`\\b${name}\\b`).test(asserts));
    expect(missing).toEqual([]);
    expect(names.length).toBeGreaterThan(60);
  });
});
