// Makes the bundles that a sentry runs from: one file each, read and compiled (from V8's code cache) by apps/sandbox/src/boot.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';

const packageFolder = /^(.*\/(?:packages|apps)\/[^/]+)\/src\//;

/**
 * In a bundle there is no `import.meta.url` from which a package could find its native part: the boot script tells it where the package is.
 *
 * @type {import('esbuild').Plugin}
 */
const nativeParts = {
  name: 'native-parts',
  setup(pluginBuild) {
    pluginBuild.onLoad({ filter: /\/src\/(.*\/)?binding\.ts$/ }, ({ path: file }) => {
      const text = readFileSync(file, 'utf8');
      const folder = packageFolder.exec(file)?.[1];
      if (folder === undefined || !text.includes('import.meta.url')) return undefined;
      const name = JSON.stringify(JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')).name);
      const contents = text
        .replaceAll('createRequire(import.meta.url)', `sbx.requireFrom(${name})`)
        .replaceAll('import.meta.url', `sbx.moduleUrl(${name})`);
      return { contents: `declare const sbx: any;\n${contents}`, loader: 'ts' };
    });
  },
};

/**
 * Bundles TypeScript sources, those of other packages of this repository included, into one file: the text of a function of (module, exports, require, sbx) that
 * ends with a comment naming its hash. `plain`: an ordinary CommonJS module instead.
 *
 * @param {{
 *   entry: string, outfile: string, external?: string[], plain?: boolean, define?: Record<string, string>, alias?: Record<string, string>,
 *   conditions?: string[], plugins?: import('esbuild').Plugin[],
 * }} options
 * @returns {Promise<import('esbuild').Metafile>} what it consists of
 */
export async function bundle({ entry, outfile, external = [], plain = false, define = {}, alias = {}, conditions = [], plugins = [] }) {
  const { outputFiles, metafile } = await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    // Where there are no files to import from, import() is require().
    supported: { 'dynamic-import': false },
    conditions: ['@sbx/source', ...conditions],
    metafile: true,
    external,
    // Names stay, for the stack traces of reports; the rest is made small because it is read at every start.
    minifyWhitespace: true,
    minifySyntax: true,
    // A stack trace shows the line: it should not be half a megabyte long.
    lineLimit: 200,
    charset: 'ascii',
    legalComments: 'eof',
    define,
    alias,
    plugins: [nativeParts, ...plugins],
    logLevel: 'warning',
  });
  const code = outputFiles[0].text;
  const hash = createHash('sha256').update(code).digest('hex').slice(0, 32);
  write(outfile, plain ? code : `(function(module,exports,require,sbx){${code}\n})//${hash}`);
  return metafile;
}

/**
 * Replaces a file in one step: tests that run at the same time may be about to read it.
 *
 * @param {string} file
 * @param {string} text
 */
function write(file, text) {
  mkdirSync(path.dirname(file), { recursive: true });
  const scratch = `${file}.${process.pid}`;
  writeFileSync(scratch, text);
  renameSync(scratch, file);
}
