/** Size, alignment and every member's offset, size and sign of every struct, against the headers of both architectures. */
import { beforeAll, describe, expect, it } from 'vitest';
import * as abi from '../src/index.js';
import { evaluate, toolchains, type Value } from './proof/compile.js';
import { groups } from './proof/structs.js';

/**
 * Members that we read signed where C's headers say unsigned: times before 1970 and block counts, which Linux itself keeps as `long`,
 * and what is `int` in the kernel but unsigned in libc.
 */
const signedHere = /^(st_[amc]time|f_(blocks|bfree|bavail|files|ffree)|msg_namelen|ipi6_ifindex|ipv6mr_ifindex)$/;

interface Line {
  readonly what: string;
  readonly ours: number;
  readonly c: string;
}

function lines(codec: (typeof groups)[number]['structs'][number]): Line[] {
  const t = codec.type;
  const out: Line[] = [
    { what: `sizeof ${t}`, ours: codec.codec.size, c: `sizeof(${t})` },
    { what: `alignof ${t}`, ours: codec.codec.align, c: `_Alignof(${t})` },
  ];
  for (const { name, offset, codec: member } of codec.codec.shape.members) {
    const { shape } = member;
    // Filler has no name in C, and a zero-sized one only aligns what follows.
    if (shape.kind === 'pad' && (name.startsWith('_') || member.size === 0)) continue;
    const m = codec.member?.(name) ?? name;
    if (m.startsWith('_data')) continue;
    const x = `((${t} *)0)->${m}`;
    out.push({ what: `offsetof ${t}.${name}`, ours: offset, c: `(size_t)&${x}` });
    if (member.size === 0) continue; // flexible array
    out.push({ what: `sizeof ${t}.${name}`, ours: member.size, c: `sizeof(${x})` });
    if (shape.kind !== 'scalar' || signedHere.test(name)) continue;
    const signed = shape.scalar.startsWith('i') ? 1 : 0;
    // Pointers and nested structs (an in_addr as a number) have no sign: they count as unsigned.
    out.push({
      what: `sign of ${t}.${name}`,
      ours: signed,
      c: `_Generic(${x}, signed char: 1, short: 1, int: 1, long: 1, long long: 1, default: 0)`,
    });
  }
  return out;
}

for (const tool of toolchains) {
  const skip = tool.missing !== undefined && !process.env.CI;
  describe.skipIf(skip)(`structs of ${tool.arch}${tool.missing ? ` (skipped: ${tool.missing})` : ''}`, () => {
    const wanted = groups.map((group) => group.structs.filter((s) => s.only === undefined || s.only === tool.arch).flatMap(lines));
    let values: Value[][] = [];
    beforeAll(() => {
      const units = groups.map(({ headers, declare = '' }, i) => ({
        headers: ['stddef.h', ...headers],
        declare,
        expressions: wanted[i]!.map((line) => line.c),
      }));
      values = evaluate(tool, units);
    });

    it.each(groups.map((group, i) => [group.headers.join(', '), i] as const))('agree with %s', (_headers, i) => {
      const theirs = Object.fromEntries(wanted[i]!.map((line, k) => [line.what, Number(values[i]![k]!.value)]));
      expect(Object.fromEntries(wanted[i]!.map((line) => [line.what, line.ours]))).toEqual(theirs);
    });
  });
}

describe('the proof', () => {
  it('covers every struct that the package exports', () => {
    const proved = new Set<unknown>(groups.flatMap((group) => group.structs.map((s) => s.codec)));
    const exported = [abi, abi.amd64, abi.arm64].flatMap((module) => Object.entries(module as Record<string, unknown>));
    const unproved = exported
      .filter(([, value]) => (value as { shape?: { kind: string } } | null)?.shape?.kind === 'struct' && !proved.has(value))
      .map(([name]) => name);
    expect(unproved).toEqual([]);
  });
});
