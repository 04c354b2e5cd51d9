import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execute, type Outcome, toolchains } from './toolchain.js';

/** An example of a README, and what the README says it prints: the ```text block that follows. */
export interface Example {
  code: string;
  documented: string | undefined;
}

/** The examples in a README that are written in `language`. */
export function readmeExamples(readme: string, language: string): Example[] {
  const blocks = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`\\n(?:\\s*^\`\`\`text\\n(.*?)^\`\`\`$)?`, 'gms');
  return [...readme.matchAll(blocks)].map(([, code, documented]) => ({ code: code as string, documented }));
}

/**
 * Runs the examples of a package's README, its ```js blocks, each a module of its own, on the package's sources; gives the
 * outcome of each with what the README says it prints: the ```text block that follows.
 */
export function runReadmeExamples(packageFolder: string): (Outcome & { documented: string | undefined })[] {
  const readme = readFileSync(join(packageFolder, 'README.md'), 'utf8');
  // A folder of the package, so that the package finds itself by its own name.
  const folder = join(packageFolder, 'build', 'test');
  mkdirSync(folder, { recursive: true });
  return readmeExamples(readme, 'js').map(({ code, documented }, index) => {
    const module = join(folder, `readme-${index}.mjs`);
    writeFileSync(module, code);
    return { ...execute(toolchains.host, process.execPath, ['--import', 'tsx', '--conditions=@sbx/source', module]), documented };
  });
}
