import { chmodSync, copyFileSync, linkSync, lutimesSync, mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The time of every file of the fixture: 2001-02-03 04:05:06 UTC. */
const TIME = Date.UTC(2001, 1, 3, 4, 5, 6) / 1000;

/** Files for the rows of a table, the same at each run. */
export function makeFixture(folder: string): void {
  const write = (name: string, text: string | Uint8Array, mode = 0o644) => {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o755 });
    writeFileSync(file, text);
    chmodSync(file, mode);
  };
  write('words', words(3000).join('\n').concat('\n'));
  write('numbers', Array.from({ length: 2000 }, (_, i) => `${(i * 7919) % 2003}\n`).join(''));
  write('prose', PROSE);
  write('table', 'ann 31 paris\nbob 7 oslo\ncid 100 rome\ndan 31 bern\n');
  write('ages.csv', 'name,age,city\nann,31,paris\nbob,7,oslo\ncid,100,rome\n');
  write(
    'bytes',
    Uint8Array.from({ length: 8192 }, (_, i) => (i * 31 + (i >> 8)) & 0xff),
  );
  write('empty', '');
  write('unfinished', 'one\ntwo');
  write('utf8', 'grüße, Ωmega, 日本語\n');
  write('script', '#!/bin/sh\necho "script $1 in $(basename "$PWD")"\nexit 5\n', 0o755);
  write('secret', 'not for others\n', 0o600);
  write('tree/a/one', '1\n');
  write('tree/a/b/two', 'needle 22\n');
  write('tree/a/b/c/three', 'nothing\nthe needle is here\n');
  write('tree/d/.hidden', 'needle\n');
  write('tree/d/with space', '4444\n', 0o640);
  for (const name of ['grown', 'cut', 'moved', 'removed', 'executable', 'replaced', 'linked', 'dated'])
    write(`mutable/${name}`, `${name} before\n`);
  write('mutable/full/inner', 'inner\n');
  symlinkSync('a/one', path.join(folder, 'tree/link'));
  symlinkSync('nowhere', path.join(folder, 'tree/dangling'));
  symlinkSync('loop', path.join(folder, 'tree/loop'));
  symlinkSync('../d', path.join(folder, 'tree/a/directory'));
  linkSync(path.join(folder, 'tree/a/one'), path.join(folder, 'tree/d/same-as-one'));
  setTimes(folder);
}

/** Gives everything below a folder the fixture's time. */
function setTimes(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) setTimes(file);
    else if (entry.isSymbolicLink()) lutimesSync(file, TIME, TIME);
    else utimesSync(file, TIME, TIME);
  }
  utimesSync(folder, TIME, TIME);
}

/** Words of two to five syllables, from a linear congruential generator. */
function words(count: number): string[] {
  const syllables = ['ba', 'ke', 'lo', 'mi', 'nu', 'ra', 'se', 'ti', 'vo', 'zu', 'an', 'el', 'is', 'or', 'un', 'Ka'];
  let state = 12345;
  const next = (bound: number) => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return Math.floor(state / 2 ** 16) % bound;
  };
  return Array.from({ length: count }, () => Array.from({ length: 2 + next(4) }, () => syllables[next(syllables.length)]).join(''));
}

const PROSE = `It was a bright cold day in the valley, and the clocks of the three villages were striking at different times. Nobody minded.

	The mill stood by the river; its wheel turned slowly, and the miller counted sacks:
	  twelve of rye, seven of wheat, and one of oats.

"You will be late," said the clockmaker's daughter. "I am always late," he said, "but never by the same amount."
`;

/** Adds files of `scripts/` to the fixture, in a folder of that name. */
export function addScripts(fixture: string, ...names: readonly string[]): void {
  const folder = path.join(fixture, 'scripts');
  mkdirSync(folder, { recursive: true });
  for (const name of names) copyFileSync(fileURLToPath(new URL(`../scripts/${name}`, import.meta.url)), path.join(folder, name));
}
