import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { VmError } from './errors.js';
import { findProgram } from './host-programs.js';
import type { Machine } from './machine.js';

const run = promisify(execFile);

/** A kernel in the cache. */
export interface Kernel {
  /** As `uname -r` prints it. */
  readonly release: string;
  readonly image: string;
  /** Modules to load, in order: each after those that it depends on. */
  readonly modules: readonly string[];
}

/**
 * The newest kernel in the cache, fetched with apt-get if there is none or `refresh` is set.
 * A cache is a folder per architecture with a folder per release, which appears whole or not at all.
 *
 * @throws VmError `NO_KERNEL`
 */
export async function cachedKernel(machine: Machine, cacheFolder: string, refresh = false): Promise<Kernel> {
  const folder = path.join(cacheFolder, machine.name);
  const [newest] = refresh ? [] : releases(folder);
  const release = newest ?? (await fetchKernel(machine, folder));
  const modules = readFileSync(path.join(folder, release, 'modules'), 'utf8')
    .split('\n')
    .filter(Boolean);
  return {
    release,
    image: path.join(folder, release, 'vmlinuz'),
    modules: modules.map((name) => path.join(folder, release, name)),
  };
}

/** Releases in the cache, the newest first. */
function releases(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => !name.startsWith('.'));
  return names.sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
}

async function fetchKernel(machine: Machine, folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const scratch = mkdtempSync(path.join(folder, '.fetch-'));
  try {
    const name = await newestKernelPackage(machine);
    await run('apt-get', ['download', '-q', name], { cwd: scratch });
    const archive = readdirSync(scratch).find((file) => file.endsWith('.deb'));
    if (!archive) throw new Error(`apt-get download ${name} left no file`);
    await run('dpkg-deb', ['-x', archive, 'tree'], { cwd: scratch });
    const release = await keepWhatBoots(machine, path.join(scratch, 'tree'), path.join(scratch, 'kernel'));
    const target = path.join(folder, release);
    if (!existsSync(target)) renameSync(path.join(scratch, 'kernel'), target);
    return release;
  } catch (error) {
    const reason = error instanceof Error ? error.message.trim() : String(error);
    throw new VmError(
      'NO_KERNEL',
      `no kernel for the test VM (${machine.name}): ${reason}\nRun "apt-get update" if the package lists are old.`,
    );
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The package that the meta package depends on, such as linux-image-6.1.0-40-cloud-amd64. */
async function newestKernelPackage(machine: Machine): Promise<string> {
  const { stdout } = await run('apt-cache', ['depends', '--important', machine.kernelPackage]);
  const dependency = /Depends: (linux-image-\S+)/.exec(stdout);
  if (!dependency) throw new Error(`apt knows no package ${machine.kernelPackage}`);
  return dependency[1];
}

/** Copies the kernel and the modules out of the unpacked package, with a list of the modules in the order of loading. */
async function keepWhatBoots(machine: Machine, tree: string, target: string): Promise<string> {
  const [release] = readdirSync(path.join(tree, 'lib/modules'));
  const root = path.join(tree, 'lib/modules', release);
  await run(findProgram('busybox') ?? 'busybox', ['depmod', '-b', tree, release]);
  const files = loadOrder(readFileSync(path.join(root, 'modules.dep'), 'utf8'), machine.modules);
  mkdirSync(target);
  copyFileSync(path.join(tree, `boot/vmlinuz-${release}`), path.join(target, 'vmlinuz'));
  for (const file of files) copyFileSync(path.join(root, file), path.join(target, path.basename(file)));
  writeFileSync(path.join(target, 'modules'), files.map((file) => `${path.basename(file)}\n`).join(''));
  return release;
}

/**
 * Files to load so that each of `names` is loaded after what it depends on.
 *
 * @param modulesDep what depmod wrote: a line per module, `file: dependency…`, a dependency after those that need it
 */
export function loadOrder(modulesDep: string, names: readonly string[]): string[] {
  const dependencies = new Map<string, { file: string; needs: string[] }>();
  for (const line of modulesDep.split('\n').filter(Boolean)) {
    const [file, needs] = line.split(':');
    dependencies.set(path.basename(file, '.ko'), { file, needs: needs.split(' ').filter(Boolean) });
  }
  const order = new Set<string>();
  const load = (name: string) => {
    const module = dependencies.get(name);
    if (!module) throw new Error(`the kernel has no module ${name}`);
    if (order.has(module.file)) return;
    for (const file of module.needs) load(path.basename(file, '.ko'));
    order.add(module.file);
  };
  names.forEach(load);
  return [...order];
}
