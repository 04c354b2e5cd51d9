// Writes the type declarations of the package in the current folder, as its build script does after tsup: for each entry of
// package.json's `exports` that names them, the tree of files that the entry needs, for ESM (*.d.ts) and for CommonJS (*.d.cts).
//
// The compiler finds other packages as users of the published package do, without the condition `@sbx/source`: by their built
// declarations.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const tsc = path.join(path.dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');

/** `from './x.js'`, `import './x.js'` and `import('./x.js')`, as the compiler writes them. */
const relativeImport = /(\bfrom |\bimport |\bimport\()(["'])(\.{1,2}\/[^"']+)\.js\2/g;

/** The entries that have declarations: their source, and where their declarations go. */
function entries() {
  const { exports } = JSON.parse(readFileSync('package.json', 'utf8'));
  return Object.values(exports)
    .filter((conditions) => conditions['@sbx/source'] && conditions.import?.types)
    .map((conditions) => ({ source: conditions['@sbx/source'], types: conditions.import.types, commonJs: Boolean(conditions.require) }));
}

/** Emits the declarations of `source` and of all files that it imports from its own folder and below into `folder`. */
function emit(source, folder) {
  const project = path.join(folder, 'tsconfig.json');
  const compilerOptions = {
    // The specifiers in declarations are then spelled with their extensions.
    module: 'nodenext',
    moduleResolution: 'nodenext',
    customConditions: [],
    noEmit: false,
    emitDeclarationOnly: true,
    // `typecheck` does.
    noCheck: true,
    rootDir: path.resolve(path.dirname(source)),
    outDir: path.resolve(folder),
  };
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const extended = path.resolve('tsconfig.json');
  writeFileSync(project, JSON.stringify({ extends: extended, compilerOptions, files: [path.resolve(source)], include: [] }));
  const { status } = spawnSync(process.execPath, [tsc, '-p', project], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

/** Copies a declaration file, and those that it refers to; with those for CommonJS, if the entry can be required. */
function publish(from, to, file, commonJs, done = new Set()) {
  if (done.has(file)) return;
  done.add(file);
  const text = readFileSync(path.join(from, file), 'utf8');
  const target = path.join(to, file);
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(target, text);
  if (commonJs) writeFileSync(target.replace(/\.ts$/, '.cts'), text.replaceAll(relativeImport, '$1$2$3.cjs$2'));
  for (const match of text.matchAll(relativeImport)) publish(from, to, path.join(path.dirname(file), `${match[3]}.d.ts`), commonJs, done);
}

rmSync('dist/types', { recursive: true, force: true });
for (const { source, types, commonJs } of entries()) {
  const name = `${path.basename(source, '.ts')}.d.ts`;
  if (path.basename(types) !== name) throw new Error(`${types} is made of ${source}, so its name is ${name}`);
  const scratch = path.join('build/declarations', path.dirname(source));
  emit(source, scratch);
  publish(scratch, path.dirname(types), name, commonJs);
}
