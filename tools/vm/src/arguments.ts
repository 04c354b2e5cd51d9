import { parseArgs } from 'node:util';

const options = {
  timeout: { type: 'string' },
  memory: { type: 'string' },
  cpus: { type: 'string' },
  cwd: { type: 'string' },
  env: { type: 'string', short: 'e', multiple: true },
  writable: { type: 'string', short: 'w', multiple: true },
  stdin: { type: 'boolean', short: 'i' },
  terminal: { type: 'boolean', short: 't' },
  console: { type: 'boolean' },
  refresh: { type: 'boolean' },
  check: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** Splits the arguments into this program's options and the command, which starts at the first word that is no option. */
export function parseCommandLine(args: readonly string[]) {
  const { head, command } = split(args);
  return { values: parseArgs({ args: head, options, allowPositionals: false }).values, command };
}

function split(args: readonly string[]): { head: string[]; command: string[] } {
  let at = 0;
  while (at < args.length && args[at].startsWith('-') && args[at] !== '--') at += takesNextWord(args[at]) ? 2 : 1;
  return { head: args.slice(0, at), command: args.slice(args[at] === '--' ? at + 1 : at) };
}

function takesNextWord(arg: string): boolean {
  const found = Object.entries(options).find(([name, option]) => arg === `--${name}` || ('short' in option && arg === `-${option.short}`));
  return found?.[1].type === 'string';
}

/** A whole number above 0, or undefined where the option is not given. */
export function positive(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!Number.isInteger(number) || number <= 0) throw new TypeError(`--${name} takes a whole number above 0, not "${value}"`);
  return number;
}

/** NAME=VALUE sets a variable, NAME alone passes this process's on. */
export function environment(words: readonly string[], inherited: NodeJS.ProcessEnv): Record<string, string> {
  const result: Record<string, string> = {};
  for (const word of words) {
    const at = word.indexOf('=');
    const name = at < 0 ? word : word.slice(0, at);
    const value = at < 0 ? inherited[name] : word.slice(at + 1);
    if (value !== undefined) result[name] = value;
  }
  return result;
}
