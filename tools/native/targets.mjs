// What packages are prebuilt for, and what that takes. Debian's cross-compilers; musl by Debian's specs files, which make a gcc
// for glibc one for musl.
import { existsSync } from 'node:fs';
import path from 'node:path';

/** No symbol may be newer than in this glibc: RHEL 8, Debian 10, Ubuntu 18.10. */
export const newestGlibc = '2.28';

function target(arch, triple, libc, kernelHeaders) {
  return { platform: 'linux', arch, triple, libc, musl: `/usr/lib/${triple.replace('gnu', 'musl')}`, kernelHeaders };
}

/** Headers of Linux itself, which are the same for every libc. */
const amd64Headers = {
  linux: '/usr/include/linux',
  'asm-generic': '/usr/include/asm-generic',
  asm: '/usr/include/x86_64-linux-gnu/asm',
};
const arm64Headers = {
  linux: '/usr/aarch64-linux-gnu/include/linux',
  'asm-generic': '/usr/aarch64-linux-gnu/include/asm-generic',
  asm: '/usr/aarch64-linux-gnu/include/asm',
};

export const targets = {
  'linux-x64-glibc': target('x64', 'x86_64-linux-gnu', 'glibc', amd64Headers),
  'linux-x64-musl': target('x64', 'x86_64-linux-gnu', 'musl', amd64Headers),
  'linux-arm64-glibc': target('arm64', 'aarch64-linux-gnu', 'glibc', arm64Headers),
  'linux-arm64-musl': target('arm64', 'aarch64-linux-gnu', 'musl', arm64Headers),
};

function onPath(program) {
  return (process.env.PATH ?? '').split(path.delimiter).some((folder) => existsSync(path.join(folder, program)));
}

/** Why nothing can be built for a target on this machine, or undefined. */
export function missingFor(name) {
  const { triple, libc, musl, arch, kernelHeaders } = targets[name];
  const debian = arch === 'x64' ? 'gcc binutils linux-libc-dev' : 'gcc-aarch64-linux-gnu libc6-dev-arm64-cross';
  const wanted = [`${triple}-gcc`, `${triple}-strip`, `${triple}-objdump`].map((program) => [program, onPath(program), debian]);
  for (const file of Object.values(kernelHeaders)) wanted.push([file, existsSync(file), debian]);
  if (libc === 'musl') {
    const specs = `${musl}/musl-gcc.specs`;
    wanted.push([specs, existsSync(specs), arch === 'x64' ? 'musl-dev' : 'musl-dev:arm64']);
  }
  const absent = wanted.filter(([, there]) => !there);
  return absent.length === 0 ? undefined : `not installed: ${absent.map(([what, , from]) => `${what} (Debian: ${from})`).join(', ')}`;
}
