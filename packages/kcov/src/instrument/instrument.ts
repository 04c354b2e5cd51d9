import { parse } from '@babel/parser';
import MagicString from 'magic-string';
import { type Block, findBlocks } from './blocks.js';

/** What `instrument` makes of a file. */
export interface InstrumentedCode {
  /** The text with counters, on the lines where it was: still TypeScript if it was. */
  readonly code: string;
  /** The table of its blocks: first line and column, last line and column of each. */
  readonly blocks: readonly number[];
}

/** Names that counters use, which nobody else has. */
const REGISTRY = '$kcov';
const BASE = '$kcovBase';

/**
 * Puts a counter into each basic block of a TypeScript or JavaScript module, and a call to the registry (`coverage` of `@sbx/kcov`) at its beginning. `name` is
 * what PCs lead back to. Throws a `SyntaxError` for what is no module.
 *
 * @example
 * import { instrument } from '@sbx/kcov/instrument';
 *
 * const { code, blocks } = instrument('export function sign(x: number) {\n  return x < 0 ? -1 : 1;\n}\n', 'sign.ts');
 * blocks.length / 4; // 3: the function's statements and both branches
 * blocks.slice(0, 2).join(); // '2,2': line and column of the first
 * code.startsWith('import{coverage as $kcov}from"@sbx/kcov";'); // true
 * code.split('\n').length; // 4: lines stay where they were
 */
export function instrument(source: string, name: string): InstrumentedCode {
  const { program } = parse(source, {
    sourceType: 'module',
    plugins: ['explicitResourceManagement', ...(/\.[cm]?tsx?$/.test(name) ? (['typescript'] as const) : [])],
  });
  const found = findBlocks(program);
  if (found.length === 0) return { code: source, blocks: [] };
  const blocks = tableOf(source, found);
  const text = new MagicString(source);
  found.forEach(({ placement }, index) => {
    const count = `${REGISTRY}.counters[${BASE}+${index}]++||${REGISTRY}.hit(${BASE}+${index})`;
    switch (placement.kind) {
      case 'statement':
        text.appendRight(placement.at, `${count};`);
        break;
      case 'empty':
        text.appendLeft(placement.at, `${count};`);
        break;
      case 'body':
        text.appendRight(placement.at, `{${count};`);
        text.prependLeft(placement.end, '}');
        break;
      case 'expression':
        text.appendRight(placement.at, `(${count},`);
        text.prependLeft(placement.end, ')');
    }
  });
  // `var`: what is called before the module has run counts nothing, and does not fail.
  const head = `import{coverage as ${REGISTRY}}from"@sbx/kcov";var ${BASE}=${REGISTRY}.register(${JSON.stringify(name)},[${blocks.join()}]);`;
  const shebang = /^#!.*\n/.exec(source)?.[0].length ?? 0;
  text.appendRight(shebang, head);
  return { code: text.toString(), blocks };
}

function tableOf(source: string, blocks: readonly Block[]): number[] {
  const lines = [0];
  for (let at = source.indexOf('\n'); at >= 0; at = source.indexOf('\n', at + 1)) lines.push(at + 1);
  const position = (offset: number): [number, number] => {
    let low = 0;
    let high = lines.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (lines[middle] <= offset) low = middle;
      else high = middle - 1;
    }
    return [low + 1, offset - lines[low]];
  };
  return blocks.flatMap(({ start, end }) => {
    // A head such as `if (x) ` ends with the space before its body.
    while (end > start && /\s/.test(source[end - 1])) end--;
    return [...position(start), ...position(end)];
  });
}
