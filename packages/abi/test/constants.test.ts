/** Every constant, against the kernel's and libc's headers of both architectures. */
import { describe, expect, it } from 'vitest';
import { definedNames, isLinux61, run, type Toolchain, toolchains } from './proof/compile.js';
import { notInHeaders, own, ownHeaders, ownHeadersOf, type Source, sources } from './proof/sources.js';

/** Counts, masks and "last" names, which grow with the kernel's version. */
const grows = /(_MAX|_LAST\w*|_SUPPORTED|_MASK|_ALL|_SIZE_ARCH|_EVENTS|_VALID)$/;

interface Check {
  readonly checked: number;
  readonly wrong: string[];
  readonly missing: string[];
}

/** Compares the numbers of one module with what the compiler says they are. */
function check(tool: Toolchain, source: Source, linux61: boolean): Check {
  const headers = [...source.headers, ...(source[tool.arch] ?? [])];
  const defined = definedNames(tool, headers);
  const constants = Object.entries(source.module).filter((e): e is [string, number] => typeof e[1] === 'number');
  const known = constants.filter(([name]) => defined.has(name) && !notInHeaders.has(name) && (linux61 || !grows.test(name)));
  const missing = constants.filter(([name]) => !defined.has(name) && !notInHeaders.has(name)).map(([name]) => name);
  const lines = run(
    tool,
    headers,
    '#define P(name) do { __typeof__((name) + 0) v = (name); printf("%d %lld\\n", (int)sizeof v, (long long)v); } while (0)',
    known.map(([name]) => `P(${name});`),
  );
  const wrong: string[] = [];
  known.forEach(([name, ours], i) => {
    const [size, text] = lines[i]!.split(' ') as [string, string];
    const theirs = BigInt(text);
    const forms = [theirs, BigInt.asUintN(64, theirs)];
    if (size === '4') forms.push(BigInt.asUintN(32, theirs));
    if (!forms.some((form) => Number(form) === ours)) wrong.push(`${name}: ${ours} is ${text} in C`);
  });
  return { checked: known.length, wrong, missing };
}

for (const tool of toolchains) {
  // The cross compiler's headers may be of an earlier release, so only the native ones must have every name.
  const complete = tool === toolchains[0];
  const skip = tool.missing !== undefined && !process.env.CI;
  const linux61 = !skip && isLinux61(tool);

  describe.skipIf(skip)(`constants of ${tool.arch}${tool.missing ? ` (skipped: ${tool.missing})` : ''}`, () => {
    for (const source of sources) {
      it(`${source.name}.ts agrees with the headers`, () => {
        const result = check(tool, source, linux61);
        expect(result.wrong).toEqual([]);
        if (complete && linux61) expect(result.missing).toEqual([]);
        expect(result.checked).toBeGreaterThan(0);
      });
    }

    it(`arch/${tool.arch}/constants.ts agrees with the headers`, () => {
      const headers = [...ownHeaders, ...ownHeadersOf[tool.arch]];
      const result = check(tool, { name: tool.arch, module: own[tool.arch], headers }, linux61);
      expect(result.wrong).toEqual([]);
      expect(result.missing).toEqual([]);
    });
  });
}
