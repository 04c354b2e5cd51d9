/** Every constant, against the kernel's and libc's headers of both architectures. */
import { beforeAll, describe, expect, it } from 'vitest';
import { definedNames, evaluate, isLinux61, type Toolchain, toolchains, type Value } from './proof/compile.js';
import { notInHeaders, ownHeaders, ownHeadersOf, ownOf, type Source, sources } from './proof/sources.js';

/** Counts, masks and "last" names, which grow with the kernel's version. */
const grows = /(_MAX|_LAST\w*|_SUPPORTED|_MASK|_ALL|_SIZE_ARCH|_EVENTS|_VALID)$/;

/** A module's numbers that its headers define, and those that they don't. */
interface Check {
  readonly name: string;
  readonly headers: readonly string[];
  readonly known: readonly (readonly [string, number])[];
  readonly missing: readonly string[];
}

function prepare(tool: Toolchain, source: Source, linux61: boolean): Check {
  const headers = [...source.headers, ...(source[tool.arch] ?? [])];
  const defined = definedNames(tool, headers);
  const constants = Object.entries(source.module).filter((e): e is [string, number] => typeof e[1] === 'number' && !notInHeaders.has(e[0]));
  return {
    name: source.name,
    headers,
    known: constants.filter(([name]) => defined.has(name) && (linux61 || !grows.test(name))),
    missing: constants.filter(([name]) => !defined.has(name)).map(([name]) => name),
  };
}

/** Is `ours` the C value, taken as signed or as unsigned? */
function same(ours: number, { size, value }: Value): boolean {
  return [value, BigInt.asUintN(64, value), ...(size === 4 ? [BigInt.asUintN(32, value)] : [])].some((form) => Number(form) === ours);
}

for (const tool of toolchains) {
  // The cross compiler's headers may be of an earlier release, so only the native ones must have every name.
  const complete = tool === toolchains[0];
  const skip = tool.missing !== undefined && !process.env.CI;

  describe.skipIf(skip)(`constants of ${tool.arch}${tool.missing ? ` (skipped: ${tool.missing})` : ''}`, () => {
    const own: Source = {
      name: `arch/${tool.arch}/constants`,
      module: ownOf[tool.arch],
      headers: [...ownHeaders, ...ownHeadersOf[tool.arch]],
    };
    const all = [...sources, own];
    let linux61 = false;
    let checks: Check[] = [];
    let values: Value[][] = [];
    beforeAll(() => {
      linux61 = isLinux61(tool);
      checks = all.map((source) => prepare(tool, source, linux61));
      values = evaluate(
        tool,
        checks.map(({ headers, known }) => ({ headers, expressions: known.map(([name]) => name) })),
      );
    });

    it.each(all.map((source, i) => [source.name, i] as const))('%s.ts agrees with the headers', (_name, i) => {
      const { known, missing } = checks[i]!;
      const wrong = known.flatMap(([name, ours], k) => {
        const theirs = values[i]![k]!;
        return same(ours, theirs) ? [] : [`${name} is ${ours} here, ${theirs.value} in C`];
      });
      expect(wrong).toEqual([]);
      expect(known.length).toBeGreaterThan(0);
      if ((complete && linux61) || all[i] === own) expect(missing).toEqual([]);
    });
  });
}
