// Builds the native parts that packages are published with: prebuilds/linux-x64 and prebuilds/linux-arm64, each for glibc
// and for musl, named so that node-gyp-build finds the right one.
//
//   node tools/native/prebuild.mjs [--target linux-arm64-musl]... [PACKAGE-FOLDER]...     (default: all targets, all packages)
//
// Addons (*.node) are built for both libraries. Executables must run on every Linux: they are linked statically, and there is
// one of each for an architecture, under its own name. Every file is checked (check-prebuild.mjs) before it gets there.
// A package whose binding.gyp makes nothing for an architecture gets nothing for it.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { checkPrebuild } from './check-prebuild.mjs';
import { locked } from './lock.mjs';
import { nodeGyp, nodeGypOptions } from './node-gyp.mjs';
import { missingFor, targets } from './targets.mjs';

const run = promisify(execFile);
const root = path.resolve(fileURLToPath(new URL('../..', import.meta.url)));

/** The folders of all packages that have a native part. */
export function nativePackages() {
  return ['packages', 'apps']
    .flatMap((parent) => readdirSync(path.join(root, parent)).map((name) => path.join(root, parent, name)))
    .filter((folder) => existsSync(path.join(folder, 'binding.gyp')));
}

/** The name of a package as a file name, as prebuildify writes it. */
function fileName(packageName) {
  return packageName.replaceAll('/', '+');
}

/** The folders of the packages of this repository that a package depends on, itself first. */
function withDependencies(folder, seen = new Set()) {
  if (seen.has(folder)) return seen;
  seen.add(folder);
  const { dependencies = {} } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  for (const [name, range] of Object.entries(dependencies)) {
    const dependency = path.join(root, 'packages', name.replace('@sbx/', ''));
    if (range.startsWith('workspace:') && existsSync(dependency)) withDependencies(dependency, seen);
  }
  return seen;
}

/** Everything that a build depends on: the sources, those of the packages below (headers, included assembly), these scripts. */
function inputHash(folder, target) {
  const hash = createHash('sha256').update(JSON.stringify([target, process.env.CFLAGS]));
  const add = (file) => hash.update(`${file}\n`).update(readFileSync(file)).update('\n');
  for (const each of withDependencies(folder)) {
    const native = path.join(each, 'native');
    if (existsSync(native)) {
      const files = readdirSync(native, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
      for (const file of files.map((entry) => path.join(entry.parentPath ?? entry.path, entry.name)).sort()) add(file);
    }
  }
  for (const file of ['binding.gyp', 'package.json']) add(path.join(folder, file));
  for (const file of ['prebuild.mjs', 'check-prebuild.mjs', 'targets.mjs', 'node-gyp.mjs', 'old-glibc.h'])
    add(path.join(root, 'tools/native', file));
  return hash.digest('hex');
}

/** Compiler and flags of a target as node-gyp's Makefile takes them from the environment. */
function compilerEnvironment(target, stage) {
  const { arch, triple, libc, musl, kernelHeaders } = targets[target];
  let compiler = `${triple}-gcc`;
  let flags = '-Werror';
  // Atomics inline: gcc's helpers for them want __getauxval, which musl and older glibcs lack.
  if (arch === 'arm64') flags += ' -mno-outline-atomics';
  if (libc === 'glibc') flags += ` -include ${path.join(root, 'tools/native/old-glibc.h')}`;
  if (libc === 'musl') {
    compiler += ` -specs ${musl}/musl-gcc.specs`;
    // musl's compiler sees no headers but musl's: give it those of Linux.
    const headers = path.join(stage, 'kernel-headers');
    mkdirSync(headers, { recursive: true });
    for (const [name, source] of Object.entries(kernelHeaders)) symlinkSync(source, path.join(headers, name));
    flags += ` -isystem ${path.relative(path.join(stage, 'build'), headers)}`;
  }
  // No C++ and none of its library: the C compiler links.
  return { CC: compiler, CXX: compiler, LINK: compiler, AR: `${triple}-ar`, CFLAGS: flags, CXXFLAGS: flags };
}

/** Builds a package for a target in a copy of its sources (a build in place would replace the one that is in use). */
async function buildIn(stage, folder, target) {
  rmSync(stage, { recursive: true, force: true });
  mkdirSync(stage, { recursive: true });
  for (const name of ['binding.gyp', 'package.json', 'native'])
    cpSync(path.join(folder, name), path.join(stage, name), { recursive: true });
  const environment = { ...process.env, ...compilerEnvironment(target, stage) };
  const args = [nodeGyp, 'rebuild', '--release', `--arch=${targets[target].arch}`, `--jobs=${cpus().length}`, ...nodeGypOptions()];
  try {
    await run(process.execPath, args, { cwd: stage, env: environment, maxBuffer: 1 << 26 });
  } catch (error) {
    throw new Error(`${path.relative(root, folder)} for ${target}: ${error.stdout}\n${error.stderr}`);
  }
  const release = path.join(stage, 'build/Release');
  if (!existsSync(release)) return [];
  return readdirSync(release, { withFileTypes: true })
    .filter((entry) => entry.isFile() && isElf(path.join(release, entry.name)) && !entry.name.endsWith('.a'))
    .map((entry) => path.join(release, entry.name));
}

function isElf(file) {
  return readFileSync(file).subarray(0, 4).toString('latin1') === '\x7fELF';
}

/**
 * Makes the prebuilt files of one package for one target, or does nothing if they are there and nothing has changed since.
 * Returns their paths.
 */
export async function prebuild(folder, target) {
  const work = path.join(folder, 'build/prebuild', target);
  mkdirSync(work, { recursive: true });
  // Tests that want the same files run at the same time.
  return await locked(path.join(work, 'lock'), () => prebuildLocked(folder, target, work));
}

async function prebuildLocked(folder, target, work) {
  const { platform, arch, libc, triple } = targets[target];
  const stamp = path.join(work, 'stamp.json');
  const hash = inputHash(folder, target);
  if (existsSync(stamp)) {
    const made = JSON.parse(readFileSync(stamp, 'utf8'));
    if (made.hash === hash && made.files.every((file) => existsSync(path.join(folder, file)))) {
      return made.files.map((file) => path.join(folder, file));
    }
  }
  const { name } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  const outputs = path.join('prebuilds', `${platform}-${arch}`);
  const made = [];
  for (const file of await buildIn(path.join(work, 'stage'), folder, target)) {
    const isAddon = file.endsWith('.node');
    // One static executable runs with every libc. musl makes the smaller ones.
    if (!isAddon && libc !== 'musl') continue;
    await run(`${triple}-strip`, ['--strip-all', '--remove-section=.comment', file]);
    const problems = await checkPrebuild(file, target, isAddon);
    if (problems.length > 0) throw new Error(`${path.relative(root, folder)} for ${target}:\n${problems.join('\n')}`);
    const output = path.join(outputs, isAddon ? `${fileName(name)}.${libc}.node` : path.basename(file));
    mkdirSync(path.join(folder, outputs), { recursive: true });
    renameSync(file, path.join(folder, output));
    made.push(output);
  }
  rmSync(path.join(work, 'stage'), { recursive: true });
  writeFileSync(stamp, JSON.stringify({ hash, files: made }));
  return made.map((file) => path.join(folder, file));
}

async function main() {
  const { values, positionals } = parseArgs({ options: { target: { type: 'string', multiple: true } }, allowPositionals: true });
  const chosen = values.target ?? Object.keys(targets);
  for (const target of chosen) {
    if (!targets[target]) throw new Error(`no target ${target}, only ${Object.keys(targets).join(', ')}`);
    const missing = missingFor(target);
    if (missing) throw new Error(`${target}: ${missing}`);
  }
  const folders = positionals.length > 0 ? positionals.map((folder) => path.resolve(folder)) : nativePackages();
  for (const folder of folders) {
    for (const target of chosen) {
      const files = await prebuild(folder, target);
      const made = files.map((file) => path.basename(file)).join(', ') || 'nothing';
      console.log(`${path.relative(root, folder)} ${target}: ${made}`);
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
