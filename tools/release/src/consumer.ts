import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { readmeExamples } from '../../native/readme.js';
import { exec, execOk, type Outcome } from './exec.js';

/** A way to install packages. */
export interface Installer {
  readonly name: string;
  /** What an empty project has beside its package.json. */
  readonly files: Readonly<Record<string, string>>;
  readonly command: readonly [string, ...string[]];
}

/** npm and pnpm; npm runs install scripts unless told not to, pnpm does not unless told to. */
export function installers(names: readonly string[]): Installer[] {
  return [
    { name: 'npm', files: {}, command: ['npm', 'install'] },
    { name: 'npm without scripts', files: {}, command: ['npm', 'install', '--ignore-scripts'] },
    { name: 'pnpm without scripts', files: {}, command: ['pnpm', 'add'] },
    {
      name: 'pnpm',
      files: { 'pnpm-workspace.yaml': `onlyBuiltDependencies: ${JSON.stringify(names)}\n` },
      command: ['pnpm', 'add'],
    },
  ];
}

/** What an example did, and what it should have. */
export interface ExampleOutcome extends Outcome {
  documented: string | undefined;
}

/** A user's project, in an empty folder outside of this repository. */
export class Consumer {
  constructor(
    readonly folder: string,
    readonly environment: NodeJS.ProcessEnv,
  ) {
    mkdirSync(folder, { recursive: true });
    this.write('package.json', '{ "private": true }\n');
  }

  write(file: string, text: string): void {
    mkdirSync(path.dirname(path.join(this.folder, file)), { recursive: true });
    writeFileSync(path.join(this.folder, file), text);
  }

  async install(installer: Installer, packages: readonly string[]): Promise<void> {
    for (const [file, text] of Object.entries(installer.files)) this.write(file, text);
    const [program, ...args] = installer.command;
    await execOk(program, [...args, ...packages], { cwd: this.folder, env: this.environment });
  }

  /** The folder of an installed package. */
  installed(name: string): string {
    return path.join(this.folder, 'node_modules', name);
  }

  /** Runs a module (ESM as .mjs, CommonJS as .cjs) on plain Node. */
  node(file: string, code: string, options: { args?: readonly string[]; env?: NodeJS.ProcessEnv } = {}): Promise<Outcome> {
    this.write(file, code);
    const env = { ...this.environment, ...options.env };
    return exec(process.execPath, [...(options.args ?? []), path.join(this.folder, file)], { cwd: this.folder, env });
  }

  /** Runs the examples of the README that came with a package: its `js` blocks as modules, its `sh` blocks that show their output. */
  async runExamples(name: string): Promise<ExampleOutcome[]> {
    const readme = readFileSync(path.join(this.installed(name), 'README.md'), 'utf8');
    const outcomes: ExampleOutcome[] = [];
    for (const [index, { code, documented }] of readmeExamples(readme, 'js').entries()) {
      outcomes.push({ ...(await this.node(`${name.replace('/', '-')}-${index}.mjs`, code)), documented });
    }
    const env = { ...this.environment, PATH: `${path.join(this.folder, 'node_modules/.bin')}:${this.environment.PATH}` };
    for (const { code, documented } of readmeExamples(readme, 'sh')) {
      if (documented !== undefined) outcomes.push({ ...(await exec('sh', ['-c', code], { cwd: this.folder, env })), documented });
    }
    return outcomes;
  }
}
