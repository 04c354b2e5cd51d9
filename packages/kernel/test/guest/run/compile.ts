import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { guestFolder, type Libc } from './programs.js';

const run = promisify(execFile);
const cache = fileURLToPath(new URL('../../../../../.cache/guest-programs', import.meta.url));
const COMPILERS = { glibc: 'gcc', musl: 'musl-gcc' } as const;
const FLAGS = ['-std=gnu17', '-O1', '-Wall', '-Wextra', '-Werror', '-static', '-pthread', '-fno-stack-protector'];
/** What tests of bad arguments do on purpose, and results that a test does not need. */
const ALLOWED = [
  '-Wno-nonnull',
  '-Wno-unused-result',
  '-Wno-stringop-overflow',
  '-Wno-stringop-overread',
  '-Wno-array-bounds',
  '-Wno-sign-compare',
];

/** Why programs can't be built for a C library here, or undefined if they can. */
export function compilerMissing(libc: Libc): string | undefined {
  try {
    execFileSync(COMPILERS[libc], ['--version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return `${COMPILERS[libc]} is not installed`;
  }
}

/** The headers that programs share, as text: part of each program's key in the cache. */
function headers(): string {
  return readdirSync(guestFolder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.h'))
    .sort()
    .map((name) => readFileSync(path.join(guestFolder, name), 'utf8'))
    .join('\0');
}
let sharedKey: string | undefined;

/** Builds a static program from a C file; the result is kept in `.cache/guest-programs` by the sources' digest. Returns its path. */
export async function compileGuest(file: string, libc: Libc = 'glibc'): Promise<string> {
  sharedKey ??= headers() + [...FLAGS, ...ALLOWED].join(' ');
  const digest = createHash('sha256').update(sharedKey).update(libc).update(readFileSync(file)).digest('hex').slice(0, 24);
  const binary = path.join(cache, `${path.basename(file, '.c')}-${libc}-${digest}`);
  if (existsSync(binary)) return binary;
  mkdirSync(cache, { recursive: true });
  const temporary = `${binary}.${process.pid}`;
  try {
    await run(COMPILERS[libc], [...FLAGS, ...ALLOWED, '-I', guestFolder, '-o', temporary, file]);
  } catch (error) {
    throw new Error(
      `${path.relative(guestFolder, file)} does not compile with ${COMPILERS[libc]}:\n${(error as { stderr: string }).stderr}`,
    );
  }
  renameSync(temporary, binary);
  return binary;
}
