import type { GuestProgram } from './programs.js';

/** Covered calls that a program did not make, or errors that it did not provoke: the header would be wrong. */
export function uncovered(program: GuestProgram, calls: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  return [...program.covers].flatMap(([name, errors]) => {
    const seen = calls.get(name);
    if (seen === undefined) return [name];
    return errors.filter((error) => !seen.has(error)).map((error) => `${name}(${error})`);
  });
}
