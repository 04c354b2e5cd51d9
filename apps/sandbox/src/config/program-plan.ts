import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs';
import path from 'node:path';
import type { MountStep } from './mount-plan.js';
import { hostPath, isWithin, physicalPath } from './paths.js';

/** A program that is about to be run: a name that is looked for in `searchPath`, or a path. */
export interface ProgramRequest {
  readonly name: string;
  readonly searchPath: string;
  readonly cwd: string;
}

/** Folders of an installation that hold its programs. */
const PROGRAM_FOLDERS = ['bin', 'sbin', 'libexec', 'shims'];
/** Shared places that are nobody's installation. */
const NOT_A_PREFIX = ['/', '/tmp', '/var', '/var/tmp', '/run', '/home', '/root', '/mnt', '/media', '/srv'];
/** Longest first line of a script that Linux looks at. */
const SHEBANG_LENGTH = 256;

/**
 * What has to be shown so that a program outside of the system directories can run (a node of nvm's, a compiler in a home directory): its installation's
 * prefix, the folder above its `bin`; or the file alone where that would show the home directory. For a script, its interpreter as well.
 */
export function planProgram(
  request: ProgramRequest,
  visible: readonly string[],
  homes: readonly string[],
): { steps: MountStep[]; notes: string[] } {
  const steps: MountStep[] = [];
  const notes: string[] = [];
  const shown = [...visible];
  // A home directory covers what would be seen of it in a directory above.
  const covered = (file: string, directory: string) => homes.some((home) => isWithin(file, home) && !isWithin(directory, home));
  const sees = (file: string) => shown.some((directory) => isWithin(file, directory) && !covered(file, directory));

  function show(file: string): void {
    if (sees(file)) return;
    const folder = path.dirname(file);
    const prefix = path.dirname(folder);
    const isInstallation =
      PROGRAM_FOLDERS.includes(path.basename(folder)) && !NOT_A_PREFIX.includes(prefix) && !homes.some((home) => isWithin(home, prefix));
    const source = isInstallation ? prefix : file;
    steps.push({ type: 'host', source, target: source, mode: 'ro', publicOnly: true, optional: true });
    notes.push(`shows ${source}, where ${request.name} lies`);
    shown.push(source);
  }

  function add(program: ProgramRequest): string | undefined {
    const found = findProgram(program);
    if (found === undefined) return undefined;
    const real = physicalPath(found);
    // Under the name by which it was found too: a Python of a virtual environment, for one, looks around there.
    const inFolder = path.join(physicalPath(path.dirname(found)), path.basename(found));
    if (inFolder !== real) show(inFolder);
    show(real);
    if (!sees(found)) {
      steps.push({ type: 'symlink', target: found, to: real });
      shown.push(found);
    }
    return real;
  }

  const file = add(request);
  const interpreter = file === undefined ? [] : readShebang(file);
  if (interpreter.length > 0) add({ ...request, name: interpreter[0] });
  if (interpreter.length > 1 && path.basename(interpreter[0]) === 'env') add({ ...request, name: interpreter[1] });
  return { steps, notes };
}

/** The host's path of the program, as execvp(3) finds it. */
function findProgram({ name, searchPath, cwd }: ProgramRequest): string | undefined {
  if (name.includes('/')) return isProgram(path.resolve(cwd, name)) ? path.resolve(cwd, name) : undefined;
  for (const directory of searchPath.split(':')) {
    const file = path.resolve(cwd, directory, name);
    if (isProgram(file)) return file;
  }
  return undefined;
}

function isProgram(file: string): boolean {
  try {
    accessSync(hostPath(file), constants.X_OK);
    return statSync(hostPath(file)).isFile();
  } catch {
    return false;
  }
}

/** The words of a script's first line; none for other programs. */
function readShebang(file: string): string[] {
  try {
    const fd = openSync(hostPath(file), 'r');
    try {
      const bytes = Buffer.alloc(SHEBANG_LENGTH);
      const text = bytes.toString('latin1', 0, readSync(fd, bytes, 0, SHEBANG_LENGTH, 0));
      if (!text.startsWith('#!')) return [];
      return text
        .slice(2, text.indexOf('\n') < 0 ? undefined : text.indexOf('\n'))
        .trim()
        .split(/[ \t]+/);
    } finally {
      closeSync(fd);
    }
  } catch {
    return [];
  }
}
