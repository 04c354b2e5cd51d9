import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** C libraries that programs are built with. */
export type Libc = 'glibc' | 'musl';
/** Which kernel says what is right: this machine's, or the test VM's 6.1 where the answer depends on the version or takes a real root. */
export type Oracle = 'host' | 'vm';

/** The folder of the guest programs. */
export const guestFolder = fileURLToPath(new URL('..', import.meta.url));

/**
 * A guest program: one C file with some cases, each printing `CASE name: …` lines. Its header says what the runner has to know:
 *
 *     // covers: read(EBADF EFAULT) write getpid    system calls that it tests, with the errors that it provokes
 *     // oracle: vm                                 default: host
 *     // libc: glibc musl                           default: glibc
 *     // timing: sensitive                          results depend on sleeps being about as long as asked for: run again if it differs
 */
export interface GuestProgram {
  /** `area/name`. */
  readonly name: string;
  readonly area: string;
  readonly file: string;
  readonly source: string;
  /** Covered system calls with the names of the errors provoked. */
  readonly covers: ReadonlyMap<string, readonly string[]>;
  readonly oracle: Oracle;
  readonly libcs: readonly Libc[];
  readonly timingSensitive: boolean;
}

/** Folders below test/guest that hold no compared programs. */
const OTHER_FOLDERS = ['run', 'stress'];

/** The areas (folders) that have programs. */
export function guestAreas(): string[] {
  return readdirSync(guestFolder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !OTHER_FOLDERS.includes(entry.name))
    .map((entry) => entry.name)
    .sort();
}

/** All programs of an area, by name. */
export function guestPrograms(area: string): GuestProgram[] {
  return readdirSync(path.join(guestFolder, area))
    .filter((name) => name.endsWith('.c'))
    .sort()
    .map((name) => readProgram(area, name));
}

/** All programs. */
export function allGuestPrograms(): GuestProgram[] {
  return guestAreas().flatMap(guestPrograms);
}

function readProgram(area: string, name: string): GuestProgram {
  const file = path.join(guestFolder, area, name);
  const source = readFileSync(file, 'utf8');
  const fields = new Map([...source.matchAll(/^\/\/ (covers|oracle|libc|timing): (.*)$/gm)].map((match) => [match[1], match[2].trim()]));
  const covers = fields.get('covers');
  if (covers === undefined) throw new Error(`${area}/${name} has no line "// covers: …"`);
  return {
    name: `${area}/${name.slice(0, -2)}`,
    area,
    file,
    source,
    covers: parseCovers(covers),
    oracle: (fields.get('oracle') ?? 'host') as Oracle,
    libcs: (fields.get('libc') ?? 'glibc').split(' ') as Libc[],
    timingSensitive: fields.has('timing'),
  };
}

/** `read(EBADF EFAULT) write` as a map. */
export function parseCovers(text: string): Map<string, string[]> {
  return new Map(
    [...text.matchAll(/(\w+)(?:\(([^)]*)\))?/g)].map((match) => [match[1], match[2] === undefined ? [] : match[2].split(' ')]),
  );
}
