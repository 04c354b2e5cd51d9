import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import vm from 'node:vm';
import { transformSync } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { BlockTable } from '../block-table.js';
import { Coverage } from '../coverage.js';
import { instrument } from './instrument.js';

/** Runs instrumented TypeScript as a script; returns what it leaves in `out`, and the text of each block in the order of the first hits. */
function runAndTrace(source: string): { out: unknown; hits: string[] } {
  const { code, blocks } = instrument(source, 'example.ts');
  const coverage = new Coverage();
  const script = transformSync(code.replace('import{coverage as $kcov}from"@sbx/kcov";', ''), { loader: 'ts', target: 'node20' }).code;
  const context = vm.createContext({ $kcov: coverage, out: undefined });
  vm.runInContext(script, context);
  const table = new BlockTable([{ name: 'example.ts', blocks }]);
  const lines = source.split('\n');
  const hits: string[] = [];
  coverage.common.consume(coverage.order, (low, high) => {
    const { line, column, endLine, endColumn } = table.locate((BigInt(high) << 32n) | BigInt(low))!;
    const text = lines.slice(line - 1, endLine);
    text[text.length - 1] = text.at(-1)!.slice(0, endColumn);
    text[0] = text[0].slice(column);
    hits.push(text.join(' ').replaceAll(/\s+/g, ' '));
    return true;
  });
  return { out: context.out, hits };
}

describe('instrument', () => {
  it.each([
    ['statements in a row', 'function f() { let a = 1; a++; return a; } out = f();', 2, ['let a = 1; a++; return a;']],
    ['an if', 'function f(x: number) { if (x > 1) return 1; return 2; } out = f(1);', 2, ['if (x > 1)', 'return 2;']],
    [
      'an else if',
      "function f(x: number) { if (x > 1) { return 'a'; } else if (x > 0) return 'b'; else return 'c'; } out = f(1);",
      'b',
      ['if (x > 1)', 'if (x > 0)', "return 'b';"],
    ],
    [
      'a loop',
      'function f() { let s = 0; for (let i = 0; i < 3; i++) s += i; return s; } out = f();',
      3,
      ['let s = 0; for (let i = 0; i < 3; i++)', 's += i;', 'return s;'],
    ],
    [
      'a loop that is not entered',
      'function f() { while (false) out = 1; do { out = 7; } while (false); } f();',
      7,
      ['while (false)', 'do', 'out = 7;'],
    ],
    [
      'a switch',
      "function f(x: number) { switch (x) { case 1: return 'one'; case 2: case 3: out = 'x'; default: return out; } } out = f(3);",
      'x',
      ['switch (x)', "out = 'x';", 'return out;'],
    ],
    [
      'try',
      'function f() { try { throw 5; } catch (e) { return e; } finally { out = 1; } } out = f();',
      5,
      ['try', 'throw 5;', 'return e;', 'out = 1;'],
    ],
    [
      'a conditional expression',
      'const f = (x: number) => (x > 1 ? x : { y: x } as unknown); out = (f(1) as any).y;',
      1,
      ['x > 1 ? x : { y: x } as unknown', '{ y: x } as unknown'],
    ],
    [
      'logical expressions',
      'const f = (a: unknown, b: unknown) => a && (b ?? 3) || 4; out = f(1, null);',
      3,
      ['a && (b ?? 3) || 4', 'b ?? 3', '3'],
    ],
    [
      'logical assignment',
      'function f(a: any) { a ??= 1; a &&= a + 1; return a; } out = f(null);',
      2,
      ['a ??= 1; a &&= a + 1; return a;', '1', 'a + 1'],
    ],
    ['functions in expressions', 'out = [1, 2].map((x) => x * 2).join();', '2,4', ['x * 2']],
    ['an arrow function that returns an object', 'const f = () => ({ a: 1 }); out = f().a;', 1, ['{ a: 1 }']],
    ['a default parameter', 'function f(x = true ? 1 : 2) { return x; } out = f();', 1, ['1', 'return x;']],
    [
      'a generator',
      'function* g() { let a = 1; yield a; a++; yield a; return a; } const i = g(); i.next(); out = i.next().value;',
      2,
      ['let a = 1; yield a;', 'a++; yield a;'],
    ],
    [
      'classes',
      'class A { #x = 1; static s = () => 5; constructor(private y: number) { this.#x += y; } get x() { return this.#x; } } out = new A(2).x + A.s();',
      8,
      ['this.#x += y;', 'return this.#x;', '5'],
    ],
    [
      'a derived class',
      'class A { a = 1; } class B extends A { constructor() { super(); this.a++; } } out = new B().a;',
      2,
      ['super(); this.a++;'],
    ],
    ['labels', 'function f() { outer: for (;;) { for (;;) break outer; } } f(); out = 1;', 1, ['outer:', 'for (;;)', 'break outer;']],
    ['an empty function', 'function f() {} f(); out = 1;', 1, ['{}']],
    [
      'types, which are no code',
      'type T<X> = X extends string ? 1 : 2; enum E { A = 1 } abstract class C { abstract m(): void; n(): T<string> { return 1; } } class D extends C { m() {} } out = new D().n() + E.A;',
      2,
      ['return 1;'],
    ],
    [
      'overloads',
      'function f(x: string): string; function f(x: number): number; function f(x: any) { return x; } out = f(1);',
      1,
      ['return x;'],
    ],
    [
      'statements without semicolons',
      'function f() {\n  let a = 1\n  if (a) a = 2\n  a++\n  return a\n}\nout = f()',
      3,
      ['let a = 1 if (a)', 'a = 2', 'a++ return a'],
    ],
    [
      '"use strict"',
      "function f() { 'use strict'; return (this as any) === undefined; } out = f();",
      true,
      ['return (this as any) === undefined;'],
    ],
  ])('%s', (_, source, out, hits) => {
    const result = runAndTrace(source);
    expect(result.out).toEqual(out);
    expect(result.hits).toEqual(hits);
  });

  it('counts nothing of what runs when a module is loaded', () => {
    expect(runAndTrace('if (1) { out = 1 ? 2 : 3; }')).toEqual({ out: 2, hits: [] });
  });

  it('leaves code on its lines', () => {
    const source = 'export function f(a) {\n  if (a)\n    return a\n      ? 1\n      : 2;\n}\n';
    const { code } = instrument(source, 'x.js');
    const words = (line: string) => line.match(/if|\?|:|return/g) ?? [];
    expect(code.split('\n').map(words)).toEqual(source.split('\n').map(words));
  });

  it('understands this package, and gives each block a place inside its file', () => {
    const folder = fileURLToPath(new URL('..', import.meta.url));
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))) {
      const source = readFileSync(path.join(folder, name), 'utf8');
      const { code, blocks } = instrument(source, name);
      transformSync(code, { loader: 'ts' });
      const lines = source.split('\n');
      for (let i = 0; i < blocks.length; i += 4) {
        const [line, column, endLine, endColumn] = blocks.slice(i, i + 4);
        expect(line * 1000 + column).toBeLessThan(endLine * 1000 + endColumn);
        expect(lines[line - 1].length).toBeGreaterThan(column);
        expect(lines[endLine - 1].length).toBeGreaterThanOrEqual(endColumn);
      }
    }
  });

  it('refuses what is no module', () => {
    expect(() => instrument('function (', 'x.ts')).toThrow(SyntaxError);
  });
});
