import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { findProgram } from './host-programs.js';
import type { Machine } from './machine.js';

const run = promisify(execFile);

/** The first release of QEMU in whose nested virtual machines nothing was seen to go wrong: under 7.2 Node crashes now and then, once with the guest's kernel. */
const GOOD_RELEASE = 9;

/** QEMU for a machine. */
export interface Emulator {
  readonly program: string;
  /** Why it is not as good as it should be. */
  readonly warning?: string;
}

/**
 * The host's QEMU, or, where that is an old one, a newer one out of the cache; it is fetched from the backports of the host's Debian if it isn't there.
 * Without one the old one is taken, with a warning.
 */
export async function emulator(machine: Machine, cacheFolder: string): Promise<Emulator> {
  const installed = findProgram(machine.qemu) ?? machine.qemu;
  const version = await versionOf(installed);
  if (release(version) >= GOOD_RELEASE) return { program: installed };
  const folder = path.join(cacheFolder, `${machine.name}-qemu`);
  const cached = path.join(folder, 'usr/bin', machine.qemu);
  try {
    if (!existsSync(cached)) await fetchBackport(machine, cacheFolder, folder);
    return { program: cached };
  } catch (error) {
    const reason = error instanceof Error ? error.message.trim() : String(error);
    return {
      program: installed,
      warning: `QEMU ${version} is known to crash programs in the VM now and then, and a newer one can't be had from backports: ${reason}`,
    };
  }
}

/** The number that `--version` prints. */
async function versionOf(program: string): Promise<string> {
  const { stdout } = await run(program, ['--version']);
  return /version (\d[\d.]*)/.exec(stdout)?.[1] ?? '0';
}

function release(version: string): number {
  return Number.parseInt(version, 10);
}

/** Unpacks Debian's newest backport of QEMU into `folder`, which appears whole or not at all. What the host has installed stays as it is. */
async function fetchBackport(machine: Machine, cacheFolder: string, folder: string): Promise<void> {
  mkdirSync(cacheFolder, { recursive: true });
  const scratch = mkdtempSync(path.join(cacheFolder, '.fetch-'));
  try {
    const codename = /^VERSION_CODENAME=(\S+)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
    const { stdout: mirrors } = await run('apt-get', [
      'indextargets',
      ...['--format', '$(REPO_URI)', 'Created-By: Packages', 'Origin: Debian', `Codename: ${codename}`],
    ]);
    const mirror = mirrors.split('\n')[0];
    if (!mirror) throw new Error('this is no Debian whose package lists are there');
    // apt with lists of its own: the host's sources are not changed.
    writeFileSync(
      path.join(scratch, 'sources.list'),
      `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror} ${codename}-backports main\n`,
    );
    mkdirSync(path.join(scratch, 'lists/partial'), { recursive: true });
    mkdirSync(path.join(scratch, 'cache/archives/partial'), { recursive: true });
    const options = [
      `Dir::Etc::SourceList=${scratch}/sources.list`,
      'Dir::Etc::SourceParts=-',
      `Dir::State::Lists=${scratch}/lists`,
      `Dir::Cache=${scratch}/cache`,
      'APT::Sandbox::User=root',
      'Acquire::Retries=3',
    ].flatMap((option) => ['-o', option]);
    await run('apt-get', [...options, '-q', 'update'], { cwd: scratch });
    await run('apt-get', [...options, '-q', 'download', `${machine.needs[machine.qemu]}/${codename}-backports`], { cwd: scratch });
    const archive = readdirSync(scratch).find((file) => file.endsWith('.deb'));
    if (archive === undefined) throw new Error('apt-get download left no file');
    await run('dpkg-deb', ['-x', archive, 'tree'], { cwd: scratch });
    // Its libraries may be missing here.
    const version = await versionOf(path.join(scratch, 'tree/usr/bin', machine.qemu));
    if (release(version) < GOOD_RELEASE) throw new Error(`backports have QEMU ${version}`);
    // Another VM may have been faster.
    if (!existsSync(folder)) renameSync(path.join(scratch, 'tree'), folder);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
