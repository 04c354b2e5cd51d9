import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Loader, Plugin } from 'esbuild';
import type { InstrumentedFile } from '../block-table.js';
import { instrument } from './instrument.js';

/** What the plugin instruments, and what it writes. */
export interface KcovPluginOptions {
  /** Files are named relative to this folder; default: the current one. */
  readonly root?: string;
  /** Which files are instrumented, by their names. Default: all below `root` that are not in node_modules. */
  readonly include?: (name: string) => boolean;
  /** Where the table of blocks is written, with the sources, for reports: JSON, compressed with gzip. */
  readonly sources?: string;
}

/**
 * A plugin for esbuild (and tsup, as `esbuildPlugins: [kcov()]`) that instruments the modules that it bundles. Code that is split over several files works too;
 * `sources` then has what is in any of them. A module that is none fails the build.
 *
 * @example
 * import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
 * import { tmpdir } from 'node:os';
 * import path from 'node:path';
 * import { kcov } from '@sbx/kcov/instrument';
 * import { readSources } from '@sbx/kcov/report';
 * import { build } from 'esbuild';
 *
 * const root = await mkdtemp(path.join(tmpdir(), 'kcov-'));
 * await writeFile(path.join(root, 'sign.ts'), 'export const sign = (x: number) => (x < 0 ? -1 : 1);\n');
 * await build({
 *   absWorkingDir: root,
 *   entryPoints: ['sign.ts'],
 *   outfile: 'sign.mjs',
 *   bundle: true,
 *   format: 'esm',
 *   external: ['@sbx/kcov'],
 *   logLevel: 'error',
 *   plugins: [kcov({ root, sources: 'sign.json.gz' })],
 * });
 * (await readFile(path.join(root, 'sign.mjs'), 'utf8')).includes('@sbx/kcov'); // true
 * readSources(await readFile(path.join(root, 'sign.json.gz'))).files[0].name; // 'sign.ts'
 * await rm(root, { recursive: true });
 */
export function kcov({ root = process.cwd(), include = () => true, sources }: KcovPluginOptions = {}): Plugin {
  const base = path.resolve(root);
  return {
    name: 'kcov',
    setup(build) {
      const files = new Map<string, InstrumentedFile>();
      const workingFolder = build.initialOptions.absWorkingDir ?? process.cwd();
      build.initialOptions.metafile = true;
      build.onStart(() => files.clear());
      build.onLoad({ filter: /\.([cm]?ts|tsx|m?js|jsx)$/ }, async ({ path: file }) => {
        const name = path.relative(base, file).replaceAll(path.sep, '/');
        if (name.startsWith('..') || file.includes('/node_modules/') || !include(name)) return undefined;
        const source = await readFile(file, 'utf8');
        const { code, blocks } = instrument(source, name);
        if (blocks.length > 0) files.set(file, { name, blocks, source });
        return { contents: code, loader: loaderOf(file) };
      });
      build.onEnd(async ({ metafile }) => {
        if (sources === undefined || metafile === undefined) return;
        // Modules of which nothing is left in the output register nothing.
        const used = new Set<string>();
        for (const { inputs } of Object.values(metafile.outputs)) {
          for (const [input, { bytesInOutput }] of Object.entries(inputs))
            if (bytesInOutput > 0) used.add(path.resolve(workingFolder, input));
        }
        const kept = [...files].filter(([file]) => used.has(file)).map(([, instrumented]) => instrumented);
        await mkdir(path.dirname(path.resolve(workingFolder, sources)), { recursive: true });
        await writeFile(path.resolve(workingFolder, sources), gzipSync(JSON.stringify(kept)));
      });
    },
  };
}

function loaderOf(file: string): Loader {
  const extension = /\.[cm]?([jt]sx?)$/.exec(file);
  return (extension?.[1] ?? 'ts') as Loader;
}
