import type { Command, Option } from 'commander';

/**
 * Flags with an optional value (`--strace[=FILE]`) take it only after `=`: commander would take the next word, which is the program. So a bare flag becomes
 * `--strace=-`. Looks only at sbx's own flags, which end where the program begins.
 */
export function separateOptionalValues(args: readonly string[], commands: readonly Command[]): string[] {
  const result = [...args];
  const command = commands.find((candidate) => candidate.name() === args[0]);
  if (command === undefined) return result;
  for (let i = 1; i < result.length && result[i] !== '--' && result[i].startsWith('-'); i++) {
    const option = lastOption(command.options, result[i]);
    if (option?.optional) result[i] = `${result[i]}=-`;
    else if (option?.required) i++;
  }
  return result;
}

/** The flag at the end of a word that has no value in that word: `--strace`, `-e`, `-ite`; undefined for `--env=A`, `-eA`. */
function lastOption(options: readonly Option[], word: string): Option | undefined {
  if (word.startsWith('--')) return options.find(({ long }) => long === word);
  for (const letter of word.slice(1)) {
    const option = options.find(({ short }) => short === `-${letter}`);
    if (option?.required) return word.endsWith(letter) && word.indexOf(letter, 1) === word.length - 1 ? option : undefined;
  }
  return undefined;
}
