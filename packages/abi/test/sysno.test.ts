/** The system-call tables against the headers. */
import { describe, expect, it } from 'vitest';
import { syscallName, syscallNames, syscallNumber, syscallNumbers } from '../src/sysno.js';
import { definedNames, evaluate, isLinux61, toolchains } from './proof/compile.js';

for (const tool of toolchains) {
  const skip = tool.missing !== undefined && !process.env.CI;
  describe.skipIf(skip)(`system calls of ${tool.arch}${tool.missing ? ` (skipped: ${tool.missing})` : ''}`, () => {
    it('have the numbers that the headers give, all of them', () => {
      const names = [...definedNames(tool, ['asm/unistd.h'])]
        .filter((name) => name.startsWith('__NR_') && !/^__NR_(syscalls|arch_specific_syscall)$/.test(name))
        .map((name) => name.slice(5));
      const [numbers] = evaluate(tool, [{ headers: ['asm/unistd.h'], expressions: names.map((name) => `__NR_${name}`) }]);
      const theirs = Object.fromEntries(names.map((name, i) => [name, Number(numbers![i]!.value)]));
      if (isLinux61(tool)) expect(theirs).toEqual(syscallNumbers[tool.arch]);
      else expect(theirs).toMatchObject(syscallNumbers[tool.arch]);
    });

    it('invert', () => {
      for (const [name, number] of Object.entries(syscallNumbers[tool.arch])) expect(syscallName(tool.arch, number)).toBe(name);
      expect(syscallNames(tool.arch).filter((name) => name !== undefined).length).toBe(Object.keys(syscallNumbers[tool.arch]).length);
    });
  });
}

describe('a call that only one architecture has', () => {
  it('is missing on the other', () => {
    expect(syscallNumber('amd64', 'open')).toBe(2);
    expect(syscallNumber('arm64', 'open')).toBeUndefined();
    expect(syscallName('amd64', 335)).toBeUndefined();
    expect(syscallName('amd64', -1)).toBeUndefined();
    expect(syscallName('amd64', 1e9)).toBeUndefined();
  });
});
