import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { execOk } from './exec.js';
import type { Manifest } from './packages.js';

/** A package as it was published, unpacked. */
export interface Pack {
  readonly folder: string;
  readonly manifest: Manifest;
  /** Paths inside the package. */
  readonly files: readonly string[];
  /** Bytes of the tarball. */
  readonly size: number;
}

/** Unpacks a tarball into a folder. */
export async function unpack(tarball: string, folder: string): Promise<Pack> {
  mkdirSync(folder, { recursive: true });
  await execOk('tar', ['xzf', tarball, '-C', folder, '--strip-components=1'], { cwd: folder, env: process.env });
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(folder, path.join(entry.parentPath ?? entry.path, entry.name)));
  const manifest = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  return { folder, manifest, files: files.sort(), size: statSync(tarball).size };
}

/** The names of packages that JavaScript files of a pack import or require, Node's own modules apart. */
export async function importedPackages(pack: Pack, files: readonly string[]): Promise<Set<string>> {
  const { metafile } = await build({
    entryPoints: files.map((file) => ({ in: path.join(pack.folder, file), out: file })),
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    write: false,
    outdir: pack.folder,
    metafile: true,
    logLevel: 'silent',
  });
  const specifiers = Object.values(metafile.inputs).flatMap(({ imports }) => imports.filter(({ external }) => external));
  const names = specifiers.map(({ path: specifier }) =>
    specifier
      .split('/')
      .slice(0, specifier.startsWith('@') ? 2 : 1)
      .join('/'),
  );
  return new Set(names.filter((name) => !name.startsWith('node:')));
}

/** Every file that `exports` and `bin` of a manifest name. */
export function namedFiles(manifest: Manifest): string[] {
  const leaves = (target: unknown): string[] =>
    typeof target === 'string' ? [path.normalize(target)] : Object.values(target as object).flatMap(leaves);
  return [...leaves(manifest.exports), ...leaves(manifest.bin ?? {})];
}
