import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** One generated file. */
export interface Output {
  /** Path from the package's folder. */
  readonly path: string;
  /** The whole text that the file should have. */
  content(): string;
}

/** The default export of a package's `gen.config.ts`. */
export interface GenConfig {
  readonly outputs: readonly Output[];
}

/** The paths (from `folder`) of outputs whose file is missing or has another text: for a package's stale test. */
export function staleOutputs(folder: string | URL, config: GenConfig): string[] {
  const root = folder instanceof URL ? fileURLToPath(folder) : folder;
  return config.outputs.filter((output) => !isFresh(root, output)).map((output) => output.path);
}

function isFresh(root: string, output: Output): boolean {
  const file = path.join(root, output.path);
  return existsSync(file) && readFileSync(file, 'utf8') === output.content();
}

/** Writes the stale outputs of one package; returns their paths. */
export function writeOutputs(folder: string, config: GenConfig): string[] {
  const stale = config.outputs.filter((output) => !isFresh(folder, output));
  for (const output of stale) {
    const file = path.join(folder, output.path);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, output.content());
  }
  return stale.map((output) => output.path);
}

/** The folders below `root` (packages, apps, tools) that have a gen.config.ts. */
export function configuredFolders(root: string): string[] {
  return ['packages', 'apps', 'tools']
    .flatMap((area) =>
      existsSync(path.join(root, area)) ? readdirSync(path.join(root, area)).map((name) => path.join(root, area, name)) : [],
    )
    .filter((folder) => existsSync(path.join(folder, 'gen.config.ts')));
}

export async function loadConfig(folder: string): Promise<GenConfig> {
  const module = await import(pathToFileURL(path.join(folder, 'gen.config.ts')).href);
  return module.default as GenConfig;
}
