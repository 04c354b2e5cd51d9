import { ENOEXEC } from '@sbx/abi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HEAD_SIZE, parseScript } from './script.js';

function head(text: string): Uint8Array {
  const bytes = new Uint8Array(HEAD_SIZE);
  bytes.set(Buffer.from(text, 'latin1').subarray(0, HEAD_SIZE));
  return bytes;
}

describe('parseScript', () => {
  it('finds interpreter and argument', () => {
    expect(parseScript(head('#!/bin/sh\n'))).toEqual({ interpreter: '/bin/sh', argument: null });
    expect(parseScript(head('#! \t/bin/sh \t\n'))).toEqual({ interpreter: '/bin/sh', argument: null });
    expect(parseScript(head('#!/usr/bin/env  -S  a b \nrest'))).toEqual({ interpreter: '/usr/bin/env', argument: '-S  a b' });
    expect(parseScript(head('#!/bin/sh'))).toEqual({ interpreter: '/bin/sh', argument: null });
  });

  it('refuses what names nothing', () => {
    expect(parseScript(head('#!\n'))).toBe(-ENOEXEC);
    expect(parseScript(head('#!  \t \n/bin/sh\n'))).toBe(-ENOEXEC);
    expect(parseScript(head('ELF'))).toBe(-ENOEXEC);
    expect(parseScript(head(`#!${' '.repeat(300)}`))).toBe(-ENOEXEC);
  });

  it('refuses a name that is cut off, and cuts an argument', () => {
    expect(parseScript(head(`#!/${'a'.repeat(300)}\n`))).toBe(-ENOEXEC);
    const cut = parseScript(head(`#!/bin/echo ${'a'.repeat(300)}\n`));
    expect(cut).toEqual({ interpreter: '/bin/echo', argument: 'a'.repeat(255 - 12) });
  });

  it('never fails on arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: HEAD_SIZE, maxLength: HEAD_SIZE }), (bytes) => {
        bytes[0] = 0x23;
        bytes[1] = 0x21;
        const script = parseScript(bytes);
        if (typeof script !== 'number') expect(script.interpreter).not.toMatch(/[\n \t\0]/);
      }),
    );
  });
});
