import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { publishedPackages, root } from './packages.js';

/** An `@example` of a docstring, which is the docstring's end, as a module of its own. */
export interface DocstringExample {
  /** File and line of the docstring. */
  readonly name: string;
  readonly code: string;
  /** The file with the module. */
  readonly module: string;
}

/** `expression; // value`, perhaps with words after a colon: what the example says that the expression gives. Each example says it of something. */
const DOCUMENTED = /^(?!const |let |import )(\S.*); \/\/ (true|false|undefined|null|'[^']*'|-?[\d][\w.]*)(?:: .*)?$/gm;
const PRELUDE = "import { strictEqual as documented } from 'node:assert';\n";

/** Writes the examples in the sources of all published packages as modules, each in a folder of its package, so that it imports as users do. */
export function writeDocstringExamples(): DocstringExample[] {
  return publishedPackages.flatMap(({ folder }) => {
    const target = path.join(folder, 'build', 'test');
    mkdirSync(target, { recursive: true });
    return sources(path.join(folder, 'src'))
      .flatMap(examplesOf)
      .map(({ name, code }, index) => {
        const module = path.join(target, `docstring-${index}.ts`);
        writeFileSync(module, PRELUDE + code.replace(DOCUMENTED, 'documented($1, $2);'));
        return { name, code, module };
      });
  });
}

/** An entry of a published package: `@sbx/kcov/report`. */
export interface PublicEntry {
  readonly name: string;
  readonly source: string;
}

/** All entries that have declarations. */
export const publicEntries: readonly PublicEntry[] = publishedPackages.flatMap(({ folder, manifest }) =>
  Object.entries(manifest.exports).flatMap(([entry, conditions]) => {
    const { '@sbx/source': source, import: imported } = conditions as { '@sbx/source'?: string; import?: { types?: string } };
    if (source === undefined || imported?.types === undefined) return [];
    return [{ name: manifest.name + entry.slice(1), source: path.join(folder, source) }];
  }),
);

/**
 * The functions and classes of an entry, also those in a namespace, that no example shows. What a source file declares is a family, of which one example is
 * enough; or a docstring says `See the example of {@link X}`, which has to use the name.
 */
export async function exportsWithoutExample({ source }: PublicEntry): Promise<string[]> {
  const folder = path.dirname(source);
  const files = sources(folder).map((file) => ({
    name: path.relative(folder, file),
    text: readFileSync(file, 'utf8'),
    examples: examplesOf(file),
  }));
  const declaring = (name: string) => {
    const declaration = new RegExp(`^export (?:abstract |async )*(?:function\\*?|class|const) ${name}\\b`, 'm');
    return files.flatMap((file) => {
      const at = file.text.search(declaration);
      return at < 0 ? [] : [{ ...file, docstring: docstringBefore(file.text, at) }];
    });
  };
  const isShown = (name: string) =>
    declaring(name).some(({ examples, docstring }) => {
      const [, other] = /See the example of \{@link (\w+)\}/i.exec(docstring) ?? [];
      if (other === undefined) return examples.length > 0;
      return declaring(other).some((there) => there.examples.some(({ code }) => new RegExp(`\\b${name}\\b`).test(code)));
    });
  const names = [...new Set(functionsOf(await import(source)))];
  return names.filter((name) => !isShown(name)).map((name) => `${declaring(name).map((file) => file.name)}: ${name}`);
}

/** The text, on one line, of the docstring that ends right before `at`; empty where there is none. */
function docstringBefore(text: string, at: number): string {
  const docstring = text.slice(text.lastIndexOf('/**', at), at);
  return docstring.indexOf('*/') === docstring.trimEnd().length - 2 ? docstring.replace(/\s+(?:\* )?/g, ' ') : '';
}

function functionsOf(module: Record<string, unknown>): string[] {
  return Object.entries(module).flatMap(([name, value]) => {
    if (typeof value === 'function') return [name];
    return Object.prototype.toString.call(value) === '[object Module]' ? functionsOf(value as Record<string, unknown>) : [];
  });
}

function sources(folder: string): string[] {
  return (readdirSync(folder, { recursive: true }) as string[])
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .sort()
    .map((name) => path.join(folder, name));
}

function examplesOf(file: string): { name: string; code: string }[] {
  const source = readFileSync(file, 'utf8');
  return [...source.matchAll(/\/\*\*.*?\*\//gs)].flatMap(({ 0: comment, index }) => {
    const text = comment.slice(3, -2).replace(/^ *\* ?/gm, '');
    const line = source.slice(0, index).split('\n').length;
    const [, code] = /^@example\n(.*)/ms.exec(text) ?? [];
    return code === undefined ? [] : [{ name: `${path.relative(root, file)}:${line}`, code }];
  });
}

/** Type-checks the modules under the repository's rules: status of the compiler (0 when they are right), and what it says. */
export function checkTypes(modules: readonly string[]): { status: number | null; stdout: string } {
  const folder = path.join(root, 'tools/release/build');
  mkdirSync(folder, { recursive: true });
  const project = path.join(folder, 'docstrings.json');
  writeFileSync(project, JSON.stringify({ extends: '../../../tsconfig.base.json', files: modules }));
  const { status, stdout } = spawnSync(path.join(root, 'node_modules/.bin/tsc'), ['-p', project], { encoding: 'utf8' });
  return { status, stdout };
}
