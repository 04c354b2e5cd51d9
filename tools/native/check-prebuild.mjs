// Checks that a prebuilt native part runs wherever it is said to run:
//
//   node tools/native/check-prebuild.mjs FILE...      (the target is read from the path: prebuilds/linux-x64/NAME.musl.node)
//
// glibc: no symbol newer than the oldest glibc that is supported; musl: no symbol with a version at all; no library but libc; no
// search path, no executable stack, no symbols exported but Node's, no path of this checkout. Executables: static.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { newestGlibc, targets } from './targets.mjs';

const run = promisify(execFile);
const root = path.resolve(fileURLToPath(new URL('../..', import.meta.url)));

const formats = { x64: 'elf64-x86-64', arm64: 'elf64-littleaarch64' };
/** What an addon shows to the world: what Node looks for. */
const exported = /^(napi_register_module_v1|node_api_module_get_api_version_v1|_init|_fini)$/;
/** What Node supplies to an addon. */
const fromNode = /^(napi_|node_api_|uv_)/;
/** Weak references of gcc's start files, to tools that may be there. */
const optional = /^(_ITM_(de)?registerTMCloneTable|__gmon_start__)$/;
const libraries = {
  glibc: /^(libc\.so\.6|libpthread\.so\.0|libdl\.so\.2|librt\.so\.1|libm\.so\.6|ld-linux-(x86-64\.so\.2|aarch64\.so\.1))$/,
  // musl's loader takes libc.so, and every libc.*, for itself.
  musl: /^libc(\.musl-[a-z0-9_]+)?\.so(\.1)?$/,
};

function isNewer(version, than) {
  const [a, b] = [version, than].map((text) => text.split('.').map(Number));
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    if ((a[i] ?? 0) !== (b[i] ?? 0)) return (a[i] ?? 0) > (b[i] ?? 0);
  }
  return false;
}

/** One line of `objdump -T`: address, flags, section, size, version (in parentheses where it is a reference), name. */
function parseSymbol(line) {
  const match = /^[0-9a-f]{16} (.{7}) (\S+)\t[0-9a-f]{16}\s+(?:\(?([A-Za-z_]+[0-9A-Za-z_.]*)\)?\s+)?(?:\.hidden |\.protected )?(\S+)$/.exec(
    line,
  );
  if (!match) return undefined;
  const [, flags, section, version, name] = match;
  return { local: flags.startsWith('l'), undefinedHere: section === '*UND*', version: version === 'Base' ? undefined : version, name };
}

/** What is wrong with a file for a target: a list of complaints, empty if nothing is. */
export async function checkPrebuild(file, target, isAddon = file.endsWith('.node')) {
  const { arch, libc, triple } = targets[target];
  const problems = [];
  const complain = (text) => problems.push(`${path.basename(file)}: ${text}`);
  const objdump = async (...args) => (await run(`${triple}-objdump`, [...args, file], { maxBuffer: 1 << 26 })).stdout;

  const headers = await objdump('-p');
  if (!headers.includes(`file format ${formats[arch]}`)) complain(`is not ${formats[arch]}`);
  if (/\b(RPATH|RUNPATH)\b/.test(headers)) complain('has a library search path');
  if (/^\s+STACK .*\n\s+filesz .* flags rwx/m.test(headers) || !/^\s+STACK /m.test(headers)) complain('asks for an executable stack');
  const needed = [...headers.matchAll(/^\s+NEEDED\s+(\S+)$/gm)].map(([, library]) => library);
  const contents = readFileSync(file);
  if (contents.includes(root)) complain(`contains the path ${root}`);
  if (/\s\.(symtab|debug_info)\s/.test(await objdump('-h'))) complain('is not stripped');

  if (!isAddon) {
    if (needed.length > 0 || /^\s+INTERP /m.test(headers)) complain('is not linked statically');
    return problems;
  }
  for (const library of needed) if (!libraries[libc].test(library)) complain(`needs ${library}`);
  for (const line of (await objdump('-T')).split('\n')) {
    const symbol = parseSymbol(line);
    if (!symbol) {
      if (/^[0-9a-f]{16} /.test(line)) complain(`an unknown kind of line of objdump: ${line}`);
    } else if (symbol.local) {
      // The start of a section, which arm64's linker lists.
    } else if (!symbol.undefinedHere) {
      if (!exported.test(symbol.name)) complain(`exports ${symbol.name}`);
    } else if (symbol.version !== undefined) {
      const glibc = /^GLIBC_(\d[\d.]*)$/.exec(symbol.version);
      if (libc === 'musl') complain(`needs ${symbol.name} of ${symbol.version}, which musl does not have`);
      else if (!glibc) complain(`needs ${symbol.name} of ${symbol.version}`);
      else if (isNewer(glibc[1], newestGlibc)) complain(`needs ${symbol.name} of glibc ${glibc[1]}; ${newestGlibc} is the newest allowed`);
    } else if (libc === 'glibc' && !fromNode.test(symbol.name) && !optional.test(symbol.name)) {
      complain(`needs ${symbol.name}, which is neither Node's nor glibc's`);
    }
  }
  return problems;
}

async function main(files) {
  for (const file of files) {
    const match = /prebuilds\/(linux-\w+)\/[^/]+?(?:\.(glibc|musl)\.node)?$/.exec(path.resolve(file));
    if (!match) throw new Error(`${file} is not in a folder prebuilds/linux-ARCH`);
    const problems = await checkPrebuild(file, `${match[1]}-${match[2] ?? 'musl'}`);
    for (const problem of problems) console.error(problem);
    if (problems.length > 0) process.exitCode = 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main(process.argv.slice(2)).catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
